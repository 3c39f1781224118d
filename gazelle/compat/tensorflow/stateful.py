"""Records calls that read and assign variables and draw random numbers as one call on the active tapes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax

from gazelle.compat.tensorflow.calls import boxed, unbox
from gazelle.compat.tensorflow.recording import (
    Call,
    activate_tapes,
    active_tapes,
    is_array,
    is_box,
    restore_tapes,
    unboxed,
)
from gazelle.core import prng, tracing
from gazelle.core.arrays import key
from gazelle.core.masks import get_mask, set_mask
from gazelle.core.variable import Variable


def stateful(
    function: Callable[..., Any], args: Any, kwargs: Mapping[str, Any], program_key: Any, owner: Any = None
) -> Any:
    """Run a function that may read and assign variables and draw random numbers, as one call on the active tapes.

    The function runs once, with its side effects. A replay runs it with the same values of the variables and the same
    key, and without side effects.
    """
    plain_args, plain_kwargs = unbox((args, dict(kwargs)))
    outer, tapes = tracing.current(), active_tapes()
    if not tapes:
        return function(*plain_args, **plain_kwargs)
    flat, structure = jax.tree.flatten((plain_args, plain_kwargs), is_leaf=is_box)
    array_indices = [i for i, leaf in enumerate(flat) if is_array(leaf)]
    masks = [get_mask(flat[i]) for i in array_indices]
    base = tracing.TraceContext() if outer is None else outer
    if base.key is None:
        base = dataclasses.replace(base, key=fresh_key())
    draws = dict(base.draws)
    added = len(base.losses)
    seen: dict[int, Variable] = {}
    values: dict[int, Any] = {}
    scope = dataclasses.replace(base, seen=_VariableRecorder(seen, values, base.seen))
    token = activate_tapes(())
    try:
        with tracing.entered(scope):
            out = function(*plain_args, **plain_kwargs)
    finally:
        restore_tapes(token)
    if outer is None and owner is not None:
        owner._eager_losses = [boxed(value) for _, value in scope.losses]
    before = [value for _, value in base.losses[:added]]
    variables = list(seen.values())
    static = [None if i in set(array_indices) else leaf for i, leaf in enumerate(flat)]
    owners = [layer for layer, _ in base.losses[:added]]

    def run(*given: Any) -> list[Any]:
        arrays, rest = given[: len(array_indices)], given[len(array_indices) :]
        weights, rest = rest[: len(variables)], rest[len(variables) :]
        filled = list(static)
        for index, array, mask in zip(array_indices, arrays, masks, strict=True):
            filled[index] = array
            set_mask(array, mask)
        again_args, again_kwargs = jax.tree.unflatten(structure, filled)
        bound = {id(v): w for v, w in zip(variables, weights, strict=True)}
        losses = list(zip(owners, rest[: len(owners)], strict=True))
        replayed = dataclasses.replace(
            base, values=bound, closed=True, losses=losses, draws=dict(draws), seen=None, key=rest[len(owners)]
        )
        token = activate_tapes(())
        try:
            with tracing.entered(replayed):
                result = function(*again_args, **again_kwargs)
        finally:
            restore_tapes(token)
        return [*jax.tree.leaves(unbox(result)), *(unboxed(value) for _, value in replayed.losses[len(owners) :])]

    inputs = [*(flat[i] for i in array_indices), *variables, *before, base.key]
    arrays = [*(flat[i] for i in array_indices), *(values[id(v)] for v in variables), *before, base.key]
    outputs = [*jax.tree.leaves(unbox(out)), *(unboxed(value) for _, value in base.losses[added:])]
    recording_tapes = [tape for tape in tapes if tape.is_affected_by(inputs)]
    if recording_tapes:
        static_args = tuple(leaf for leaf in static if leaf is not None)
        key = (
            None
            if program_key is None or any(m is not None for m in masks) or before
            else (
                program_key,
                structure,
                tuple(array_indices),
                static_args,
                tuple(map(id, variables)),
                tuple(draws.items()),
                base.training,
            )
        )
        record = Call(run, inputs, arrays, outputs, key)
        for tape in recording_tapes:
            tape.record(record)
    return out


class _VariableRecorder(dict[int, Any]):
    """Dict for `TraceContext.seen` that also stores the value of each variable when it is first read."""

    def __init__(self, seen: dict[int, Variable], values: dict[int, Any], outer: Any) -> None:
        self._seen, self._values, self._outer = seen, values, outer

    def setdefault(self, key: int, default: Any = None) -> Any:
        if self._outer is not None:
            self._outer.setdefault(key, default)
        if key not in self._seen:
            self._seen[key] = default
            self._values[key] = default._full()
        return default


def fresh_key() -> jax.Array:
    """A key from the seed of the process."""
    return key(prng.next_seed())

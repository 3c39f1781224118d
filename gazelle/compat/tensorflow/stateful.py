"""Calls that read and assign variables and draw numbers, as one call for the tapes that are open."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax

from gazelle.compat.tensorflow.calls import boxed, unbox
from gazelle.compat.tensorflow.recording import Call, is_array, is_box, listen, listeners, unboxed, unlisten
from gazelle.core import prng, tracing
from gazelle.core.arrays import key
from gazelle.core.masks import get_mask, set_mask
from gazelle.core.variable import Variable


def stateful(function: Callable[..., Any], args: Any, kwargs: Mapping[str, Any], mark: Any, owner: Any = None) -> Any:
    """A call that may read and assign variables and draw numbers, as one call for the tapes that are open.

    It runs once, with all that it does; a replay gives it the same variables, the same key, and lets it change nothing.
    """
    plain_args, plain_kwargs = unbox((args, dict(kwargs)))
    outer, tapes = tracing.current(), listeners()
    if not tapes:
        return function(*plain_args, **plain_kwargs)
    flat, structure = jax.tree.flatten((plain_args, plain_kwargs), is_leaf=is_box)
    places = [i for i, leaf in enumerate(flat) if is_array(leaf)]
    masks = [get_mask(flat[i]) for i in places]
    base = tracing.TraceContext() if outer is None else outer
    if base.key is None:
        base = dataclasses.replace(base, key=fresh_key())
    draws = dict(base.draws)
    added = len(base.losses)
    seen: dict[int, Variable] = {}
    values: dict[int, Any] = {}
    scope = dataclasses.replace(base, seen=_Noted(seen, values, base.seen))
    token = listen(())
    try:
        with tracing.entered(scope):
            out = function(*plain_args, **plain_kwargs)
    finally:
        unlisten(token)
    if outer is None and owner is not None:
        owner._eager_losses = [boxed(value) for _, value in scope.losses]
    before = [value for _, value in base.losses[:added]]
    variables = list(seen.values())
    fixed = [None if i in set(places) else leaf for i, leaf in enumerate(flat)]
    owners = [layer for layer, _ in base.losses[:added]]

    def run(*given: Any) -> list[Any]:
        arrays, rest = given[: len(places)], given[len(places) :]
        weights, rest = rest[: len(variables)], rest[len(variables) :]
        filled = list(fixed)
        for place, array, mask in zip(places, arrays, masks, strict=True):
            filled[place] = array
            set_mask(array, mask)
        again_args, again_kwargs = jax.tree.unflatten(structure, filled)
        bound = {id(v): w for v, w in zip(variables, weights, strict=True)}
        held = list(zip(owners, rest[: len(owners)], strict=True))
        again = dataclasses.replace(
            base, values=bound, closed=True, losses=held, draws=dict(draws), seen=None, key=rest[len(owners)]
        )
        token = listen(())
        try:
            with tracing.entered(again):
                result = function(*again_args, **again_kwargs)
        finally:
            unlisten(token)
        return [*jax.tree.leaves(unbox(result)), *(unboxed(value) for _, value in again.losses[len(owners) :])]

    inputs = [*(flat[i] for i in places), *variables, *before, base.key]
    arrays = [*(flat[i] for i in places), *(values[id(v)] for v in variables), *before, base.key]
    outputs = [*jax.tree.leaves(unbox(out)), *(unboxed(value) for _, value in base.losses[added:])]
    heard = [tape for tape in tapes if tape.wants(inputs)]
    if heard:
        words = tuple(leaf for leaf in fixed if leaf is not None)
        key = (
            None
            if mark is None or any(m is not None for m in masks) or before
            else (mark, structure, tuple(places), words, tuple(map(id, variables)), tuple(draws.items()), base.training)
        )
        record = Call(run, inputs, arrays, outputs, key)
        for tape in heard:
            tape.hear(record)
    return out


class _Noted(dict[int, Any]):
    """What `Scope.seen` is told, with each variable's value at that time."""

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

"""Records calls that read and assign variables and draw random numbers as one call on the active tapes."""

from __future__ import annotations

import collections
import dataclasses
import itertools
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

import jax
from jax.tree_util import PyTreeDef

from gazelle.compat.tensorflow.calls import boxed, unbox
from gazelle.compat.tensorflow.eager import compiled_calls
from gazelle.compat.tensorflow.eager.recording import (
    Call,
    active_tapes,
    filled,
    is_array,
    is_box,
    only_tapes,
    unboxed,
    values_watched,
)
from gazelle.compat.types import Arguments, Array, Function, Keywords
from gazelle.core import arrays, logits, prng, tracing
from gazelle.core.masks import get_mask, set_mask
from gazelle.core.types import Tree
from gazelle.core.variable import Variable

if TYPE_CHECKING:
    from gazelle.layers import Layer


def stateful(
    function: Function,
    args: Arguments,
    kwargs: Keywords,
    program_key: Hashable,
    owner: Layer | None = None,
    is_pure: Callable[[], bool] = lambda: False,
    check: Callable[[], None] = lambda: None,
    is_watched: bool = False,
) -> Tree:
    """Run a function that may read and assign variables and draw random numbers, as one call on the active tapes.

    The function runs once, with its side effects. A replay runs it with the same values of the variables and the same
    key, and without side effects. A function without any other side effects is compiled when it is called for the
    second time.

    Args:
        function: the function of arrays; its arguments here are tensors.
        args: positional arguments.
        kwargs: keyword arguments.
        program_key: equal for functions that compile to the same program; None if that is unknown.
        owner: the layer that is called, which receives the losses.
        is_pure: whether the function does nothing but read and assign variables and draw random numbers.
        check: raises what the function raises for the values of its arguments, which a compiled one does not see.
        is_watched: whether `LooksAtValuesError` is raised if the function looks at values, so that a replay is wrong.
    """
    plain_args, plain_kwargs = unbox((args, dict(kwargs)))
    outer, tapes = tracing.current(), active_tapes()
    if not tapes:
        return function(*plain_args, **plain_kwargs)
    flat, structure = jax.tree.flatten((plain_args, plain_kwargs), is_leaf=is_box)
    array_indices = [i for i, leaf in enumerate(flat) if is_array(leaf)]
    masks = [get_mask(flat[i]) for i in array_indices]
    has_masks = any(mask is not None for mask in masks)
    base = tracing.TraceContext() if outer is None else outer
    key_data = fresh_key_data() if base.key is None else base.key  # a key is made only where one is needed
    draws = dict(base.draws)
    added = len(base.losses)
    seen: dict[int, Variable] = {}
    values: dict[int, Any] = {}
    scope = dataclasses.replace(base, seen=_VariableRecorder(seen, values, base.seen))
    static = [None if i in set(array_indices) else leaf for i, leaf in enumerate(flat)]
    static_args = tuple(leaf for leaf in static if leaf is not None)
    forward = None
    if outer is None and program_key is not None and not has_masks:
        call_key = program_key, structure, tuple(array_indices), static_args
        forward = compiled_calls.find(call_key, function, structure, static, array_indices, is_pure)
    if forward is not None and forward.is_ready():
        check()
        out = forward.run([flat[i] for i in array_indices], key_data, scope)
    else:
        scope.key = compiled_calls.as_key(key_data)
        traced = any(isinstance(leaf, jax.core.Tracer) for leaf in flat)
        with only_tapes(()), tracing.entered(scope), values_watched(is_watched, traced):
            out = function(*plain_args, **plain_kwargs)
        if forward is not None:
            forward.set_variables(list(seen.values()))
    if outer is None and owner is not None:
        owner._eager_losses = [boxed(value) for _, value in scope.losses]
    before = [value for _, value in base.losses[:added]]
    variables = list(seen.values())
    owners = [layer for layer, _ in base.losses[:added]]
    outputs = _outputs(out, base.losses[added:])
    inputs = [*(flat[i] for i in array_indices), *variables, *before, key_data]
    recording_tapes = [tape for tape in tapes if tape.is_affected_by(inputs)]
    if recording_tapes:
        replay = _Replay(function, structure, static, array_indices, masks, base, draws, variables, owners)
        read = [*(flat[i] for i in array_indices), *(values[id(v)] for v in variables), *before, key_data]
        key = None
        if program_key is not None and not has_masks and not before:
            read_by = tuple(map(id, variables)), tuple(draws.items()), base.training
            key = program_key, structure, tuple(array_indices), static_args, *read_by
        record = Call(replay, inputs, read, outputs, key)
        for tape in recording_tapes:
            tape.record(record)
    return out


@dataclasses.dataclass(eq=False)
class _Replay:
    """A recorded call that runs again, without side effects.

    Its inputs are the arrays of the arguments, the values of the variables, the losses that had been added before, and
    the key.
    """

    function: Function
    structure: PyTreeDef
    static: list[Any]
    array_indices: list[int]
    masks: list[Any]
    base: tracing.TraceContext
    draws: dict[str, int]
    variables: list[Variable]
    owners: list[Any]  # the layers that had added losses before

    def __call__(self, *given: Any) -> list[Any]:
        rest = iter(given)
        arrays, weights, before = (
            list(itertools.islice(rest, len(part))) for part in (self.array_indices, self.variables, self.owners)
        )
        for array, mask in zip(arrays, self.masks, strict=True):
            set_mask(array, mask)
        args, kwargs = jax.tree.unflatten(self.structure, filled(self.static, self.array_indices, arrays))
        scope = dataclasses.replace(
            self.base,
            values={id(v): w for v, w in zip(self.variables, weights, strict=True)},
            closed=True,
            losses=list(zip(self.owners, before, strict=True)),
            draws=dict(self.draws),
            seen=None,
            key=compiled_calls.as_key(next(rest)),
        )
        with only_tapes(()), tracing.entered(scope):
            out = self.function(*args, **kwargs)
        return _outputs(out, scope.losses[len(before) :])


def _outputs(out: Any, losses: list[tuple[Any, Any]]) -> list[Any]:
    """The outputs of a call for tapes: the arrays in its result, and the losses that it added."""
    return logits.included([*_arrays(out), *(unboxed(value) for _, value in losses)])


def _arrays(out: Any) -> list[Any]:
    """The arrays in a result, which may contain numbers and names, too."""
    register_dataclasses(out)
    return [leaf for leaf in jax.tree.leaves(unbox(out)) if is_array(leaf)]


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
    return compiled_calls.as_key(fresh_key_data())


def fresh_key_data() -> Array:
    """The bits of such a key, on the host."""
    return arrays.key_data(prng.next_seed())


# Data classes as results ----------------------------------------------------------------------------------------------


def register_dataclasses(out: object) -> None:
    """Register the data classes in a result, so that functions of JAX find the arrays in their fields."""
    for leaf in jax.tree.leaves(out, is_leaf=is_box):
        if dataclasses.is_dataclass(leaf) and not isinstance(leaf, type) and not is_box(leaf):
            _register_class(type(leaf))
            register_dataclasses(leaf)


def _register_class(cls: type) -> None:
    names = tuple(field.name for field in dataclasses.fields(cls))
    kind = next((base for base in (collections.OrderedDict, dict) if issubclass(cls, base)), object)

    def values_of(instance: Any) -> tuple[tuple[Any, ...], tuple[str, ...]]:
        items = [name for name in instance if name in names] if kind is not object else []
        return tuple(getattr(instance, name) for name in names), tuple(items)

    def with_values(items: tuple[str, ...], values: tuple[Any, ...]) -> Any:
        made: Any = kind.__new__(cls)  # its constructor may check the values, of which some are no arrays here
        for name, value in zip(names, values, strict=True):
            object.__setattr__(made, name, value)
        for name in items:  # of a dict whose items are its fields, too
            kind.__setitem__(made, name, getattr(made, name))
        return made

    jax.tree_util.register_pytree_node(cls, values_of, with_values)

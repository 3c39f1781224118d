"""Compiled forms of calls that a `GradientTape` records: a layer or a loss of the library as one program."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import jax
from jax.tree_util import PyTreeDef

from gazelle.compat.tensorflow.eager.programs import NotCompilableError, Program, Result
from gazelle.compat.types import Function, Option
from gazelle.core import logits, tracing
from gazelle.core.masks import get_mask
from gazelle.core.own_code import from_gazelle
from gazelle.core.replaced_methods import is_own_code, replaced
from gazelle.core.symbolic import KerasTensor
from gazelle.core.types import Array, Tree
from gazelle.core.variable import Variable
from gazelle.layers import weight_tree

_CAPACITY = 256
_LOOK_AT_VALUES = ("gazelle.layers.categories", "gazelle.layers.numpy_layer")
_calls: dict[Hashable, CompiledCall | None] = {}  # None: it cannot be compiled


def as_key(key: Array) -> Array:
    """Return a key for itself or its bits."""
    return key if jax.dtypes.issubdtype(key.dtype, jax.dtypes.prng_key) else jax.random.wrap_key_data(key)


def is_library_code(thing: object) -> bool:
    """Return whether a layer or loss, and all layers in it, run no code of a program's own and look at no values."""
    layers = list(weight_tree.named_layers(thing).values()) if weight_tree.is_layer(thing) else [thing]
    graphs = [graph for layer in layers if (graph := getattr(layer, "_graph", None)) is not None]
    return all(map(_is_own, [*layers, *(operation for graph in graphs for operation in graph.operations)]))


def _is_own(part: Any) -> bool:
    values = vars(part).values()
    own = all(is_own_code(value) for value in values if callable(value) and not isinstance(value, KerasTensor))
    looks_at_values = any(base.__module__ in _LOOK_AT_VALUES for base in type(part).__mro__)
    return own and from_gazelle(type(part)) and not looks_at_values and not replaced(part)


def find(
    key: Hashable,
    function: Function,
    structure: PyTreeDef,
    static: list[Any],
    array_indices: list[int],
    is_pure: Callable[[], bool],
) -> CompiledCall | None:
    """The compiled form of a call, which is not ready yet at the first one; None if it cannot be compiled.

    The key is equal for calls of the same function with the same arguments, except for the values of arrays. The leaves
    of the arguments are in `static`, with None in the place of arrays. A pure function has no side effects that a
    compiled one would lack.
    """
    try:
        known = key in _calls
    except TypeError:  # an argument that cannot be hashed
        return None
    if not known:
        if len(_calls) >= _CAPACITY:
            _calls.clear()
        _calls[key] = CompiledCall(key, function, structure, static, array_indices) if is_pure() else None
    return _calls[key]


class CompiledCall(Program):
    """A function as a program of its arrays, the values of the variables that its first call read, and a key."""

    def __init__(self, key: Hashable, *args: Option) -> None:
        super().__init__(*args)
        self.key, self._ready = key, False
        self._program = jax.jit(self._trace, static_argnums=3)
        # by the shapes of arguments: the result, and for each of its arrays the loss that takes its logits
        self._results: dict[Any, tuple[Result, list[str | None]]] = {}

    def is_ready(self) -> bool:
        """Whether a first call has shown the variables."""
        return self._ready

    def set_variables(self, variables: list[Variable]) -> None:
        """Store the variables that a call of the function read."""
        self.variables, self._ready = variables, True

    def run(self, arrays: list[Any], key: Array, scope: tracing.TraceContext) -> Tree:
        """Call the program: assign variables and add losses as the function does, and return its result."""
        assert scope.seen is not None
        for variable in self.variables:
            scope.seen.setdefault(id(variable), variable)
        values = [variable._full() for variable in self.variables]
        shapes = tuple([(array.shape, array.dtype) for array in arrays])
        try:
            found, losses, assigned, before = self._program(arrays, values, key, shapes)
        except Exception:  # if it is an error of the program, the function itself raises a better one
            _calls[self.key] = None
            scope.key = as_key(key)
            return self.call(arrays, scope)
        result, losses_of_logits = self._results[shapes]
        scope.losses.extend(zip(result.owners, losses, strict=True))
        for array, its_logits, loss in zip(found, before, losses_of_logits, strict=True):
            logits.attach(array, its_logits, loss)
        return self.finish(result, found, assigned)

    def _trace(self, arrays: list[Any], values: list[Any], key: Any, shapes: Any) -> Any:
        result, found, losses, assigned = self.trace(arrays, values, as_key(key))
        if any(get_mask(array) is not None for array in found):
            raise NotCompilableError
        entries = list(map(logits.entry, found))
        self._results[shapes] = result, [loss for _, loss in entries]
        return found, losses, assigned, [before for before, _ in entries]

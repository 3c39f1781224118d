"""Compiled forms of calls that a `GradientTape` records: a layer or a loss of the library as one program."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import jax

from gazelle.compat.tensorflow.calls import unbox
from gazelle.compat.tensorflow.recording import filled, is_array, is_box, only_tapes
from gazelle.core import tracing
from gazelle.core.masks import get_mask
from gazelle.core.replaced_methods import is_own_code, replaced
from gazelle.core.symbolic import KerasTensor
from gazelle.core.variable import Variable
from gazelle.layers import weight_tree

_CAPACITY = 256
_LOOK_AT_VALUES = ("gazelle.layers.categories", "gazelle.layers.numpy_layer")
_calls: dict[Hashable, CompiledCall | None] = {}  # None: it cannot be compiled


def as_key(key: Any) -> Any:
    """Return a key for itself or its bits."""
    return key if jax.dtypes.issubdtype(key.dtype, jax.dtypes.prng_key) else jax.random.wrap_key_data(key)


def is_library_code(thing: Any) -> bool:
    """Return whether a layer or loss, and all layers in it, run no code of a program's own and look at no values."""
    layers = list(weight_tree.named_layers(thing).values()) if weight_tree.is_layer(thing) else [thing]
    graphs = [graph for layer in layers if (graph := getattr(layer, "_graph", None)) is not None]
    return all(map(_is_own, [*layers, *(operation for graph in graphs for operation in graph.operations)]))


def _is_own(part: Any) -> bool:
    values = vars(part).values()
    own = all(is_own_code(value) for value in values if callable(value) and not isinstance(value, KerasTensor))
    looks_at_values = any(base.__module__ in _LOOK_AT_VALUES for base in type(part).__mro__)
    return own and type(part).__module__.startswith("gazelle.") and not looks_at_values and not replaced(part)


def find(
    key: Any,
    function: Callable[..., Any],
    structure: Any,
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


class CompiledCall:
    """A function as a program of its arrays, the values of the variables that its first call read, and a key."""

    def __init__(
        self, key: Hashable, function: Callable[..., Any], structure: Any, static: list[Any], array_indices: list[int]
    ) -> None:
        self.key, self.function, self.structure = key, function, structure
        self.static, self.array_indices = static, array_indices
        self.variables: list[Variable] | None = None
        self._program = jax.jit(self._trace, static_argnums=3)
        self._results: dict[Any, _Result] = {}  # by the shapes of arguments

    def is_ready(self) -> bool:
        """Whether a first call has shown the variables."""
        return self.variables is not None

    def run(self, arrays: list[Any], key: Any, scope: tracing.TraceContext) -> Any:
        """Call the program: assign variables and add losses as the function does, and return its result."""
        assert self.variables is not None
        assert scope.seen is not None
        for variable in self.variables:
            scope.seen.setdefault(id(variable), variable)
        values = [variable._full() for variable in self.variables]
        shapes = tuple([(array.shape, array.dtype) for array in arrays])
        try:
            leaves, losses, assigned = self._program(arrays, values, key, shapes)
        except Exception:  # if it is an error of the program, the function itself raises a better one
            _calls[self.key] = None
            scope.key = as_key(key)
            return self._call(filled(self.static, self.array_indices, arrays), scope)
        result = self._results[shapes]
        for index, value in zip(result.assigned, assigned, strict=True):
            self.variables[index].assign(value)
        scope.losses.extend(zip(result.owners, losses, strict=True))
        rest = iter(leaves)
        return jax.tree.unflatten(result.structure, [next(rest) if leaf is _ARRAY else leaf for leaf in result.static])

    def _call(self, leaves: list[Any], scope: tracing.TraceContext) -> Any:
        args, kwargs = jax.tree.unflatten(self.structure, leaves)
        with only_tapes(()), tracing.entered(scope):
            return self.function(*args, **kwargs)

    def _trace(self, arrays: list[Any], values: list[Any], key: Any, shapes: Any) -> Any:
        assert self.variables is not None
        bound = {id(v): value for v, value in zip(self.variables, values, strict=True)}
        before, seen = dict(bound), dict[int, Any]()
        scope = tracing.TraceContext(values=bound, closed=True, key=as_key(key), seen=seen)
        out = unbox(self._call(filled(self.static, self.array_indices, arrays), scope))
        flat, structure = jax.tree.flatten(out, is_leaf=is_box)
        if set(seen) - set(before) or any(get_mask(leaf) is not None for leaf in flat):
            raise NotCompilableError
        assigned = [i for i, v in enumerate(self.variables) if bound[id(v)] is not before[id(v)]]
        static = [_ARRAY if is_array(leaf) else leaf for leaf in flat]
        self._results[shapes] = _Result(structure, static, [owner for owner, _ in scope.losses], assigned)
        found = [leaf for leaf in flat if is_array(leaf)]
        return found, [value for _, value in scope.losses], [bound[id(self.variables[i])] for i in assigned]


class _Result(NamedTuple):
    """What a trace showed."""

    structure: Any  # of the result
    static: list[Any]  # its leaves, `_ARRAY` in the place of arrays
    owners: list[Any]  # the layers that added losses
    assigned: list[int]  # the indices of variables that were assigned


class NotCompilableError(Exception):
    """A trace found what the program cannot return: masks, or variables that the first call did not read."""


_ARRAY = object()

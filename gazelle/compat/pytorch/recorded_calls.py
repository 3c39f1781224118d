"""Calls of functions of arrays on tensors of PyTorch, as nodes in its graphs."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple

import jax
from jax.tree_util import PyTreeDef

from gazelle.compat.pytorch.differentiable import Differentiable
from gazelle.compat.pytorch.parameters import parameter
from gazelle.compat.pytorch.tensors import is_array, is_box, is_tensor, known_tensor, on_arrays, unbox
from gazelle.compat.types import Arguments, Function, Keywords
from gazelle.core import arrays, prng, tracing
from gazelle.core.context_variables import assigned
from gazelle.core.masks import get_mask, set_mask
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.types import Tree
from gazelle.core.variable import Variable
from gazelle.layers import Layer

_CAPACITY = 512
_calls: dict[Hashable, _PureCall] = {}
_VALUE = object()  # in the place of an array


class _NewVariablesError(Exception):
    """Raised in a trace that read variables which are not among its inputs."""


class _Result(NamedTuple):
    structure: PyTreeDef
    static: list[Any]  # the leaves, `_VALUE` in the place of arrays
    assigned: list[Variable]
    owners: list[Layer]  # the layers that added losses


class _PureCall:
    """A function with its arguments, as a pure function of their arrays, the values of variables and a key."""

    def __init__(self, function: Function, structure: PyTreeDef, flat: list[Any], training: bool | None) -> None:
        self._function, self._structure, self._training = function, structure, training
        self._tensors = [index for index, leaf in enumerate(flat) if is_tensor(leaf)]
        self._arrays = [index for index, leaf in enumerate(flat) if is_array(leaf)]
        self._static = [None if is_tensor(leaf) or is_array(leaf) else leaf for leaf in flat]
        self.variables = [leaf for leaf in flat if isinstance(leaf, Variable)]
        self._new: list[Variable] = []
        self._trained: list[bool] = []
        self._results: dict[Any, _Result] = {}

    def call(self, flat: list[Any], layer: Layer | None, is_compiled: bool) -> Tree:
        """Return the result as tensors; variables are assigned, losses added to the current context."""
        while True:
            trained = [v for v in self.variables if v.trainable] if layer is None else layer.trainable_variables
            ids = set(map(id, trained))
            flags = [id(v) in ids for v in self.variables]
            if flags != self._trained or not self._results:
                self._trained = flags
                self._differentiable = Differentiable(self._run, is_compiled)
            own = [parameter(v) for v, flag in zip(self.variables, flags, strict=True) if flag]
            others = [v.value for v, flag in zip(self.variables, flags, strict=True) if not flag]
            constants = unbox([flat[index] for index in self._arrays])
            tensors = [flat[index] for index in self._tensors]
            masks = [getattr(tensor, "_keras_mask", None) for tensor in tensors]
            extra = constants, others, masks, arrays.key_data(prng.next_seed())
            try:
                outputs, (values, of_outputs) = self._differentiable(extra, [*tensors, *own])
                break
            except _NewVariablesError:
                self.variables += self._new
                self._results.clear()
        result = self._results[_shapes(tensors, constants, masks)]
        for variable, value in zip(result.assigned, values, strict=True):
            variable.assign(value)
        for tensor, mask in zip(outputs, of_outputs, strict=False):
            if mask is not None:
                tensor._keras_mask = mask
        rest = iter(outputs)
        filled = [next(rest) if leaf is _VALUE else leaf for leaf in result.static]
        scope = tracing.current()
        if scope is not None:
            scope.losses.extend((owner, unbox(next(rest))) for owner in result.owners)
        return jax.tree.unflatten(result.structure, filled)

    def _run(self, extra: Any, given: list[Any]) -> tuple[list[Any], Any]:
        constants, others, masks, key = extra
        count = len(self._tensors)
        own, rest = iter(given[count:]), iter(others)
        bound = {
            id(v): next(own) if flag else next(rest) for v, flag in zip(self.variables, self._trained, strict=True)
        }
        before, flat = dict(bound), list(self._static)
        for index, value, mask in zip(self._tensors, given, masks, strict=False):
            flat[index] = value
            set_mask(value, mask)
        for index, value in zip(self._arrays, constants, strict=True):
            flat[index] = value
        args, kwargs = jax.tree.unflatten(self._structure, flat)
        seen: dict[int, Variable] = {}
        scope = tracing.TraceContext(
            values=bound, closed=True, key=jax.random.wrap_key_data(key), seen=seen, training=self._training
        )
        with tracing.entered(scope), assigned(on_arrays, True):
            out = self._function(*args, **kwargs)
        self._new = [variable for number, variable in seen.items() if number not in before]
        if self._new:
            raise _NewVariablesError
        leaves, structure = jax.tree.flatten(out)
        found = [leaf for leaf in leaves if isinstance(leaf, jax.Array)]
        changed = [v for v in self.variables if bound[id(v)] is not before[id(v)]]
        static = [_VALUE if isinstance(leaf, jax.Array) else leaf for leaf in leaves]
        result = _Result(structure, static, changed, [owner for owner, _ in scope.losses])
        self._results[_shapes(given[:count], constants, masks)] = result
        losses = [value for _, value in scope.losses]
        return [*found, *losses], ([bound[id(v)] for v in changed], [get_mask(leaf) for leaf in found])


def _shapes(tensors: list[Any], constants: list[Any], masks: list[Any]) -> Hashable:
    return (*(tuple(v.shape) for v in (*tensors, *constants)), *(mask is None for mask in masks))


def call(
    function: Function,
    args: Arguments,
    kwargs: Keywords,
    program_key: Hashable = None,
    layer: Layer | None = None,
    is_compiled: bool = True,
) -> Tree:
    """`function(*args, **kwargs)` of arrays on tensors; PyTorch differentiates the result.

    Args:
        function: pure but for variables that it reads and assigns, random keys and added losses.
        args: positional arguments with tensors, arrays and variables.
        kwargs: keyword arguments.
        program_key: equal for functions that compile to the same program; None for the function itself.
        layer: the layer that is called, whose trained weights have gradients.
        is_compiled: whether the function is compiled and may be called again from the program.
    """
    flat, structure = jax.tree.flatten((args, dict(kwargs)), is_leaf=is_box)
    flat = [unbox(leaf) if isinstance(leaf, TensorWrapper) else known_tensor(leaf) for leaf in flat]
    scope = tracing.current()
    training = None if scope is None else scope.training
    kinds = tuple("t" if is_tensor(v) else "a" if is_array(v) else "s" for v in flat)
    others = [leaf for leaf, kind in zip(flat, kinds, strict=True) if kind == "s"]
    static = tuple((type(leaf), id(leaf) if isinstance(leaf, Variable) else leaf) for leaf in others)
    key = (function if program_key is None else program_key, structure, kinds, static, training)
    try:
        known = _calls.get(key) if is_compiled else None
    except TypeError:  # an argument that cannot be hashed
        known, is_compiled = None, False
    if known is None:
        known = _PureCall(function, structure, flat, training)
        if is_compiled:
            if len(_calls) >= _CAPACITY:
                _calls.clear()
            _calls[key] = known
    try:
        return known.call(flat, layer, is_compiled)
    except jax.errors.JAXTypeError:
        if not is_compiled:
            raise
        _calls.pop(key, None)
        return _PureCall(function, structure, flat, training).call(flat, layer, False)

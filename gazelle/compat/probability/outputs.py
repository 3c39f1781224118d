"""Outputs of layers that are distributions and tensors at the same time.

Layers pass arrays on; the distribution is attached to the array of its value. Programs get an object of both classes:
a tensor whose methods are those of the distribution, or a symbolic tensor.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.compat.mixins.variables import SymbolicTensor
from gazelle.compat.probability.objects import Deferred
from gazelle.compat.tensorflow import calls, layer_calls
from gazelle.compat.tensorflow.eager.recording import is_box, unboxed
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import Function, NamedObject, TensorResult
from gazelle.core import symbolic
from gazelle.core.symbolic import KerasTensor
from gazelle.core.types import Array, Tree


def tfp(name: str) -> NamedObject:
    """A module of `tensorflow_probability`."""
    return importlib.import_module("gazelle.compat.probability").module(f"tensorflow_probability.{name}")


def attached(value: Array, distribution: Deferred) -> Array:
    """The value of a distribution as an array to which the distribution is attached."""
    distribution = calls.unbox(distribution)
    if any(leaf is value for leaf in jax.tree.leaves(distribution, is_leaf=is_box)):
        value = jnp.array(value)  # an array that is attached to itself would never be freed
    calls.OBJECTS.set(value, Output(distribution))
    return value


class Output:
    """What is attached to an array: a call returns the object that programs get in its place."""

    def __init__(self, distribution: Deferred) -> None:
        self.distribution = distribution

    def __call__(self, array: Array) -> TensorResult:
        kind: Any = type(self.distribution)
        made = object.__new__(_tensor_class(kind))
        made.array = array
        vars(made).update(vars(self.distribution), distribution_of_output=self.distribution)
        return made


jax.tree_util.register_pytree_node(Output, lambda out: ((out.distribution,), None), lambda _, parts: Output(*parts))


class _TensorCoercible(Tensor):
    """Base class of tensors to which a distribution is attached; packages know it by this private name."""


@functools.cache
def _tensor_class(cls: type[Deferred]) -> Any:
    made: Any = type(cls.__name__, (cls, _TensorCoercible), {"genuine": cls.genuine})
    jax.tree_util.register_pytree_node(made, lambda t: ((t.array,), None), lambda _, children: Tensor(children[0]))
    return made


# Tapes ----------------------------------------------------------------------------------------------------------------


class _Pair:
    """An array and what is attached to it, as a structure of arrays."""

    def __init__(self, value: Any, output: Any) -> None:
        self.value, self.output = value, output


jax.tree_util.register_pytree_node(_Pair, lambda p: ((p.value, p.output), None), lambda _, parts: _Pair(*parts))


# Graphs of layers -----------------------------------------------------------------------------------------------------


def _inferred(tensor: Any) -> Deferred | None:
    """The distribution of a symbolic tensor with symbolic tensors as arguments, which belong to no graph."""
    found = (value.distribution for value in getattr(tensor, "attached", ()) if isinstance(value, Output))
    return next(found, None)


@functools.cache
def _symbolic_class(cls: type[Deferred]) -> Any:
    """The class of symbolic tensors that are distributions of a class."""
    of_value: Any = type(cls.__name__, (_OfValue, cls), {"genuine": cls.genuine})
    members = {
        "genuine": cls.genuine,
        "name": property(lambda self: vars(self)["name"], lambda self, name: vars(self).update(name=name)),
        "arguments": property(lambda self: {}),
        "distribution_of_output": property(of_value.of),
    }
    return type(cls.__name__, (SymbolicTensor, cls), members)


class _OfValue:
    """The distribution that is attached to an array when the graph runs."""

    value: Any

    @classmethod
    def of(cls, tensor: Any) -> Any:
        made = object.__new__(cls)
        made.value = tensor
        return made

    arguments = property(lambda self: {})
    inferred = property(lambda self: _inferred(self.value))

    def made(self) -> Any:
        return calls.OBJECTS.get(unboxed(self.value)).distribution.made()


class DistributionOutputs(layer_calls.LayerOutputs):
    """Carries the distributions of layers through compiled calls and graphs."""

    def expanded(self, function: Function) -> Function:
        """A function whose result contains the distributions attached to its arrays, so that tapes record them."""

        def called(*args: Any, **kwargs: Any) -> Any:
            out = symbolic.map_in_order(unboxed, function(*args, **kwargs), is_box)
            return symbolic.map_in_order(
                lambda v: _Pair(v, calls.OBJECTS.get(v)) if isinstance(calls.OBJECTS.get(v), Output) else v, out
            )

        return called

    def contracted(self, out: Tree) -> Tree:
        """The result of an expanded function, with its distributions attached to the arrays again."""
        is_pair = lambda v: isinstance(v, _Pair)  # noqa: E731
        return symbolic.map_in_order(
            lambda v: attached(v.value, v.output.distribution) if is_pair(v) else v, out, is_pair
        )

    def mark(self, tensor: KerasTensor) -> None:
        """Let a symbolic tensor be a distribution, if one is attached to its arrays."""
        found = _inferred(tensor)
        if found is not None and not isinstance(tensor, Deferred):
            kind: Any = type(found)
            tensor.__class__ = _symbolic_class(kind)

"""How constants of graphs of TensorFlow 1 were computed, so that a session can compute them from what it is fed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import jax
from jax.tree_util import PyTreeDef

from gazelle.compat.tensorflow.eager.recording import is_box
from gazelle.compat.types import Function
from gazelle.core.symbolic import KerasTensor, Node, symbolic_leaves
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.types import Tree
from gazelle.core.variable import Variable


class ConstantCall(NamedTuple):
    """The call whose result number `index` is a constant; its arguments are `structure` with these leaves."""

    function: Function
    leaves: list[Any]
    structure: PyTreeDef
    index: int


def is_constant(value: object) -> bool:
    """Whether this is a tensor that has a value."""
    return isinstance(value, TensorWrapper) and not isinstance(value, Variable | KerasTensor)


def store(results: Tree, function: Function, leaves: list[Any], structure: PyTreeDef) -> None:
    """Store on constants how they were computed."""
    if any(map(is_constant, leaves)):
        for index, made in enumerate(jax.tree.leaves(results, is_leaf=is_box)):
            if is_constant(made):
                made._constant_call = ConstantCall(function, leaves, structure, index)


def call_of(constant: TensorWrapper) -> ConstantCall | None:
    """How a constant was computed; None if from values alone."""
    return getattr(constant, "_constant_call", None)


def store_arguments(results: Tree, constants: Iterable[Any]) -> None:
    """Store on a call of the graph which constants it takes: it has their arrays."""
    for made in symbolic_leaves(results)[:1]:
        made.node._constants = {id(constant.array): constant for constant in constants}


def constants_of(node: Node) -> Mapping[int, Any]:
    """{id of an array: constant} of a call of the graph."""
    return getattr(node, "_constants", {})

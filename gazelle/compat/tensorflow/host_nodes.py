"""Operations in graphs of TensorFlow 1 that need the values of tensors, such as `tf.where(condition)` and `tf.py_func`.

The sizes of their results depend on these values, so a session runs a graph that contains one without compiling it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.backend.lifting import GraphVariable, computes_values
from gazelle.compat.recorded_variable import recorder
from gazelle.compat.tensorflow.calls import boxed, unbox
from gazelle.compat.tensorflow.recording import is_array, is_box
from gazelle.compat.types import Arguments, Function, Keywords
from gazelle.core import shape_inference
from gazelle.core.symbolic import KerasTensor, Node, Op, map_in_order, symbolic_leaves
from gazelle.core.types import Tree


def on_values(function: Function) -> Function:
    """Let a function of tensors with values also take those of a graph. A decorator."""

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        return host_node(function, args, kwargs) if in_graph(args, kwargs) else function(*args, **kwargs)

    return called


def builds_graph() -> bool:
    """Whether a program builds a graph of TensorFlow 1 now."""
    return recorder.get() is GraphVariable and not computes_values()


def in_graph(*trees: Tree) -> bool:
    """Whether there are tensors of a graph of TensorFlow 1 among these."""
    leaves = jax.tree.leaves(trees, is_leaf=is_box)
    return builds_graph() and any(isinstance(v, KerasTensor | GraphVariable) for v in leaves)


def host_node(function: Function, args: Arguments, kwargs: Keywords, outputs: Callable[[], Tree] | None = None) -> Tree:
    """Add a call to the graph; its outputs are inferred from calls on other values unless they are given."""

    @functools.wraps(function)
    def compute(*args: Any, **kwargs: Any) -> Any:
        box = lambda v: boxed(jax.lax.stop_gradient(v) if isinstance(v, jax.Array) else v) if is_array(v) else v  # noqa: E731
        args, kwargs = jax.tree.map(box, (args, kwargs), is_leaf=is_box)
        numeric = lambda v: jnp.asarray(v) if isinstance(v, np.ndarray) and v.dtype.kind in "biufc" else v  # noqa: E731
        return map_in_order(numeric, unbox(function(*args, **kwargs)))

    args, kwargs = jax.tree.map(lambda v: v if isinstance(v, KerasTensor) else unbox(v), (args, kwargs), is_leaf=is_box)
    operation = Op(compute)
    operation.runs_on_host = True
    made = shape_inference.host_spec(compute, args, kwargs, function.__name__) if outputs is None else outputs()
    for tensor in () if outputs is not None else symbolic_leaves(made):
        tensor.shape = (None, *tensor.shape[1:])  # also where the values of both calls gave the same size
    Node(operation, args, kwargs, made)
    return made

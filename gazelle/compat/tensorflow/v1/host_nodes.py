"""Operations in graphs of TensorFlow 1 that need the values of tensors, such as `tf.where(condition)` and `tf.py_func`.

The sizes of their results depend on these values, so a session runs a graph that contains one without compiling it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat import era
from gazelle.compat.backend.lifting import GraphVariable, computes_values
from gazelle.compat.backend.losses import Sparse
from gazelle.compat.recorded_variable import recorder
from gazelle.compat.tensorflow.calls import boxed, unbox
from gazelle.compat.tensorflow.eager.recording import is_array, is_box
from gazelle.compat.tensorflow.names import current_names, earlier_names
from gazelle.compat.types import Arguments, DTypeLike, Function, Keywords
from gazelle.core import shape_inference
from gazelle.core.symbolic import KerasTensor, Node, Op, map_in_order, symbolic_leaves
from gazelle.core.types import Tree
from gazelle.core.variable import Variable

#: function of the arguments of a call, by name, that makes its results in a graph
Outputs = Callable[[dict[str, Any]], Tree]


def _given(function: Function, args: Arguments, kwargs: Keywords) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters
    named = {key: value for key, value in kwargs.items() if key != "name" or key in parameters}
    return inspect.signature(function).bind(*args, **current_names(named, earlier_names(parameters))).arguments


def on_values(function: Function, outputs: Outputs | None = None, stops_gradients: bool = True) -> Function:
    """Let a function of tensors with values also take those of a graph, where `outputs` makes its results.

    Tensors may be sparse.
    """

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        if not in_graph(args, kwargs):
            return function(*args, **kwargs)
        make = outputs and (lambda: _packed(outputs(_given(function, args, kwargs))))
        return _unpacked(host_node(function, args, kwargs, make, stops_gradients))

    return called


def with_gradients(outputs: Outputs) -> Callable[[Function], Function]:
    """As `on_values`, for functions through which gradients flow. A decorator."""
    return functools.partial(on_values, outputs=outputs, stops_gradients=False)


def _packed(tree: Tree) -> Tree:
    """The tree with the parts of sparse tensors, which graphs contain as three tensors."""
    parts = lambda v: Sparse(v.indices, v.values, v.dense_shape) if hasattr(v, "dense_shape") else v  # noqa: E731
    return jax.tree.map(parts, tree, is_leaf=lambda v: is_box(v) or hasattr(v, "dense_shape"))


def _unpacked(tree: Tree) -> Tree:
    from gazelle.compat.tensorflow.ops.sparse import SparseTensor

    make = lambda v: SparseTensor(*v) if isinstance(v, Sparse) else v  # noqa: E731
    return jax.tree.map(make, tree, is_leaf=lambda v: is_box(v) or isinstance(v, Sparse))


def sparse_result(rank: int, dtype: DTypeLike) -> Tree:
    """The parts of a sparse result in a graph."""
    make = KerasTensor.derived
    return Sparse(make((None, rank), "int64"), make((None,), dtype), make((rank,), "int64"))


def builds_graph() -> bool:
    """Whether a program builds a graph of TensorFlow 1 now."""
    return recorder.get() is GraphVariable and not computes_values()


def in_graph(*trees: Tree) -> bool:
    """Whether there are tensors of a graph among these, which a session or `K.function` runs."""
    is_possible = builds_graph() or (era.is_package_before_keras_3() and not computes_values())
    return is_possible and any(
        isinstance(v, KerasTensor | GraphVariable) for v in jax.tree.leaves(_packed(trees), is_leaf=is_box)
    )


def host_node(
    function: Function,
    args: Arguments,
    kwargs: Keywords,
    outputs: Callable[[], Tree] | None = None,
    stops_gradients: bool = True,
) -> Tree:
    """Add a call to the graph; its outputs are inferred from calls on other values unless they are given."""

    @functools.wraps(function)
    def compute(*args: Any, **kwargs: Any) -> Any:
        def box(v: Any) -> Any:
            stops = isinstance(v, jax.Array) and (stops_gradients or not jnp.issubdtype(v.dtype, jnp.floating))
            return boxed(jax.lax.stop_gradient(v) if stops else v) if is_array(v) else v

        args, kwargs = _unpacked(jax.tree.map(box, (args, kwargs), is_leaf=is_box))
        numeric = lambda v: jnp.asarray(v) if isinstance(v, np.ndarray) and v.dtype.kind in "biufc" else v  # noqa: E731
        return map_in_order(numeric, unbox(_packed(function(*args, **kwargs))))

    args, kwargs = _packed((args, kwargs))
    args, kwargs = jax.tree.map(
        lambda v: v if isinstance(v, KerasTensor | Variable) else unbox(v), (args, kwargs), is_leaf=is_box
    )
    operation = Op(compute)
    operation.runs_on_host = True
    made = shape_inference.host_spec(compute, args, kwargs, function.__name__) if outputs is None else outputs()
    for tensor in () if outputs is not None else symbolic_leaves(made):
        tensor.shape = (None, *tensor.shape[1:])  # also where the values of both calls gave the same size
    Node(operation, args, kwargs, made)
    return made

"""Inputs of graphs of TensorFlow 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import numpy as np

from gazelle.compat.backend import sessions, variables
from gazelle.compat.backend.lifting import computes_values
from gazelle.compat.old_variable import TensorShape
from gazelle.compat.tensorflow import names_of_1
from gazelle.compat.tensorflow.dtypes import name_on_device
from gazelle.compat.tensorflow.eager.recording import in_graph, unboxed
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.ops.sizes import with_length
from gazelle.compat.tensorflow.v1 import graphs, scopes
from gazelle.compat.tensorflow.v1.unknown_ranks import forget_rank
from gazelle.compat.types import DTypeLike, ShapeLike, TensorLike, TensorResult
from gazelle.core.errors import StateError, message
from gazelle.core.symbolic import is_symbolic

if TYPE_CHECKING:
    from gazelle.compat.tensorflow.ops.sparse import SparseTensor


@named("placeholder")
def placeholder(dtype: DTypeLike = "float32", shape: ShapeLike | None = None, name: str | None = None) -> TensorResult:
    """`tf.placeholder`: a symbolic tensor whose value is passed to `Session.run`."""
    if graphs.eager():
        hint = "Pass the value itself, or begin with tf.Graph().as_default()."
        raise StateError(message("tf.placeholder", expected="a graph", got="eager execution", hint=hint))
    graphs.build_graphs()
    sizes = [] if shape is None else [None if n in (None, -1) else n for n in TensorShape(shape).as_list()]
    kind = name_on_device(dtype)
    # without a shape it is mostly a number, such as a rate of dropout; it takes arrays of any shape
    made = variables.placeholder(sizes, dtype=kind)
    if shape is None:
        forget_rank(made)
    if not sizes and "int" in kind:
        made = with_length(made)
    if name:
        scopes.remember(name, made)
    return made


@named("sparse_placeholder")
def sparse_placeholder(dtype: DTypeLike, shape: ShapeLike | None = None, name: str | None = None) -> SparseTensor:
    """`tf.sparse_placeholder`: a sparse tensor whose parts are passed to `Session.run`, by default a matrix."""
    from gazelle.compat.tensorflow.ops.sparse import SparseTensor

    rank = 2 if shape is None else len(shape)
    parts = ("indices", "int64", [None, rank]), ("values", dtype, [None]), ("shape", "int64", [rank])
    return SparseTensor(*(placeholder(kind, sizes, name and f"{name}/{part}") for part, kind, sizes in parts))


@named("placeholder_with_default")
def placeholder_with_default(
    input: TensorLike, shape: ShapeLike | None = None, name: str | None = None
) -> TensorResult:
    """`tf.placeholder_with_default`: a symbolic tensor with a value where none is passed to `Session.run`."""
    if is_symbolic(input):
        return input + 0
    value = np.asarray(unboxed(input))
    made = placeholder(value.dtype, value.shape if shape is None else shape, name)
    sessions.defaults[made] = value
    return made


def as_input(value: TensorLike) -> TensorLike:
    """A value as a tensor of the graph, in programs for TensorFlow 1 whose layers take constants."""
    in_program_of_1 = (graphs.active() or names_of_1.active()) and not (
        graphs.enabled_eager() or in_graph() or computes_values()
    )
    is_constant = isinstance(unboxed(value), np.ndarray | jax.Array)
    return placeholder_with_default(value) if in_program_of_1 and is_constant else value

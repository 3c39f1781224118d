"""`tf.TensorArray` in graphs of TensorFlow 1: a tensor of rows, so that loops and branches have it as a value.

The shape of the elements is that of the first one that is written. Before, the rows have the shape (size, 0): a loop
starts with zeros of the shape that an iteration gives them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.compat.arguments.ignored import methods_ignore
from gazelle.compat.tensorflow.calls import call
from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.eager.recording import is_box
from gazelle.compat.tensorflow.eager.tensor_array import TensorArray
from gazelle.compat.tensorflow.errors import InvalidArgumentError
from gazelle.compat.tensorflow.names import NAMES
from gazelle.compat.tensorflow.ops.arrays import convert
from gazelle.compat.tensorflow.ops.sizes import sizes_of
from gazelle.compat.types import Array, DTypeLike, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.core.symbolic import is_symbolic
from gazelle.core.types import Tree


@methods_ignore("name")
class GraphTensorArray(TensorArray):
    """A `tf.TensorArray` whose elements are the rows of a tensor, and whose changes are new ones.

    Attributes:
        rows: The elements.
        count: The size of one that grows; None for a fixed one.
        is_in_loop: Whether it is a value of an iteration, of a loop that has allocated the rows.
    """

    def __init__(self, dtype: DTypeLike, rows: TensorResult, count: TensorResult = None, in_loop: bool = False) -> None:
        self.dtype, self.rows, self.count, self.is_in_loop = dtype, rows, count, in_loop

    @property
    def is_fresh(self) -> bool:
        """Whether the shape of its elements is not known."""
        return 0 in tuple(self.rows.shape)[1:]

    def in_graph(self) -> TensorArray:
        return self

    def _with(self, rows: Any, count: Any) -> GraphTensorArray:
        return GraphTensorArray(self.dtype, rows, None if self.count is None else count, self.is_in_loop)

    def write(self, index: TensorLike, value: TensorLike) -> TensorArray:
        value = convert(value, None if hasattr(value, "dtype") else self.dtype)
        if self.count is not None and not self.is_in_loop:
            hint = "Give the size, or write in tf.while_loop, whose steps give it."
            got = "an index that is a tensor"
            raise ArgumentError(message("tf.TensorArray.write outside of loops", expected="a size", got=got, hint=hint))
        if self.is_fresh and is_symbolic(self.rows) and self.is_in_loop:
            self.rows.shape = (self.rows.shape[0], *value.shape)
        rows = call(_written, (self.rows, index, value, self.count is not None), {})
        return self._with(rows, None if self.count is None else call(_longer, (self.count, index), {}))

    def read(self, index: TensorLike) -> TensorResult:
        if self.is_fresh:
            hint = "Write an element before, or pass element_shape."
            raise InvalidArgumentError(
                message("tf.TensorArray.read", expected="an element that was written", got="none", hint=hint)
            )
        return call(_row, (self.rows, index), {})

    def stack(self) -> TensorResult:
        return self.rows

    def concat(self) -> TensorResult:
        return call(_joined, (self.rows,), {})

    def unstack(self, value: TensorLike) -> TensorArray:
        return self._with(convert(value), NAMES["shape"](value)[0])

    def split(self, value: TensorLike, lengths: TensorLike) -> TensorArray:
        return TensorArray(self.dtype).split(value, lengths)

    def gather(self, indices: Sequence[TensorLike] | TensorLike) -> TensorResult:
        return call(_row, (self.rows, convert(indices, "int32")), {})

    def scatter(self, indices: Sequence[TensorLike] | TensorLike, value: TensorLike) -> TensorArray:
        return self.write(convert(indices, "int32"), value)

    def size(self) -> TensorResult:
        return NAMES["shape"](self.rows)[0] if self.count is None else self.count

    def close(self) -> None:
        """Do nothing: it is a value of the graph."""


def _parts(array: GraphTensorArray) -> tuple[tuple[Any, Any], Any]:
    return (array.rows, array.count), (array.dtype, array.is_in_loop)


jax.tree_util.register_pytree_node(
    GraphTensorArray, _parts, lambda kept, parts: GraphTensorArray(kept[0], *parts, in_loop=kept[1])
)


def graph_array(
    dtype: DTypeLike, size: TensorLike, grows: bool, shape: Sequence[int | None] | None = None
) -> GraphTensorArray:
    """An array without elements; one whose size no tensor has grows to it in a loop."""
    known = sizes_of(size)
    shape = (0,) if shape is None or None in shape else shape
    rows = NAMES["zeros"]([0 if known is None else known, *shape], name_of(dtype))
    return GraphTensorArray(dtype, rows, convert(size, "int32") if grows or known is None else None)


def in_graph(tree: Tree) -> Tree:
    """Replace the lists among the arrays in a tree by rows."""
    is_leaf = lambda v: is_box(v) or isinstance(v, TensorArray)  # noqa: E731
    return jax.tree.map(lambda v: v.in_graph() if isinstance(v, TensorArray) else v, tree, is_leaf=is_leaf)


def arrays_in(tree: Tree) -> list[GraphTensorArray]:
    """The arrays in a tree."""
    is_leaf = lambda v: isinstance(v, GraphTensorArray)  # noqa: E731
    return [v for v in jax.tree.leaves(tree, is_leaf=is_leaf) if is_leaf(v)]


def _missing(dtype: Any) -> Any:
    """What stands for elements that do not exist, since compiled code cannot raise errors."""
    return jnp.nan if jnp.issubdtype(dtype, jnp.inexact) else False if dtype == jnp.bool_ else jnp.iinfo(dtype).min


def _written(rows: Array, index: Array, value: Array, grows: bool) -> Array:
    """Rows after a write; one beyond the end is left out where they grow, and else the last row becomes NaN."""
    rows, index, value = jnp.asarray(rows), jnp.asarray(index), jnp.asarray(value, rows.dtype)
    if 0 in rows.shape[1:]:
        rows = jnp.zeros((rows.shape[0], *value.shape[index.ndim :]), rows.dtype)
    if not rows.shape[0]:
        return rows
    if grows:
        return rows.at[index].set(value, mode="drop")
    exists = ((index >= 0) & (index < rows.shape[0])).reshape(index.shape + (1,) * (value.ndim - index.ndim))
    return rows.at[index].set(jnp.where(exists, value, _missing(rows.dtype)), mode="clip")


def _longer(count: Array, index: Array) -> Array:
    return jnp.maximum(jnp.asarray(count, "int32"), jnp.max(jnp.asarray(index)) + 1)


def _row(rows: Array, index: Array) -> Array:
    if not rows.shape[0]:
        rows = jnp.full((1, *rows.shape[1:]), _missing(rows.dtype), rows.dtype)
    index = jnp.where(jnp.asarray(index) < 0, rows.shape[0], index)  # a negative one does not count from the end
    return jnp.take(rows, index, axis=0, mode="fill", fill_value=_missing(rows.dtype))


def _joined(rows: Array) -> Array:
    return rows.reshape(-1, *rows.shape[2:])


def resized(rows: Array, size: int) -> Array:
    """The first rows, or rows followed by zeros."""
    return jnp.concatenate([rows[:size], jnp.zeros((max(size - len(rows), 0), *rows.shape[1:]), rows.dtype)])

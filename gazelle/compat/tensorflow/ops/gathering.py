"""Gathering, scattering, sorting and masking of elements."""

from __future__ import annotations

import functools
from collections import namedtuple
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.calls import call
from gazelle.compat.tensorflow.dtypes import host_array, name_of
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.names import NAMES, named, op, space
from gazelle.compat.tensorflow.ops.arrays import array_of, convert, reshape
from gazelle.compat.tensorflow.ops.masked_rows import choose
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.tensorflow.v1.host_nodes import in_graph, on_values
from gazelle.compat.types import AxisLike, DTypeLike, Function, ShapeLike, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, ShapeError, message


@op("gather", static=("axis", "batch_dims"))
@ignores("validate_indices@2")
def gather(params: TensorLike, indices: TensorLike, axis: AxisLike = None, batch_dims: TensorLike = 0) -> TensorResult:
    xp = space(params, indices)
    if not batch_dims or axis == 0:  # TensorFlow reads no batch_dims with axis=0
        return xp.take(xp.asarray(params), xp.asarray(indices), axis=axis or 0)

    shared = batch_dims + np.ndim(indices) if batch_dims < 0 else batch_dims
    along = (batch_dims if axis is None else axis) % np.ndim(params)
    if along < shared:
        got = f"axis={axis}, batch_dims={batch_dims}"
        raise ArgumentError(message("tf.gather", expected="an axis after those of batch_dims", got=got))
    return _batched(functools.partial(jnp.take, axis=along - shared), shared, params, indices)


def _batched(one: Function, axes: int, params: TensorLike, indices: TensorLike) -> TensorResult:
    """`one(params, indices)` for each element of the first axes of both."""
    for _ in range(axes):
        one = jax.vmap(one)
    return one(jnp.asarray(params), jnp.asarray(indices))


@op("gather_nd", "manip.gather_nd")
def gather_nd(params: TensorLike, indices: TensorLike, batch_dims: int = 0) -> TensorResult:
    if batch_dims:
        return _batched(lambda p, i: p[tuple(jnp.moveaxis(i, -1, 0))], batch_dims, params, indices)
    xp = space(params, indices)
    indices = xp.asarray(indices)
    if not indices.shape[-1]:  # all of `params` for each
        return xp.broadcast_to(params, (*indices.shape[:-1], *np.shape(params)))
    return xp.asarray(params)[tuple(xp.moveaxis(indices, -1, 0))]


@op("scatter_nd", static=("shape",), host=False)
def scatter_nd(indices: TensorLike, updates: TensorLike, shape: ShapeLike) -> TensorResult:
    updates = jnp.asarray(updates)
    return jnp.zeros(shape, updates.dtype).at[tuple(jnp.moveaxis(jnp.asarray(indices), -1, 0))].add(updates)


def _scatter(method: str) -> Any:
    def function(tensor: Any, indices: Any, updates: Any) -> Any:
        positions = tuple(jnp.moveaxis(jnp.asarray(indices), -1, 0))
        return getattr(jnp.asarray(tensor).at[positions], method)(jnp.asarray(updates))

    return function


for _name, _method in {"update": "set", "add": "add", "max": "max", "min": "min"}.items():
    op(f"tensor_scatter_nd_{_name}", host=False)(_scatter(_method))
op("tensor_scatter_nd_sub", host=False)(lambda tensor, indices, updates: _scatter("add")(tensor, indices, -updates))


@op("one_hot", static=("depth", "axis"))
def one_hot(
    indices: TensorLike,
    depth: TensorLike,
    on_value: TensorLike = None,
    off_value: TensorLike = None,
    axis: AxisLike = None,
    dtype: DTypeLike = None,
) -> TensorResult:
    xp = space(indices)
    hot = xp.expand_dims(xp.asarray(indices), -1) == np.arange(depth)
    on, off = 1.0 if on_value is None else on_value, 0.0 if off_value is None else off_value
    kind = name_of(dtype) if dtype is not None else host_array(on if on_value is not None else off).dtype
    out = xp.where(hot, on, off).astype(kind)
    return out if axis in (None, -1) else xp.moveaxis(out, -1, axis)


@named("where", "where_v2")
def where(condition: TensorLike, x: TensorLike = None, y: TensorLike = None) -> TensorResult:
    condition = convert(condition) if isinstance(condition, list | tuple) else condition
    x, y = (convert(one) if isinstance(one, str | bytes | list | tuple) else one for one in (x, y))
    return _indices(condition) if x is None else call(_where, (condition, x, y), {}, host=_where)


@named("compat.v1.where")
def where_1(condition: TensorLike, x: TensorLike = None, y: TensorLike = None) -> TensorResult:
    """`tf.where` of TensorFlow 1: a condition with one axis selects rows."""
    return _indices(condition) if x is None else call(_rows, (condition, x, y), {}, host=_rows)


@on_values
def _indices(condition: Any) -> Tensor:
    return Tensor(np.argwhere(np.asarray(unboxed(condition))))


def _where(condition: Any, x: Any, y: Any) -> Any:
    return space(condition, x, y).where(condition, x, y)


def _rows(condition: Any, x: Any, y: Any) -> Any:
    xp = space(condition, x, y)
    if xp.ndim(condition) == 1 and xp.ndim(x) > 1:
        condition = xp.reshape(condition, (-1, *[1] * (xp.ndim(x) - 1)))
    return xp.where(condition, x, y)


@named("boolean_mask")
def boolean_mask(tensor: TensorLike, mask: TensorLike, axis: AxisLike = 0) -> TensorResult:
    if in_graph(tensor, mask):
        mask = mask if hasattr(mask, "shape") else np.asarray(mask)
        axis, count = int(axis or 0) % len(tensor.shape), len(mask.shape)
        flat = tensor if count == 1 else reshape(tensor, (*tensor.shape[:axis], -1, *tensor.shape[axis + count :]))
        return gather(flat, reshape(_indices(reshape(mask, [-1])), [-1]), axis=axis)
    if isinstance(unboxed(mask), jax.core.Tracer) and not axis:
        array = jnp.asarray(unboxed(convert(tensor)))
        return choose(array.reshape(-1, *array.shape[np.ndim(unboxed(mask)) :]), unboxed(mask))
    chosen = np.nonzero(np.asarray(unboxed(mask)).reshape(-1))[0]
    count, shape = np.ndim(unboxed(mask)), convert(tensor).shape
    axis = int(axis or 0) % len(shape)
    if (sizes := tuple(shape[axis : axis + count])) != np.shape(unboxed(mask)):
        raise ShapeError(message("mask of tf.boolean_mask", expected=sizes, got=np.shape(unboxed(mask))))
    flat = reshape(convert(tensor), (*shape[:axis], -1, *shape[axis + count :])) if count > 1 else tensor
    return gather(flat, Tensor(chosen), axis=axis)


@op("sequence_mask", static=("maxlen",))
def sequence_mask(lengths: TensorLike, maxlen: TensorLike = None, dtype: DTypeLike = "bool") -> TensorResult:
    xp = space(lengths)
    lengths = xp.asarray(lengths)
    steps = np.arange(lengths.max().item() if maxlen is None else maxlen)  # both are floats if the lengths are
    lengths = lengths.astype("int32") if steps.dtype.kind == "i" else lengths
    return (steps < xp.expand_dims(lengths, -1)).astype(name_of(dtype))


@op("searchsorted")
@ignores("out_type name")
def searchsorted(sorted_sequence: TensorLike, values: TensorLike, side: str = "left") -> TensorResult:
    xp = space(sorted_sequence, values)
    ordered, values = xp.asarray(sorted_sequence), xp.asarray(values)
    if ordered.ndim < 2:
        return xp.searchsorted(ordered, values, side)
    search = np.vectorize if xp is np else jax.numpy.vectorize  # one row of each, which an unrolled loop would copy
    return search(lambda row, found: xp.searchsorted(row, found, side), signature="(n),(m)->(m)")(ordered, values)


@op("argsort", static=("axis",))
def argsort(
    values: TensorLike, axis: AxisLike = -1, direction: str = "ASCENDING", stable: bool = False
) -> TensorResult:
    xp = space(values)
    if direction != "ASCENDING":
        values = ~xp.asarray(values) if xp.asarray(values).dtype.kind in "iub" else -xp.asarray(values)
    return xp.argsort(values, axis=axis, stable=True).astype("int32")


@op("sort", static=("axis",))
def sort(values: TensorLike, axis: AxisLike = -1, direction: str = "ASCENDING") -> TensorResult:
    out = space(values).sort(values, axis=axis)
    return out if direction == "ASCENDING" else space(values).flip(out, axis)


Unique = namedtuple("Unique", "y idx")
UniqueWithCounts = namedtuple("UniqueWithCounts", "y idx count")
ListDiff = namedtuple("ListDiff", "out idx")


@named("setdiff1d")
@on_values
def setdiff1d(x: TensorLike, y: TensorLike, index_dtype: DTypeLike = "int32") -> TensorResult:
    """`tf.setdiff1d`: the values that are not in y, in their order, and their indices."""
    array = array_of(x)
    kept = np.flatnonzero(~np.isin(array, array_of(y)))
    return ListDiff(Tensor(array[kept]), Tensor(kept.astype(name_of(index_dtype))))


@named("unique")
@on_values
def unique(x: TensorLike, out_idx: DTypeLike = "int32") -> TensorResult:
    """`tf.unique`: values in the order of their first occurrence, and the index of each element among them."""
    return Unique(*unique_with_counts(x, out_idx)[:2])


@named("unique_with_counts")
@on_values
def unique_with_counts(x: TensorLike, out_idx: DTypeLike = "int32") -> TensorResult:
    """`tf.unique_with_counts`: as `unique`, with the number of occurrences of each value."""
    array = array_of(x)
    values, first, inverse, counts = np.unique(
        array, return_index=True, return_inverse=True, return_counts=True, equal_nan=False
    )
    order = np.argsort(first)
    rest = np.argsort(order)[inverse], counts[order]
    return UniqueWithCounts(Tensor(values[order]), *(Tensor(v.astype(name_of(out_idx))) for v in rest))


@named("dynamic_partition")
def dynamic_partition(data: TensorLike, partitions: TensorLike, num_partitions: int) -> list[Any]:
    """`tf.dynamic_partition`: the rows of each part."""
    num_partitions = int(unboxed(num_partitions))
    if not np.ndim(unboxed(partitions)) and not in_graph(partitions):  # one row
        data, partitions = convert(data)[None], convert(partitions)[None]
    if in_graph(data, partitions):
        return [boolean_mask(data, NAMES["equal"](partitions, n)) for n in range(num_partitions)]
    return [boolean_mask(data, Tensor(array_of(partitions) == n)) for n in range(num_partitions)]


@op("dynamic_stitch")
def dynamic_stitch(indices: TensorLike, data: TensorLike) -> TensorResult:
    xp = space(data)
    positions = np.concatenate([np.ravel(index) for index in indices])
    rows = [
        xp.reshape(xp.asarray(d), (np.size(p), *np.shape(d)[np.ndim(p) :])) for p, d in zip(indices, data, strict=True)
    ]
    order = np.zeros(positions.max(initial=-1) + 1, "int32")
    order[positions] = np.arange(len(positions))  # of equal positions the last one counts
    return xp.take(xp.concatenate(rows), order, axis=0)


@op("reverse_sequence", static=("seq_axis", "batch_axis"), host=False)
def reverse_sequence(
    input: TensorLike, seq_lengths: TensorLike, seq_axis: AxisLike = None, batch_axis: AxisLike = 0
) -> TensorResult:
    batch_axis = batch_axis or 0
    moved = jnp.moveaxis(jnp.asarray(input), (batch_axis, seq_axis), (0, 1))
    lengths, steps = jnp.asarray(seq_lengths)[:, None], jnp.arange(moved.shape[1])
    order = jnp.where(steps < lengths, lengths - 1 - steps, steps).reshape(-1, len(steps), *(1,) * (moved.ndim - 2))
    return jnp.moveaxis(jnp.take_along_axis(moved, order, 1), (0, 1), (batch_axis, seq_axis))

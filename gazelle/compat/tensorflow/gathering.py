"""Taking elements out of tensors, putting them in, sorting and masking."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.tensorflow.arrays import convert, reshape
from gazelle.compat.tensorflow.calls import call
from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.names import named, op, space
from gazelle.compat.tensorflow.recording import unboxed
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.tensorflow.values import host_array


@op("gather", "compat.v1.gather", fixed=("axis", "batch_dims"))
def gather(params: Any, indices: Any, validate_indices: Any = None, axis: Any = None, batch_dims: Any = 0) -> Any:
    where = space(params, indices)
    if not batch_dims:
        return where.take(where.asarray(params), where.asarray(indices), axis=axis or 0)

    def one(p: Any, i: Any) -> Any:
        return jnp.take(p, i, axis=(axis if axis is not None else batch_dims) - batch_dims)

    for _ in range(batch_dims):
        one = jax.vmap(one)
    return one(jnp.asarray(params), jnp.asarray(indices))


@op("gather_nd", "manip.gather_nd")
def gather_nd(params: Any, indices: Any, batch_dims: int = 0) -> Any:
    if batch_dims:
        return jax.vmap(lambda p, i: p[tuple(jnp.moveaxis(i, -1, 0))])(jnp.asarray(params), jnp.asarray(indices))
    where = space(params, indices)
    return where.asarray(params)[tuple(where.moveaxis(where.asarray(indices), -1, 0))]


@op("scatter_nd", fixed=("shape",), host=False)
def scatter_nd(indices: Any, updates: Any, shape: Any) -> Any:
    updates = jnp.asarray(updates)
    return jnp.zeros(shape, updates.dtype).at[tuple(jnp.moveaxis(jnp.asarray(indices), -1, 0))].add(updates)


def _scatter(way: str) -> Any:
    def function(tensor: Any, indices: Any, updates: Any) -> Any:
        places = tuple(jnp.moveaxis(jnp.asarray(indices), -1, 0))
        return getattr(jnp.asarray(tensor).at[places], way)(jnp.asarray(updates))

    return function


for _name, _way in {"update": "set", "add": "add", "max": "max", "min": "min"}.items():
    op(f"tensor_scatter_nd_{_name}", host=False)(_scatter(_way))
op("tensor_scatter_nd_sub", host=False)(lambda tensor, indices, updates: _scatter("add")(tensor, indices, -updates))


@op("one_hot", fixed=("depth", "axis"))
def one_hot(
    indices: Any, depth: Any, on_value: Any = None, off_value: Any = None, axis: Any = None, dtype: Any = None
) -> Any:
    where = space(indices)
    hot = where.expand_dims(where.asarray(indices), -1) == np.arange(depth)
    on, off = 1.0 if on_value is None else on_value, 0.0 if off_value is None else off_value
    kind = name_of(dtype) if dtype is not None else host_array(on if on_value is not None else off).dtype
    out = where.where(hot, on, off).astype(kind)
    return out if axis in (None, -1) else where.moveaxis(out, -1, axis)


@named("where", "compat.v1.where", "where_v2")
def where(condition: Any, x: Any = None, y: Any = None, name: Any = None) -> Any:
    """`tf.where`."""
    if x is None:
        return Tensor(np.argwhere(np.asarray(unboxed(condition))))
    return call(_where, (condition, x, y), {}, host=_where)


def _where(condition: Any, x: Any, y: Any) -> Any:
    where_ = space(condition, x, y)
    if where_.ndim(condition) == 1 and where_.ndim(x) > 1 and where_.shape(x) == where_.shape(y):  # rows, as in 1.x
        condition = (
            where_.reshape(condition, (-1, *[1] * (where_.ndim(x) - 1)))
            if (where_.shape(condition)[0] == where_.shape(x)[0] != where_.shape(x)[-1])
            else condition
        )
    return where_.where(condition, x, y)


@named("boolean_mask", "compat.v1.boolean_mask")
def boolean_mask(tensor: Any, mask: Any, axis: Any = 0, name: Any = None) -> Any:
    """`tf.boolean_mask`: which are kept must be known, so it does not compile."""
    chosen = np.nonzero(np.asarray(unboxed(mask)).reshape(-1))[0]
    count = np.ndim(unboxed(mask))
    flat = reshape(convert(tensor), (-1, *convert(tensor).shape[count:])) if count > 1 else tensor
    return gather(flat, Tensor(chosen), axis=axis or 0)


@op("sequence_mask", fixed=("maxlen",))
def sequence_mask(lengths: Any, maxlen: Any = None, dtype: Any = "bool") -> Any:
    where_ = space(lengths)
    lengths = where_.asarray(lengths)
    most = int(lengths.max()) if maxlen is None else maxlen
    return (np.arange(most) < where_.expand_dims(lengths, -1)).astype(name_of(dtype))


@op("argsort", fixed=("axis",))
def argsort(values: Any, axis: Any = -1, direction: str = "ASCENDING", stable: bool = False) -> Any:
    return space(values).argsort(values if direction == "ASCENDING" else -values, axis=axis)


@op("sort", fixed=("axis",))
def sort(values: Any, axis: Any = -1, direction: str = "ASCENDING") -> Any:
    out = space(values).sort(values, axis=axis)
    return out if direction == "ASCENDING" else space(values).flip(out, axis)


@named("unique")
def unique(x: Any, out_idx: Any = "int32", name: Any = None) -> Any:
    """`tf.unique`: values in the order in which they come first, and where each element is among them."""
    return unique_with_counts(x, out_idx)[:2]


@named("unique_with_counts")
def unique_with_counts(x: Any, out_idx: Any = "int32", name: Any = None) -> Any:
    """`tf.unique_with_counts`: as `unique`, and how often each value comes."""
    array = np.asarray(unboxed(convert(x)))
    values, first, inverse, counts = np.unique(array, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first)
    rest = np.argsort(order)[inverse], counts[order]
    return Tensor(values[order]), *(Tensor(v.astype(name_of(out_idx))) for v in rest)


@named("dynamic_partition")
def dynamic_partition(data: Any, partitions: Any, num_partitions: int, name: Any = None) -> list[Any]:
    """`tf.dynamic_partition`: the rows of each part."""
    return [boolean_mask(data, Tensor(np.asarray(unboxed(convert(partitions))) == n)) for n in range(num_partitions)]


@op("dynamic_stitch")
def dynamic_stitch(indices: Any, data: Any) -> Any:
    where_ = space(data)
    places = np.concatenate([np.ravel(place) for place in indices])
    rows = [
        where_.reshape(where_.asarray(d), (np.size(p), *np.shape(d)[np.ndim(p) :]))
        for p, d in zip(indices, data, strict=True)
    ]
    return where_.take(where_.concatenate(rows), np.argsort(places, kind="stable"), axis=0)


@op("reverse_sequence", fixed=("seq_axis", "batch_axis"), host=False)
def reverse_sequence(input: Any, seq_lengths: Any, seq_axis: Any = None, batch_axis: Any = 0) -> Any:
    moved = jnp.moveaxis(jnp.asarray(input), (batch_axis, seq_axis), (0, 1))
    lengths, steps = jnp.asarray(seq_lengths)[:, None], jnp.arange(moved.shape[1])
    order = jnp.where(steps < lengths, lengths - 1 - steps, steps)
    turned = jax.vmap(lambda row, places: row[places])(moved, order)
    return jnp.moveaxis(turned, (0, 1), (batch_axis, seq_axis))

"""Rules for operations that move elements."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.engine.tensorflow_library import op, tf

if TYPE_CHECKING:
    from gazelle.core.types import DTypeLike, Foreign
    from gazelle.engine.lowering.interpreter import Context

MAX_AXES = 5  # axes that TensorFlow's kernels broadcast at once


def reshape(x: Foreign, shape: Sequence[int]) -> Foreign:
    return x if x.shape.is_fully_defined() and tuple(x.shape) == tuple(shape) else tf.reshape(x, tuple(shape))


def transpose(x: Foreign, order: Sequence[int]) -> Foreign:
    return x if list(order) == list(range(len(order))) else tf.transpose(x, tuple(order))


def as_result(ctx: Context, x: Foreign, *_: Any, **__: Any) -> Foreign:
    """Broadcast to the shape of the result."""
    return reshape(x, ctx.out_avals[0].shape)


def stretched(x: Foreign, shape: Sequence[int]) -> Foreign:
    """Broadcast x to a shape of equal rank, axis by axis if it has more axes than TensorFlow broadcasts at once."""
    if len(shape) <= MAX_AXES:
        return tf.broadcast_to(x, tuple(shape))
    sizes = [int(n) for n in x.shape]
    for axis, size in enumerate(shape):
        if sizes[axis] != size:
            outer, inner = math.prod(sizes[:axis]), math.prod(sizes[axis + 1 :])
            sizes[axis] = size
            x = tf.reshape(tf.broadcast_to(tf.reshape(x, [outer, 1, inner]), [outer, size, inner]), sizes)
    return x


def broadcast(ctx: Context, x: Foreign, shape: Sequence[int], broadcast_dimensions: Sequence[int], **_: Any) -> Foreign:
    sizes = [1] * len(shape)
    for axis, place in enumerate(broadcast_dimensions):
        sizes[place] = ctx.in_avals[0].shape[axis]
    x = reshape(x, sizes)
    return x if tuple(sizes) == tuple(shape) else stretched(x, shape)


def iota(ctx: Context, dtype: DTypeLike, shape: Sequence[int], dimension: int, **_: Any) -> Foreign:
    line = np.arange(shape[dimension]).astype(dtype)
    sizes = [shape[dimension] if axis == dimension else 1 for axis in range(len(shape))]
    return tf.broadcast_to(tf.constant(line.reshape(sizes)), shape)


def cut(
    ctx: Context,
    x: Foreign,
    start_indices: Sequence[int],
    limit_indices: Sequence[int],
    strides: Sequence[int] | None,
    **_: Any,
) -> Foreign:
    strides = strides or (1,) * len(start_indices)
    if not start_indices:
        return x
    return tf.strided_slice(x, tuple(start_indices), tuple(limit_indices), tuple(strides))


def spread(x: Foreign, fill: Foreign, gaps: Sequence[int]) -> Foreign:
    """Insert copies of `fill` between neighbors along each axis."""
    for axis, gap in enumerate(gaps):
        size = x.shape[axis]
        if gap == 0 or size < 2:
            continue
        shape = [int(n) for n in x.shape]
        wide = [*shape[: axis + 1], gap, *shape[axis + 1 :]]
        holes = tf.broadcast_to(tf.cast(fill, x.dtype), wide)
        pairs = op("ConcatV2", values=[tf.expand_dims(x, axis + 1), holes], axis=axis + 1)
        shape[axis] = size * (gap + 1)
        x = tf.reshape(pairs, shape)
        x = tf.slice(x, [0] * len(shape), [*shape[:axis], size * (gap + 1) - gap, *shape[axis + 1 :]])
    return x


def padded(x: Foreign, fill: Foreign, config: Sequence[tuple[int, int, int]]) -> Foreign:
    """XLA's pad: (low, high, interior) for each axis; negative values remove elements."""
    x = spread(x, fill, [between for _, _, between in config])
    edges = [(max(int(low), 0), max(int(high), 0)) for low, high, _ in config]
    if any(low or high for low, high in edges):
        x = op("PadV2", input=x, paddings=edges, constant_values=fill)
    if any(low < 0 or high < 0 for low, high, _ in config):
        begin = [max(-int(low), 0) for low, _, _ in config]
        end = [int(n) - max(-int(high), 0) for n, (_, high, _) in zip(x.shape, config, strict=True)]
        x = tf.strided_slice(x, begin, [max(b, e) for b, e in zip(begin, end, strict=True)])
    return x


def dynamic_start(ctx: Context, starts: Sequence[Any], sizes: Sequence[int]) -> Foreign:
    """Clamp the start of a window so that it is inside, as XLA does."""
    shape = ctx.in_avals[0].shape
    most = np.array([n - s for n, s in zip(shape, sizes, strict=True)], np.int32)
    given = tf.stack([tf.cast(start, tf.int32) for start in starts])
    return tf.clip_by_value(given, 0, most)


def dynamic_slice(ctx: Context, x: Foreign, *starts: Any, slice_sizes: Sequence[int], **_: Any) -> Foreign:
    if not slice_sizes:
        return x
    out = tf.slice(x, dynamic_start(ctx, starts, slice_sizes), tuple(slice_sizes))
    return tf.ensure_shape(out, tuple(slice_sizes))


def dynamic_update(ctx: Context, x: Foreign, update: Foreign, *starts: Any, **_: Any) -> Foreign:
    sizes = ctx.in_avals[1].shape
    if not sizes:
        return update
    begin = dynamic_start(ctx, starts, sizes)
    ones = tf.ones([len(sizes)], tf.int32)
    return op("TensorStridedSliceUpdate", input=x, begin=begin, end=begin + np.int32(sizes), strides=ones, value=update)


def split(ctx: Context, x: Foreign, sizes: Sequence[int], axis: int, **_: Any) -> list[Any]:
    return list(tf.split(x, [int(n) for n in sizes], axis))


def reverse(ctx: Context, x: Foreign, dimensions: Sequence[int], **_: Any) -> Foreign:
    return op("ReverseV2", tensor=x, axis=list(dimensions)) if dimensions else x


RULES: dict[str, Callable[..., Any]] = {
    "broadcast_in_dim": broadcast,
    "concatenate": lambda ctx, *xs, dimension, **_: (
        op("ConcatV2", values=list(xs), axis=dimension) if xs[1:] else xs[0]
    ),
    "dynamic_slice": dynamic_slice,
    "dynamic_update_slice": dynamic_update,
    "expand_dims": as_result,
    "iota": iota,
    "pad": lambda ctx, x, fill, padding_config, **_: padded(x, fill, padding_config),
    "reshape": as_result,
    "rev": reverse,
    "slice": cut,
    "split": split,
    "squeeze": as_result,
    "stack": lambda ctx, *xs, axis, **_: tf.stack(xs, axis),
    "tile": lambda ctx, x, reps, **_: tf.tile(x, list(reps)),
    "transpose": lambda ctx, x, permutation, **_: transpose(x, permutation),
    "unstack": lambda ctx, x, axis, **_: tf.unstack(x, axis=axis),
}

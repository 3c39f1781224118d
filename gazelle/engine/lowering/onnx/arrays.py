"""ONNX's rules for shapes, indices, sums and sorting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.engine.lowering.onnx.elementwise import cast

if TYPE_CHECKING:
    from gazelle.engine.lowering.interpreter import Context

_TO_THE_END = np.iinfo(np.int64).max


def reshape(ctx: Context, x: str, shape: Sequence[int]) -> str:
    """Reshape."""
    return ctx.target.op("Reshape", x, ctx.target.sizes(shape), allowzero=1)


def transpose(ctx: Context, x: str, order: Sequence[int] | np.ndarray) -> str:
    """Transpose."""
    order = [int(axis) for axis in order]
    return x if order == sorted(order) else ctx.target.op("Transpose", x, perm=order)


def _reshape(ctx: Context, x: str, **_: Any) -> str:
    return reshape(ctx, x, ctx.out_avals[0].shape)


def _broadcast_in_dim(ctx: Context, x: str, *_: Any, shape: Sequence[int], broadcast_dimensions: Any, **__: Any) -> str:
    inner = [1] * len(shape)
    for axis, size in zip(broadcast_dimensions, ctx.in_avals[0].shape, strict=True):
        inner[axis] = size
    if tuple(inner) != ctx.in_avals[0].shape:
        x = reshape(ctx, x, inner)
    return x if tuple(inner) == tuple(shape) else ctx.target.op("Expand", x, ctx.target.sizes(shape))


def _transpose(ctx: Context, x: str, *, permutation: Any, **_: Any) -> str:
    return transpose(ctx, x, permutation)


def _sliced(ctx: Context, x: str, starts: Any, ends: Any, axes: Any, steps: Any) -> str:
    t = ctx.target
    return t.op("Slice", x, t.sizes(starts), t.sizes(ends), t.sizes(axes), t.sizes(steps))


def _slice(ctx: Context, x: str, *, start_indices: Any, limit_indices: Any, strides: Any, **_: Any) -> str:
    whole, steps = ctx.in_avals[0].shape, strides or [1] * len(start_indices)
    cut = [a for a, n in enumerate(whole) if (start_indices[a], limit_indices[a], steps[a]) != (0, n, 1)]
    if not cut:
        return x
    starts, ends, by = ([part[axis] for axis in cut] for part in (start_indices, limit_indices, steps))
    return _sliced(ctx, x, starts, ends, cut, by)


def reverse(ctx: Context, x: str, *, dimensions: Sequence[int], **_: Any) -> str:
    """Reverse along some axes."""
    n = len(dimensions)
    return _sliced(ctx, x, [-1] * n, [-_TO_THE_END] * n, dimensions, [-1] * n)


def _pad(ctx: Context, x: str, value: str, *, padding_config: Any) -> str:
    t, shape = ctx.target, list(ctx.in_avals[0].shape)
    for axis, (_, _, inner) in enumerate(padding_config):
        if inner:  # a new axis with the padding after each element, cut after the last one
            wide = [*shape[: axis + 1], 1, *shape[axis + 1 :]]
            ends = [0] * (axis + 1) + [inner] + [0] * (len(shape) - axis - 1)
            x = t.op("Pad", reshape(ctx, x, wide), t.sizes([0] * len(wide) + ends), value)
            shape[axis] *= inner + 1
            x = _sliced(ctx, reshape(ctx, x, shape), [0], [shape[axis] - inner], [axis], [1])
            shape[axis] -= inner
    edges = [low for low, _, _ in padding_config] + [high for _, high, _ in padding_config]
    if not any(edges):
        return x
    if ctx.in_avals[0].dtype == np.bool_:
        return cast(ctx, t.op("Pad", cast(ctx, x, np.int32), t.sizes(edges), cast(ctx, value, np.int32)), np.bool_)
    return t.op("Pad", x, t.sizes(edges), value)


def _iota(ctx: Context, *_: Any, dtype: Any, shape: Sequence[int], dimension: int, **__: Any) -> str:
    t = ctx.target
    line = t.op("Range", t.constant(0, np.int64), t.constant(shape[dimension], np.int64), t.constant(1, np.int64))
    line = cast(ctx, line, dtype)
    if len(shape) == 1:
        return line
    line = reshape(ctx, line, [n if axis == dimension else 1 for axis, n in enumerate(shape)])
    return t.op("Expand", line, t.sizes(shape))


def _reduce(kind: str) -> Callable[..., Any]:
    def rule(ctx: Context, x: str, *, axes: Any, **_: Any) -> str:
        return ctx.target.op(kind, x, ctx.target.sizes(axes), keepdims=0) if axes else x

    return rule


def _of_flags(kind: str) -> Callable[..., Any]:
    def rule(ctx: Context, x: str, *, axes: Any, **_: Any) -> str:
        if not axes:
            return x
        reduced = ctx.target.op(kind, cast(ctx, x, np.int32), ctx.target.sizes(axes), keepdims=0)
        return cast(ctx, reduced, np.bool_)

    return rule


def _arg(kind: str) -> Callable[..., Any]:
    def rule(ctx: Context, x: str, *, axes: Any, index_dtype: Any) -> str:
        if ctx.in_avals[0].dtype == np.bool_:
            x = cast(ctx, x, np.int32)
        return cast(ctx, ctx.target.op(kind, x, axis=axes[0], keepdims=0), index_dtype)

    return rule


def _cumsum(ctx: Context, x: str, *, axis: int, reverse: bool) -> str:
    return ctx.target.op("CumSum", x, ctx.target.constant(axis, np.int64), reverse=int(reverse))


def _sort(ctx: Context, *arrays: str, dimension: int, num_keys: int, **_: Any) -> list[str]:
    """Sort by the last key first; TopK takes the first of equal elements."""
    t, made = ctx.target, list(arrays)
    count = t.sizes([ctx.in_avals[0].shape[dimension]])
    for key in range(num_keys - 1, -1, -1):
        _, order = t.several("TopK", made[key], count, count=2, axis=dimension, largest=0, sorted=1)
        made = [t.op("GatherElements", array, order, axis=dimension) for array in made]
    return made


def _top_k(ctx: Context, x: str, *, k: int, axis: int = -1, **_: Any) -> list[str]:
    values, indices = ctx.target.several("TopK", x, ctx.target.sizes([k]), count=2, axis=axis)
    return [values, cast(ctx, indices, ctx.out_avals[1].dtype)]


RULES: dict[str, Callable[..., Any]] = {
    "argmax": _arg("ArgMax"),
    "argmin": _arg("ArgMin"),
    "broadcast_in_dim": _broadcast_in_dim,
    "concatenate": lambda ctx, *xs, dimension, **_: ctx.target.op("Concat", *xs, axis=dimension),
    "cumsum": _cumsum,
    "expand_dims": _reshape,
    "iota": _iota,
    "pad": _pad,
    "reduce_and": _of_flags("ReduceMin"),
    "reduce_max": _reduce("ReduceMax"),
    "reduce_min": _reduce("ReduceMin"),
    "reduce_or": _of_flags("ReduceMax"),
    "reduce_prod": _reduce("ReduceProd"),
    "reduce_sum": _reduce("ReduceSum"),
    "reshape": _reshape,
    "rev": reverse,
    "slice": _slice,
    "sort": _sort,
    "squeeze": _reshape,
    "top_k": _top_k,
    "transpose": _transpose,
}

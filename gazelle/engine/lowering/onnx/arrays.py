"""ONNX's rules for shapes, places, sums and order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gazelle.engine.lowering.indexing import Places
from gazelle.engine.lowering.onnx.numbers import cast

_TO_THE_END = np.iinfo(np.int64).max


def reshape(ctx: Any, x: str, shape: Any) -> str:
    """The same numbers in another shape."""
    return ctx.target.op("Reshape", x, ctx.target.sizes(shape), allowzero=1)


def transpose(ctx: Any, x: str, order: Any) -> str:
    """The axes in another order."""
    order = [int(axis) for axis in order]
    return x if order == sorted(order) else ctx.target.op("Transpose", x, perm=order)


def _reshape(ctx: Any, x: str, **_: Any) -> str:
    return reshape(ctx, x, ctx.out_avals[0].shape)


def _broadcast_in_dim(ctx: Any, x: str, *_: Any, shape: Any, broadcast_dimensions: Any, **__: Any) -> str:
    inner = [1] * len(shape)
    for axis, size in zip(broadcast_dimensions, ctx.in_avals[0].shape, strict=True):
        inner[axis] = size
    if tuple(inner) != ctx.in_avals[0].shape:
        x = reshape(ctx, x, inner)
    return x if tuple(inner) == tuple(shape) else ctx.target.op("Expand", x, ctx.target.sizes(shape))


def _transpose(ctx: Any, x: str, *, permutation: Any, **_: Any) -> str:
    return transpose(ctx, x, permutation)


def _sliced(ctx: Any, x: str, starts: Any, ends: Any, axes: Any, steps: Any) -> str:
    t = ctx.target
    return t.op("Slice", x, t.sizes(starts), t.sizes(ends), t.sizes(axes), t.sizes(steps))


def _slice(ctx: Any, x: str, *, start_indices: Any, limit_indices: Any, strides: Any, **_: Any) -> str:
    whole, steps = ctx.in_avals[0].shape, strides or [1] * len(start_indices)
    cut = [a for a, n in enumerate(whole) if (start_indices[a], limit_indices[a], steps[a]) != (0, n, 1)]
    if not cut:
        return x
    starts, ends, by = ([part[axis] for axis in cut] for part in (start_indices, limit_indices, steps))
    return _sliced(ctx, x, starts, ends, cut, by)


def reverse(ctx: Any, x: str, *, dimensions: Any, **_: Any) -> str:
    """The order turned round along some axes."""
    n = len(dimensions)
    return _sliced(ctx, x, [-1] * n, [-_TO_THE_END] * n, dimensions, [-1] * n)


def _pad(ctx: Any, x: str, value: str, *, padding_config: Any) -> str:
    t, shape = ctx.target, list(ctx.in_avals[0].shape)
    for axis, (_, _, inner) in enumerate(padding_config):
        if inner:  # an axis of gaps behind each number, cut after the last one
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


def _iota(ctx: Any, *_: Any, dtype: Any, shape: Any, dimension: int, **__: Any) -> str:
    t = ctx.target
    line = t.op("Range", t.constant(0, np.int64), t.constant(shape[dimension], np.int64), t.constant(1, np.int64))
    line = cast(ctx, line, dtype)
    if len(shape) == 1:
        return line
    line = reshape(ctx, line, [n if axis == dimension else 1 for axis, n in enumerate(shape)])
    return t.op("Expand", line, t.sizes(shape))


def _dynamic_slice(ctx: Any, x: str, *starts: str, slice_sizes: Any) -> str:
    t, places = ctx.target, []
    for start, whole, size in zip(starts, ctx.in_avals[0].shape, slice_sizes, strict=True):
        inside = t.op("Max", cast(ctx, start, np.int64), t.constant(0, np.int64))
        inside = t.op("Min", inside, t.constant(whole - size, np.int64))
        places.append(reshape(ctx, inside, [1]))
    begin = t.op("Concat", *places, axis=0)
    ends = t.op("Add", begin, t.sizes(slice_sizes))
    cut = t.op("Slice", x, begin, ends, t.sizes(range(len(starts))))
    return reshape(ctx, cut, slice_sizes)


def _at(ctx: Any, table: str) -> str:
    return cast(ctx, table, np.int64)


def _gather(ctx: Any, x: str, indices: str, *, dimension_numbers: Any, slice_sizes: Any, mode: Any,
            fill_value: Any = None, **_: Any) -> str:  # fmt: skip
    t, places, dtype = ctx.target, Places.of_gather(ctx, dimension_numbers, slice_sizes, mode), ctx.out_avals[0].dtype
    if not places.lead:
        return t.op("Expand", x, t.sizes(ctx.out_avals[0].shape))
    table, inside = ctx.through(places.table, indices, avals=ctx.in_avals[1:])
    found = t.op("GatherND", transpose(ctx, x, places.order), _at(ctx, table))
    if places.drops:
        fill = fill_value if fill_value is not None else np.nan if np.issubdtype(dtype, np.floating) else 0
        found = t.op("Where", reshape(ctx, inside, places.opened), found, t.constant(fill, dtype))
    return transpose(ctx, found, places.back)


def _scatter(reduction: str, negative: bool = False) -> Callable[..., Any]:
    def rule(ctx: Any, x: str, indices: str, updates: str, *, dimension_numbers: Any, mode: Any, **_: Any) -> str:
        t, places = ctx.target, Places.of_scatter(ctx, dimension_numbers, mode)
        dtype = ctx.in_avals[0].dtype
        table, inside = ctx.through(places.table, indices, avals=ctx.in_avals[1:2])
        target, updates = transpose(ctx, x, places.order), transpose(ctx, updates, places.moved)
        updates = t.op("Neg", updates) if negative else updates
        table = _at(ctx, table)
        if not places.lead:  # an update for the whole array is one for its only row
            target = reshape(ctx, target, (1, *places.shape))
            table = t.constant(np.zeros((*places.indices[:-1], 1), np.int64))
        if places.drops:  # what is outside keeps the number that is there
            old = t.op("GatherND", target, table)
            nothing = old if reduction in ("none", "min", "max") else t.constant(reduction == "mul", dtype)
            updates = t.op("Where", reshape(ctx, inside, places.opened), updates, nothing)
        out = t.op("ScatterND", target, table, updates, reduction=reduction)
        out = out if places.lead else reshape(ctx, out, places.shape)
        return transpose(ctx, out, np.argsort(places.order))

    return rule


def _reduce(kind: str) -> Callable[..., Any]:
    def rule(ctx: Any, x: str, *, axes: Any, **_: Any) -> str:
        return ctx.target.op(kind, x, ctx.target.sizes(axes), keepdims=0) if axes else x

    return rule


def _of_flags(kind: str) -> Callable[..., Any]:
    def rule(ctx: Any, x: str, *, axes: Any, **_: Any) -> str:
        if not axes:
            return x
        reduced = ctx.target.op(kind, cast(ctx, x, np.int32), ctx.target.sizes(axes), keepdims=0)
        return cast(ctx, reduced, np.bool_)

    return rule


def _arg(kind: str) -> Callable[..., Any]:
    def rule(ctx: Any, x: str, *, axes: Any, index_dtype: Any) -> str:
        if ctx.in_avals[0].dtype == np.bool_:
            x = cast(ctx, x, np.int32)
        return cast(ctx, ctx.target.op(kind, x, axis=axes[0], keepdims=0), index_dtype)

    return rule


def _cumsum(ctx: Any, x: str, *, axis: int, reverse: bool) -> str:
    return ctx.target.op("CumSum", x, ctx.target.constant(axis, np.int64), reverse=int(reverse))


def _sort(ctx: Any, *arrays: str, dimension: int, num_keys: int, **_: Any) -> list[str]:
    """By the last key first; of equal ones TopK takes the one before."""
    t, made = ctx.target, list(arrays)
    count = t.sizes([ctx.in_avals[0].shape[dimension]])
    for key in range(num_keys - 1, -1, -1):
        _, order = t.several("TopK", made[key], count, count=2, axis=dimension, largest=0, sorted=1)
        made = [t.op("GatherElements", array, order, axis=dimension) for array in made]
    return made


def _top_k(ctx: Any, x: str, *, k: int, axis: int = -1, **_: Any) -> list[str]:
    values, places = ctx.target.several("TopK", x, ctx.target.sizes([k]), count=2, axis=axis)
    return [values, cast(ctx, places, ctx.out_avals[1].dtype)]


RULES: dict[str, Callable[..., Any]] = {
    "argmax": _arg("ArgMax"),
    "argmin": _arg("ArgMin"),
    "broadcast_in_dim": _broadcast_in_dim,
    "concatenate": lambda ctx, *xs, dimension, **_: ctx.target.op("Concat", *xs, axis=dimension),
    "cumsum": _cumsum,
    "dynamic_slice": _dynamic_slice,
    "expand_dims": _reshape,
    "gather": _gather,
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
    "scatter": _scatter("none"),
    "scatter-add": _scatter("add"),
    "scatter-max": _scatter("max"),
    "scatter-min": _scatter("min"),
    "scatter-mul": _scatter("mul"),
    "scatter-sub": _scatter("add", negative=True),
    "slice": _slice,
    "sort": _sort,
    "squeeze": _reshape,
    "top_k": _top_k,
    "transpose": _transpose,
}

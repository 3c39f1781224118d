"""PyTensor's rules for shapes, indices, products and sums."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gazelle.engine.lowering.pytensor.elementwise import tensor


def _reshape(ctx: Any, x: Any, **_: Any) -> Any:
    shape = tuple(ctx.out_avals[0].shape)
    return tensor().reshape(x, shape, ndim=len(shape))


def _broadcast_in_dim(ctx: Any, x: Any, *_: Any, shape: Any, broadcast_dimensions: Any, **__: Any) -> Any:
    pt, axes = tensor(), list(broadcast_dimensions)
    if x.type.ndim != len(shape):
        x = x.dimshuffle(*[axes.index(i) if i in axes else "x" for i in range(len(shape))])
    return x if x.type.shape == tuple(shape) else pt.alloc(x, *shape)


def _transpose(ctx: Any, x: Any, *, permutation: Any, **_: Any) -> Any:
    return x.dimshuffle(*permutation)


def _slice(ctx: Any, x: Any, *, start_indices: Any, limit_indices: Any, strides: Any, **_: Any) -> Any:
    steps = strides or [1] * len(start_indices)
    return x[tuple(map(slice, start_indices, limit_indices, steps))]


def _pad(ctx: Any, x: Any, value: Any, *, padding_config: Any) -> Any:
    pt, out = tensor(), ctx.out_avals[0]
    target, source = [], []
    for size, whole, (low, _, inner) in zip(ctx.in_avals[0].shape, out.shape, padding_config, strict=True):
        step = inner + 1
        first = max(0, -(low // step))  # the first element that is kept
        last = min(size - 1, (whole - 1 - low) // step)
        if last < first:
            return pt.alloc(value, *out.shape)
        source.append(slice(first, last + 1))
        target.append(slice(low + first * step, low + last * step + 1, step))
    return pt.set_subtensor(pt.alloc(value, *out.shape)[tuple(target)], x[tuple(source)])


def _concatenate(ctx: Any, *arrays: Any, dimension: int) -> Any:
    return tensor().concatenate(arrays, axis=dimension)


def _split(ctx: Any, x: Any, *, sizes: Any, axis: int) -> Any:
    ends, before = np.cumsum(sizes).tolist(), (slice(None),) * axis
    return [x[(*before, slice(end - size, end))] for size, end in zip(sizes, ends, strict=True)]


def _rev(ctx: Any, x: Any, *, dimensions: Any) -> Any:
    return x[tuple(slice(None, None, -1 if axis in dimensions else None) for axis in range(x.ndim))]


def _iota(ctx: Any, *_: Any, dtype: Any, shape: Any, dimension: int, **__: Any) -> Any:
    line = np.arange(shape[dimension], dtype=dtype).reshape([-1 if i == dimension else 1 for i in range(len(shape))])
    return tensor().constant(np.broadcast_to(line, shape).copy())


def _dot_general(
    ctx: Any, x: Any, y: Any, *, dimension_numbers: Any, preferred_element_type: Any = None, **_: Any
) -> Any:
    pt, out = tensor(), ctx.out_avals[0]
    ((cx, cy), (bx, by)), dtype = dimension_numbers, str(out.dtype)
    (sx, sy) = (aval.shape for aval in ctx.in_avals)
    fx = [axis for axis in range(len(sx)) if axis not in (*cx, *bx)]
    fy = [axis for axis in range(len(sy)) if axis not in (*cy, *by)]
    inner = math.prod(sx[axis] for axis in cx)
    rows, columns = math.prod(sx[a] for a in fx), math.prod(sy[a] for a in fy)
    batch = [math.prod(sx[a] for a in bx)] if bx else []
    left = _matrix(pt.cast(x, dtype), bx, fx, cx, (*batch, rows, inner))
    right = _matrix(pt.cast(y, dtype), by, cy, fy, (*batch, inner, columns))
    product = pt.matmul(left, right) if batch else pt.dot(left, right)
    return product.reshape(tuple(out.shape), ndim=len(out.shape))


def _matrix(x: Any, batch: Any, first: Any, second: Any, shape: tuple[int, ...]) -> Any:
    """x as matrices (*batch, first, second); BLAS also reads transposed matrices without a copy."""
    if [*batch, *second, *first] == list(range(x.type.ndim)):
        return tensor().swapaxes(x.reshape((*shape[:-2], shape[-1], shape[-2])), -1, -2)
    return x.dimshuffle(*batch, *first, *second).reshape(shape)


def _reduced(function: str, **settings: Any) -> Callable[..., Any]:
    def rule(ctx: Any, x: Any, *, axes: Any, **_: Any) -> Any:
        if not axes:
            return x
        return getattr(tensor(), function)(x, axis=tuple(axes), **settings)

    return rule


def _sum(function: str) -> Callable[..., Any]:
    def rule(ctx: Any, x: Any, *, axes: Any, **_: Any) -> Any:
        return getattr(tensor(), function)(x, axis=tuple(axes), dtype=x.dtype, acc_dtype=x.dtype) if axes else x

    return rule


def _arg(function: str) -> Callable[..., Any]:
    def rule(ctx: Any, x: Any, *, axes: Any, index_dtype: Any) -> Any:
        return tensor().cast(getattr(tensor(), function)(x, axis=axes[0]), str(np.dtype(index_dtype)))

    return rule


def _cumulative(function: str) -> Callable[..., Any]:
    def rule(ctx: Any, x: Any, *, axis: int, reverse: bool) -> Any:
        turn = tuple(slice(None, None, -1 if reverse and a == axis else None) for a in range(x.ndim))
        return tensor().cast(getattr(tensor(), function)(x[turn], axis=axis), x.dtype)[turn]

    return rule


def _sort(ctx: Any, *arrays: Any, dimension: int, num_keys: int, **_: Any) -> Any:
    """Sort by the last key first: stable sorts keep the order of equal elements."""
    pt, sorted_ = tensor(), list(arrays)
    for key in range(num_keys - 1, -1, -1):
        order = pt.argsort(sorted_[key], axis=dimension, kind="stable")
        sorted_ = [pt.take_along_axis(array, order, axis=dimension) for array in sorted_]
    return sorted_


RULES: dict[str, Callable[..., Any]] = {
    "argmax": _arg("argmax"),
    "argmin": _arg("argmin"),
    "broadcast_in_dim": _broadcast_in_dim,
    "concatenate": _concatenate,
    "cumprod": _cumulative("cumprod"),
    "cumsum": _cumulative("cumsum"),
    "dot_general": _dot_general,
    "expand_dims": _reshape,
    "iota": _iota,
    "pad": _pad,
    "reduce_and": _reduced("all"),
    "reduce_max": _reduced("max"),
    "reduce_min": _reduced("min"),
    "reduce_or": _reduced("any"),
    "reduce_prod": _sum("prod"),
    "reduce_sum": _sum("sum"),
    "reshape": _reshape,
    "rev": _rev,
    "slice": _slice,
    "sort": _sort,
    "split": _split,
    "squeeze": _reshape,
    "transpose": _transpose,
}

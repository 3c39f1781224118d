"""ONNX's rules for products, convolutions and windows."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gazelle.engine.lowering.decompose import DECOMPOSED
from gazelle.engine.lowering.onnx.arrays import reshape, transpose
from gazelle.engine.lowering.onnx.elementwise import cast
from gazelle.engine.lowering.windows import conv_after_pad, conv_general_dilated


def _dot_general(ctx: Any, x: str, y: str, *, dimension_numbers: Any, **_: Any) -> str:
    """Transpose to (batch, rows, inner) and (batch, inner, columns), merging each group of axes, for MatMul."""
    out, ((cx, cy), (bx, by)) = ctx.out_avals[0], dimension_numbers
    (sx, sy) = (aval.shape for aval in ctx.in_avals)
    fx = [axis for axis in range(len(sx)) if axis not in (*cx, *bx)]
    fy = [axis for axis in range(len(sy)) if axis not in (*cy, *by)]
    x, y = (_typed(ctx, name, aval, out) for name, aval in zip((x, y), ctx.in_avals, strict=True))
    if not bx and len(fy) == len(cy) == 1 and fx:  # rows of any rank times a matrix need no transposition
        return ctx.target.op("MatMul", transpose(ctx, x, (*fx, *cx)), transpose(ctx, y, (*cy, *fy)))
    batch = [sx[axis] for axis in bx]
    rows, inner, columns = (math.prod(s[a] for a in axes) for s, axes in ((sx, fx), (sx, cx), (sy, fy)))
    left = reshape(ctx, transpose(ctx, x, (*bx, *fx, *cx)), [*batch, rows, inner])
    right = reshape(ctx, transpose(ctx, y, (*by, *cy, *fy)), [*batch, inner, columns])
    return reshape(ctx, ctx.target.op("MatMul", left, right), out.shape)


def _typed(ctx: Any, name: str, aval: Any, out: Any) -> str:
    return name if aval.dtype == out.dtype else cast(ctx, name, out.dtype)


def _conv(
    ctx: Any,
    lhs: str,
    rhs: str,
    *,
    dimension_numbers: Any,
    window_strides: Any,
    padding: Any,
    lhs_dilation: Any,
    rhs_dilation: Any,
    feature_group_count: int,
    batch_group_count: int,
    **_: Any,
) -> Any:
    """Conv; dilated inputs, negative padding and batch groups, which it lacks, are computed by other operations."""
    if batch_group_count != 1:
        return ctx.dispatch(functools.partial(conv_general_dilated, **ctx.eqn.params), lhs, rhs)
    if max(lhs_dilation) > 1 or any(edge < 0 for pair in padding for edge in pair):
        return ctx.dispatch(functools.partial(conv_after_pad, **ctx.eqn.params), lhs, rhs)
    n = dimension_numbers
    pads = [low for low, _ in padding] + [high for _, high in padding]
    made = ctx.target.op(
        "Conv",
        transpose(ctx, lhs, n.lhs_spec),
        transpose(ctx, rhs, n.rhs_spec),
        strides=list(window_strides),
        pads=pads,
        dilations=list(rhs_dilation),
        group=feature_group_count,
    )
    return transpose(ctx, made, np.argsort(n.out_spec))


def _pool(kind: str) -> Callable[..., Any]:
    def rule(
        ctx: Any,
        x: str,
        *,
        window_dimensions: Any,
        window_strides: Any,
        padding: Any,
        base_dilation: Any,
        window_dilation: Any,
        **params: Any,
    ) -> Any:
        shape, out = ctx.in_avals[0].shape, ctx.out_avals[0].shape
        inner = [a for a, n in enumerate(window_dimensions) if (n, window_strides[a], padding[a]) != (1, 1, (0, 0))]
        whole = not np.issubdtype(ctx.out_avals[0].dtype, np.floating)
        odd = whole or max(base_dilation) > 1 or max(window_dilation) > 1
        if odd or not 1 <= len(inner) <= 3 or any(max(padding[a]) >= window_dimensions[a] for a in inner):
            return ctx.dispatch(DECOMPOSED[ctx.eqn.primitive.name](ctx.eqn), x)
        order = [axis for axis in range(len(shape)) if axis not in inner] + inner
        flat = reshape(ctx, transpose(ctx, x, order), [_size(shape, order, inner), 1, *(shape[a] for a in inner)])
        window = [window_dimensions[axis] for axis in inner]
        pads = [padding[axis][0] for axis in inner] + [padding[axis][1] for axis in inner]
        more = {"count_include_pad": 1} if kind == "AveragePool" else {}
        strides = [window_strides[axis] for axis in inner]
        made = ctx.target.op(kind, flat, kernel_shape=window, strides=strides, pads=pads, **more)
        if kind == "AveragePool":
            made = ctx.target.op("Mul", made, ctx.target.constant(math.prod(window), ctx.out_avals[0].dtype))
        made = reshape(ctx, made, [out[axis] for axis in order])
        return transpose(ctx, made, np.argsort(order))

    return rule


def _size(shape: Any, order: Any, inner: Any) -> int:
    return math.prod(shape[axis] for axis in order if axis not in inner)


RULES: dict[str, Callable[..., Any]] = {
    "conv_general_dilated": _conv,
    "dot_general": _dot_general,
    "reduce_window_max": _pool("MaxPool"),
    "reduce_window_sum": _pool("AveragePool"),
}

"""Rules of matrix products and convolutions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gazelle.core.errors import ArgumentError, message
from gazelle.engine.lowering.tensorflow.shaping import padded, reshape, spread, transpose
from gazelle.engine.tensorflow_library import op, tf

if TYPE_CHECKING:
    from jax.lax import ConvDimensionNumbers

    from gazelle.core.types import DTypeLike, Foreign
    from gazelle.engine.lowering.interpreter import Context


def dot_general(
    ctx: Context,
    x: Foreign,
    y: Foreign,
    dimension_numbers: tuple[Any, Any],
    preferred_element_type: DTypeLike | None = None,
    **_: Any,
) -> Foreign:
    """A batched matrix product; the batch axes are those that both operands share."""
    (x_sum, y_sum), (x_batch, y_batch) = dimension_numbers
    dtype = tf.as_dtype(preferred_element_type or ctx.out_avals[0].dtype)
    if dtype.is_integer and dtype != tf.int64:  # dtypes of the kernels
        dtype = tf.int32
    x_shape, y_shape = ctx.in_avals[0].shape, ctx.in_avals[1].shape
    x_free = [a for a in range(len(x_shape)) if a not in (*x_sum, *x_batch)]
    y_free = [a for a in range(len(y_shape)) if a not in (*y_sum, *y_batch)]
    batch, total = [x_shape[a] for a in x_batch], math.prod(x_shape[a] for a in x_sum)
    rows, columns = math.prod(x_shape[a] for a in x_free), math.prod(y_shape[a] for a in y_free)
    x, x_turned = _matrix(tf.cast(x, dtype), x_batch, x_free, x_sum, batch, rows, total)
    y, y_turned = _matrix(tf.cast(y, dtype), y_batch, y_sum, y_free, batch, total, columns)
    if batch:
        out = op("BatchMatMulV2", x=x, y=y, adj_x=x_turned, adj_y=y_turned)
    else:
        out = op("MatMul", a=x, b=y, transpose_a=x_turned, transpose_b=y_turned)
    return tf.cast(reshape(out, ctx.out_avals[0].shape), tf.as_dtype(ctx.out_avals[0].dtype))


def _matrix(
    x: Foreign, batch: Any, first: Any, second: Any, sizes: list[int], rows: int, columns: int
) -> tuple[Any, bool]:
    """x as (batch, rows, columns), and whether MatMul must transpose it, which saves a copy."""
    whole = list(range(len(x.shape)))
    if not x.dtype.is_complex and [*batch, *second, *first] == whole and [*batch, *first, *second] != whole:
        return reshape(x, [*sizes, columns, rows]), True
    return reshape(transpose(x, [*batch, *first, *second]), [*sizes, rows, columns]), False


def convolution(
    ctx: Context,
    x: Foreign,
    kernel: Foreign,
    window_strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int],
    rhs_dilation: Sequence[int],
    dimension_numbers: ConvDimensionNumbers,
    feature_group_count: int,
    batch_group_count: int,
    **_: Any,
) -> Foreign:
    """XLA's convolution as one of TensorFlow: channels last, kernels (..., in, out)."""
    axes = len(window_strides)
    if not 1 <= axes <= 3:
        got = f"{axes} in {ctx.where or 'the program'}"
        raise ArgumentError(message("Axes of a convolution on TensorFlow", expected="1, 2 or 3", got=got))
    lhs, rhs, out = dimension_numbers
    x = transpose(x, (lhs[0], *lhs[2:], lhs[1]))
    kernel = transpose(kernel, (*rhs[2:], rhs[1], rhs[0]))
    groups = feature_group_count
    if batch_group_count > 1:
        x, groups = _batch_groups_as_features(x, batch_group_count), batch_group_count
    padding = [(int(low), int(high)) for low, high in padding]
    if axes == 1:
        x, kernel = tf.expand_dims(x, 1), tf.expand_dims(kernel, 0)
        y = _run(x, kernel, (1, *window_strides), [(0, 0), *padding], (1, *lhs_dilation), (1, *rhs_dilation), groups)
        y = tf.squeeze(y, 1)
    else:
        y = _run(x, kernel, window_strides, padding, lhs_dilation, rhs_dilation, groups)
    back = [0] * (axes + 2)
    for place, axis in enumerate((out[0], *out[2:], out[1])):
        back[axis] = place
    return reshape(transpose(y, back), ctx.out_avals[0].shape)


def _batch_groups_as_features(x: Foreign, groups: int) -> Foreign:
    """(groups * n, ..., channels) -> (n, ..., groups * channels)."""
    shape = [int(n) for n in x.shape]
    x = tf.reshape(x, [groups, shape[0] // groups, *shape[1:]])
    x = transpose(x, [*range(1, len(shape)), 0, len(shape)])
    return tf.reshape(x, [shape[0] // groups, *shape[1:-1], groups * shape[-1]])


def _run(
    x: Foreign,
    kernel: Foreign,
    strides: Sequence[int],
    padding: list[tuple[int, int]],
    spread_x: Sequence[int],
    spread_kernel: Sequence[int],
    groups: int,
) -> Foreign:
    if max(spread_x) > 1:
        if groups == 1 and max(strides) == 1 and max(spread_kernel) == 1 and len(strides) == 2:
            found = _as_gradient(x, kernel, padding, spread_x)
            if found is not None:
                return found
        x = spread(x, 0, [0, *(n - 1 for n in spread_x), 0])
    if any(low < 0 or high < 0 for low, high in padding):
        x = padded(x, tf.cast(0, x.dtype), [(0, 0, 0), *((min(a, 0), min(b, 0), 0) for a, b in padding), (0, 0, 0)])
        padding = [(max(a, 0), max(b, 0)) for a, b in padding]
    if groups > 1:
        return _grouped(x, kernel, strides, padding, spread_kernel, groups)
    return _plain(x, kernel, strides, padding, spread_kernel)


def _plain(
    x: Foreign,
    kernel: Foreign,
    strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    spread_kernel: Sequence[int],
) -> Foreign:
    if len(strides) == 2:
        edges = [(0, 0), *padding, (0, 0)]
        return tf.nn.conv2d(x, kernel, list(strides), edges, dilations=list(spread_kernel))
    kernel = spread(kernel, 0, [*(n - 1 for n in spread_kernel), 0, 0])
    x = padded(x, tf.cast(0, x.dtype), [(0, 0, 0), *((low, high, 0) for low, high in padding), (0, 0, 0)])
    return tf.nn.conv3d(x, kernel, [1, *strides, 1], "VALID")


def _grouped(
    x: Foreign,
    kernel: Foreign,
    strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    spread_kernel: Any,
    groups: int,
) -> Foreign:
    """TensorFlow has a kernel for groups of one channel; wider groups are computed one by one."""
    within, out = int(kernel.shape[-2]), int(kernel.shape[-1])
    if within == 1 and len(strides) == 2 and len(set(strides)) == 1:
        kernel = spread(kernel, 0, [*(n - 1 for n in spread_kernel), 0, 0])
        kernel = tf.reshape(kernel, [*kernel.shape[:-2], groups, out // groups])
        edges = [0, 0, *(n for pair in padding for n in pair), 0, 0]
        return op(
            "DepthwiseConv2dNative",
            input=x,
            filter=kernel,
            strides=[1, *strides, 1],
            padding="EXPLICIT",
            explicit_paddings=edges,
        )
    xs, kernels = tf.split(x, groups, -1), tf.split(kernel, groups, -1)
    return tf.concat([_plain(a, k, strides, padding, spread_kernel) for a, k in zip(xs, kernels, strict=True)], -1)


def _as_gradient(x: Foreign, kernel: Foreign, padding: list[tuple[int, int]], steps: Sequence[int]) -> Foreign:
    """A convolution of a dilated x as the input gradient of a strided one; None if it is not of that form."""
    sizes = [int(n) for n in kernel.shape[:2]]
    shape = [int(n) for n in x.shape]
    before = [(k - 1 - low) for k, (low, _) in zip(sizes, padding, strict=True)]
    wide = [
        (n - 1) * s + 1 + low + high - k + 1
        for n, s, k, (low, high) in zip(shape[1:3], steps, sizes, padding, strict=True)
    ]
    after = [(n - 1) * s + k - b - w for n, s, k, b, w in zip(shape[1:3], steps, sizes, before, wide, strict=True)]
    after = [max(a, 0) for a in after]  # below 0: the strided convolution did not reach the last elements
    reached = [(w + b + a - k) // s + 1 for w, b, a, k, s in zip(wide, before, after, sizes, steps, strict=True)]
    if min(before) < 0 or min(wide) < 1 or reached != shape[1:3]:
        return None
    flipped = tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2])
    edges = [0, 0, before[0], after[0], before[1], after[1], 0, 0]
    return op(
        "Conv2DBackpropInput",
        input_sizes=[shape[0], *wide, int(kernel.shape[3])],
        filter=flipped,
        out_backprop=x,
        strides=[1, *steps, 1],
        padding="EXPLICIT",
        explicit_paddings=edges,
    )


RULES: dict[str, Callable[..., Any]] = {"conv_general_dilated": convolution, "dot_general": dot_general}

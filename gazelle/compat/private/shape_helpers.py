"""Shapes of results: functions of `keras.src`, by which layers of packages compute them."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from typing import Any

from gazelle import ops
from gazelle.core.shape_inference import output_spec
from gazelle.core.symbolic import KerasTensor
from gazelle.core.types import Shape
from gazelle.layers import EinsumDense


def compute_pooling_output_shape(
    input_shape: Shape,
    pool_size: Sequence[int],
    strides: int | Sequence[int] | None,
    padding: str = "valid",
    data_format: str = "channels_last",
) -> Shape:
    """Return the shape after pooling.

    >>> compute_pooling_output_shape((None, 10, 11, 3), (2, 3), None)
    (None, 5, 3, 3)
    """
    return _shape(ops.max_pool, KerasTensor(input_shape), pool_size, strides, padding, data_format)


def compute_conv_output_shape(
    input_shape: Shape,
    filters: int,
    kernel_size: int | Sequence[int],
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str = "channels_last",
    dilation_rate: int | Sequence[int] = 1,
) -> Shape:
    """Return the shape after a convolution.

    >>> compute_conv_output_shape((None, 10, 11, 3), 8, (3, 2), 2, dilation_rate=(2, 1))
    (None, 3, 5, 8)
    """
    window = (kernel_size,) * (len(input_shape) - 2) if isinstance(kernel_size, int) else kernel_size
    channels = input_shape[1 if data_format == "channels_first" else -1]
    kernel = KerasTensor((*window, channels, filters))
    padding = "same" if padding == "causal" else padding  # the sizes are the same
    return _shape(ops.conv, KerasTensor(input_shape), kernel, strides, padding, data_format, dilation_rate)


def analyze_einsum_string(
    equation: str, bias_axes: str | None, input_shape: Shape, output_shape: int | Shape
) -> tuple[list[int], list[int] | None, list[int | None]]:
    """Return the shapes of kernel, bias and output of `EinsumDense`.

    >>> analyze_einsum_string("abc,cde->abde", "de", (None, 5, 6), (5, 2, 3))[:2]
    ([6, 2, 3], [2, 3])
    """
    layer = EinsumDense(equation, output_shape, bias_axes=bias_axes)
    layer.build(input_shape)
    bias = None if layer.bias is None else list(layer.bias.shape)
    return list(layer.kernel.shape), bias, list(layer.compute_output_shape(input_shape))


def analyze_quantization_info(equation: str, input_shape: Shape) -> tuple[Any, ...]:
    """Return ten values, of which the ninth is the equation of the gradient of x; the others are None here.

    >>> analyze_quantization_info("...x,xy->...y", (None, 3, 4))[8]
    'BAy,xy->BAx'
    """
    inputs, kernel, outputs = equation.replace(" ", "").replace("->", ",").split(",")
    hidden = string.ascii_uppercase[: len(input_shape) - len(inputs.replace("...", ""))]
    hidden = hidden[::-1] if inputs.startswith("...") else hidden
    inputs, outputs = inputs.replace("...", hidden), outputs.replace("...", hidden)
    return (*[None] * 8, f"{outputs},{kernel}->{inputs}", None)


def _shape(function: Callable[..., Any], *args: Any) -> Shape:
    return output_spec(function, args, {}).shape

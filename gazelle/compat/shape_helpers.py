"""Shapes of results: functions of `keras.src.ops.operation_utils`, by which layers of packages compute them."""

from __future__ import annotations

from collections.abc import Sequence

from gazelle.compat.utils import conv_output_length
from gazelle.core.errors import ShapeError, message
from gazelle.core.types import Shape


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
    channels, sizes = _parts(input_shape, data_format)
    windows = _windows(sizes, pool_size, pool_size if strides is None else strides, padding, 1)
    return _joined(input_shape[0], channels, windows, data_format)


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
    sizes = _parts(input_shape, data_format)[1]
    return _joined(input_shape[0], filters, _windows(sizes, kernel_size, strides, padding, dilation_rate), data_format)


def _parts(shape: Shape, data_format: str) -> tuple[int | None, Shape]:
    """The number of channels, and the other sizes of one sample."""
    return (shape[-1], shape[1:-1]) if data_format == "channels_last" else (shape[1], shape[2:])


def _joined(batch: int | None, channels: int | None, sizes: Shape, data_format: str) -> Shape:
    return (batch, *sizes, channels) if data_format == "channels_last" else (batch, channels, *sizes)


def _windows(
    sizes: Shape,
    window: int | Sequence[int],
    strides: int | Sequence[int],
    padding: str,
    dilation: int | Sequence[int],
) -> Shape:
    """The number of positions of a window along each axis."""
    given = [[each] * len(sizes) if isinstance(each, int) else list(each) for each in (window, strides, dilation)]
    found = tuple(
        conv_output_length(size, width, padding, stride, rate)
        for size, width, stride, rate in zip(sizes, *given, strict=True)
    )
    if any(n is not None and n < 1 for n in found):
        raise ShapeError(message("A window", expected=f"at most the size of the input, {sizes}", got=f"{given[0]}"))
    return found

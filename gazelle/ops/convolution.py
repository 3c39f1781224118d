"""Convolutions over 1, 2 or 3 spatial axes: arguments and padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.types import Array, ArrayLike
from gazelle.ops.base import op
from gazelle.ops.convolution_forms import Pads, convolve
from gazelle.ops.space import moved_first, moved_last, per_axis

__all__ = ["conv", "conv_transpose", "depthwise_conv", "separable_conv"]


@op
def conv(
    inputs: ArrayLike,
    kernel: ArrayLike,
    strides: int | Sequence[int] = 1,
    padding: str | Sequence[tuple[int, int]] = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Array:
    """Compute a convolution:  y[n, i, o] = Σ_k Σ_c x[n, i strides + k dilation_rate, c] kernel[k, c, o].

    Args:
        inputs: Array (batch, *space, in), with 1, 2 or 3 axes of space.
        kernel: Array (*window, in / groups, out). If it takes fewer channels than `inputs` has, these are split into
            groups.
        strides: Distance of the windows: one integer, or one for each axis of space.
        padding: 'valid', 'same', or a pair (before, after) for each axis of space.
        data_format: 'channels_last' or 'channels_first'; None is `gazelle.config.image_data_format()`.
        dilation_rate: Distance of the kernel's elements: one integer, or one for each axis of space.

    Returns:
        An array (batch, *space, out).

    Raises:
        ShapeError: If the channels do not divide, or no window fits into the input.

    Example:
        >>> conv(np.ones((1, 5, 5, 2)), np.ones((3, 3, 2, 4))).shape
        (1, 3, 3, 4)
    """
    x = moved_last(inputs, data_format)
    channels, taken = x.shape[-1], kernel.shape[-2]
    if kernel.ndim != x.ndim or channels % taken:
        raise ShapeError(
            message(
                "conv",
                expected=f"{kernel.ndim} axes and a multiple of {taken} channels, as the kernel of shape "
                f"{tuple(kernel.shape)} takes",
                got=f"shape {tuple(inputs.shape)}",
            )
        )
    return moved_first(_apply(x, kernel, strides, padding, dilation_rate, channels // taken), data_format)


@op
def depthwise_conv(
    inputs: ArrayLike,
    kernel: ArrayLike,
    strides: int | Sequence[int] = 1,
    padding: str | Sequence[tuple[int, int]] = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Array:
    """Compute a convolution of each channel by itself.

    Args:
        inputs: Array (batch, *space, in).
        kernel: Array (*window, in, multiplier).
        strides: Distance of the windows: one integer, or one for each axis of space.
        padding: 'valid', 'same', or a pair (before, after) for each axis of space.
        data_format: 'channels_last' or 'channels_first'; None is `gazelle.config.image_data_format()`.
        dilation_rate: Distance of the kernel's elements: one integer, or one for each axis of space.

    Returns:
        An array (batch, *space, in · multiplier).

    Raises:
        ShapeError: If the number of channels differs from that of the kernel.

    Example:
        >>> gazelle.ops.depthwise_conv(np.ones((1, 5, 5, 2)), np.ones((3, 3, 2, 4))).shape
        (1, 3, 3, 8)
    """
    x = moved_last(inputs, data_format)
    channels = x.shape[-1]
    if kernel.ndim != x.ndim or kernel.shape[-2] != channels:
        raise ShapeError(
            message(
                "depthwise_conv",
                expected=f"{kernel.shape[-2]} channels, as the kernel of shape {tuple(kernel.shape)} has",
                got=f"shape {tuple(inputs.shape)}",
            )
        )
    kernel = kernel.reshape(*kernel.shape[:-2], 1, -1)
    return moved_first(_apply(x, kernel, strides, padding, dilation_rate, channels), data_format)


@op
def separable_conv(
    inputs: ArrayLike,
    depthwise_kernel: ArrayLike,
    pointwise_kernel: ArrayLike,
    strides: int | Sequence[int] = 1,
    padding: str | Sequence[tuple[int, int]] = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Array:
    """Compute a depthwise convolution, then a convolution of window 1 that mixes the channels.

    Args:
        inputs: Array (batch, *space, in).
        depthwise_kernel: Array (*window, in, multiplier).
        pointwise_kernel: Array (*ones, in · multiplier, out).
        strides: Distance of the windows: one integer, or one for each axis of space.
        padding: 'valid', 'same', or a pair (before, after) for each axis of space.
        data_format: 'channels_last' or 'channels_first'; None is `gazelle.config.image_data_format()`.
        dilation_rate: Distance of the kernel's elements: one integer, or one for each axis of space.

    Returns:
        An array (batch, *space, out).
    """
    x = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(x, pointwise_kernel, 1, "valid", data_format)


@op
def conv_transpose(
    inputs: ArrayLike,
    kernel: ArrayLike,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    output_padding: int | Sequence[int] | None = None,
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Array:
    """Compute the transpose of a convolution: each input adds the scaled kernel to the output, `strides` apart.

    With w = (window - 1) dilation_rate + 1 and p = `output_padding` the output has the size (space - 1) strides + w +
    p ('valid') or (space - 1) strides + w % 2 + p ('same'). Without `output_padding` it has (space - 1) strides +
    max(w, strides) ('valid') or space · strides ('same').

    Args:
        inputs: Array (batch, *space, in).
        kernel: Array (*window, out, in).
        strides: Distance of the windows: one integer, or one for each axis of space.
        padding: 'valid' or 'same'.
        output_padding: Additional size of the output; None chooses it.
        data_format: 'channels_last' or 'channels_first'; None is `gazelle.config.image_data_format()`.
        dilation_rate: Distance of the kernel's elements: one integer, or one for each axis of space.

    Returns:
        An array (batch, *space, out).

    Raises:
        ShapeError: If the number of channels differs from that of the kernel.

    Example:
        >>> gazelle.ops.conv_transpose(np.ones((1, 3, 2)), np.ones((2, 4, 2)), strides=2).shape
        (1, 6, 4)
    """
    x = moved_last(inputs, data_format)
    if kernel.ndim != x.ndim or kernel.shape[-1] != x.shape[-1]:
        raise ShapeError(
            message(
                "conv_transpose",
                expected=f"{kernel.shape[-1]} channels, as the kernel of shape {tuple(kernel.shape)} takes",
                got=f"shape {tuple(inputs.shape)}",
            )
        )
    rank = x.ndim - 2
    steps, dilations = per_axis("strides", strides, rank), per_axis("dilation_rate", dilation_rate, rank)
    extra = per_axis("output_padding", output_padding, rank) if output_padding is not None else (None,) * rank
    pads = tuple(
        _transposed_pads(k, s, d, padding, p)
        for k, s, d, p in zip(kernel.shape[:-2], steps, dilations, extra, strict=True)
    )
    kernel = jnp.swapaxes(jnp.flip(kernel, range(rank)), -1, -2)
    x = x.astype(kernel.dtype)
    return moved_first(convolve(x, kernel, (1,) * rank, pads, steps, dilations), data_format)


def _transposed_pads(window: int, stride: int, dilation: int, padding: str, extra: int | None) -> tuple[int, int]:
    """The padding of the dilated input with which the output has Keras' size."""
    reach = (window - 1) * dilation + 1
    if padding not in ("valid", "same"):
        raise ArgumentError(message("conv_transpose's padding", expected="'valid' or 'same'", got=repr(padding)))
    if padding == "valid":
        return reach - 1, reach - 1 + (max(stride - reach, 0) if extra is None else extra)
    total = reach - 2 + (stride if extra is None else reach % 2 + extra)
    low = min((total + 1) // 2, reach - 1)
    return low, total - low


def _apply(x: Any, kernel: Any, strides: Any, padding: Any, dilation_rate: Any, groups: int) -> Any:
    rank = x.ndim - 2
    steps, dilations = per_axis("strides", strides, rank), per_axis("dilation_rate", dilation_rate, rank)
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel.shape[:-2], dilations, strict=True))
    pads = _pads(x.shape[1:-1], reach, steps, padding)
    x = x.astype(kernel.dtype)
    for size, window, (low, high) in zip(x.shape[1:-1], reach, pads, strict=True):
        if size + low + high < window:
            raise ShapeError(
                message(
                    f"Nothing is left of an input of shape {tuple(x.shape)}",
                    expected=f"space of at least {reach}",
                    got=tuple(x.shape[1:-1]),
                    hint="Use padding='same', a smaller kernel or a larger input.",
                )
            )
    return convolve(x, kernel, steps, pads, (1,) * rank, dilations, groups)


def _pads(space: Sequence[int], reach: Sequence[int], strides: Sequence[int], padding: Any) -> Pads:
    if isinstance(padding, str):
        if padding.lower() not in ("valid", "same"):
            raise ArgumentError(message("conv's padding", expected="'valid', 'same' or pairs", got=repr(padding)))
        padding = lax.padtype_to_pads(space, reach, strides, padding.upper())
    return tuple((int(low), int(high)) for low, high in padding)

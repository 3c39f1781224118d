"""Convolutions over 1, 2 or 3 axes of space.

On a CPU the gradient with respect to the kernel needs care. What JAX derives is a convolution whose batch axis stands
where XLA's fast kernels do not look for it; outside of a loop a pass of XLA moves it, inside a `while` it does not, and
a scalar loop a hundred times slower is left. So here the tangent is written such that its transpose, which is what
training computes, is a convolution in plain order (batch, space, channels), with channels as the batch.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.ops.base import op, public
from gazelle.ops.space import moved_first, moved_last, per_axis

_SPACE = {3: "W", 4: "HW", 5: "DHW"}  # number of axes -> letters of those of space
Pads = tuple[tuple[int, int], ...]


@op
def conv(
    inputs: Any, kernel: Any, strides: Any = 1, padding: Any = "valid", data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:  # fmt: skip
    """y[n, i, o] = Σ_k Σ_c x[n, i strides + k dilation_rate, c] kernel[k, c, o]

    x (batch, *space, in) · kernel (*window, in / groups, out)  ->  y (batch, *space, out)

    `padding` is 'valid', 'same' or pairs of numbers, `data_format` 'channels_last' or 'channels_first'. A kernel for
    fewer input channels than there are splits the channels into groups. Raises ShapeError if they do not divide, or if
    nothing is left of the input.

    >>> conv(np.ones((1, 5, 5, 2)), np.ones((3, 3, 2, 4))).shape
    (1, 3, 3, 4)
    """
    x = moved_last(inputs, data_format)
    channels, taken = x.shape[-1], kernel.shape[-2]
    if kernel.ndim != x.ndim or channels % taken:
        raise ShapeError(
            message("conv", expected=f"{kernel.ndim} axes and a multiple of {taken} channels, as the kernel of shape "
                    f"{tuple(kernel.shape)} takes", got=f"shape {tuple(inputs.shape)}")
        )  # fmt: skip
    return moved_first(_apply(x, kernel, strides, padding, dilation_rate, channels // taken), data_format)


@op
def depthwise_conv(
    inputs: Any, kernel: Any, strides: Any = 1, padding: Any = "valid", data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:  # fmt: skip
    """A convolution of each channel by itself: x (batch, *space, in) · kernel (*window, in, m) -> (..., in m)."""
    x = moved_last(inputs, data_format)
    channels = x.shape[-1]
    if kernel.ndim != x.ndim or kernel.shape[-2] != channels:
        raise ShapeError(
            message("depthwise_conv", expected=f"{kernel.shape[-2]} channels, as the kernel of shape "
                    f"{tuple(kernel.shape)} has", got=f"shape {tuple(inputs.shape)}")
        )  # fmt: skip
    kernel = kernel.reshape(*kernel.shape[:-2], 1, -1)
    return moved_first(_apply(x, kernel, strides, padding, dilation_rate, channels), data_format)


@op
def separable_conv(
    inputs: Any, depthwise_kernel: Any, pointwise_kernel: Any, strides: Any = 1, padding: Any = "valid",
    data_format: str | None = None, dilation_rate: Any = 1,
) -> Any:  # fmt: skip
    """`depthwise_conv`, then a `conv` of window 1 that mixes the channels."""
    x = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(x, pointwise_kernel, 1, "valid", data_format)


@op
def conv_transpose(
    inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid", output_padding: Any = None,
    data_format: str | None = None, dilation_rate: Any = 1,
) -> Any:  # fmt: skip
    """The transpose of `conv`: every input adds `kernel`, times itself, to the output, `strides` apart.

    x (batch, *space, in) · kernel (*window, out, in)  ->  y (batch, *space, out)

    With w = (window - 1) dilation_rate + 1 the output has (space - 1) strides + w + p places ('valid') or
    (space - 1) strides + w % 2 + p ('same'), p being `output_padding`. Without it the output has
    (space - 1) strides + max(w, strides) places ('valid') or space strides ('same').
    """
    x = moved_last(inputs, data_format)
    if kernel.ndim != x.ndim or kernel.shape[-1] != x.shape[-1]:
        raise ShapeError(
            message("conv_transpose", expected=f"{kernel.shape[-1]} channels, as the kernel of shape "
                    f"{tuple(kernel.shape)} takes", got=f"shape {tuple(inputs.shape)}")
        )  # fmt: skip
    rank = x.ndim - 2
    steps, dilations = per_axis("strides", strides, rank), per_axis("dilation_rate", dilation_rate, rank)
    extra = per_axis("output_padding", output_padding, rank) if output_padding is not None else (None,) * rank
    pads = tuple(
        _transposed_pads(k, s, d, padding, p)
        for k, s, d, p in zip(kernel.shape[:-2], steps, dilations, extra, strict=True)
    )
    kernel = jnp.swapaxes(jnp.flip(kernel, range(rank)), -1, -2)
    x = x.astype(kernel.dtype)
    ones = (1,) * rank
    if jax.default_backend() != "cpu":
        return moved_first(_plain(x, kernel, ones, pads, steps, dilations, 1), data_format)
    return moved_first(_conv(x, kernel, ones, pads, steps, dilations), data_format)


def _transposed_pads(window: int, stride: int, dilation: int, padding: str, extra: int | None) -> tuple[int, int]:
    """How far the stretched input is padded, so that the output has Keras' size."""
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
                message(f"Nothing is left of an input of shape {tuple(x.shape)}", expected=f"space of at least {reach}",
                        got=tuple(x.shape[1:-1]), mend="Use padding='same', a smaller kernel or a larger input.")
            )  # fmt: skip
    ones = (1,) * rank
    if groups > 1 or jax.default_backend() != "cpu":
        return _plain(x, kernel, steps, pads, ones, dilations, groups)
    return _conv(x, kernel, steps, pads, ones, dilations)


def _pads(space: Sequence[int], reach: Sequence[int], strides: Sequence[int], padding: Any) -> Pads:
    if isinstance(padding, str):
        if padding.lower() not in ("valid", "same"):
            raise ArgumentError(message("conv's padding", expected="'valid', 'same' or pairs", got=repr(padding)))
        padding = lax.padtype_to_pads(space, reach, strides, padding.upper())
    return tuple((int(low), int(high)) for low, high in padding)


def _plain(
    x: Any, kernel: Any, strides: Any, pads: Any, stretch: Any, dilations: Any, groups: int = 1, order: Any = None
) -> Any:
    space = _SPACE[x.ndim]
    order = order or (f"N{space}C", f"{space}IO", f"N{space}C")
    return lax.conv_general_dilated(
        x, kernel, strides, pads, lhs_dilation=stretch, rhs_dilation=dilations, dimension_numbers=order,
        feature_group_count=groups,
    )  # fmt: skip


@functools.partial(jax.custom_jvp, nondiff_argnums=(2, 3, 4, 5))
def _conv(x: Any, kernel: Any, strides: Any, pads: Any, stretch: Any, dilations: Any) -> Any:
    return _plain(x, kernel, strides, pads, stretch, dilations)


@_conv.defjvp
def _conv_tangent(strides: Any, pads: Any, stretch: Any, dilations: Any, primals: Any, tangents: Any) -> Any:
    (x, kernel), (dx, dkernel) = primals, tangents
    y = _conv(x, kernel, strides, pads, stretch, dilations)
    # The same convolution twice, with axes turned so that the transposes, which are what training computes, read
    #   dx (batch, *space, in) = dy (batch, *space, out) * kernel (*window, out, in), turned round
    #   dkernel (in, *window, out) = x (in, *space, batch) * dy (*space, batch, out)
    # in plain order.
    space = _SPACE[x.ndim]
    settings = strides, pads, stretch, dilations, 1
    by_x = _plain(dx, jnp.swapaxes(kernel, -1, -2), *settings, (f"N{space}C", f"{space}OI", f"N{space}C"))
    x, dkernel = jnp.moveaxis(x, (0, -1), (-1, 0)), jnp.moveaxis(dkernel, -2, 0)
    by_kernel = _plain(x, dkernel, *settings, (f"C{space}N", f"I{space}O", f"{space}NC"))
    return y, by_x + jnp.moveaxis(by_kernel, -2, 0)


__all__ = public(globals())

"""The convolution itself, in forms that stay fast on a CPU: inside of a loop, and on the way back.

What JAX derives for the kernel is a convolution whose batch axis stands where XLA's fast kernels do not look for it;
outside of a loop a pass of XLA moves it, inside a `while` it does not, and a scalar loop a hundred times slower is
left. So here the tangent is written such that its transpose, which is what training computes, is a convolution in plain
order (batch, space, channels), with channels as the batch. Its window is all of space, read once for each place of the
kernel: this is fast only from a cache, so it goes in pieces of the batch, whose sum is the gradient.

A window of one place is a matrix product. For groups, single channels and three axes XLA has no fast kernel at all;
they are made of what it has. Other devices take the plain convolution.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gazelle.ops.windows import on_cpu, padded, places

_SPACE = {3: "W", 4: "HW", 5: "DHW"}  # number of axes -> letters of those of space
_PIECE = 2**20  # bytes at once of what stands for the window: a share of the second-level cache
_WIDE = 32  # channels: fewer do not fill the kernels, so groups below go together
_MOST_PLACES = 256  # larger windows of single channels are left to XLA: each place is an operation of its own
Pads = tuple[tuple[int, int], ...]


def convolve(x: Any, kernel: Any, strides: Any, pads: Pads, stretch: Any, dilations: Any, groups: int = 1) -> Any:
    """x (batch, *space, in), `stretch` apart and padded, with kernel (*window, in / groups, out), `dilations` apart."""
    window = kernel.shape[:-2]
    if not on_cpu():
        return _plain(x, kernel, strides, pads, stretch, dilations, groups)
    if groups > 1 and kernel.shape[-2] == 1 and math.prod(window) <= _MOST_PLACES:
        x = padded(jnp.repeat(x, kernel.shape[-1] // groups, -1), np.zeros((), x.dtype), pads)
        return _weighted(x, kernel.reshape(-1, kernel.shape[-1]), window, strides, dilations)
    if groups > 1:
        return _grouped(x, kernel, groups, strides, pads, stretch, dilations)
    if max(window) == max(stretch) == 1:
        x = places(padded(x, np.zeros((), x.dtype), pads), window, strides)[0]
        return (x.reshape(-1, x.shape[-1]) @ kernel.reshape(kernel.shape[-2:])).reshape(*x.shape[:-1], kernel.shape[-1])
    if len(window) == 3:
        return _by_slices(x, kernel, strides, pads, stretch, dilations)
    return _conv(x, kernel, strides, pads, stretch, dilations)


def _plain(
    x: Any, kernel: Any, strides: Any, pads: Any, stretch: Any, dilations: Any, groups: int = 1, order: Any = None
) -> Any:
    space = _SPACE[x.ndim]
    order = order or (f"N{space}C", f"{space}IO", f"N{space}C")
    return lax.conv_general_dilated(
        x,
        kernel,
        strides,
        pads,
        lhs_dilation=stretch,
        rhs_dilation=dilations,
        dimension_numbers=order,
        feature_group_count=groups,
    )


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
    order = f"N{space}C", f"{space}OI", f"N{space}C"
    by_x = _plain(dx, jnp.swapaxes(kernel, -1, -2), strides, pads, stretch, dilations, 1, order)
    by_kernel = _by_kernel_of_transpose if max(stretch) > 1 else _by_kernel
    return y, by_x + by_kernel(x, dkernel, y, strides, pads, stretch, dilations)


def _by_kernel(x: Any, dkernel: Any, y: Any, strides: Any, pads: Any, stretch: Any, dilations: Any) -> Any:
    x = lax.optimization_barrier(x)  # else each piece computes again what x is made of
    space = _SPACE[x.ndim]
    order = f"C{space}N", f"I{space}O", f"{space}NC"
    dkernel = jnp.moveaxis(dkernel, -2, 0)
    pieces = [
        _plain(jnp.moveaxis(piece, (0, -1), (-1, 0)), dkernel, strides, pads, stretch, dilations, 1, order)
        for piece in _pieces(x, y)
    ]
    return jnp.concatenate([jnp.moveaxis(piece, -2, 0) for piece in pieces])


def _by_kernel_of_transpose(x: Any, dkernel: Any, y: Any, strides: Any, pads: Any, stretch: Any, dilations: Any) -> Any:
    """Here y is larger than x, and x stands for the window, turned round:
    dkernel (out, *window, in) = dy (out, *space, batch) * x (*space, batch, in)."""
    space = _SPACE[x.ndim]
    order = f"N{space}C", f"{space}OI", f"N{space}C"
    around = []
    for n, k, m, (low, _), s, t, d in zip(
        x.shape[1:-1], dkernel.shape[:-2], y.shape[1:-1], pads, strides, stretch, dilations, strict=True
    ):
        before = (n - 1) * t + low - (k - 1) * d
        around.append((before, (m - 1) * s + (n - 1) * t - (k - 1) * d - before))
    turned = tuple(range(x.ndim - 2))
    dkernel = jnp.moveaxis(jnp.flip(dkernel, turned), -1, 0)
    pieces = [
        _plain(dkernel, jnp.flip(jnp.moveaxis(piece, 0, -2), turned), strides, around, dilations, stretch, 1, order)
        for piece in _pieces(x, x)
    ]
    return jnp.concatenate([jnp.moveaxis(piece, (0, -1), (-1, 0)) for piece in pieces])


def _pieces(x: Any, window: Any) -> list[Any]:
    """The batch of x in equal pieces, such that each has at most `_PIECE` bytes of `window`."""
    n = x.shape[0]
    if not isinstance(n, int):  # a size that is not known yet
        return [x]
    least = max(1, min(n, -(-window.size * window.dtype.itemsize // _PIECE)))
    count = next((c for c in range(least, 2 * least) if n % c == 0), least)
    return [x[i : i + -(-n // count)] for i in range(0, n, -(-n // count))]


def _by_slices(x: Any, kernel: Any, strides: Any, pads: Any, stretch: Any, dilations: Any) -> Any:
    """Three axes: windows over the last two, with what the first one sees as more channels."""
    depth, *window, channels, units = kernel.shape
    x = lax.pad(x, np.zeros((), x.dtype), [(*pads[0], stretch[0] - 1) if a == 1 else (0, 0, 0) for a in range(5)])
    x = jnp.concatenate(places(x, (depth, 1, 1), (strides[0], 1, 1), (dilations[0], 1, 1)), -1)
    kernel = jnp.moveaxis(kernel, 0, 2).reshape(*window, depth * channels, units)
    y = _conv(x.reshape(-1, *x.shape[2:]), kernel, strides[1:], pads[1:], stretch[1:], dilations[1:])
    return y.reshape(*x.shape[:2], *y.shape[1:])


def _grouped(x: Any, kernel: Any, groups: int, *settings: Any) -> Any:
    """A convolution for each group; small groups go together, with 0 where a kernel does not look."""
    *window, channels, out = kernel.shape
    many = max(m for m in range(1, groups + 1) if groups % m == 0 and m * channels <= max(_WIDE, channels))
    kernel = kernel.reshape(*window, 1, channels, groups // many, many, out // groups)
    kernel = kernel * jnp.eye(many, dtype=kernel.dtype).reshape(many, 1, 1, many, 1)
    kernel = kernel.reshape(*window, many * channels, out)
    parts = zip(jnp.split(x, groups // many, -1), jnp.split(kernel, groups // many, -1), strict=True)
    return jnp.concatenate([convolve(part, its, *settings) for part, its in parts], -1)


@functools.partial(jax.custom_jvp, nondiff_argnums=(2, 3, 4))
def _weighted(x: Any, weights: Any, window: Any, strides: Any, dilations: Any) -> Any:
    """Each channel by itself: the sum over the places of a window, times their weights (places, channels)."""
    return sum(part * weight for part, weight in zip(places(x, window, strides, dilations), weights, strict=True))


@_weighted.defjvp
def _weighted_tangent(window: Any, strides: Any, dilations: Any, primals: Any, tangents: Any) -> Any:
    (x, weights), (dx, dweights) = primals, tangents
    y = _weighted(x, weights, window, strides, dilations)
    by_x = _weighted(dx, weights, window, strides, dilations)
    # A sum over all but the channels is slow. So each part of the batch is weighted by the same wide array: the
    # transpose adds up the parts, channels side by side, before it sums the one that is left. The barrier keeps XLA
    # from making one sum of the two again.
    n = x.shape[0]
    most = min(16, _MOST_PLACES // len(weights))
    count = max(c for c in range(1, most + 1) if n % c == 0) if isinstance(n, int) else 1
    wide = [lax.optimization_barrier(jnp.broadcast_to(weight, (n // count, *y.shape[1:]))) for weight in dweights]
    parts = zip(*(jnp.split(part, count) for part in places(x, window, strides, dilations)), strict=True)
    return y, by_x + jnp.concatenate([sum(map(jnp.multiply, part, wide)) for part in parts])

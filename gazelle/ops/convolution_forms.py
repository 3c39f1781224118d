"""Convolutions in forms that are fast on a CPU, inside loops and in the backward pass.

The gradient for the kernel that JAX derives is a convolution whose batch axis is not where XLA's fast kernels expect
it. Outside of a loop a pass of XLA moves the axis; inside a `while` it does not, and a scalar loop a hundred times
slower is left. So the tangent is written such that its transpose, which training computes, is a convolution in the
usual order (batch, space, channels), with channels as the batch. Its window is all of space, read once for each element
of the kernel: this is fast only from a cache, so the batch is split into chunks whose gradients are added.

A window of size one is a matrix product. For groups, single channels and three axes of space XLA has no fast kernel;
these are composed of operations that have one. Other devices use the plain convolution.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gazelle.core import budget
from gazelle.core.engines import engine
from gazelle.ops import native
from gazelle.ops.platforms import by_platform
from gazelle.ops.windows import padded, window_slices

if TYPE_CHECKING:
    from gazelle.core.types import Array

_SPACE = {3: "W", 4: "HW", 5: "DHW"}  # number of axes -> letters of the axes of space
_CHUNK_BYTES = 2**20  # of the window at once: a fraction of the second-level cache
_MIN_CHANNELS = 32  # smaller groups are joined, as fewer channels do not fill the kernels
_MAX_WINDOW = 256  # larger windows of single channels are left to XLA: each element is an operation
Pads = tuple[tuple[int, int], ...]


def convolve(
    x: Array,
    kernel: Array,
    strides: Sequence[int],
    pads: Pads,
    input_dilation: Sequence[int],
    dilations: Sequence[int],
    groups: int = 1,
) -> Array:
    """Convolve x (batch, *space, in) with kernel (*window, in / groups, out), in the fastest form for the platform."""

    def form(convolution: Any) -> Any:
        return lambda x, kernel: convolution(x, kernel, strides, pads, input_dilation, dilations, groups)

    return by_platform(form(_on_cpu), form(_plain), x, kernel)


def _on_cpu(x: Any, kernel: Any, strides: Any, pads: Pads, input_dilation: Any, dilations: Any, groups: int = 1) -> Any:
    window = kernel.shape[:-2]
    if engine() == "xla":
        by_onednn = native.convolve(x, kernel, strides, pads, input_dilation, dilations, groups)
        if by_onednn is not None:
            return by_onednn
    if groups > 1 and kernel.shape[-2] == 1 and math.prod(window) <= _MAX_WINDOW:
        x = padded(jnp.repeat(x, kernel.shape[-1] // groups, -1), np.zeros((), x.dtype), pads)
        return _depthwise(x, kernel.reshape(-1, kernel.shape[-1]), window, strides, dilations)
    if groups > 1:
        return _grouped(x, kernel, groups, strides, pads, input_dilation, dilations)
    if max(window) == max(input_dilation) == 1:
        x = window_slices(padded(x, np.zeros((), x.dtype), pads), window, strides)[0]
        return (x.reshape(-1, x.shape[-1]) @ kernel.reshape(kernel.shape[-2:])).reshape(*x.shape[:-1], kernel.shape[-1])
    if len(window) == 3:
        return _conv_3d(x, kernel, strides, pads, input_dilation, dilations)
    return _conv(x, kernel, strides, pads, input_dilation, dilations)


def _plain(
    x: Any,
    kernel: Any,
    strides: Any,
    pads: Any,
    input_dilation: Any,
    dilations: Any,
    groups: int = 1,
    order: Any = None,
) -> Any:
    space = _SPACE[x.ndim]
    order = order or (f"N{space}C", f"{space}IO", f"N{space}C")
    return lax.conv_general_dilated(
        x,
        kernel,
        strides,
        pads,
        lhs_dilation=input_dilation,
        rhs_dilation=dilations,
        dimension_numbers=order,
        feature_group_count=groups,
    )


@functools.partial(jax.custom_jvp, nondiff_argnums=(2, 3, 4, 5))
def _conv(x: Any, kernel: Any, strides: Any, pads: Any, input_dilation: Any, dilations: Any) -> Any:
    return _plain(x, kernel, strides, pads, input_dilation, dilations)


@_conv.defjvp
def _conv_tangent(strides: Any, pads: Any, input_dilation: Any, dilations: Any, primals: Any, tangents: Any) -> Any:
    (x, kernel), (dx, dkernel) = primals, tangents
    y = _conv(x, kernel, strides, pads, input_dilation, dilations)
    # The same convolution twice, with axes permuted so that the transposes, which training computes, are
    #   dx (batch, *space, in) = dy (batch, *space, out) * kernel (*window, out, in), flipped
    #   dkernel (in, *window, out) = x (in, *space, batch) * dy (*space, batch, out)
    # in the usual order.
    space = _SPACE[x.ndim]
    order = f"N{space}C", f"{space}OI", f"N{space}C"
    by_x = _plain(dx, jnp.swapaxes(kernel, -1, -2), strides, pads, input_dilation, dilations, 1, order)
    by_kernel = _by_kernel_of_transpose if max(input_dilation) > 1 else _by_kernel
    return y, by_x + by_kernel(x, dkernel, y, strides, pads, input_dilation, dilations)


def _by_kernel(x: Any, dkernel: Any, y: Any, strides: Any, pads: Any, input_dilation: Any, dilations: Any) -> Any:
    x = lax.optimization_barrier(x)  # otherwise XLA computes x again for each chunk
    space = _SPACE[x.ndim]
    order = f"C{space}N", f"I{space}O", f"{space}NC"
    dkernel = jnp.moveaxis(dkernel, -2, 0)
    chunks = [
        _plain(jnp.moveaxis(chunk, (0, -1), (-1, 0)), dkernel, strides, pads, input_dilation, dilations, 1, order)
        for chunk in _chunks(x, y)
    ]
    return jnp.concatenate([jnp.moveaxis(chunk, -2, 0) for chunk in chunks])


def _by_kernel_of_transpose(
    x: Any, dkernel: Any, y: Any, strides: Any, pads: Any, input_dilation: Any, dilations: Any
) -> Any:
    """The tangent of a transposed convolution for its kernel: y is larger than x, the flipped x is the window.

    dkernel (out, *window, in) = dy (out, *space, batch) * x (*space, batch, in).
    """
    space = _SPACE[x.ndim]
    order = f"N{space}C", f"{space}OI", f"N{space}C"
    padding = []
    for n, k, m, (low, _), s, t, d in zip(
        x.shape[1:-1], dkernel.shape[:-2], y.shape[1:-1], pads, strides, input_dilation, dilations, strict=True
    ):
        before = (n - 1) * t + low - (k - 1) * d
        padding.append((before, (m - 1) * s + (n - 1) * t - (k - 1) * d - before))
    axes = tuple(range(x.ndim - 2))
    dkernel = jnp.moveaxis(jnp.flip(dkernel, axes), -1, 0)
    chunks = [
        _plain(
            dkernel, jnp.flip(jnp.moveaxis(chunk, 0, -2), axes), strides, padding, dilations, input_dilation, 1, order
        )
        for chunk in _chunks(x, x)
    ]
    return jnp.concatenate([jnp.moveaxis(chunk, (0, -1), (-1, 0)) for chunk in chunks])


def _chunks(x: Any, window: Any) -> list[Any]:
    """Split the batch of x into equal chunks with at most `_CHUNK_BYTES` of `window` each."""
    n = x.shape[0]
    if not isinstance(n, int):  # a size that is not known yet
        return [x]
    least = max(1, min(n, -(-window.size * window.dtype.itemsize // _CHUNK_BYTES)))
    count = next((c for c in range(least, 2 * least) if n % c == 0), least)
    return [x[i : i + -(-n // count)] for i in range(0, n, -(-n // count))]


def _conv_3d(x: Any, kernel: Any, strides: Any, pads: Any, input_dilation: Any, dilations: Any) -> Any:
    """Three spatial axes: convolve over the last two, with the windows of the first one as channels."""
    depth, *window, channels, units = kernel.shape
    x = lax.pad(
        x, np.zeros((), x.dtype), [(*pads[0], input_dilation[0] - 1) if a == 1 else (0, 0, 0) for a in range(5)]
    )
    x = jnp.concatenate(window_slices(x, (depth, 1, 1), (strides[0], 1, 1), (dilations[0], 1, 1)), -1)
    kernel = jnp.moveaxis(kernel, 0, 2).reshape(*window, depth * channels, units)
    y = _conv(x.reshape(-1, *x.shape[2:]), kernel, strides[1:], pads[1:], input_dilation[1:], dilations[1:])
    return y.reshape(*x.shape[:2], *y.shape[1:])


def _grouped(x: Any, kernel: Any, groups: int, *options: Any) -> Any:
    """One convolution per group; small groups are merged, with zeros between their kernels."""
    *window, channels, out = kernel.shape
    most = min(groups, max(_MIN_CHANNELS // channels, 1))
    joined = max(m for m in range(1, most + 1) if groups % m == 0)
    budget.check_repetitions(groups // joined)
    kernel = kernel.reshape(*window, 1, channels, groups // joined, joined, out // groups)
    kernel = kernel * jnp.eye(joined, dtype=kernel.dtype).reshape(joined, 1, 1, joined, 1)
    kernel = kernel.reshape(*window, joined * channels, out)
    parts = zip(jnp.split(x, groups // joined, -1), jnp.split(kernel, groups // joined, -1), strict=True)
    return jnp.concatenate([_on_cpu(part, part_kernel, *options) for part, part_kernel in parts], -1)


@functools.partial(jax.custom_jvp, nondiff_argnums=(2, 3, 4))
def _depthwise(x: Any, weights: Any, window: Any, strides: Any, dilations: Any) -> Any:
    """Depthwise: the sum of the elements of a window times their weights (elements, channels)."""
    return sum(
        part * weight for part, weight in zip(window_slices(x, window, strides, dilations), weights, strict=True)
    )


@_depthwise.defjvp
def _depthwise_tangent(window: Any, strides: Any, dilations: Any, primals: Any, tangents: Any) -> Any:
    (x, weights), (dx, dweights) = primals, tangents
    y = _depthwise(x, weights, window, strides, dilations)
    by_x = _depthwise(dx, weights, window, strides, dilations)
    # A sum over all but the channels is slow. So each part of the batch is weighted by the same wide array: the
    # transpose adds up the parts, channels side by side, before it sums the one that is left. The barrier keeps XLA
    # from making one sum of the two again.
    n = x.shape[0]
    most = min(16, _MAX_WINDOW // len(weights))
    count = max(c for c in range(1, most + 1) if n % c == 0) if isinstance(n, int) else 1
    wide = [lax.optimization_barrier(jnp.broadcast_to(weight, (n // count, *y.shape[1:]))) for weight in dweights]
    parts = zip(*(jnp.split(part, count) for part in window_slices(x, window, strides, dilations)), strict=True)
    return y, by_x + jnp.concatenate([sum(map(jnp.multiply, part, wide)) for part in parts])

"""Convolutions by oneDNN, as a primitive of JAX with derivatives of any order, forward and reverse.

A convolution, its gradient for the input and its gradient for the kernel are linear in both arguments, and the
derivative of each is one of the three.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.interpreters import ad, batching, mlir

from gazelle.ops.native.library import by_device, enabled

if TYPE_CHECKING:
    from jax.extend.core import Primitive

    from gazelle.core.types import Array

_SPACE = {3: "W", 4: "HW", 5: "DHW"}  # number of axes -> letters of the axes of space
_FORWARD, _INPUT, _KERNEL = range(3)  # kinds, by their result: y, the gradient for x, the gradient for the kernel
_LEAST = 1 << 17  # multiplications; below, a call saves nothing
_FEWEST = 3  # channels of an input gradient; oneDNN computes fewer as if they were 16
_SHORTEST = 16  # multiplications per number; XLA computes shorter sums in one pass with bias, activation and pooling
Sizes = tuple[int, ...]


class Layer(NamedTuple):
    """The convolution x (batch, *space, in), kernel (*window, in / groups, out) -> y (batch, *space, out)."""

    x: Sizes
    kernel: Sizes
    y: Sizes
    strides: Sizes
    pads: tuple[tuple[int, int], ...]
    dilations: Sizes
    groups: int

    def shape(self, kind: int) -> Sizes:
        return (self.y, self.x, self.kernel)[kind]


def convolve(
    x: Array,
    kernel: Array,
    strides: Sizes,
    pads: Sequence[tuple[int, int]],
    input_dilation: Sizes,
    dilations: Sizes,
    groups: int,
) -> Array | None:
    """Convolve x (batch, *space, in) with kernel (*window, in / groups, out) by oneDNN.

    Returns:
        y (batch, *space, out), or None: oneDNN is not used for such arrays.
    """
    if not enabled("convolution", x) or not x.dtype == kernel.dtype == jnp.float32:
        return None
    if not all(isinstance(size, int) and size > 0 for size in x.shape) or 0 in kernel.shape:
        return None  # a size is not known yet, or nothing is computed
    if max(input_dilation) > 1:
        return _transposed(x, kernel, strides, pads, input_dilation, dilations, groups)
    reach = _reach(kernel.shape, dilations)
    if any(not 0 <= p < r for pad, r in zip(pads, reach, strict=True) for p in pad):
        return None
    space = tuple((n + sum(pad) - r) // s + 1 for n, pad, r, s in zip(x.shape[1:-1], pads, reach, strides, strict=True))
    y = (x.shape[0], *space, kernel.shape[-1])
    layer = Layer(x.shape, kernel.shape, y, strides, pads, dilations, groups)
    return _divided(_FORWARD, layer, x, kernel) if _pays(layer) else None


def _transposed(
    y: Any, kernel: Any, strides: Sizes, pads: Any, input_dilation: Sizes, dilations: Sizes, groups: int
) -> Any:
    """A transposed convolution, y with zeros between its elements: the input gradient of one with strides."""
    if max(strides) > 1 or groups > 1:
        return None
    reach, window = _reach(kernel.shape, dilations), kernel.shape[:-2]
    space, low_high = [], []
    for n, t, r, (low, high) in zip(y.shape[1:-1], input_dilation, reach, pads, strict=True):
        size = (n - 1) * t + 1 + low + high - r + 1
        before = r - 1 - low
        after = (n - 1) * t + r - size - before  # up to t - 1 more give the same number of windows
        if size < 1 or not 0 <= before < r or not -t < after < r:
            return None
        space.append(size)
        low_high.append((before, max(after, 0)))
    kernel = jnp.swapaxes(jnp.flip(kernel, range(len(window))), -1, -2)
    x = (y.shape[0], *space, kernel.shape[-2])
    layer = Layer(x, kernel.shape, y.shape, input_dilation, tuple(low_high), dilations, 1)
    return _divided(_INPUT, layer, y, kernel) if _pays(layer) and layer.x[-1] >= _FEWEST else None


def _reach(kernel: Sizes, dilations: Sizes) -> Sizes:
    return tuple((k - 1) * d + 1 for k, d in zip(kernel[:-2], dilations, strict=True))


def _pays(layer: Layer) -> bool:
    """Whether oneDNN is faster. It divides the batch over the threads, XLA divides each sample, too."""
    work = math.prod(layer.y) * math.prod(layer.kernel[:-1])
    return max(layer.kernel[:-2]) > 1 and layer.x[0] >= (os.cpu_count() or 1) and work >= _LEAST


def _divided(kind: int, layer: Layer, left: Any, kernel: Any) -> Any:
    def part(left: Any, kernel: Any) -> Any:
        n = left.shape[0]
        own = layer._replace(x=(n, *layer.x[1:]), y=(n, *layer.y[1:]))
        return _bind(kind, own, left, kernel)

    return by_device(part, (0, None), 0, left, kernel)


def _bind(kind: int, layer: Layer, left: Any, right: Any) -> Any:
    return _convolution().bind(left, right, kind=kind, layer=layer)


def _call(left: Any, right: Any, kind: int, layer: Layer) -> Any:
    short = {_INPUT: layer.x[-1] < _FEWEST, _FORWARD: math.prod(layer.kernel[:-1]) < _SHORTEST}
    if layer.groups == 1 and short.get(kind):
        return _in_xla(left, right, kind, layer)
    low, high = zip(*layer.pads, strict=True)
    arrays = {"strides": layer.strides, "low": low, "high": high, "dilations": np.subtract(layer.dilations, 1)}
    call = jax.ffi.ffi_call("gazelle_convolution", jax.ShapeDtypeStruct(layer.shape(kind), jnp.float32))
    return call(
        left,
        right,
        kind=np.int64(kind),
        groups=np.int64(layer.groups),
        **{name: np.asarray(values, np.int64) for name, values in arrays.items()},
    )


def _in_xla(left: Any, right: Any, kind: int, layer: Layer) -> Any:
    """The same result, computed by XLA."""
    space = _SPACE[len(layer.x)]

    def forward(x: Any, kernel: Any) -> Any:
        return lax.conv_general_dilated(
            x,
            kernel,
            layer.strides,
            layer.pads,
            rhs_dilation=layer.dilations,
            dimension_numbers=(f"N{space}C", f"{space}IO", f"N{space}C"),
            feature_group_count=layer.groups,
        )

    if kind == _FORWARD:
        return forward(left, right)
    wanted = jax.ShapeDtypeStruct(layer.shape(kind), left.dtype)
    if kind == _INPUT:
        return jax.linear_transpose(lambda x: forward(x, right), wanted)(left)[0]
    return jax.linear_transpose(lambda kernel: forward(left, kernel), wanted)(right)[0]


def _by_left(gradient: Any, left: Any, right: Any, kind: int, layer: Layer) -> Any:
    if kind == _FORWARD:
        return _bind(_INPUT, layer, gradient, right)
    if kind == _INPUT:
        return _bind(_FORWARD, layer, gradient, right)
    return _bind(_INPUT, layer, right, gradient)


def _by_right(gradient: Any, left: Any, right: Any, kind: int, layer: Layer) -> Any:
    if kind == _FORWARD:
        return _bind(_KERNEL, layer, left, gradient)
    if kind == _INPUT:
        return _bind(_KERNEL, layer, gradient, left)
    return _bind(_FORWARD, layer, left, gradient)


def _batched(arrays: Any, axes: Any, kind: int, layer: Layer) -> Any:
    """Under vmap: one larger batch if the kernel is the same for all, else XLA."""
    (left, right), (axis, of_kernel) = arrays, axes
    if kind == _KERNEL or of_kernel is not None:
        return jax.vmap(functools.partial(_in_xla, kind=kind, layer=layer), axes)(left, right), 0
    left = jnp.moveaxis(left, axis, 0)
    count, n = left.shape[:2]
    layer = layer._replace(x=(count * n, *layer.x[1:]), y=(count * n, *layer.y[1:]))
    result = _bind(kind, layer, left.reshape(count * n, *left.shape[2:]), right)
    return result.reshape(count, n, *result.shape[1:]), 0


@functools.cache
def _convolution() -> Primitive:
    from jax.extend.core import Primitive  # which loads Pallas and takes time

    primitive = Primitive("gazelle_convolution")
    primitive.def_impl(jax.jit(_call, static_argnames=("kind", "layer")))
    primitive.def_abstract_eval(
        lambda left, right, kind, layer: jax.core.ShapedArray(layer.shape(kind), np.dtype("float32"))
    )
    ad.defbilinear(primitive, _by_left, _by_right)
    batching.primitive_batchers[primitive] = _batched
    mlir.register_lowering(primitive, mlir.lower_fun(_call, multiple_results=False), platform="cpu")
    return primitive

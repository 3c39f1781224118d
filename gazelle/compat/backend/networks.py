"""Products, convolutions, pooling and normalization of `keras.backend`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle import ops
from gazelle.compat import era
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend.lifting import lifted, of_program
from gazelle.compat.backend.shapes import channels_first, sizes
from gazelle.compat.types import AxisLike, ShapeLike, SymbolicShape, TensorLike, TensorResult
from gazelle.core.types import Array
from gazelle.ops.windows import strided_slices


@lifted
def batch_dot(x: TensorLike, y: TensorLike, axes: AxisLike = None) -> TensorResult:
    """Return, for each sample, the product over an axis of x and an axis of y; `axes` is one for both or a pair.

    >>> from gazelle.compat import backend as K
    >>> K.batch_dot(np.ones((5, 2, 3)), np.ones((5, 3, 4)), axes=(2, 1)).shape
    (5, 2, 4)
    """
    x, y = jnp.asarray(x), jnp.asarray(y)
    if axes is None:
        axes = (x.ndim - 1, y.ndim - 1 if y.ndim == 2 else y.ndim - 2)
    first, second = (axes, axes) if isinstance(axes, int) else map(_axis, axes)
    if x.ndim == y.ndim == 2 and era.number() == 1:  # until Keras 2.3 also over the samples
        return jnp.sum(x * y if first == second else x.T * y, second)[:, None]
    shared_axes = min(first % x.ndim, second % y.ndim, x.ndim - 2, y.ndim - 2)
    are_shared = shared_axes > 0 and x.shape[:shared_axes] == y.shape[:shared_axes]
    if are_shared and max(x.ndim, y.ndim) > 3 and era.is_before_tf_keras_2() and not era.is_package_2_3():
        return _batch_matmul(x, y, first % x.ndim, second % y.ndim)
    letters = "abcdefghijklmnopqrstuvwxyz"
    of_x = list("z" + letters[1 : x.ndim])
    of_y = list("z" + letters[x.ndim : x.ndim + y.ndim - 1])
    of_y[second % y.ndim] = of_x[first % x.ndim]
    shared = of_x[first % x.ndim]
    rest = [a for a in of_x if a != shared] + [a for a in of_y[1:] if a != shared]
    out = jnp.einsum(f"{''.join(of_x)},{''.join(of_y)}->{''.join(rest)}", x, y)
    return out[:, None] if out.ndim == 1 else out


def _axis(axis: Any) -> int:
    """The axis of [[1], [2]], which Theano took as a pair."""
    return int(axis[0]) if isinstance(axis, list | tuple) and len(axis) == 1 else int(axis)


def _batch_matmul(x: Any, y: Any, first: int, second: int) -> Any:
    """The result before Keras 2.3, which a project may require, and TensorFlow 2.

    With more than three axes, all but the last two are batch axes.
    """
    more = y.ndim - x.ndim
    x = x.reshape(x.shape + (1,) * max(more, 0))
    y = y.reshape(y.shape + (1,) * max(-more, 0))
    out = (x if first == x.ndim - 1 else jnp.swapaxes(x, -1, -2)) @ (
        y if second != y.ndim - 1 else jnp.swapaxes(y, -1, -2)
    )
    start = x.ndim - more - 1 if more > 0 else out.ndim + more
    return jnp.squeeze(out, tuple(range(start, start + abs(more)))) if more else out


@ignores("image_shape")
def _conv(
    x: Any, kernel: Any, strides: Any, padding: str, data_format: str, dilation_rate: Any, image_shape: Any, last: Any
) -> Any:
    """Return the convolution over the spatial axes; the kernel is (*window, channels in, channels out)."""
    if dilation_rate is None or (np.ndim(dilation_rate) and len(dilation_rate) == x.ndim):
        dilation_rate = last or 1  # the order of Keras 1: the shapes of images and filters, then the rate
    if padding == "causal":  # only with one spatial axis: an output does not depend on later inputs
        before = (kernel.shape[0] - 1) * (dilation_rate if isinstance(dilation_rate, int) else dilation_rate[0])
        space = (before, 0)
        x = jnp.pad(x, ((0, 0), (0, 0), space) if data_format == "channels_first" else ((0, 0), space, (0, 0)))
        padding = "valid"
    if era.number() == 1 and data_format == "channels_first" and _is_in_order_of_theano(x, kernel):
        kernel = jnp.moveaxis(kernel, (1, 0), (-2, -1))
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def _is_in_order_of_theano(x: Any, kernel: Any) -> bool:
    """Whether a kernel is (channels out, channels in, *window), as in Keras 1; weights of layers are not.

    Where both orders fit, it is the one with the smaller window.
    """
    if kernel.shape[1] != x.shape[1]:
        return False
    fits_both = kernel.shape[-2] == x.shape[1]
    return not fits_both or math.prod(kernel.shape[2:]) < math.prod(kernel.shape[:-2])


def _conv_transpose(
    x: Any, kernel: Any, output_shape: Any, strides: Any, padding: str, order: str, dilation_rate: Any
) -> Any:
    """Return the transposed convolution; the kernel is (*window, channels out, channels in)."""
    wanted = sizes(output_shape)
    space = wanted[2:] if order == "channels_first" else wanted[1:-1]
    if all(isinstance(n, int) for n in space):  # as the gradient of a convolution of such images
        channels = kernel.shape[-2]
        shape = (channels, *space) if order == "channels_first" else (*space, channels)
        convolve = lambda y: ops.conv(y, kernel, strides, padding, order, dilation_rate)  # noqa: E731
        images = jax.ShapeDtypeStruct((x.shape[0], *shape), x.dtype)
        if jax.eval_shape(convolve, images).shape == x.shape:
            return jax.vjp(convolve, jnp.zeros(images.shape, images.dtype))[1](x)[0]
    out = ops.conv_transpose(x, kernel, strides, padding, None, order, dilation_rate)
    return out[tuple(np.s_[:] if n is None else np.s_[:n] for n in wanted)]


def _pool(x: Any, pool_size: Any, strides: Any, padding: str, data_format: str, pool_mode: str) -> Any:
    """Return the maximum ('max') or the mean ('avg') of each window."""
    pool_function = ops.average_pool if pool_mode == "avg" else ops.max_pool
    return pool_function(x, pool_size, strides, padding, data_format)


def bias_added(x: TensorLike, bias: TensorLike, data_format: str) -> TensorResult:
    """Add a bias to each channel of x; one of several axes is reshaped, not transposed, for the channels first."""
    if data_format == "channels_first" and x.ndim > 2:
        *space, channels = jnp.shape(bias)
        return x + jnp.reshape(bias, (channels, *(space or (1,) * (x.ndim - 2))))
    return x + jnp.asarray(bias)


def _resize_images(x: Any, height_factor: Any, width_factor: Any, data_format: str, interpolation: str) -> Any:
    """Enlarge images by whole factors."""
    axes = (2, 3) if channels_first(data_format) else (1, 2)
    height_factor, width_factor = int(height_factor), int(width_factor)  # 224 / 32 in programs
    if interpolation == "nearest":
        return jnp.repeat(jnp.repeat(x, height_factor, axes[0]), width_factor, axes[1])
    size = (x.shape[axes[0]] * height_factor, x.shape[axes[1]] * width_factor)
    x = jnp.asarray(x, jnp.result_type(x, "float32"))
    if interpolation == "bilinear" and era.is_package_before_keras_3():
        return interpolated(x, {axes[0]: height_factor, axes[1]: width_factor})
    return ops.image.resize(x, size, interpolation=interpolation, data_format=data_format)


def interpolated(x: Array, factors: Mapping[int, int]) -> Array:
    """Enlarge by linear interpolation as TensorFlow 1: each value stays, and new ones follow it.

    Args:
        x: images.
        factors: {axis: factor}.

    >>> interpolated(np.array([0.0, 4.0]), {0: 4}).tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0, 4.0, 4.0, 4.0]
    """
    for axis, factor in factors.items():
        size = x.shape[axis]
        following = jnp.take(x, jnp.minimum(jnp.arange(size) + 1, size - 1), axis)
        parts = [x + (following - x) * (n / factor) for n in range(factor)]
        x = jnp.reshape(jnp.stack(parts, axis + 1), (*x.shape[:axis], size * factor, *x.shape[axis + 1 :]))
    return x


def _resize_volumes(x: Any, depth_factor: Any, height_factor: Any, width_factor: Any, data_format: str) -> Any:
    """Enlarge volumes by whole factors."""
    start = 2 if channels_first(data_format) else 1
    for axis, factor in enumerate((depth_factor, height_factor, width_factor), start):
        x = jnp.repeat(x, int(factor), axis)
    return x


@lifted
def batch_normalization(
    x: TensorLike,
    mean: TensorLike,
    var: TensorLike,
    beta: TensorLike = None,
    gamma: TensorLike = None,
    axis: int | float = -1,
    epsilon: float = 1e-3,
) -> TensorResult:
    """Return gamma (x - mean) / sqrt(var + epsilon) + beta; of images, vectors belong to `axis`."""
    if isinstance(axis, float):  # until Keras 2.1 the argument after gamma
        axis, epsilon = -1, axis
    if jnp.ndim(mean) == 1 and x.ndim == 4 and axis % 4 != 3:
        shape = [-1 if i == axis % 4 else 1 for i in range(4)]
        mean, var, beta, gamma = (v if v is None else jnp.reshape(v, shape) for v in (mean, var, beta, gamma))
    out = (x - jnp.asarray(mean)) * jax.lax.rsqrt(jnp.asarray(var) + epsilon)
    out = out if gamma is None else out * jnp.asarray(gamma)
    return out if beta is None else out + jnp.asarray(beta)


@lifted
def normalize_batch_in_training(
    x: TensorLike, gamma: TensorLike, beta: TensorLike, reduction_axes: AxisLike, epsilon: float = 1e-3
) -> TensorResult:
    """Return (normalized x, mean, variance) with the statistics of x over these axes."""
    axes = tuple(reduction_axes)
    mean, var = jnp.mean(x, axes), jnp.var(x, axes)
    shape = [1 if i in axes or i - x.ndim in axes else n for i, n in enumerate(x.shape)]
    gamma, beta = (None if v is None else jnp.reshape(v, shape) for v in (gamma, beta))
    out = batch_normalization(x, mean.reshape(shape), var.reshape(shape), beta, gamma, epsilon=epsilon)
    return out, mean, var


@lifted
def local_conv(
    inputs: TensorLike,
    kernel: TensorLike,
    kernel_size: ShapeLike,
    strides: ShapeLike,
    output_shape: SymbolicShape,
    data_format: str | None = None,
) -> TensorResult:
    """Return a convolution with a separate kernel at each position: kernel (positions, window x channels, filters)."""
    first = channels_first(data_format)
    x = jnp.moveaxis(inputs, 1, -1) if first else jnp.asarray(inputs)
    windows = jnp.stack(strided_slices(x, kernel_size, strides), -1 if first else -2)
    out = jnp.einsum("bpi,pio->bpo", windows.reshape(x.shape[0], *kernel.shape[:2]), jnp.asarray(kernel))
    out = out.reshape(out.shape[0], *output_shape, out.shape[-1])
    return jnp.moveaxis(out, -1, 1) if first else out


def local_conv1d(
    inputs: TensorLike, kernel: TensorLike, kernel_size: ShapeLike, strides: ShapeLike, data_format: str | None = None
) -> TensorResult:
    """Return `local_conv` over one axis."""
    out = local_conv(inputs, kernel, kernel_size, strides, (kernel.shape[0],), data_format)
    return of_program(out, inputs, kernel)


local_conv2d = local_conv

"""Moments and normalizations."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from gazelle.core import settings
from gazelle.core.dtypes import floatx, is_float
from gazelle.core.errors import ArgumentError, message
from gazelle.core.traceback import warn
from gazelle.core.types import Array, ArrayLike, AxisLike
from gazelle.ops.base import array, op

__all__ = ["batch_normalization", "layer_normalization", "moments", "normalize", "rms_normalization"]


@op
def moments(x: ArrayLike, axes: AxisLike, keepdims: bool = False, synchronized: bool = False) -> tuple[Array, Array]:
    """Compute mean and variance along axes; half-precision numbers are summed in float32.

    Args:
        x: Array of any shape.
        axes: Axis or axes to reduce.
        keepdims: Whether reduced axes stay, with size 1.
        synchronized: Accepted for compatibility and ignored.

    Returns:
        Mean and variance, without the reduced axes.

    Example:
        >>> mean, variance = gazelle.ops.moments(np.array([1.0, 3.0]), 0)
        >>> print(mean, variance)
        2.0 1.0
    """
    axes = tuple(axes) if isinstance(axes, list) else axes
    wide = x.astype("float32") if x.dtype in (jnp.float16, jnp.bfloat16) else x
    mean, variance = jnp.mean(wide, axes, keepdims=keepdims), jnp.var(wide, axes, keepdims=keepdims)
    if wide is x:
        return mean, variance
    low, high = float(jnp.finfo(jnp.float16).min), float(jnp.finfo(jnp.float16).max)
    return jnp.clip(mean, low, high).astype(x.dtype), jnp.clip(variance, low, high).astype(x.dtype)


@op
def normalize(x: ArrayLike, axis: int = -1, order: float = 2, epsilon: float | None = None) -> Array:
    """Scale vectors to unit norm:  y = x / max(|x|, epsilon).

    Args:
        x: Array of any shape.
        axis: Axis of the vectors.
        order: Order of the norm.
        epsilon: Least norm; None is `gazelle.config.epsilon()`.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> print(gazelle.ops.normalize([3.0, 4.0]))
        [0.6 0.8]
    """
    x = jnp.asarray(x)
    x = x if is_float(x.dtype) else x.astype(floatx())
    if not isinstance(order, int | float) or order <= 0:
        raise ArgumentError(message("order of normalize", expected="a number above 0", got=repr(order)))
    epsilon = settings.epsilon() if epsilon is None else epsilon
    if order == 2:  # the root is never taken of 0, where its gradient is infinite
        return x * jax.lax.rsqrt(jnp.maximum(jnp.sum(x * x, axis, keepdims=True), epsilon**2))
    return x / jnp.maximum(jnp.linalg.norm(x, order, axis, keepdims=True), epsilon)


@op
def batch_normalization(
    x: ArrayLike,
    mean: ArrayLike,
    variance: ArrayLike,
    axis: int,
    offset: ArrayLike | None = None,
    scale: ArrayLike | None = None,
    epsilon: float = 1e-3,
) -> Array:
    """Normalize with given moments:  y = scale (x - mean) / √(variance + epsilon) + offset.

    Args:
        x: Array of any shape.
        mean: Vector along `axis`.
        variance: Vector along `axis`.
        axis: Axis of the vectors.
        offset: Vector along `axis`; None is 0.
        scale: Vector along `axis`; None is 1.
        epsilon: Small constant that keeps the quotient finite.

    Returns:
        An array of the shape of `x`.
    """
    shape = [1] * x.ndim
    shape[axis] = -1
    factor = jax.lax.rsqrt(array(variance).reshape(shape) + epsilon)
    if scale is not None:
        factor = factor * array(scale).reshape(shape)
    shift = -array(mean).reshape(shape) * factor
    return x * factor + (shift if offset is None else shift + array(offset).reshape(shape))


@op
def layer_normalization(
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    axis: int | Sequence[int] = -1,
    epsilon: float | None = None,
    *,
    rms_scaling: bool = False,
) -> Array:
    """Normalize each sample:  y = gamma (x - mean) / √(variance + epsilon) + beta.  Ba et al. 2016.

    Args:
        x: Array of any shape.
        gamma: Scale along `axis`; None is 1.
        beta: Offset along `axis`; None is 0.
        axis: Axis or axes of the moments.
        epsilon: Small constant that keeps the quotient finite; None is `gazelle.config.epsilon()`.
        rms_scaling: Whether to compute  y = gamma x / √(variance + epsilon)  instead; see `rms_normalization`.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> print(gazelle.ops.layer_normalization(np.array([1.0, 3.0]), epsilon=0.0))
        [-1.  1.]
    """
    epsilon = settings.epsilon() if epsilon is None else epsilon
    axes = tuple(a % x.ndim for a in (axis if isinstance(axis, list | tuple) else (axis,)))
    shape = [n if i in axes else 1 for i, n in enumerate(x.shape)]
    wide = x.astype("float32") if x.dtype in (jnp.float16, jnp.bfloat16) else x
    mean, variance = jnp.mean(wide, axes, keepdims=True), jnp.var(wide, axes, keepdims=True)
    if rms_scaling:
        warn("rms_scaling=True divides by the standard deviation; ops.rms_normalization divides by the RMS.")
        mean, beta = jnp.zeros_like(mean), None
    y = (wide - mean) * jax.lax.rsqrt(variance + epsilon)
    y = y if gamma is None else y * array(gamma).reshape(shape)
    y = y if beta is None else y + array(beta).reshape(shape)
    return y.astype(x.dtype)


@op
def rms_normalization(
    x: ArrayLike, scale: ArrayLike | None = None, axis: int | Sequence[int] = -1, epsilon: float | None = None
) -> Array:
    """Divide by the root mean square:  y = scale x / √(mean(x²) + epsilon).  Zhang and Sennrich 2019.

    Args:
        x: Array of any shape.
        scale: Scale along `axis`, or an array that broadcasts to `x`; None is 1.
        axis: Axis or axes of the mean.
        epsilon: Small constant that keeps the quotient finite; None is `gazelle.config.epsilon()`.

    Returns:
        An array of the shape of `x`.
    """
    epsilon = settings.epsilon() if epsilon is None else epsilon
    axes = tuple(a % x.ndim for a in (axis if isinstance(axis, list | tuple) else (axis,)))
    y = x * jax.lax.rsqrt(jnp.mean(x * x, axes, keepdims=True) + epsilon)
    if scale is None:
        return y
    factor, shape = jnp.asarray(array(scale)), [n if i in axes else 1 for i, n in enumerate(x.shape)]
    return (y * (factor.reshape(shape) if factor.size == math.prod(shape) else factor)).astype(x.dtype)

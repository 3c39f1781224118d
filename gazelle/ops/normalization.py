"""Moments, and arrays brought to mean 0 and variance 1."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core import settings
from gazelle.core.dtypes import floatx, is_float
from gazelle.ops.base import array, op, public


@op
def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Mean and variance along `axes`; half-precision numbers are summed in float32."""
    axes = tuple(axes) if isinstance(axes, list) else axes
    wide = x.astype("float32") if x.dtype in (jnp.float16, jnp.bfloat16) else x
    mean, variance = jnp.mean(wide, axes, keepdims=keepdims), jnp.var(wide, axes, keepdims=keepdims)
    if wide is x:
        return mean, variance
    low, high = float(jnp.finfo(jnp.float16).min), float(jnp.finfo(jnp.float16).max)
    return jnp.clip(mean, low, high).astype(x.dtype), jnp.clip(variance, low, high).astype(x.dtype)


@op
def normalize(x: Any, axis: int = -1, order: float = 2, epsilon: float | None = None) -> Any:
    """x / max(|x|, epsilon), with the norm of `order` along `axis`."""
    x = jnp.asarray(x)
    x = x if is_float(x.dtype) else x.astype(floatx())
    epsilon = settings.epsilon() if epsilon is None else epsilon
    if order == 2:  # the root is never taken of 0, where its slope is infinite
        return x * jax.lax.rsqrt(jnp.maximum(jnp.sum(x * x, axis, keepdims=True), epsilon**2))
    return x / jnp.maximum(jnp.linalg.norm(x, order, axis, keepdims=True), epsilon)


@op
def batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3
) -> Any:
    """scale (x - mean) / sqrt(variance + epsilon) + offset, with vectors along `axis`."""
    shape = [1] * x.ndim
    shape[axis] = -1
    factor = jax.lax.rsqrt(array(variance).reshape(shape) + epsilon)
    if scale is not None:
        factor = factor * array(scale).reshape(shape)
    shift = -array(mean).reshape(shape) * factor
    return x * factor + (shift if offset is None else shift + array(offset).reshape(shape))


@op
def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None
) -> Any:
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, with the moments along `axis`.  Ba et al. 2016."""
    epsilon = settings.epsilon() if epsilon is None else epsilon
    axes = tuple(a % x.ndim for a in (axis if isinstance(axis, list | tuple) else (axis,)))
    shape = [n if i in axes else 1 for i, n in enumerate(x.shape)]
    wide = x.astype("float32") if x.dtype in (jnp.float16, jnp.bfloat16) else x
    mean, variance = jnp.mean(wide, axes, keepdims=True), jnp.var(wide, axes, keepdims=True)
    y = (wide - mean) * jax.lax.rsqrt(variance + epsilon)
    y = y if gamma is None else y * array(gamma).reshape(shape)
    y = y if beta is None else y + array(beta).reshape(shape)
    return y.astype(x.dtype)


@op
def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None) -> Any:
    """scale x / sqrt(mean(x²) + epsilon).  Zhang and Sennrich 2019."""
    epsilon = settings.epsilon() if epsilon is None else epsilon
    axes = tuple(a % x.ndim for a in (axis if isinstance(axis, list | tuple) else (axis,)))
    y = x * jax.lax.rsqrt(jnp.mean(x * x, axes, keepdims=True) + epsilon)
    if scale is None:
        return y
    return y * array(scale).reshape([n if i in axes else 1 for i, n in enumerate(x.shape)])


__all__ = public(globals())

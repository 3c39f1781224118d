"""Normalization with gradients in closed form: two sums in the backward pass instead of four.

Derived step by step, the gradients of mean, variance and quotient each read the whole array. With h the normalized
x, d = 1/√(variance + epsilon) and <.> the mean, they come down to  dh = d (dx - <dx> - h <h dx>),  which is its own
transpose.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from gazelle.core.tracing import is_traced
from gazelle.ops.platforms import by_platform

if TYPE_CHECKING:
    from gazelle.core.types import Array

_MAX_RATIO = 16  # mean² / variance from which a difference of squares loses too many digits


def _moments(x: Any, over: tuple[int, ...]) -> tuple[Any, Any]:
    mean = jnp.mean(x, over, keepdims=True)
    return mean, jnp.mean(jnp.square(x - mean), over, keepdims=True)


def _batch_moments(x: Any, over: tuple[int, ...]) -> tuple[Any, Any]:
    if not is_traced():  # outside of compiled functions a branch is compiled again in each call
        return _moments(x, over)
    return by_platform(lambda x: _moments_of_squares(x, over), lambda x: _moments(x, over), x)


def _moments_of_squares(x: Any, over: tuple[int, ...]) -> tuple[Any, Any]:
    """`_moments` of a large array on a CPU: <x²> - <x>² needs no array of differences, where it is exact enough."""
    mean = jnp.mean(x, over, keepdims=True)
    variance = jnp.mean(jnp.square(x), over, keepdims=True) - jnp.square(mean)
    near = jnp.all(jnp.square(mean) <= _MAX_RATIO * variance)
    return mean, jax.lax.cond(near, lambda: variance, lambda: _moments(x, over)[1])


@functools.partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def standardized(x: Array, over: tuple[int, ...], epsilon: float) -> Array:
    """H = (x - mean) / √(variance + epsilon), with the moments over the axes `over`.

    >>> standardized(jnp.array([1.0, 3.0]), (0,), 0.0)
    Array([-1.,  1.], dtype=float32)
    """
    mean, variance = _moments(x, over)
    return (x - mean) * jax.lax.rsqrt(variance + epsilon)


@standardized.defjvp
def _standardized_tangent(over: tuple[int, ...], epsilon: float, primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    h, d = standardized(x, over, epsilon), jax.lax.rsqrt(_moments(x, over)[1] + epsilon)
    dx = dx - jnp.mean(dx, over, keepdims=True)
    return h, d * (dx - h * jnp.mean(h * dx, over, keepdims=True))


@functools.partial(jax.custom_jvp, nondiff_argnums=(3, 4))
def batch_normalized(x: Array, gamma: Array, beta: Array, axis: int, epsilon: float) -> tuple[Any, Any, Any]:
    """(gamma h + beta, mean, variance), with the moments over all axes but `axis`, along which the vectors lie.

    >>> batch_normalized(jnp.array([[1.0], [3.0]]), jnp.ones(1), jnp.ones(1), 1, 0.0)[0].ravel().tolist()
    [0.0, 2.0]
    """
    over = tuple(a for a in range(x.ndim) if a != axis)
    mean, variance = _batch_moments(x, over)
    along = [-1 if a == axis else 1 for a in range(x.ndim)]
    y = (x - mean) * (jax.lax.rsqrt(variance + epsilon) * gamma.reshape(along)) + beta.reshape(along)
    return y, mean.reshape(-1), variance.reshape(-1)


@batch_normalized.defjvp
def _batch_normalized_tangent(axis: int, epsilon: float, primals: Any, tangents: Any) -> Any:
    (x, gamma, beta), (dx, dgamma, dbeta) = primals, tangents
    y, mean, variance = batch_normalized(x, gamma, beta, axis, epsilon)
    over = tuple(a for a in range(x.ndim) if a != axis)
    along = [-1 if a == axis else 1 for a in range(x.ndim)]
    d = jax.lax.rsqrt(variance + epsilon)
    h = (x - mean.reshape(along)) * d.reshape(along)
    dmean, dspread = jnp.mean(dx, over), jnp.mean(h * dx, over)
    # The factors of h and the terms without h are combined before they are broadcast: so the transpose sums dy and
    # h dy once, for x, gamma and beta together.
    factor, shift = dgamma - gamma * d * dspread, dbeta - gamma * d * dmean
    dy = (gamma * d).reshape(along) * dx + h * factor.reshape(along) + shift.reshape(along)
    return (y, mean, variance), (dy, dmean, 2 * dspread / d)

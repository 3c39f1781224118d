"""Maximum and minimum along axes, with a gradient that is never 0 / 0, and of two arrays; absolute values and roots."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from gazelle.core import conventions
from gazelle.core.types import Array, ArrayLike, AxisLike

Reduce = Callable[..., Any]

#: the functions of NumPy whose gradient goes through a maximum or minimum
EXTREMES = frozenset({"amax", "amin", "max", "min", "nanmax", "nanmin", "ptp"})


def extreme(reduce: Reduce) -> Reduce:
    """Give `jnp.max`, `jnp.min` and related functions a gradient that is never 0 / 0.

    The gradient goes to the elements that equal the extreme, in equal parts. XLA may compute an array twice, for the
    extreme and for the comparison, and round it differently: no element is equal then. So where a gradient is taken,
    a barrier makes XLA compute the array once.
    """

    def function(x: Any, axis: Any = None, keepdims: bool = False, **options: Any) -> Any:
        return _extreme(functools.partial(reduce, axis=axis, keepdims=keepdims, **options), jnp.asarray(x))

    function.__name__ = reduce.__name__
    return function


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _extreme(reduce: Reduce, x: Any) -> Any:
    return reduce(x)


@_extreme.defjvp
def _extreme_tangent(reduce: Reduce, primals: Any, tangents: Any) -> Any:
    return jax.jvp(lambda x: reduce(lax.optimization_barrier(x)), primals, tangents)


def larger(x: ArrayLike, y: ArrayLike) -> Array:
    """The larger one of two numbers; the derivative of equal ones is a convention."""
    found: Array = _first_of_equal(jnp.maximum, jnp.greater_equal, x, y)
    return found


def smaller(x: ArrayLike, y: ArrayLike) -> Array:
    """The smaller one of two numbers; the derivative of equal ones is a convention."""
    found: Array = _first_of_equal(jnp.minimum, jnp.less_equal, x, y)
    return found


def magnitude(x: ArrayLike) -> Array:
    """The absolute value; the derivative at 0 is a convention: 1, or 0 as in TensorFlow."""
    x = jnp.asarray(x)
    if not conventions.active.first_equal_has_derivative or not jnp.issubdtype(x.dtype, jnp.floating):
        return jnp.abs(x)
    return x * jnp.sign(x)


def root(x: ArrayLike) -> Array:
    """The square root; the derivative at 0 is the largest number, so that a gradient of 0 stays 0 and is not NaN."""
    x = jnp.asarray(x)
    is_traced = isinstance(x, jax.core.Tracer)  # there is no derivative of others
    out: Array = _root(x) if is_traced and jnp.issubdtype(x.dtype, jnp.floating) else jnp.sqrt(x)
    return out


@jax.custom_jvp
def _root(x: Any) -> Any:
    return jnp.sqrt(x)


@_root.defjvp
def _root_tangent(primals: Any, tangents: Any) -> Any:
    out = _root(*primals)
    derivative = 0.5 / jnp.where(out == 0, 1, out)
    return out, tangents[0] * jnp.where(out == 0, jnp.finfo(out.dtype).max, derivative)


def euclidean_norm(x: ArrayLike, axis: AxisLike = None, keepdims: bool = False) -> Array:
    """The Euclidean norm over axes; its derivative at 0 is 0."""
    x = jnp.asarray(x)
    x = x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(jnp.result_type(float))
    return root(jnp.sum(jnp.real(x * jnp.conj(x)), axis=axis, keepdims=keepdims))


def _first_of_equal(choose: Callable[[Any, Any], Any], wins: Callable[[Any, Any], Any], x: Any, y: Any) -> Any:
    if not conventions.active.first_equal_has_derivative:
        return choose(x, y)
    return jnp.where(wins(x, y) | jnp.not_equal(x, x), x, y)


largest = extreme(jnp.max)

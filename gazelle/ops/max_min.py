"""The largest and the smallest value along axes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

Reduce = Callable[..., Any]


def extreme(reduce: Reduce) -> Reduce:
    """`jnp.max`, `jnp.min` and their kin, with a slope that never is 0 / 0.

    The slope goes to the places that equal the extreme, shared among them. XLA may compute an array twice, for the
    extreme and for the comparison, and round it differently: no place is equal then. So where a slope is asked for, the
    array is computed once.
    """

    def function(x: Any, axis: Any = None, keepdims: bool = False, **words: Any) -> Any:
        return _extreme(functools.partial(reduce, axis=axis, keepdims=keepdims, **words), jnp.asarray(x))

    function.__name__ = reduce.__name__
    return function


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _extreme(reduce: Reduce, x: Any) -> Any:
    return reduce(x)


@_extreme.defjvp
def _extreme_tangent(reduce: Reduce, primals: Any, tangents: Any) -> Any:
    return jax.jvp(lambda x: reduce(lax.optimization_barrier(x)), primals, tangents)


largest = extreme(jnp.max)

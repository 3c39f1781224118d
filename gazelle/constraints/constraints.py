"""Projections of weights: bounded norms, no negative values."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle.core import settings
from gazelle.core.errors import ArgumentError, message
from gazelle.core.lookup import Named


class Constraint(Named):
    """A projection: `constraint(w) -> w`. A subclass of your own defines `__call__(self, w)`."""

    _namespace = "constraints"

    def __call__(self, w: Any) -> Any:
        return w


class MaxNorm(Constraint):
    """w min(n, max_value) / n, with n the norm of w along `axis`: no norm above `max_value`.

    `axis=0` bounds the weights into each unit of a Dense layer; [0, 1, 2] those into each filter of a Conv2D.

    >>> MaxNorm(1.0)(jnp.array([[3.0], [4.0]])).round(3).tolist()
    [[0.6000000238418579], [0.800000011920929]]
    """

    def __init__(self, max_value: float = 2, axis: Any = 0) -> None:
        if not max_value >= 0:
            raise ArgumentError(message("MaxNorm's max_value", expected="0 or more", got=repr(max_value)))

    def __call__(self, w: Any) -> Any:
        norm = _norm(w, self.axis)
        return w * (jnp.clip(norm, 0, self.max_value) / (settings.epsilon() + norm))


class NonNeg(Constraint):
    """max(w, 0).

    >>> NonNeg()(jnp.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def __call__(self, w: Any) -> Any:
        return jnp.maximum(w, 0)


class UnitNorm(Constraint):
    """w / n, with n the norm of w along `axis`.

    >>> UnitNorm()(jnp.array([[3.0], [4.0]])).round(3).tolist()
    [[0.6000000238418579], [0.800000011920929]]
    """

    def __init__(self, axis: Any = 0) -> None: ...

    def __call__(self, w: Any) -> Any:
        return w / (settings.epsilon() + _norm(w, self.axis))


class MinMaxNorm(Constraint):
    """w (rate clip(n, min_value, max_value) + (1 - rate) n) / n, with n the norm of w along `axis`.

    rate = 1 holds the bounds at every step, a smaller one draws the norm towards them.

    >>> MinMaxNorm(0.0, 1.0)(jnp.array([[3.0], [4.0]])).round(3).tolist()
    [[0.6000000238418579], [0.800000011920929]]
    """

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0) -> None: ...

    def __call__(self, w: Any) -> Any:
        norm = _norm(w, self.axis)
        wanted = self.rate * jnp.clip(norm, self.min_value, self.max_value) + (1 - self.rate) * norm
        return w * (wanted / (settings.epsilon() + norm))


def _norm(w: Any, axis: Any) -> Any:
    axis = tuple(axis) if isinstance(axis, list) else axis  # as a file gives it
    return jnp.sqrt(jnp.sum(jnp.square(w), axis=axis, keepdims=True))

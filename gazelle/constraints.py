"""Projections that are applied to weights after each optimizer update.

Maps a weight to the nearest allowed value. Depends on no layer, optimizer or training code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import jax.numpy as jnp

from gazelle.core import settings
from gazelle.core.config import RESOLVERS, Configurable
from gazelle.core.errors import ArgumentError, message
from gazelle.core.lookup import Lookup
from gazelle.core.module_names import public_names
from gazelle.core.types import Array

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]


class Constraint(Configurable):
    """Base class of constraints: functions of a weight that return an allowed weight of the same shape.

    A subclass defines `__call__(self, w)`.

    Example:
        >>> class Bounded(Constraint):
        ...     def __call__(self, w):
        ...         return jnp.clip(w, -1.0, 1.0)
        >>> Bounded()(jnp.array([0.5, 3.0])).tolist()
        [0.5, 1.0]
    """

    _namespace = "constraints"
    _snake_case_names = True

    def __call__(self, w: Array) -> Array:
        """Return the projection of `w`, an array of the same shape.

        Args:
            w: The weight after an update.
        """
        return w


class MaxNorm(Constraint):
    """Bounds norms from above:  w <- w min(n, max_value) / n,  n = ||w||_2 along `axis`.

    Args:
        max_value: Largest allowed norm, at least 0.
        axis: Axis or axes along which norms are computed. 0 bounds the weights into each unit of a Dense layer,
            [0, 1, 2] those into each filter of a Conv2D layer.

    Raises:
        ArgumentError: If `max_value` is negative.

    Source: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014.

    Example:
        >>> MaxNorm(1.0)(jnp.array([[3.0], [4.0]])).round(3).tolist()
        [[0.6000000238418579], [0.800000011920929]]
    """

    def __init__(self, max_value: float = 2, axis: int | Sequence[int] = 0) -> None:
        if not max_value >= 0:
            raise ArgumentError(message("MaxNorm's max_value", expected="0 or more", got=repr(max_value)))

    def __call__(self, w: Array) -> Array:
        """Return the projection of `w`."""
        norm = _norm(w, self.axis)
        return w * (jnp.clip(norm, 0, self.max_value) / (settings.epsilon() + norm))


class NonNeg(Constraint):
    """Replaces negative values by 0:  w <- max(w, 0).

    Example:
        >>> NonNeg()(jnp.array([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    def __call__(self, w: Array) -> Array:
        """Return  max(w, 0)."""
        return jnp.maximum(w, 0)


class UnitNorm(Constraint):
    """Sets norms to 1:  w <- w / n,  n = ||w||_2 along `axis`.

    Args:
        axis: Axis or axes along which norms are computed.

    Example:
        >>> UnitNorm()(jnp.array([[3.0], [4.0]])).round(3).tolist()
        [[0.6000000238418579], [0.800000011920929]]
    """

    def __init__(self, axis: int | Sequence[int] = 0) -> None: ...

    def __call__(self, w: Array) -> Array:
        """Return the projection of `w`."""
        return w / (settings.epsilon() + _norm(w, self.axis))


class MinMaxNorm(Constraint):
    """Bounds norms from both sides:  w <- w (rate clip(n, min_value, max_value) + (1 - rate) n) / n.

    n is ||w||_2 along `axis`.

    Args:
        min_value: Smallest allowed norm.
        max_value: Largest allowed norm.
        rate: Strength of the projection: 1 enforces the bounds at every update, a smaller value moves norms towards
            them.
        axis: Axis or axes along which norms are computed.

    Example:
        >>> MinMaxNorm(0.0, 1.0)(jnp.array([[3.0], [4.0]])).round(3).tolist()
        [[0.6000000238418579], [0.800000011920929]]
    """

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: int | Sequence[int] = 0
    ) -> None: ...

    def __call__(self, w: Array) -> Array:
        """Return the projection of `w`."""
        norm = _norm(w, self.axis)
        target = self.rate * jnp.clip(norm, self.min_value, self.max_value) + (1 - self.rate) * norm
        return w * (target / (settings.epsilon() + norm))


def _norm(w: Array, axis: int | Sequence[int]) -> Array:
    axes = (axis,) if isinstance(axis, int) else tuple(axis)  # files hold lists
    if not all(-w.ndim <= one < w.ndim for one in axes):
        raise ArgumentError(
            message("axis of a constraint", expected=f"axes of a weight of shape {w.shape}", got=repr(axis))
        )
    return jnp.sqrt(jnp.sum(jnp.square(w), axis=axes, keepdims=True))


_lookup: Lookup[Constraint | Callable[..., Array]] = Lookup("constraint", "constraints")
get, serialize, deserialize = _lookup.get, _lookup.serialize, _lookup.deserialize
RESOLVERS["constraint"] = get
max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)

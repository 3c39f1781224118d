"""Penalties as Keras 1 and the package `keras` 2 computed them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from gazelle import regularizers
from gazelle.compat import facade
from gazelle.compat.classes import compat_class
from gazelle.core.types import Array, ArrayLike, RegularizerLike
from gazelle.saving.h5_format.regularizers import Undivided


def undivided(given: RegularizerLike) -> Undivided:
    """Return an activity regularizer of Keras 1 or 2, by its name, too: activity_l1, activity_l2 or activity_l1l2."""
    if isinstance(given, str) and given in ("activity_l1", "activity_l2", "activity_l1l2"):
        return globals()[given]()
    return given if isinstance(given, Undivided) else Undivided(given)


class Penalty:
    """A function without arguments, which `add_loss` received, as the regularizer of a weight.

    >>> float(Penalty(lambda: jnp.ones(()), regularizers.L2(0.5))(jnp.array([2.0])))
    3.0
    """

    def __init__(self, function: Callable[[], Any], before: Callable[[ArrayLike], Array] | None) -> None:
        self.function, self.before = function, before

    def __call__(self, x: ArrayLike) -> Array:
        found: Array = facade.adapter.unbox(self.function())
        return found if self.before is None else self.before(x) + found


class Constraints(dict[Any, Any]):
    """`layer.constraints` of Keras 1: {weight: constraint}, which the weights get at once."""

    def __init__(self, given: dict[Any, Any]) -> None:
        super().__init__()
        for weight, constraint in given.items():
            self[weight] = constraint

    def __setitem__(self, weight: Any, constraint: Any) -> None:
        super().__setitem__(weight, constraint)
        weight.constraint = constraint


def l1_l2(l1: float = 0.01, l2: float = 0.01) -> regularizers.Regularizer:
    """Return the penalty l1 Σ |x| + l2 Σ x², both of which had a default until Keras 3.

    >>> round(float(l1_l2()(jnp.array([2.0]))), 6)
    0.06
    """
    return compat_class(regularizers.L1L2)(l1=l1, l2=l2)


def activity_l1(l1: float = 0.01) -> Undivided:
    """Return the penalty l1 Σ |x| over the whole batch.

    >>> float(activity_l1(0.5)(jnp.array([[1.0], [-1.0]]))) / 2
    1.0
    """
    return Undivided(regularizers.L1(l1))


def activity_l2(l2: float = 0.01) -> Undivided:
    """Return the penalty l2 Σ x² over the whole batch.

    >>> float(activity_l2(0.5)(jnp.array([[1.0], [-1.0]]))) / 2
    1.0
    """
    return Undivided(regularizers.L2(l2))


def activity_l1l2(l1: float = 0.01, l2: float = 0.01) -> Undivided:
    """Return the penalty l1 Σ |x| + l2 Σ x² over the whole batch.

    >>> float(activity_l1l2(0.5, 0.5)(jnp.array([[1.0], [-1.0]]))) / 2
    2.0
    """
    return Undivided(regularizers.L1L2(l1, l2))


class EigenvalueRegularizer(regularizers.Regularizer):
    """k σ, with σ the largest singular value of a matrix, by nine steps of power iteration (eigenvalue decay).

    >>> round(float(EigenvalueRegularizer(0.5)(jnp.diag(jnp.array([3.0, 1.0])))), 3)
    1.5
    """

    def __init__(self, k: float) -> None:
        self.k = k

    def __call__(self, x: ArrayLike) -> Array:
        x = jnp.asarray(x)
        vector = jnp.ones(x.shape[1], x.dtype)
        for _ in range(9):
            vector = x.T @ (x @ vector)
            vector = vector / jnp.linalg.norm(vector)
        return self.k * jnp.linalg.norm(x @ vector)


def ActivityRegularizer(l1: float = 0.0, l2: float = 0.0) -> Undivided:  # noqa: N802 - its name in Keras 1
    """Return the penalty l1 Σ |x| + l2 Σ x² over the whole batch; only the part that is given counts.

    >>> float(ActivityRegularizer(l2=0.5)(jnp.array([[1.0], [-1.0]]))) / 2
    1.0
    """
    return activity_l1l2(l1, l2)

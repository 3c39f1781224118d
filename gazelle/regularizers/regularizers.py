"""Penalties on weights and outputs."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.lookup import Named


class Regularizer(Named):
    """A penalty: `regularizer(x) -> number`. A subclass of your own defines `__call__(self, x)`."""

    _namespace = "regularizers"

    def __call__(self, x: Any) -> Any:
        return 0.0


class L1L2(Regularizer):
    """l1 Σ |x| + l2 Σ x².

    >>> float(L1L2(l1=0.5, l2=1.0)(jnp.array([1.0, -2.0])))
    6.5
    """

    _names = ("l1_l2",)

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = _factor("l1", l1 or 0.0), _factor("l2", l2 or 0.0)

    def __call__(self, x: Any) -> Any:
        x = jnp.asarray(x)
        penalty = jnp.zeros((), x.dtype)
        if self.l1:
            penalty += self.l1 * jnp.sum(jnp.abs(x))
        if self.l2:
            penalty += self.l2 * jnp.sum(x * x)
        return penalty


class L1(Regularizer):
    """l1 Σ |x|.

    >>> float(L1(0.5)(jnp.array([1.0, -2.0])))
    1.5
    """

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _factor("l1", 0.01 if l1 is None else l1)

    def __call__(self, x: Any) -> Any:
        return self.l1 * jnp.sum(jnp.abs(jnp.asarray(x)))


class L2(Regularizer):
    """l2 Σ x².

    >>> float(L2(0.5)(jnp.array([1.0, -2.0])))
    2.5
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _factor("l2", 0.01 if l2 is None else l2)

    def __call__(self, x: Any) -> Any:
        x = jnp.asarray(x)
        return self.l2 * jnp.sum(x * x)


class OrthogonalRegularizer(Regularizer):
    """factor times the mean |cosine| between two rows (or columns) of a matrix: 0 where all are orthogonal.

    >>> float(OrthogonalRegularizer()(jnp.eye(3)))
    0.0
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = _factor("factor", factor)
        if mode not in ("rows", "columns"):
            raise ArgumentError(message("OrthogonalRegularizer's mode", expected="'rows' or 'columns'", got=repr(mode)))

    def __call__(self, x: Any) -> Any:
        x = jnp.asarray(x)
        if x.ndim != 2:
            raise ShapeError(message("OrthogonalRegularizer", expected="a matrix", got=f"shape {tuple(x.shape)}"))
        rows = x if self.mode == "rows" else x.T
        size = rows.shape[0]
        norms = jnp.sqrt(jnp.maximum(jnp.sum(rows * rows, axis=1, keepdims=True), 1e-12))
        rows = rows / norms
        cosines = (rows @ rows.T) * (1 - jnp.eye(size, dtype=x.dtype))
        return self.factor * jnp.sum(jnp.abs(cosines)) / (size * (size - 1.0))


def _factor(name: str, value: Any) -> float:
    if not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise ArgumentError(message(f"The factor {name}", expected="a number of 0 or more", got=repr(value)))
    return float(value)

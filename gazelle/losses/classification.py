"""Margins (the hinge family) and divergences of distributions."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle.core import settings
from gazelle.losses.base import LossFunctionWrapper
from gazelle.losses.target_shapes import takes
from gazelle.ops.max_min import largest


def _signed(y_true: Any) -> Any:
    """Labels -1 and 1, also from labels 0 and 1."""
    binary = jnp.all((y_true == 0) | (y_true == 1))
    return jnp.where(binary, 2.0 * y_true - 1.0, y_true)


@takes("values")
def hinge(y_true: Any, y_pred: Any) -> Any:
    """l = mean(max(1 - y_true y_pred, 0))  over the last axis; labels -1 and 1 (0 and 1 are turned into them).

    >>> round(float(hinge([[-1.0, 1.0]], [[0.5, 0.8]])[0]), 4)
    0.85
    """
    return jnp.mean(jnp.maximum(1.0 - _signed(y_true) * y_pred, 0.0), axis=-1)


@takes("values")
def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """l = mean(max(1 - y_true y_pred, 0)^2)  over the last axis; labels -1 and 1 (0 and 1 are turned into them).

    >>> round(float(squared_hinge([[-1.0, 1.0]], [[0.5, 0.8]])[0]), 4)
    1.145
    """
    return jnp.mean(jnp.square(jnp.maximum(1.0 - _signed(y_true) * y_pred, 0.0)), axis=-1)


@takes("onehot")
def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """l = max(n - p + 1, 0):  p = sum(y_true y_pred), n = max((1 - y_true) y_pred)  over the last axis.

    >>> round(float(categorical_hinge([[0.0, 1.0]], [[0.3, 0.7]])[0]), 4)
    0.6
    """
    positive = jnp.sum(y_true * y_pred, axis=-1)
    negative = largest((1.0 - y_true) * y_pred, axis=-1)
    return jnp.maximum(negative - positive + 1.0, 0.0)


@takes("values", "kld", "KLD", "kullback_leibler_divergence")
def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """l = sum(y_true log(y_true / y_pred))  over the last axis; both kept between 1e-7 and 1.

    >>> round(float(kl_divergence([[0.4, 0.6]], [[0.3, 0.7]])[0]), 4)
    0.0226
    """
    p, q = jnp.clip(y_true, settings.epsilon(), 1), jnp.clip(y_pred, settings.epsilon(), 1)
    return jnp.sum(p * jnp.log(p / q), axis=-1)


@takes("values")
def poisson(y_true: Any, y_pred: Any) -> Any:
    """l = mean(y_pred - y_true log(y_pred))  over the last axis: -log likelihood of counts with mean y_pred.

    >>> round(float(poisson([[1.0, 2.0]], [[1.0, 4.0]])[0]), 4)
    1.1137
    """
    return jnp.mean(y_pred - y_true * jnp.log(y_pred + settings.epsilon()), axis=-1)


class Hinge(LossFunctionWrapper):
    """`hinge`, reduced.

    >>> round(float(Hinge()([[-1.0, 1.0]], [[0.5, 0.8]])), 4)
    0.85
    """

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str = "hinge", dtype: Any = None) -> None:
        super().__init__(hinge, reduction, name, dtype)


class SquaredHinge(LossFunctionWrapper):
    """`squared_hinge`, reduced.

    >>> round(float(SquaredHinge()([[-1.0, 1.0]], [[0.5, 0.8]])), 4)
    1.145
    """

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(squared_hinge, reduction, name, dtype)


class CategoricalHinge(LossFunctionWrapper):
    """`categorical_hinge`, reduced.

    >>> round(float(CategoricalHinge()([[0.0, 1.0]], [[0.3, 0.7]])), 4)
    0.6
    """

    def __init__(
        self, reduction: Any = "sum_over_batch_size", name: str = "categorical_hinge", dtype: Any = None
    ) -> None:
        super().__init__(categorical_hinge, reduction, name, dtype)


class KLDivergence(LossFunctionWrapper):
    """`kl_divergence`, reduced.

    >>> round(float(KLDivergence()([[0.4, 0.6]], [[0.3, 0.7]])), 4)
    0.0226
    """

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(kl_divergence, reduction, name, dtype)


class Poisson(LossFunctionWrapper):
    """`poisson`, reduced.

    >>> round(float(Poisson()([[1.0, 2.0]], [[1.0, 4.0]])), 4)
    1.1137
    """

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str = "poisson", dtype: Any = None) -> None:
        super().__init__(poisson, reduction, name, dtype)

"""Distances between numbers."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core import settings
from gazelle.losses.base import LossFunctionWrapper
from gazelle.losses.target_shapes import takes


@takes("values", "mse", "MSE")
def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """l = mean((y_true - y_pred)^2)  over the last axis.

    >>> mean_squared_error([[1.0, 2.0]], [[1.0, 4.0]])
    Array([2.], dtype=float32)
    """
    return jnp.mean(jnp.square(y_true - y_pred), axis=-1)


@takes("values", "mae", "MAE")
def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """l = mean(abs(y_true - y_pred))  over the last axis.

    >>> round(float(mean_absolute_error([[1.0, 2.0]], [[1.0, 4.0]])[0]), 4)
    1.0
    """
    return jnp.mean(jnp.abs(y_true - y_pred), axis=-1)


@takes("values", "mape", "MAPE")
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """l = 100 mean(abs(y_true - y_pred) / max(abs(y_true), 1e-7))  over the last axis.

    >>> round(float(mean_absolute_percentage_error([[1.0, 2.0]], [[1.0, 4.0]])[0]), 4)
    50.0
    """
    return 100.0 * jnp.mean(jnp.abs((y_true - y_pred) / jnp.maximum(jnp.abs(y_true), settings.epsilon())), axis=-1)


@takes("values", "msle", "MSLE")
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """l = mean((log(1 + y_true) - log(1 + y_pred))^2)  over the last axis; values below 1e-7 count as 1e-7.

    >>> round(float(mean_squared_logarithmic_error([[1.0, 2.0]], [[1.0, 4.0]])[0]), 4)
    0.1305
    """
    log_true = jnp.log(jnp.maximum(y_true, settings.epsilon()) + 1.0)
    return jnp.mean(jnp.square(jnp.log(jnp.maximum(y_pred, settings.epsilon()) + 1.0) - log_true), axis=-1)


def unit(x: Any, axis: Any = -1) -> Any:
    """x / max(norm(x), 1e-7)  along `axis`."""
    # The bound is put on the square: the gradient of the norm at 0 is infinite.
    return x * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(x), axis=axis, keepdims=True), settings.epsilon() ** 2))


@takes("values", "cosine_proximity")
def cosine_similarity(y_true: Any, y_pred: Any, axis: Any = -1) -> Any:
    """l = -sum(unit(y_true) unit(y_pred))  over `axis`: -1 where both point the same way, 1 where opposite.

    >>> round(float(cosine_similarity([[1.0, 2.0]], [[1.0, 4.0]])[0]), 4)
    -0.9762
    """
    return -jnp.sum(unit(y_true, axis) * unit(y_pred, axis), axis=axis)


@takes("values", "huber_loss")
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """l = mean(e^2 / 2  where abs(e) <= delta, else  delta abs(e) - delta^2 / 2),  e = y_pred - y_true.

    Huber, "Robust Estimation of a Location Parameter", 1964.

    >>> round(float(huber([[1.0, 2.0]], [[1.0, 4.0]])[0]), 4)
    0.75
    """
    error = jnp.abs(y_pred - y_true)
    return jnp.mean(jnp.where(error <= delta, 0.5 * error**2, delta * error - 0.5 * delta**2), axis=-1)


@takes("values", "logcosh")
def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """l = mean(log(cosh(y_pred - y_true)))  over the last axis.

    >>> round(float(log_cosh([[1.0, 2.0]], [[1.0, 4.0]])[0]), 4)
    0.6625
    """
    error = y_pred - y_true
    # log cosh e = e + log(1 + exp(-2 e)) - log 2, which does not overflow
    return jnp.mean(error + jax.nn.softplus(-2.0 * error) - jnp.log(2.0).astype(error.dtype), axis=-1)


class MeanSquaredError(LossFunctionWrapper):
    """`mean_squared_error`, reduced.

    >>> float(MeanSquaredError()([[0.0], [0.0]], [[1.0], [3.0]]))
    5.0
    """

    def __init__(
        self, reduction: Any = "sum_over_batch_size", name: str = "mean_squared_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(LossFunctionWrapper):
    """`mean_absolute_error`, reduced.

    >>> round(float(MeanAbsoluteError()([[1.0, 2.0]], [[1.0, 4.0]])), 4)
    1.0
    """

    def __init__(
        self, reduction: Any = "sum_over_batch_size", name: str = "mean_absolute_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(LossFunctionWrapper):
    """`mean_absolute_percentage_error`, reduced.

    >>> round(float(MeanAbsolutePercentageError()([[1.0, 2.0]], [[1.0, 4.0]])), 4)
    50.0
    """

    def __init__(
        self, reduction: Any = "sum_over_batch_size", name: str = "mean_absolute_percentage_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """`mean_squared_logarithmic_error`, reduced.

    >>> round(float(MeanSquaredLogarithmicError()([[1.0, 2.0]], [[1.0, 4.0]])), 4)
    0.1305
    """

    def __init__(
        self, reduction: Any = "sum_over_batch_size", name: str = "mean_squared_logarithmic_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


class CosineSimilarity(LossFunctionWrapper):
    """`cosine_similarity`, reduced.

    >>> round(float(CosineSimilarity()([[1.0, 2.0]], [[1.0, 4.0]])), 4)
    -0.9762
    """

    def __init__(
        self, axis: Any = -1, reduction: Any = "sum_over_batch_size", name: str = "cosine_similarity", dtype: Any = None
    ) -> None:
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)


class Huber(LossFunctionWrapper):
    """`huber`, reduced.

    >>> round(float(Huber(delta=0.5)([[1.0, 2.0]], [[1.0, 4.0]])), 4)
    0.4375
    """

    def __init__(
        self, delta: float = 1.0, reduction: Any = "sum_over_batch_size", name: str = "huber_loss", dtype: Any = None
    ) -> None:
        super().__init__(huber, reduction, name, dtype, delta=delta)


class LogCosh(LossFunctionWrapper):
    """`log_cosh`, reduced.

    >>> round(float(LogCosh()([[1.0, 2.0]], [[1.0, 4.0]])), 4)
    0.6625
    """

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str = "log_cosh", dtype: Any = None) -> None:
        super().__init__(log_cosh, reduction, name, dtype)

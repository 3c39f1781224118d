"""Metrics of regression: mean errors, correlations."""

from __future__ import annotations

import jax.numpy as jnp

from gazelle.core import settings
from gazelle.core.types import Array, ArrayLike, PolicyLike
from gazelle.losses import (
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from gazelle.losses.reduction import per_step
from gazelle.losses.regression import unit
from gazelle.losses.target_shapes import matched, targets
from gazelle.metrics.reduction import Mean, MeanMetricWrapper


@targets("values", namespace="metrics.functions")
def cosine_similarity(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Array:
    """Cosine similarity:  sum(unit(y_true) unit(y_pred))  over `axis`; the loss of this name has the opposite sign.

    Args:
        y_true: Targets (batch, ..., n).
        y_pred: Predictions (batch, ..., n).
        axis: Axis along which the vectors lie.

    Returns:
        Values (batch, ...).

    Example:
        >>> from gazelle.metrics.regression import cosine_similarity
        >>> round(float(cosine_similarity([[1.0, 2.0]], [[1.0, 4.0]])[0]), 4)
        0.9762
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    return jnp.sum(unit(y_true, axis) * unit(y_pred, axis), axis=axis)


@targets("values", namespace="metrics.functions")
def pearson_correlation(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Array:
    """Pearson correlation:  mean(a b) / (std(a) std(b))  over `axis`.

    a = y_true - mean(y_true),  b = y_pred - mean(y_pred)

    Args:
        y_true: Targets (batch, ..., n).
        y_pred: Predictions (batch, ..., n).
        axis: Axis along which the vectors lie.

    Returns:
        Values (batch, ...).

    Example:
        >>> round(float(pearson_correlation([[1.0, 2.0, 3.0]], [[1.5, 2.0, 2.0]])[0]), 4)
        0.866
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    a = y_true - jnp.mean(y_true, axis=axis, keepdims=True)
    b = y_pred - jnp.mean(y_pred, axis=axis, keepdims=True)
    a, b = a / jnp.std(a, axis=axis, keepdims=True), b / jnp.std(b, axis=axis, keepdims=True)
    return jnp.mean(a * b, axis=axis)


@targets("values", namespace="metrics.functions")
def concordance_correlation(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Array:
    """Concordance correlation:  2 cov / (var(y_true) + var(y_pred) + (mean(y_true) - mean(y_pred))^2)  over `axis`.

    Args:
        y_true: Targets (batch, ..., n).
        y_pred: Predictions (batch, ..., n).
        axis: Axis along which the vectors lie.

    Returns:
        Values (batch, ...).

    Source: Lin, "A Concordance Correlation Coefficient to Evaluate Reproducibility", 1989.

    Example:
        >>> round(float(concordance_correlation([[1.0, 2.0, 3.0]], [[1.5, 2.0, 2.0]])[0]), 4)
        0.4444
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    mean_true, mean_pred = (jnp.mean(y, axis=axis, keepdims=True) for y in (y_true, y_pred))
    var_true, var_pred = (jnp.var(y, axis=axis, keepdims=True) for y in (y_true, y_pred))
    # mean((t - c)(p - mean p)) is the covariance for every constant c
    products = (y_true - mean_pred) * (y_pred - mean_pred)
    spread = var_true + var_pred + jnp.square(mean_true - mean_pred) + settings.epsilon()
    return jnp.mean(2 * products / spread, axis=axis)


class MeanSquaredError(MeanMetricWrapper):
    """Mean squared error:  mean((y_true - y_pred)^2).

    Args:
        name: Name in logs.
        dtype: See `Metric`.

    Example:
        >>> round(float(MeanSquaredError()([[1.0, 2.0]], [[1.0, 4.0]])), 4)
        2.0
    """

    _aliases = (
        "mse",
        "MSE",
    )

    def __init__(self, name: str | None = "mean_squared_error", dtype: PolicyLike = None) -> None:
        super().__init__(mean_squared_error, name, dtype)


class MeanAbsoluteError(MeanMetricWrapper):
    """Mean absolute error:  mean(|y_true - y_pred|).

    Args:
        name: Name in logs.
        dtype: See `Metric`.

    Example:
        >>> round(float(MeanAbsoluteError()([[1.0, 2.0]], [[1.0, 4.0]])), 4)
        1.0
    """

    _aliases = (
        "mae",
        "MAE",
    )

    def __init__(self, name: str | None = "mean_absolute_error", dtype: PolicyLike = None) -> None:
        super().__init__(mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(MeanMetricWrapper):
    """Mean absolute percentage error:  100 mean(|y_true - y_pred| / |y_true|).

    Args:
        name: Name in logs.
        dtype: See `Metric`.

    Example:
        >>> round(float(MeanAbsolutePercentageError()([[1.0, 2.0]], [[1.0, 4.0]])), 4)
        50.0
    """

    _aliases = (
        "mape",
        "MAPE",
    )

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: PolicyLike = None) -> None:
        super().__init__(mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """Mean squared logarithmic error:  mean((log(1 + y_true) - log(1 + y_pred))^2).

    Args:
        name: Name in logs.
        dtype: See `Metric`.

    Example:
        >>> round(float(MeanSquaredLogarithmicError()([[1.0, 2.0]], [[1.0, 4.0]])), 4)
        0.1305
    """

    _aliases = (
        "msle",
        "MSLE",
    )

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: PolicyLike = None) -> None:
        super().__init__(mean_squared_logarithmic_error, name, dtype)


class LogCoshError(MeanMetricWrapper):
    """Logarithm of the hyperbolic cosine:  mean(log(cosh(y_pred - y_true))).

    Args:
        name: Name in logs.
        dtype: See `Metric`.

    Example:
        >>> round(float(LogCoshError()([[1.0, 2.0]], [[1.0, 4.0]])), 4)
        0.6625
    """

    _aliases = (
        "logcosh",
        "log_cosh",
    )

    def __init__(self, name: str | None = "logcosh", dtype: PolicyLike = None) -> None:
        super().__init__(log_cosh, name, dtype)


class CosineSimilarity(MeanMetricWrapper):
    """Cosine similarity:  mean(sum(unit(y_true) unit(y_pred))),  the sum over `axis`.

    Args:
        name: Name in logs.
        dtype: See `Metric`.
        axis: Axis along which the vectors lie.

    Example:
        >>> round(float(CosineSimilarity()([[1.0, 2.0]], [[1.0, 4.0]])), 4)
        0.9762
    """

    _aliases = ("cosine_proximity",)
    _direction = "up"

    def __init__(self, name: str | None = "cosine_similarity", dtype: PolicyLike = None, axis: int = -1) -> None:
        super().__init__(cosine_similarity, name, dtype, axis=axis)


class PearsonCorrelation(MeanMetricWrapper):
    """Mean Pearson correlation of vectors along `axis`; see `pearson_correlation`.

    Args:
        name: Name in logs.
        dtype: See `Metric`.
        axis: Axis along which the vectors lie.

    Example:
        >>> round(float(PearsonCorrelation()([[1.0, 2.0, 3.0]], [[1.5, 2.0, 2.0]])), 4)
        0.866
    """

    _direction = "up"

    def __init__(self, name: str | None = "pearson_correlation", dtype: PolicyLike = None, axis: int = -1) -> None:
        super().__init__(pearson_correlation, name, dtype, axis=axis)


class ConcordanceCorrelation(MeanMetricWrapper):
    """Mean concordance correlation of vectors along `axis`; see `concordance_correlation`.

    Args:
        name: Name in logs.
        dtype: See `Metric`.
        axis: Axis along which the vectors lie.

    Source: Lin, "A Concordance Correlation Coefficient to Evaluate Reproducibility", 1989.

    Example:
        >>> round(float(ConcordanceCorrelation()([[1.0, 2.0, 3.0]], [[1.5, 2.0, 2.0]])), 4)
        0.4444
    """

    _direction = "up"

    def __init__(self, name: str | None = "concordance_correlation", dtype: PolicyLike = None, axis: int = -1) -> None:
        super().__init__(concordance_correlation, name, dtype, axis=axis)


class RootMeanSquaredError(Mean):
    """Root mean squared error:  sqrt(mean((y_pred - y_true)^2)).

    Args:
        name: Name in logs.
        dtype: See `Metric`.

    Example:
        >>> float(RootMeanSquaredError()([[0.0], [0.0]], [[3.0], [3.0]]))
        3.0
    """

    _aliases = ("rmse", "RMSE")
    _direction = "down"

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: PolicyLike = None) -> None:
        super().__init__(name, dtype)

    def update_state(  # type: ignore[override]
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        """Add the squared errors of a batch to the mean.

        Args:
            y_true: Targets (batch, ...).
            y_pred: Predictions (batch, ...).
            sample_weight: Weights (batch,), or one for each value.
        """
        y_true, y_pred = jnp.asarray(y_true, self.dtype), jnp.asarray(y_pred, self.dtype)
        y_true = per_step(y_true, y_pred, sample_weight)
        y_true, y_pred = matched("values", f"Metric '{self.name}'", y_true, y_pred)
        super().update_state(jnp.square(y_pred - y_true), sample_weight)

    def result(self) -> Array:
        return jnp.sqrt(super().result())

"""Metrics of numbers: mean distances, and how much of the variance is explained."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle.core import settings
from gazelle.core.errors import ArgumentError, ShapeError, message, unknown
from gazelle.losses import (
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from gazelle.losses.reduction import align, per_step
from gazelle.losses.regression import unit
from gazelle.losses.target_shapes import matched, targets
from gazelle.metrics.base import Metric
from gazelle.metrics.reduction import Mean, MeanMetricWrapper, wide


@targets("values", namespace="metrics.functions")
def cosine_similarity(y_true: Any, y_pred: Any, axis: Any = -1) -> Any:
    """sum(unit(y_true) unit(y_pred))  over `axis`: 1 where both point the same way (the loss has the other sign)."""
    return jnp.sum(unit(y_true, axis) * unit(y_pred, axis), axis=axis)


@targets("values", namespace="metrics.functions")
def pearson_correlation(y_true: Any, y_pred: Any, axis: Any = -1) -> Any:
    """mean(a b) / (std(a) std(b))  over `axis`,  a = y_true - mean(y_true), b = y_pred - mean(y_pred).

    >>> round(float(pearson_correlation([[1.0, 2.0, 3.0]], [[1.5, 2.0, 2.0]])[0]), 4)
    0.866
    """
    a = y_true - jnp.mean(y_true, axis=axis, keepdims=True)
    b = y_pred - jnp.mean(y_pred, axis=axis, keepdims=True)
    a, b = a / jnp.std(a, axis=axis, keepdims=True), b / jnp.std(b, axis=axis, keepdims=True)
    return jnp.mean(a * b, axis=axis)


@targets("values", namespace="metrics.functions")
def concordance_correlation(y_true: Any, y_pred: Any, axis: Any = -1) -> Any:
    """2 cov / (var(y_true) + var(y_pred) + (mean(y_true) - mean(y_pred))^2)  over `axis`.

    >>> round(float(concordance_correlation([[1.0, 2.0, 3.0]], [[1.5, 2.0, 2.0]])[0]), 4)
    0.4444
    """
    mean_true, mean_pred = (jnp.mean(y, axis=axis, keepdims=True) for y in (y_true, y_pred))
    var_true, var_pred = (jnp.var(y, axis=axis, keepdims=True) for y in (y_true, y_pred))
    # mean((t - c)(p - mean p)) is the covariance for every constant c
    products = (y_true - mean_pred) * (y_pred - mean_pred)
    spread = var_true + var_pred + jnp.square(mean_true - mean_pred) + settings.epsilon()
    return jnp.mean(2 * products / spread, axis=axis)


class MeanSquaredError(MeanMetricWrapper):
    """The mean of `losses.mean_squared_error`.

    >>> round(float(MeanSquaredError()([[1.0, 2.0]], [[1.0, 4.0]])), 4)
    2.0
    """

    _aliases = ("mse", "MSE")

    def __init__(self, name: str | None = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(mean_squared_error, name, dtype)


class MeanAbsoluteError(MeanMetricWrapper):
    """The mean of `losses.mean_absolute_error`.

    >>> round(float(MeanAbsoluteError()([[1.0, 2.0]], [[1.0, 4.0]])), 4)
    1.0
    """

    _aliases = ("mae", "MAE")

    def __init__(self, name: str | None = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(MeanMetricWrapper):
    """The mean of `losses.mean_absolute_percentage_error`.

    >>> round(float(MeanAbsolutePercentageError()([[1.0, 2.0]], [[1.0, 4.0]])), 4)
    50.0
    """

    _aliases = ("mape", "MAPE")

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: Any = None) -> None:
        super().__init__(mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """The mean of `losses.mean_squared_logarithmic_error`.

    >>> round(float(MeanSquaredLogarithmicError()([[1.0, 2.0]], [[1.0, 4.0]])), 4)
    0.1305
    """

    _aliases = ("msle", "MSLE")

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: Any = None) -> None:
        super().__init__(mean_squared_logarithmic_error, name, dtype)


class LogCoshError(MeanMetricWrapper):
    """The mean of `losses.log_cosh`.

    >>> round(float(LogCoshError()([[1.0, 2.0]], [[1.0, 4.0]])), 4)
    0.6625
    """

    _aliases = ("logcosh", "log_cosh")

    def __init__(self, name: str | None = "logcosh", dtype: Any = None) -> None:
        super().__init__(log_cosh, name, dtype)


class CosineSimilarity(MeanMetricWrapper):
    """The mean of `cosine_similarity`.

    >>> round(float(CosineSimilarity()([[1.0, 2.0]], [[1.0, 4.0]])), 4)
    0.9762
    """

    _aliases = ("cosine_proximity",)
    _direction = "up"

    def __init__(self, name: str | None = "cosine_similarity", dtype: Any = None, axis: Any = -1) -> None:
        super().__init__(cosine_similarity, name, dtype, axis=axis)


class PearsonCorrelation(MeanMetricWrapper):
    """The mean of `pearson_correlation`.

    >>> round(float(PearsonCorrelation()([[1.0, 2.0, 3.0]], [[1.5, 2.0, 2.0]])), 4)
    0.866
    """

    _direction = "up"

    def __init__(self, name: str | None = "pearson_correlation", dtype: Any = None, axis: Any = -1) -> None:
        super().__init__(pearson_correlation, name, dtype, axis=axis)


class ConcordanceCorrelation(MeanMetricWrapper):
    """The mean of `concordance_correlation`.

    >>> round(float(ConcordanceCorrelation()([[1.0, 2.0, 3.0]], [[1.5, 2.0, 2.0]])), 4)
    0.4444
    """

    _direction = "up"

    def __init__(self, name: str | None = "concordance_correlation", dtype: Any = None, axis: Any = -1) -> None:
        super().__init__(concordance_correlation, name, dtype, axis=axis)


class RootMeanSquaredError(Mean):
    """Root of the mean squared error:  sqrt(mean((y_pred - y_true)^2)).

    >>> float(RootMeanSquaredError()([[0.0], [0.0]], [[3.0], [3.0]]))
    3.0
    """

    _aliases = ("rmse", "RMSE")
    _direction = "down"

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        y_true, y_pred = jnp.asarray(y_true, self.dtype), jnp.asarray(y_pred, self.dtype)
        y_true = per_step(y_true, y_pred, sample_weight)
        y_true, y_pred = matched("values", f"Metric '{self.name}'", y_true, y_pred)
        super().update_state(jnp.square(y_pred - y_true), sample_weight)

    def result(self) -> Any:
        return jnp.sqrt(super().result())


_AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")


class R2Score(Metric):
    """1 - sum(w (y_true - y_pred)^2) / sum(w (y_true - mean(y_true))^2)  for each output, then taken together.

    Args:
        class_aggregation: 'uniform_average', 'variance_weighted_average', or None for one score per output.
        num_regressors: p in  1 - (1 - R2) (n - 1) / (n - p - 1); 0 leaves R2 as it is.

    >>> round(float(R2Score()([[1.0], [2.0], [3.0]], [[1.5], [2.0], [2.0]])), 4)
    0.375
    """

    _direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        if class_aggregation not in _AGGREGATIONS:
            raise unknown("class_aggregation", class_aggregation, map(str, _AGGREGATIONS))
        if not hasattr(num_regressors, "__index__") or num_regressors < 0:
            raise ArgumentError(
                message("num_regressors of R2Score", expected="a whole number from 0 on", got=repr(num_regressors))
            )
        self.num_samples = self.add_weight(name="num_samples")
        self._built = False

    def build(self, y_true_shape: Any, y_pred_shape: Any) -> None:
        if self._built:
            return
        if len(y_pred_shape) != 2:
            raise ShapeError(
                message(
                    f"Metric '{self.name}'",
                    expected="y_pred of shape (batch, outputs)",
                    got=f"shape {tuple(y_pred_shape)}",
                )
            )
        shape, dtype = (y_pred_shape[-1],), wide(self.dtype)
        self.squared_sum = self.add_weight(shape, dtype=dtype, name="squared_sum")
        self.sum = self.add_weight(shape, dtype=dtype, name="sum")
        self.residual = self.add_weight(shape, dtype=dtype, name="residual")
        self.count = self.add_weight(shape, dtype=dtype, name="count")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = matched("values", f"Metric '{self.name}'", y_true, jnp.asarray(y_pred, self.dtype))
        self.build(y_true.shape, y_pred.shape)
        weights = jnp.asarray(1 if sample_weight is None else sample_weight, y_true.dtype)
        weights = jnp.broadcast_to(align(weights, y_true, f"'{self.name}'")[1], y_true.shape)
        self.sum.assign_add(jnp.sum(y_true * weights, axis=0))
        self.squared_sum.assign_add(jnp.sum(y_true**2 * weights, axis=0))
        self.residual.assign_add(jnp.sum((y_true - y_pred) ** 2 * weights, axis=0))
        self.count.assign_add(jnp.sum(weights, axis=0))
        self.num_samples.assign_add(y_true.size)

    def result(self) -> Any:
        # sum (y - mean)^2 = sum y^2 - sum y mean
        total = self.squared_sum.value - self.sum.value * (self.sum.value / self.count.value)
        score = 1 - self.residual.value / total
        score = jnp.where(jnp.isinf(score), 0.0, score)
        if self.class_aggregation == "uniform_average":
            score = jnp.mean(score)
        elif self.class_aggregation == "variance_weighted_average":
            score = jnp.sum(total * score) / jnp.sum(total)
        if self.num_regressors == 0:
            return score
        n, free = self.num_samples.value, self.num_samples.value - self.num_regressors - 1
        return jnp.where(free > 0, 1 - (1 - score) * (n - 1) / jnp.maximum(free, 1), score)

"""The coefficient of determination."""

from __future__ import annotations

import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, ShapeError, message, unknown
from gazelle.core.types import Array, ArrayLike, PolicyLike, Shape
from gazelle.losses.reduction import align
from gazelle.losses.target_shapes import matched
from gazelle.metrics.base import Metric
from gazelle.metrics.reduction import sum_dtype

_AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")


class R2Score(Metric):
    """Coefficient of determination:  1 - sum(w (y_true - y_pred)^2) / sum(w (y_true - mean(y_true))^2)  per output.

    Args:
        class_aggregation: 'uniform_average', 'variance_weighted_average', or None for one score per output.
        num_regressors: p in the adjusted score  1 - (1 - R2) (n - 1) / (n - p - 1);  0 for the plain score.
        name: Name in logs.
        dtype: See `Metric`.

    Raises:
        ArgumentError: If `class_aggregation` is unknown or `num_regressors` is no integer of at least 0.

    Example:
        >>> round(float(R2Score()([[1.0], [2.0], [3.0]], [[1.5], [2.0], [2.0]])), 4)
        0.375
    """

    _direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: PolicyLike = None,
    ) -> None:
        super().__init__(dtype, name)
        if class_aggregation not in _AGGREGATIONS:
            raise unknown("class_aggregation", class_aggregation, map(str, _AGGREGATIONS))
        if not hasattr(num_regressors, "__index__") or num_regressors < 0:
            raise ArgumentError(
                message("num_regressors of R2Score", expected="an integer of at least 0", got=repr(num_regressors))
            )
        self.num_samples = self.add_weight(name="num_samples")
        self._built = False

    def _build(self, y_true_shape: Shape | None, y_pred_shape: Shape) -> None:
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
        shape, dtype = (y_pred_shape[-1],), sum_dtype(self.dtype)
        self.squared_sum = self.add_weight(shape, dtype=dtype, name="squared_sum")
        self.sum = self.add_weight(shape, dtype=dtype, name="sum")
        self.residual = self.add_weight(shape, dtype=dtype, name="residual")
        self.count = self.add_weight(shape, dtype=dtype, name="count")
        self._built = True

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Add a batch to the sums.

        Args:
            y_true: Targets (batch, outputs).
            y_pred: Predictions (batch, outputs).
            sample_weight: Weights (batch,), or one for each value.
        """
        y_true, y_pred = matched("values", f"Metric '{self.name}'", y_true, jnp.asarray(y_pred, self.dtype))
        self._build(y_true.shape, y_pred.shape)
        weights = jnp.asarray(1 if sample_weight is None else sample_weight, y_true.dtype)
        weights = jnp.broadcast_to(align(weights, y_true, f"'{self.name}'")[1], y_true.shape)
        self.sum.assign_add(jnp.sum(y_true * weights, axis=0))
        self.squared_sum.assign_add(jnp.sum(y_true**2 * weights, axis=0))
        self.residual.assign_add(jnp.sum((y_true - y_pred) ** 2 * weights, axis=0))
        self.count.assign_add(jnp.sum(weights, axis=0))
        self.num_samples.assign_add(y_true.size)

    def result(self) -> Array:
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

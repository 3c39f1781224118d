"""The best value of one rate while another is bounded from below: one point of a curve."""

from __future__ import annotations

import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array, PolicyLike
from gazelle.losses.reduction import divide
from gazelle.metrics.confusion import COUNTS, ConfusionMetric, even_thresholds


def _create(metric: ConfusionMetric, name: str, bound: float, num_thresholds: int, class_id: int | None) -> None:
    """Check the arguments and create the counts."""
    label = type(metric).__name__
    if not 0 <= bound <= 1:
        raise ArgumentError(message(f"{label}({name})", expected="from 0 to 1", got=bound))
    if num_thresholds <= 0:
        raise ArgumentError(message(f"{label}(num_thresholds)", expected="at least 1", got=num_thresholds))
    metric._create_counts(even_thresholds(num_thresholds), class_id=class_id)


def _best(metric: ConfusionMetric, maximized: str, bounded: str, bound: float) -> Array:
    """Return the largest value of a rate over the thresholds at which another is at least `bound`."""
    tp, fp, tn, fn = (getattr(metric, name).value for name in COUNTS)
    recall = divide(tp, tp + fn)
    rates = {
        "recall": recall,
        "sensitivity": recall,
        "precision": divide(tp, tp + fp),
        "specificity": divide(tn, tn + fp),
    }
    return jnp.max(jnp.where(rates[bounded] >= bound, rates[maximized], 0), initial=0)


class SensitivityAtSpecificity(ConfusionMetric):
    """Best sensitivity over the thresholds at which the specificity is at least a bound.

    sensitivity = TP / (TP + FN),  specificity = TN / (TN + FP)

    Args:
        specificity: The bound, from 0 to 1.
        num_thresholds: Number of equidistant thresholds from 0 to 1.
        class_id: The only column of the predictions that counts; None for all.
        name: Name in logs.
        dtype: See `Metric`.

    Raises:
        ArgumentError: If the bound is not in [0, 1] or `num_thresholds` is below 1.

    Example:
        >>> round(float(SensitivityAtSpecificity(0.5)([0, 1, 1, 1], [0.1, 0.9, 0.8, 0.2])), 4)
        1.0
    """

    _direction = "up"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: PolicyLike = None,
    ) -> None:
        super().__init__(dtype, name)
        _create(self, "specificity", specificity, num_thresholds, class_id)

    def result(self) -> Array:
        return _best(self, "sensitivity", "specificity", self.specificity)


class SpecificityAtSensitivity(ConfusionMetric):
    """Best specificity over the thresholds at which the sensitivity is at least a bound.

    specificity = TN / (TN + FP),  sensitivity = TP / (TP + FN)

    Args:
        sensitivity: The bound, from 0 to 1.
        num_thresholds: Number of equidistant thresholds from 0 to 1.
        class_id: The only column of the predictions that counts; None for all.
        name: Name in logs.
        dtype: See `Metric`.

    Raises:
        ArgumentError: If the bound is not in [0, 1] or `num_thresholds` is below 1.

    Example:
        >>> round(float(SpecificityAtSensitivity(0.5)([0, 1, 1, 1], [0.1, 0.9, 0.8, 0.2])), 4)
        1.0
    """

    _direction = "up"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: PolicyLike = None,
    ) -> None:
        super().__init__(dtype, name)
        _create(self, "sensitivity", sensitivity, num_thresholds, class_id)

    def result(self) -> Array:
        return _best(self, "specificity", "sensitivity", self.sensitivity)


class PrecisionAtRecall(ConfusionMetric):
    """Best precision over the thresholds at which the recall is at least a bound.

    precision = TP / (TP + FP),  recall = TP / (TP + FN)

    Args:
        recall: The bound, from 0 to 1.
        num_thresholds: Number of equidistant thresholds from 0 to 1.
        class_id: The only column of the predictions that counts; None for all.
        name: Name in logs.
        dtype: See `Metric`.

    Raises:
        ArgumentError: If the bound is not in [0, 1] or `num_thresholds` is below 1.

    Example:
        >>> round(float(PrecisionAtRecall(0.5)([0, 1, 1, 1], [0.1, 0.9, 0.8, 0.2])), 4)
        1.0
    """

    _direction = "up"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: PolicyLike = None,
    ) -> None:
        super().__init__(dtype, name)
        _create(self, "recall", recall, num_thresholds, class_id)

    def result(self) -> Array:
        return _best(self, "precision", "recall", self.recall)


class RecallAtPrecision(ConfusionMetric):
    """Best recall over the thresholds at which the precision is at least a bound.

    recall = TP / (TP + FN),  precision = TP / (TP + FP)

    Args:
        precision: The bound, from 0 to 1.
        num_thresholds: Number of equidistant thresholds from 0 to 1.
        class_id: The only column of the predictions that counts; None for all.
        name: Name in logs.
        dtype: See `Metric`.

    Raises:
        ArgumentError: If the bound is not in [0, 1] or `num_thresholds` is below 1.

    Example:
        >>> round(float(RecallAtPrecision(0.5)([0, 1, 1, 1], [0.1, 0.9, 0.8, 0.2])), 4)
        1.0
    """

    _direction = "up"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: PolicyLike = None,
    ) -> None:
        super().__init__(dtype, name)
        _create(self, "precision", precision, num_thresholds, class_id)

    def result(self) -> Array:
        return _best(self, "recall", "precision", self.precision)

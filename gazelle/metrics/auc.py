"""The area under a curve of two rates over all thresholds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from gazelle.core import settings
from gazelle.core.errors import ArgumentError, ShapeError, message, unknown
from gazelle.core.types import Array, ArrayLike, Config, PolicyLike, Shape
from gazelle.losses.reduction import divide
from gazelle.losses.target_shapes import matched
from gazelle.metrics.base import Metric
from gazelle.metrics.confusion import COUNTS, confusion, even_thresholds

_CURVES = ("ROC", "PR", "PRGAIN")
_HEIGHTS: dict[str, Callable[[Array, Array], Array]] = {
    "interpolation": lambda left, right: (left + right) / 2.0,
    "minoring": jnp.minimum,
    "majoring": jnp.maximum,
}


class AUC(Metric):
    """Area under the ROC or the precision-recall curve, approximated at thresholds.

    Args:
        num_thresholds: Number of equidistant thresholds from 0 to 1.
        curve: 'ROC', 'PR' (precision and recall) or 'PRGAIN'.
        summation_method: 'interpolation', 'minoring' (from below) or 'majoring' (from above).
        name: Name in logs.
        dtype: See `Metric`.
        thresholds: Thresholds between 0 and 1, in place of equidistant ones.
        multi_label: Computes an area for each column of y_pred (batch, labels), then their mean.
        num_labels: Number of columns; None until the first batch.
        label_weights: Weights of the columns.
        from_logits: Whether y_pred are logits; else probabilities.

    Raises:
        ArgumentError: If `curve`, `summation_method` or a number is invalid.

    Source: Davis & Goadrich, "The Relationship Between Precision-Recall and ROC Curves", 2006, for the interpolation of
    PR; Flach & Kull, "Precision-Recall-Gain Curves", 2015.

    Example:
        >>> float(AUC(num_thresholds=3)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9]))
        0.75
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: PolicyLike = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: ArrayLike | None = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(dtype, name)
        self.curve, self.summation_method = curve.upper(), summation_method.lower()
        if self.curve not in _CURVES:
            raise unknown("curve of AUC", curve, _CURVES)
        if self.summation_method not in _HEIGHTS:
            raise unknown("summation_method of AUC", summation_method, _HEIGHTS)
        if thresholds is None and num_thresholds <= 1:
            raise ArgumentError(message("AUC(num_thresholds)", expected="at least 2", got=num_thresholds))
        if num_labels and not multi_label:
            raise ArgumentError(message("AUC(num_labels)", expected="multi_label=True", got="multi_label=False"))
        inner = even_thresholds(num_thresholds)[1:-1] if thresholds is None else sorted(thresholds)
        self.num_thresholds = len(inner) + 2
        tiny = settings.epsilon()
        self._given_thresholds = thresholds is not None
        self.thresholds = [-tiny, *inner, 1.0 + tiny]  # beyond 0 and 1, so that no prediction is lost to rounding
        self._built = False
        if num_labels or not multi_label:
            self._build(None, (None, num_labels))

    def _build(self, y_true_shape: Shape | None, y_pred_shape: Shape) -> None:
        if self._built:
            return
        if self.multi_label and len(y_pred_shape) != 2:
            raise ShapeError(
                message(
                    f"Metric '{self.name}' with multi_label",
                    expected="y_pred (batch, labels)",
                    got=f"shape {tuple(y_pred_shape)}",
                )
            )
        shape = (self.num_thresholds, y_pred_shape[-1]) if self.multi_label else (self.num_thresholds,)
        for name in COUNTS:
            setattr(self, name, self.add_weight(shape, name=name))
        self._built = True

    def get_config(self) -> Config:
        """Return the configuration.

        Returns:
            The arguments; thresholds are those between 0 and 1, if they were given.
        """
        return {**super().get_config(), "thresholds": self.thresholds[1:-1] if self._given_thresholds else None}

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Add the counts of a batch.

        Args:
            y_true: Labels 0 and 1 (batch, ...).
            y_pred: Probabilities or logits (batch, ...).
            sample_weight: Weights (batch,), or one for each value.
        """
        y_true, y_pred = matched("values", f"Metric '{self.name}'", y_true, jnp.asarray(y_pred, "float32"))
        self._build(y_true.shape, y_pred.shape)
        y_pred = jax.nn.sigmoid(y_pred) if self.from_logits else y_pred
        counts = confusion(
            y_true,
            y_pred,
            self.thresholds,
            sample_weight,
            by_label=self.multi_label,
            label_weights=None if self.multi_label else self.label_weights,
        )
        for name in COUNTS:
            getattr(self, name).assign_add(counts[name])

    def result(self) -> Array:
        tp, fp, tn, fn = (getattr(self, name).value for name in COUNTS)
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._mean_over_labels(jnp.sum(_interpolated(tp, fp, fn), axis=0))
        x, y = _points(self.curve, tp, fp, tn, fn)
        heights = _HEIGHTS[self.summation_method](y[:-1], y[1:])
        return self._mean_over_labels(jnp.sum((x[:-1] - x[1:]) * heights, axis=0))

    def _mean_over_labels(self, areas: Array) -> Array:
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return jnp.mean(areas)
        weights = jnp.asarray(self.label_weights, areas.dtype)
        return divide(jnp.sum(areas * weights), jnp.sum(weights))


def _points(curve: str, tp: Array, fp: Array, tn: Array, fn: Array) -> tuple[Array, Array]:
    """Return (x, y) of the curve at each threshold."""
    recall = divide(tp, tp + fn)
    if curve == "ROC":
        return divide(fp, fp + tn), recall
    if curve == "PR":
        return recall, divide(tp, tp + fp)
    ratio = divide(tp + fn, tn + fp)  # without true positives gains diverge: recall gain 0, precision gain 1
    recall_gain = jnp.where(tp == 0, 0.0, 1.0 - ratio * divide(fn, tp))
    return jnp.maximum(recall_gain, 0.0), jnp.where(tp == 0, 1.0, 1.0 - ratio * divide(fp, tp))


def _interpolated(tp: Array, fp: Array, fn: Array) -> Array:
    """Return the area of each step of the PR curve, with true and false positives linear between two points.

    With p = tp + fp and tp = a p + b the area is  (a dtp + a b log(p_0 / p_1)) / (tp + fn).
    """
    p, dtp = tp + fp, tp[:-1] - tp[1:]
    a = divide(dtp, jnp.maximum(p[:-1] - p[1:], 0))
    b = tp[1:] - a * p[1:]
    ratio = jnp.where((p[:-1] > 0) & (p[1:] > 0), divide(p[:-1], jnp.maximum(p[1:], 0)), 1.0)
    return divide(a * (dtp + b * jnp.log(ratio)), jnp.maximum(tp[1:] + fn[1:], 0))

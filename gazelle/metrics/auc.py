"""The area under a curve of two rates over all thresholds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core import settings
from gazelle.core.errors import ArgumentError, ShapeError, message, unknown
from gazelle.losses.reduction import divide
from gazelle.losses.target_shapes import matched
from gazelle.metrics.base import Metric
from gazelle.metrics.confusion import _ALL, confusion, even_thresholds

_CURVES = ("ROC", "PR", "PRGAIN")
_HEIGHTS: dict[str, Callable[[Any, Any], Any]] = {
    "interpolation": lambda left, right: (left + right) / 2.0,
    "minoring": jnp.minimum,
    "majoring": jnp.maximum,
}


class AUC(Metric):
    """The area under the ROC or the precision-recall curve, approximated at thresholds.

    Args:
        num_thresholds: how many thresholds, in equal steps from 0 to 1.
        curve: 'ROC', 'PR' or 'PRGAIN'.
        summation_method: 'interpolation', 'minoring' (from below) or 'majoring' (from above).
        thresholds: the thresholds between 0 and 1, instead of equal steps.
        multi_label: an area for each column of y_pred (batch, labels), then their mean.
        num_labels: number of columns, where it should be known before the first batch.
        label_weights: weights of the columns.
        from_logits: y_pred goes through a sigmoid.

    Davis and Goadrich, "The Relationship Between Precision-Recall and ROC Curves", 2006 (interpolation of PR);
    Flach and Kull, "Precision-Recall-Gain Curves", 2015.

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
        dtype: Any = None,
        thresholds: Any = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
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
        self._cuts = [-tiny, *inner, 1.0 + tiny]  # beyond 0 and 1, so that rounding loses no prediction
        self._built = False
        if num_labels or not multi_label:
            self.build(None, (None, num_labels))

    def build(self, y_true_shape: Any, y_pred_shape: Any) -> None:
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
        shape = (len(self._cuts), y_pred_shape[-1]) if self.multi_label else (len(self._cuts),)
        for name in _ALL:
            setattr(self, name, self.add_weight(shape, name=name))
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = matched("values", f"Metric '{self.name}'", y_true, jnp.asarray(y_pred, "float32"))
        self.build(y_true.shape, y_pred.shape)
        y_pred = jax.nn.sigmoid(y_pred) if self.from_logits else y_pred
        counts = confusion(
            y_true,
            y_pred,
            self._cuts,
            sample_weight,
            by_label=self.multi_label,
            label_weights=None if self.multi_label else self.label_weights,
        )
        for name in _ALL:
            getattr(self, name).assign_add(counts[name])

    def result(self) -> Any:
        tp, fp, tn, fn = (getattr(self, name).value for name in _ALL)
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._over_labels(jnp.sum(_interpolated(tp, fp, fn), axis=0))
        x, y = _points(self.curve, tp, fp, tn, fn)
        heights = _HEIGHTS[self.summation_method](y[:-1], y[1:])
        return self._over_labels(jnp.sum((x[:-1] - x[1:]) * heights, axis=0))

    def _over_labels(self, areas: Any) -> Any:
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return jnp.mean(areas)
        weights = jnp.asarray(self.label_weights, areas.dtype)
        return divide(jnp.sum(areas * weights), jnp.sum(weights))


def _points(curve: str, tp: Any, fp: Any, tn: Any, fn: Any) -> tuple[Any, Any]:
    """(x, y) of the curve at each threshold."""
    recall = divide(tp, tp + fn)
    if curve == "ROC":
        return divide(fp, fp + tn), recall
    if curve == "PR":
        return recall, divide(tp, tp + fp)
    ratio = divide(tp + fn, tn + fp)  # gains are diverging without true positives: recall gain 0, precision gain 1 then
    recall_gain = jnp.where(tp == 0, 0.0, 1.0 - ratio * divide(fn, tp))
    return jnp.maximum(recall_gain, 0.0), jnp.where(tp == 0, 1.0, 1.0 - ratio * divide(fp, tp))


def _interpolated(tp: Any, fp: Any, fn: Any) -> Any:
    """The area of each step of the PR curve: between two points true and false positives grow linearly.

    With p = tp + fp and tp = a p + b the area is  (a dtp + a b log(p_0 / p_1)) / (tp + fn).
    """
    p, dtp = tp + fp, tp[:-1] - tp[1:]
    gradient = divide(dtp, jnp.maximum(p[:-1] - p[1:], 0))
    intercept = tp[1:] - gradient * p[1:]
    ratio = jnp.where((p[:-1] > 0) & (p[1:] > 0), divide(p[:-1], jnp.maximum(p[1:], 0)), 1.0)
    return divide(gradient * (dtp + intercept * jnp.log(ratio)), jnp.maximum(tp[1:] + fn[1:], 0))

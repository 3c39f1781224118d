"""Counts of right and wrong decisions at thresholds, and the rates made of them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import settings
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.losses.reduction import align, divide
from gazelle.losses.target_shapes import matched
from gazelle.metrics.base import Metric

_NEVER = -1e10  # below every threshold
_ALL = ("true_positives", "false_positives", "true_negatives", "false_negatives")


def thresholds_of(label: str, given: Any, default: float) -> list[float]:
    """`given`, one number or several from 0 to 1, as a list."""
    if given is None:
        return [default]
    out = list(given) if isinstance(given, (list, tuple, np.ndarray)) else [given]
    if not all(t is not None and 0 <= t <= 1 for t in out):
        raise ArgumentError(message(f"{label}(thresholds)", expected="numbers from 0 to 1", got=given))
    return out


def even_thresholds(count: int) -> list[float]:
    """`count` thresholds from 0 to 1 in equal steps; 0.5 for one."""
    return [0.5] if count == 1 else [i / (count - 1) for i in range(count)]


def confusion(
    y_true: Any, y_pred: Any, thresholds: Any, weights: Any = None, *, by_label: bool = False, label_weights: Any = None
) -> dict[str, Any]:
    """{"true_positives", "false_positives", "true_negatives", "false_negatives"} of y_pred > threshold.

    y_true, y_pred (batch, ..., k) · weights (batch,) or finer · label_weights (k,)
    ->  each (thresholds,), or (thresholds, k) `by_label`
    """
    cuts = jnp.asarray(thresholds, y_pred.dtype)
    weight = jnp.ones((), y_pred.dtype)
    if weights is not None:
        weight = align(jnp.asarray(weights, y_pred.dtype), y_pred, "a confusion metric")[1]
    if label_weights is not None:
        weight = weight * jnp.asarray(label_weights, y_pred.dtype).reshape((1,) * (y_pred.ndim - 1) + (-1,))
    weight = jnp.broadcast_to(weight, y_pred.shape)
    columns = y_pred.shape[-1] if by_label else 1
    weight, y_pred, label = (v.reshape(-1, columns) for v in (weight, y_pred, y_true != 0))
    true, false = jnp.where(label, weight, 0), jnp.where(label, 0, weight)
    if _even(thresholds):
        tp, fp = (_above(y_pred, part, len(cuts), thresholds[0] < 0) for part in (true, false))
        tn, fn = jnp.sum(false, axis=0, keepdims=True) - fp, jnp.sum(true, axis=0, keepdims=True) - tp
    else:
        over = y_pred[None] > cuts[:, None, None]
        tp, fp = (jnp.sum(jnp.where(over, part[None], 0), axis=1) for part in (true, false))
        fn, tn = (jnp.sum(jnp.where(over, 0, part[None]), axis=1) for part in (true, false))
    return {name: v if by_label else v[:, 0] for name, v in zip(_ALL, (tp, fp, tn, fn), strict=True)}


def _even(thresholds: Any) -> bool:
    count = len(thresholds)
    return count >= 3 and bool(np.allclose(thresholds, np.arange(count) / (count - 1), atol=settings.epsilon()))


def _above(y_pred: Any, weight: Any, count: int, first_below_zero: bool) -> Any:
    """The weight above each of `count` even thresholds, in one pass over the predictions: a histogram, added up."""
    passed = jnp.ceil(jnp.clip(y_pred, 0.0, 1.0) * (count - 1)).astype("int32")  # how many thresholds lie below
    passed = jnp.maximum(passed, 1) if first_below_zero else passed
    histogram = jnp.zeros((count, y_pred.shape[1]), weight.dtype)
    histogram = histogram.at[passed, jnp.arange(y_pred.shape[1])[None]].add(weight)
    from_the_end = jnp.cumsum(histogram[::-1], axis=0)[::-1]
    return jnp.concatenate([from_the_end[1:], jnp.zeros_like(from_the_end[:1])])


class _Confusion(Metric):
    """The trunk: keeps the counts named in `_kept` at `self._cuts`."""

    _kept: tuple[str, ...] = _ALL

    def _keep(self, cuts: list[float], top_k: int | None = None, class_id: int | None = None) -> None:
        self._cuts, self._top_k, self._class_id = cuts, top_k, class_id
        for name in self._kept:
            setattr(self, name, self.add_weight((len(cuts),), name=name))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = matched("values", f"Metric '{self.name}'", y_true, jnp.asarray(y_pred, "float32"))
        if self._top_k is not None:
            best = jax.lax.top_k(y_pred, self._top_k)[1]
            y_pred = jnp.where(jax.nn.one_hot(best, y_pred.shape[-1]).sum(axis=-2) > 0, y_pred, _NEVER)
        if self._class_id is not None:
            if y_pred.ndim < 2:
                raise ShapeError(
                    message(
                        f"Metric '{self.name}' with class_id",
                        expected="y_pred (batch, classes)",
                        got=f"shape {y_pred.shape}",
                    )
                )
            y_true, y_pred = (v[..., self._class_id, None] for v in (y_true, y_pred))
        counts = confusion(y_true, y_pred, self._cuts, sample_weight)
        for name in self._kept:
            getattr(self, name).assign_add(counts[name])

    def _one(self, values: Any) -> Any:
        return values[0] if len(self._cuts) == 1 else values

    def _rates(self) -> dict[str, Any]:
        tp, fp, tn, fn = (getattr(self, name).value for name in _ALL)
        recall = divide(tp, tp + fn)
        return {
            "recall": recall,
            "sensitivity": recall,
            "precision": divide(tp, tp + fp),
            "specificity": divide(tn, tn + fp),
        }


class _Count(_Confusion):
    """One count: a number, or one for each threshold."""

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self._keep(thresholds_of(type(self).__name__, thresholds, 0.5))

    def result(self) -> Any:
        return self._one(getattr(self, self._kept[0]).value)


class TruePositives(_Count):
    """sum(w)  where y_true is 1 and y_pred > threshold.

    >>> float(TruePositives()([0, 1, 1], [0.9, 0.9, 0.1]))
    1.0
    """

    _kept = ("true_positives",)


class FalsePositives(_Count):
    """sum(w)  where y_true is 0 and y_pred > threshold.

    >>> round(float(FalsePositives()([0, 1, 1, 1], [0.1, 0.9, 0.8, 0.2])), 4)
    0.0
    """

    _kept = ("false_positives",)


class TrueNegatives(_Count):
    """sum(w)  where y_true is 0 and y_pred is not > threshold.

    >>> round(float(TrueNegatives()([0, 1, 1, 1], [0.1, 0.9, 0.8, 0.2])), 4)
    1.0
    """

    _kept = ("true_negatives",)


class FalseNegatives(_Count):
    """sum(w)  where y_true is 1 and y_pred is not > threshold.

    >>> round(float(FalseNegatives()([0, 1, 1, 1], [0.1, 0.9, 0.8, 0.2])), 4)
    1.0
    """

    _kept = ("false_negatives",)


class _Rate(_Confusion):
    """a / (a + b)  for the two counts in `_kept`."""

    _direction = "up"

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        default = 0.5 if top_k is None else _NEVER
        self._keep(thresholds_of(type(self).__name__, thresholds, default), top_k, class_id)

    def result(self) -> Any:
        a, b = (getattr(self, name).value for name in self._kept)
        return self._one(divide(a, a + b))


class Precision(_Rate):
    """true positives / (true positives + false positives): how many of the found are right.

    Args:
        thresholds: y_pred above counts as positive; one number, or several for one result each. 0.5 by default.
        top_k: only the k largest predictions of a sample may be positive.
        class_id: look at this column only.

    >>> float(Precision()([0, 1, 1, 1], [0.9, 0.1, 0.9, 0.9])) > 0.66
    True
    """

    _kept = ("true_positives", "false_positives")


class Recall(_Rate):
    """true positives / (true positives + false negatives): how many of the right are found. Arguments: `Precision`.

    >>> round(float(Recall()([0, 1, 1, 1], [0.1, 0.9, 0.8, 0.2])), 4)
    0.6667
    """

    _kept = ("true_positives", "false_negatives")

"""Counts of correct and wrong decisions at thresholds, precision and recall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import budget, settings
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.types import Array, ArrayLike, PolicyLike
from gazelle.losses.reduction import align, divide
from gazelle.losses.target_shapes import matched
from gazelle.metrics.base import Metric

BELOW_ALL = -1e10  # below every threshold
COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")

Thresholds = float | Sequence[float] | None


def thresholds_of(label: str, given: Thresholds, default: float) -> list[float]:
    """Return thresholds, one number or several from 0 to 1, as a list."""
    if given is None:
        return [default]
    out: list[Any] = list(given) if isinstance(given, (list, tuple, np.ndarray)) else [given]
    if not all(t is not None and 0 <= t <= 1 for t in out):
        raise ArgumentError(message(f"{label}(thresholds)", expected="numbers from 0 to 1", got=given))
    return out


def even_thresholds(count: int) -> list[float]:
    """Return `count` equidistant thresholds from 0 to 1; 0.5 for one."""
    budget.check((count,), weight=8)  # a list of objects
    return [0.5] if count == 1 else [i / (count - 1) for i in range(count)]


def confusion(
    y_true: Array,
    y_pred: Array,
    thresholds: Sequence[float],
    weights: ArrayLike | None = None,
    *,
    by_label: bool = False,
    label_weights: ArrayLike | None = None,
) -> dict[str, Array]:
    """Return the weighted counts of `COUNTS`, where y_pred > threshold is a positive decision.

    y_true, y_pred (batch, ..., k) · weights (batch,) or finer · label_weights (k,)
    ->  each (thresholds,), or (thresholds, k) with `by_label`
    """
    cuts = jnp.asarray(thresholds, y_pred.dtype)
    weight = jnp.ones((), y_pred.dtype)
    if weights is not None:  # for y_pred (n, t, 1), weights (n, t) are aligned with values (n, t)
        values, weight = align(jnp.asarray(weights, y_pred.dtype), y_pred, "a confusion metric")
        weight = jnp.broadcast_to(weight, values.shape).reshape(y_pred.shape)
    if label_weights is not None:
        weight = weight * jnp.asarray(label_weights, y_pred.dtype).reshape((1,) * (y_pred.ndim - 1) + (-1,))
    weight = jnp.broadcast_to(weight, y_pred.shape)
    columns = y_pred.shape[-1] if by_label else 1
    weight, y_pred, label = (v.reshape(-1, columns) for v in (weight, y_pred, y_true != 0))
    true, false = jnp.where(label, weight, 0), jnp.where(label, 0, weight)
    if _are_even(thresholds):
        tp, fp = (_sum_above(y_pred, part, len(cuts), thresholds[0] < 0) for part in (true, false))
        tn, fn = jnp.sum(false, axis=0, keepdims=True) - fp, jnp.sum(true, axis=0, keepdims=True) - tp
    else:
        over = y_pred[None] > cuts[:, None, None]
        tp, fp = (jnp.sum(jnp.where(over, part[None], 0), axis=1) for part in (true, false))
        fn, tn = (jnp.sum(jnp.where(over, 0, part[None]), axis=1) for part in (true, false))
    return {name: v if by_label else v[:, 0] for name, v in zip(COUNTS, (tp, fp, tn, fn), strict=True)}


def _are_even(thresholds: Sequence[float]) -> bool:
    count = len(thresholds)
    return count >= 3 and bool(np.allclose(thresholds, np.arange(count) / (count - 1), atol=settings.epsilon()))


def _sum_above(y_pred: Array, weight: Array, count: int, first_below_zero: bool) -> Array:
    """Return the weight above each of `count` even thresholds, from one cumulative histogram of the predictions."""
    passed = jnp.ceil(jnp.clip(y_pred, 0.0, 1.0) * (count - 1)).astype("int32")  # number of thresholds below
    passed = jnp.maximum(passed, 1) if first_below_zero else passed
    histogram = jnp.zeros((count, y_pred.shape[1]), weight.dtype)
    histogram = histogram.at[passed, jnp.arange(y_pred.shape[1])[None]].add(weight)
    from_the_end = jnp.cumsum(histogram[::-1], axis=0)[::-1]
    return jnp.concatenate([from_the_end[1:], jnp.zeros_like(from_the_end[:1])])


class ConfusionMetric(Metric, abstract=True):
    """Base class of metrics of counts at thresholds.

    A subclass names its counts in `_counts` and calls `_create_counts` in its constructor. The result is the first
    count, divided by the sum of both if there are two.

    Args:
        dtype: See `Metric`.
        name: See `Metric`.
    """

    _counts: tuple[str, ...] = COUNTS

    def _create_counts(self, thresholds: list[float], top_k: int | None = None, class_id: int | None = None) -> None:
        self.init_thresholds = vars(self).get("thresholds")  # as they were given
        self.thresholds, self._top_k, self._class_id = thresholds, top_k, class_id
        for name in self._counts:
            setattr(self, name, self.add_weight((len(thresholds),), name=name))

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Add the counts of a batch.

        Args:
            y_true: Labels 0 and 1 (batch, ...).
            y_pred: Scores from 0 to 1 (batch, ...).
            sample_weight: Weights (batch,), or one for each value.
        """
        y_true, y_pred = matched("values", f"Metric '{self.name}'", y_true, jnp.asarray(y_pred, "float32"))
        if self._top_k is not None:
            best = jax.lax.top_k(y_pred, self._top_k)[1]
            y_pred = jnp.where(jax.nn.one_hot(best, y_pred.shape[-1]).sum(axis=-2) > 0, y_pred, BELOW_ALL)
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
        counts = confusion(y_true, y_pred, self.thresholds, sample_weight)
        for name in self._counts:
            getattr(self, name).assign_add(counts[name])

    def get_config(self) -> dict[str, Any]:
        """Return the arguments.

        Returns:
            The arguments; thresholds are those that were given.
        """
        config = super().get_config()
        return {**config, "thresholds": self.init_thresholds} if "thresholds" in config else config

    def result(self) -> Array:
        first, *others = (getattr(self, name).value for name in self._counts)
        value = divide(first, first + others[0]) if others else first
        return value[0] if len(self.thresholds) == 1 else value


class TruePositives(ConfusionMetric):
    """Number of true positives:  sum(w)  where y_true is 1 and y_pred > threshold.

    Args:
        thresholds: One threshold from 0 to 1, or several for one count each; 0.5 by default.
        name: Name in logs.
        dtype: See `Metric`.

    Raises:
        ArgumentError: If a threshold is not in [0, 1].

    Example:
        >>> float(TruePositives()([0, 1, 1], [0.9, 0.9, 0.1]))
        1.0
    """

    _counts = ("true_positives",)

    def __init__(self, thresholds: Thresholds = None, name: str | None = None, dtype: PolicyLike = None) -> None:
        super().__init__(dtype, name)
        self._create_counts(thresholds_of(type(self).__name__, thresholds, 0.5))


class FalsePositives(ConfusionMetric):
    """Number of false positives:  sum(w)  where y_true is 0 and y_pred > threshold.

    Args:
        thresholds: One threshold from 0 to 1, or several for one count each; 0.5 by default.
        name: Name in logs.
        dtype: See `Metric`.

    Raises:
        ArgumentError: If a threshold is not in [0, 1].

    Example:
        >>> round(float(FalsePositives()([0, 1, 1, 1], [0.1, 0.9, 0.8, 0.2])), 4)
        0.0
    """

    _counts = ("false_positives",)

    def __init__(self, thresholds: Thresholds = None, name: str | None = None, dtype: PolicyLike = None) -> None:
        super().__init__(dtype, name)
        self._create_counts(thresholds_of(type(self).__name__, thresholds, 0.5))


class TrueNegatives(ConfusionMetric):
    """Number of true negatives:  sum(w)  where y_true is 0 and y_pred <= threshold.

    Args:
        thresholds: One threshold from 0 to 1, or several for one count each; 0.5 by default.
        name: Name in logs.
        dtype: See `Metric`.

    Raises:
        ArgumentError: If a threshold is not in [0, 1].

    Example:
        >>> round(float(TrueNegatives()([0, 1, 1, 1], [0.1, 0.9, 0.8, 0.2])), 4)
        1.0
    """

    _counts = ("true_negatives",)

    def __init__(self, thresholds: Thresholds = None, name: str | None = None, dtype: PolicyLike = None) -> None:
        super().__init__(dtype, name)
        self._create_counts(thresholds_of(type(self).__name__, thresholds, 0.5))


class FalseNegatives(ConfusionMetric):
    """Number of false negatives:  sum(w)  where y_true is 1 and y_pred <= threshold.

    Args:
        thresholds: One threshold from 0 to 1, or several for one count each; 0.5 by default.
        name: Name in logs.
        dtype: See `Metric`.

    Raises:
        ArgumentError: If a threshold is not in [0, 1].

    Example:
        >>> round(float(FalseNegatives()([0, 1, 1, 1], [0.1, 0.9, 0.8, 0.2])), 4)
        1.0
    """

    _counts = ("false_negatives",)

    def __init__(self, thresholds: Thresholds = None, name: str | None = None, dtype: PolicyLike = None) -> None:
        super().__init__(dtype, name)
        self._create_counts(thresholds_of(type(self).__name__, thresholds, 0.5))


class Precision(ConfusionMetric):
    """Precision:  true positives / (true positives + false positives).

    Args:
        thresholds: One threshold from 0 to 1, or several for one result each; 0.5 by default.
        top_k: Number of largest predictions of a sample that may be positive; None for all.
        class_id: The only column of the predictions that counts; None for all.
        name: Name in logs.
        dtype: See `Metric`.

    Raises:
        ArgumentError: If a threshold is not in [0, 1].

    Example:
        >>> float(Precision()([0, 1, 1, 1], [0.9, 0.1, 0.9, 0.9])) > 0.66
        True
    """

    _counts = ("true_positives", "false_positives")
    _direction = "up"

    def __init__(
        self,
        thresholds: Thresholds = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: PolicyLike = None,
    ) -> None:
        super().__init__(dtype, name)
        default = 0.5 if top_k is None else BELOW_ALL
        self._create_counts(thresholds_of(type(self).__name__, thresholds, default), top_k, class_id)


class Recall(ConfusionMetric):
    """Recall:  true positives / (true positives + false negatives).

    Args:
        thresholds: One threshold from 0 to 1, or several for one result each; 0.5 by default.
        top_k: Number of largest predictions of a sample that may be positive; None for all.
        class_id: The only column of the predictions that counts; None for all.
        name: Name in logs.
        dtype: See `Metric`.

    Raises:
        ArgumentError: If a threshold is not in [0, 1].

    Example:
        >>> round(float(Recall()([0, 1, 1, 1], [0.1, 0.9, 0.8, 0.2])), 4)
        0.6667
    """

    _counts = ("true_positives", "false_negatives")
    _direction = "up"

    def __init__(
        self,
        thresholds: Thresholds = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: PolicyLike = None,
    ) -> None:
        super().__init__(dtype, name)
        default = 0.5 if top_k is None else BELOW_ALL
        self._create_counts(thresholds_of(type(self).__name__, thresholds, default), top_k, class_id)

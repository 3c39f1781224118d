"""F scores: the harmonic mean of precision and recall."""

from __future__ import annotations

import jax.numpy as jnp

from gazelle.core import settings
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.types import Array, ArrayLike, PolicyLike, Shape
from gazelle.losses.reduction import align
from gazelle.losses.target_shapes import matched
from gazelle.metrics.base import Metric
from gazelle.metrics.reduction import sum_dtype

_SUMS = ("true_positives", "false_positives", "false_negatives", "intermediate_weights")


class _FScore(Metric):
    """Weighted harmonic mean of precision and recall for each column of y_pred, then averaged."""

    _direction = "up"

    def _configure(self, average: str | None, beta: float, threshold: float | None) -> None:
        kind = type(self).__name__
        if average not in (None, "micro", "macro", "weighted"):
            raise ArgumentError(
                message(f"{kind}(average)", expected="None, 'micro', 'macro' or 'weighted'", got=repr(average))
            )
        if beta is None or not beta > 0:
            raise ArgumentError(message(f"{kind}(beta)", expected="more than 0", got=repr(beta)))
        if threshold is not None and not 0 < threshold <= 1:
            raise ArgumentError(message(f"{kind}(threshold)", expected="0 < threshold <= 1", got=threshold))
        self._beta = beta
        self._built = False

    def _build(self, y_true_shape: Shape | None, y_pred_shape: Shape) -> None:
        if self._built:
            return
        if len(y_pred_shape) != 2 or (self.average != "micro" and y_pred_shape[-1] is None):
            known = " with a known number of classes" if len(y_pred_shape) == 2 else ""
            raise ShapeError(
                message(
                    f"Metric '{self.name}'",
                    expected=f"y_pred of shape (batch, classes){known}",
                    got=f"shape {tuple(y_pred_shape)}",
                )
            )
        shape = () if self.average == "micro" else (y_pred_shape[-1],)
        for name in _SUMS:
            setattr(self, name, self.add_weight(shape, dtype=sum_dtype(self.dtype), name=name))
        self._built = True

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Add the counts of a batch.

        Args:
            y_true: Labels 0 and 1 (batch, classes).
            y_pred: Scores (batch, classes).
            sample_weight: Weights (batch,), or one for each value.
        """
        y_true, y_pred = matched("values", f"Metric '{self.name}'", y_true, jnp.asarray(y_pred, self.dtype))
        self._build(y_true.shape, y_pred.shape)
        if self.threshold is None:  # the largest score, unless all are 0
            positive = (y_pred >= jnp.max(y_pred, axis=-1, keepdims=True)) & (jnp.abs(y_pred) > 1e-9)
        else:
            positive = y_pred > self.threshold
        found = positive.astype(y_true.dtype)
        weights = jnp.asarray(1 if sample_weight is None else sample_weight, y_true.dtype)
        weights = align(weights, y_true, f"'{self.name}'")[1]
        axis = None if self.average == "micro" else 0
        parts = (found * y_true, found * (1 - y_true), (1 - found) * y_true, y_true)
        for name, part in zip(_SUMS, parts, strict=True):
            getattr(self, name).assign_add(jnp.sum(part * weights, axis=axis))

    def result(self) -> Array:
        tp, fp, fn, support = (getattr(self, name).value for name in _SUMS)
        precision, recall = tp / (tp + fp + settings.epsilon()), tp / (tp + fn + settings.epsilon())
        b = self._beta**2
        score = (1 + b) * (precision * recall / (b * precision + recall + settings.epsilon()))
        if self.average == "weighted":
            return jnp.sum(score * (support / (jnp.sum(support) + settings.epsilon())))
        return score if self.average is None else jnp.mean(score)


class FBetaScore(_FScore):
    """F-beta score:  (1 + beta^2) p r / (beta^2 p + r),  p precision, r recall.

    Args:
        average: None for a score per class; 'macro' for their mean, 'weighted' for their mean weighted by the number of
            samples of each class, 'micro' for one score from the counts of all classes.
        beta: Weight of recall against precision, above 0.
        threshold: Scores above are positive; None selects the largest of each row.
        name: Name in logs.
        dtype: See `Metric`.

    Raises:
        ArgumentError: If an argument is invalid.

    Source: van Rijsbergen, "Information Retrieval", 1979.

    Example:
        >>> float(FBetaScore("micro", beta=2.0)([[1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.8]])) > 0.99
        True
    """

    _aliases = ("fbeta_score",)

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: PolicyLike = None,
    ) -> None:
        super().__init__(dtype, name)
        self._configure(average, beta, threshold)


class F1Score(_FScore):
    """F1 score:  2 p r / (p + r),  p precision, r recall.

    Args:
        average: See `FBetaScore`.
        threshold: See `FBetaScore`.
        name: Name in logs.
        dtype: See `Metric`.

    Raises:
        ArgumentError: If an argument is invalid.

    Example:
        >>> np.asarray(F1Score()([[0.0, 1.0], [1.0, 0.0]], [[0.3, 0.7], [0.1, 0.9]])).round(4)
        array([0.    , 0.6667], dtype=float32)
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: PolicyLike = None,
    ) -> None:
        super().__init__(dtype, name)
        self._configure(average, 1.0, threshold)

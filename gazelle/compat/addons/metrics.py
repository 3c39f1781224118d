"""`tfa.metrics`: what `keras.metrics` has not."""

from __future__ import annotations

import jax.numpy as jnp

from gazelle import metrics
from gazelle.compat.addons import correlations
from gazelle.compat.addons.registration import addon
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.namespaces import names_of
from gazelle.compat.tables import defined
from gazelle.core.errors import unknown
from gazelle.core.types import Array, ArrayLike, PolicyLike
from gazelle.metrics import Mean, MeanMetricWrapper, Metric

__getattr__ = names_of("gazelle.metrics")
globals().update(defined(correlations))


@addon
class F1Score(metrics.F1Score, abstract=True):
    """`keras.metrics.F1Score` with the number of classes as its first argument."""

    def __init__(
        self,
        num_classes: int,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: PolicyLike = None,
    ) -> None:
        super().__init__(average, threshold, name, dtype)


@addon
class FBetaScore(metrics.FBetaScore, abstract=True):
    """`keras.metrics.FBetaScore` with the number of classes as its first argument."""

    def __init__(
        self,
        num_classes: int,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: PolicyLike = None,
    ) -> None:
        super().__init__(average, beta, threshold, name, dtype)


@addon
class RSquare(metrics.R2Score, abstract=True):
    """`keras.metrics.R2Score` with other names of its arguments."""

    def __init__(
        self,
        name: str | None = "r_square",
        dtype: PolicyLike = None,
        multioutput: str | None = "uniform_average",
        num_regressors: int = 0,
    ) -> None:
        aggregation = None if multioutput == "raw_values" else multioutput
        super().__init__(
            {"variance_weighted": "variance_weighted_average"}.get(str(aggregation), aggregation),
            num_regressors,
            name,
            dtype,
        )


class _OfMatrix(Metric, abstract=True):
    """Base of metrics of a confusion matrix: rows are labels, columns predictions."""

    num_classes: int

    def __init__(self, name: str | None, dtype: PolicyLike) -> None:
        super().__init__(name=name, dtype=dtype)
        self.conf_mtx = self.add_variable((self.num_classes, self.num_classes), "zeros", name="conf_mtx")

    def _count(self, labels: Array, predictions: Array, sample_weight: Array | None) -> None:
        weights = jnp.ones(labels.size) if sample_weight is None else jnp.asarray(sample_weight).reshape(-1)
        at = labels.reshape(-1).astype(int), predictions.reshape(-1).astype(int)
        matrix = self.conf_mtx.value
        self.conf_mtx.assign(matrix.at[at].add(weights.astype(matrix.dtype)))


@addon
class CohenKappa(_OfMatrix, abstract=True):
    """Agreement of labels and predictions beyond that of independent ones:  1 - sum(w o) / sum(w e).

    o are the observed fractions of pairs of classes, e those of independent labels and predictions; the weights w are 0
    for equal classes, else 1, the distance ("linear") or its square ("quadratic").
    Source: Cohen, A Coefficient of Agreement for Nominal Scales (1960).
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = "cohen_kappa",
        weightage: str | None = None,
        sparse_labels: bool = False,
        regression: bool = False,
        dtype: PolicyLike = None,
    ) -> None:
        if weightage not in (None, "linear", "quadratic"):
            raise unknown("weightage", str(weightage), ("linear", "quadratic"))
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> None:
        y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
        if self.num_classes == 2:
            return self._count(y_true, y_pred > 0.5, sample_weight)
        labels = y_true if self.sparse_labels else jnp.argmax(y_true, axis=1)
        if y_pred.ndim > 1:
            y_pred = jnp.round(jnp.abs(y_pred)) if self.regression else jnp.argmax(y_pred, axis=-1)
        return self._count(labels, y_pred, sample_weight)

    def result(self) -> Array:
        matrix, classes = self.conf_mtx.value, jnp.arange(self.num_classes)
        gaps = jnp.abs(classes[:, None] - classes)
        weights = {"linear": gaps, "quadratic": gaps**2}.get(str(self.weightage), gaps > 0).astype(matrix.dtype)
        independent = jnp.outer(matrix.sum(1), matrix.sum(0)) / jnp.maximum(matrix.sum(), 1e-12)
        expected = jnp.sum(weights * independent)
        agreement = 1 - jnp.sum(weights * matrix) / jnp.where(expected == 0, 1, expected)
        return jnp.where(matrix.sum() == 0, 0.0, jnp.where(expected == 0, jnp.nan, agreement))


@addon
class MatthewsCorrelationCoefficient(_OfMatrix, abstract=True):
    """Correlation of one-hot labels and predictions; 0 if one of them is constant.

    Source: Gorodkin, Comparing two K-category assignments by a K-category correlation coefficient (2004).
    """

    def __init__(
        self, num_classes: int, name: str | None = "MatthewsCorrelationCoefficient", dtype: PolicyLike = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> None:
        self._count(jnp.argmax(jnp.asarray(y_true), 1), jnp.argmax(jnp.asarray(y_pred), 1), sample_weight)

    def result(self) -> Array:
        matrix = self.conf_mtx.value
        true, predicted, count = matrix.sum(1), matrix.sum(0), matrix.sum()
        together = jnp.trace(matrix) * count - true @ predicted
        spread = (count**2 - predicted @ predicted) * (count**2 - true @ true)
        return jnp.where(spread > 0, together / jnp.sqrt(jnp.where(spread > 0, spread, 1)), 0.0)


@addon
class MultiLabelConfusionMatrix(Metric, abstract=True):
    """A matrix [[TN, FP], [FN, TP]] for each of several labels that are 0 or 1."""

    def __init__(
        self, num_classes: int, name: str | None = "Multilabel_confusion_matrix", dtype: PolicyLike = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.counts = self.add_variable((num_classes, 2, 2), "zeros", name="counts")

    @ignores("sample_weight")  # as in tensorflow_addons
    def update_state(self, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> None:
        true, predicted = (jnp.asarray(v).astype(int) != 0 for v in (y_true, y_pred))
        rows = [[~true & ~predicted, ~true & predicted], [true & ~predicted, true & predicted]]
        found = jnp.stack([jnp.stack([jnp.sum(cell, 0) for cell in row], -1) for row in rows], -2)
        self.counts.assign(self.counts.value + found)

    def result(self) -> Array:
        return self.counts.value


def hamming_loss_fn(y_true: Array, y_pred: Array, threshold: float | None, mode: str) -> Array:
    """Fraction of wrong labels ("multilabel"), or 1 for a wrong class ("multiclass")."""
    if mode not in ("multiclass", "multilabel"):
        raise unknown("mode", mode, ("multiclass", "multilabel"))
    y_true, y_pred = jnp.asarray(y_true).astype(int), jnp.asarray(y_pred)
    if threshold is None:
        chosen = (y_pred >= jnp.max(y_pred, -1, keepdims=True)) & (jnp.abs(y_pred) > 1e-12)
    else:
        chosen = y_pred > threshold
    if mode == "multiclass":
        return 1.0 - jnp.sum((y_true != 0) & chosen, axis=-1)
    return jnp.mean(y_true != chosen, axis=-1)


@addon
class HammingLoss(MeanMetricWrapper, abstract=True):
    """Mean of `hamming_loss_fn`."""

    def __init__(
        self,
        mode: str,
        name: str | None = "hamming_loss",
        threshold: float | None = None,
        dtype: PolicyLike = None,
        **kwargs: object,
    ) -> None:
        super().__init__(hamming_loss_fn, name=name, dtype=dtype, mode=mode, threshold=threshold)


@addon
class GeometricMean(Mean, abstract=True):
    """exp of the mean of logarithms."""

    def __init__(self, name: str | None = "geometric_mean", dtype: PolicyLike = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(self, values: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        super().update_state(jnp.log(jnp.asarray(values)), sample_weight)

    def result(self) -> Array:
        return jnp.exp(super().result())


@addon
class HarmonicMean(Mean, abstract=True):
    """Reciprocal of the mean of reciprocals."""

    def __init__(self, name: str | None = "harmonic_mean", dtype: PolicyLike = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(self, values: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        super().update_state(1 / jnp.asarray(values), sample_weight)

    def result(self) -> Array:
        mean = super().result()
        return jnp.where(mean == 0, 0.0, 1 / jnp.where(mean == 0, 1, mean))

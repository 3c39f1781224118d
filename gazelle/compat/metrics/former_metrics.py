"""Metrics of Keras 1 and tf.keras that Keras 3 does not have, and `keras.losses.Reduction`."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle import metrics, ops
from gazelle.compat import era
from gazelle.compat.arguments.columns import as_column
from gazelle.core.errors import StateError, message
from gazelle.core.types import Array, ArrayLike, DTypeLike, Shape
from gazelle.ops.base import lift

_TINY = 1e-7


def _labels(y_true: Any, y_pred: Any) -> Any:
    """Labels, those of shape (n,) as (n, 1) where the predictions are rows: `compile` passed them in this shape."""
    return as_column(y_true) if len(y_pred.shape) == 2 else y_true


def _classes(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Labels and predictions, rounded to 0 and 1."""
    return ops.round(ops.clip(_labels(y_true, y_pred), 0, 1)), ops.round(ops.clip(y_pred, 0, 1))


def _counts(y_true: Any, y_pred: Any) -> tuple[Any, Any, Any]:
    """The numbers of positives: in both, in the labels, in the predictions."""
    true, predicted = _classes(y_true, y_pred)
    both = ops.round(ops.clip(_labels(y_true, y_pred) * y_pred, 0, 1))  # also of labels that are not 0 and 1
    return ops.sum(both), ops.sum(true), ops.sum(predicted)


def precision(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Return the fraction of the predicted positives that are positive.

    >>> round(float(precision(np.array([[1.0], [0.0]]), np.array([[0.9], [0.8]]))), 3)
    0.5
    """
    both, _, predicted = _counts(y_true, y_pred)
    return both / (predicted + _TINY)


def recall(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Return the fraction of the positives that are predicted.

    >>> round(float(recall(np.array([[1.0], [1.0]]), np.array([[0.9], [0.1]]))), 3)
    0.5
    """
    both, true, _ = _counts(y_true, y_pred)
    return both / (true + _TINY)


def fbeta_score(y_true: ArrayLike, y_pred: ArrayLike, beta: float = 1) -> Array:
    """Return (1 + beta^2) p r / (beta^2 p + r), for precision p and recall r.

    >>> round(float(fbeta_score(np.array([[1.0], [0.0]]), np.array([[0.9], [0.8]]))), 3)
    0.667
    """
    p, r = precision(y_true, y_pred), recall(y_true, y_pred)
    return (1 + beta**2) * p * r / (beta**2 * p + r + _TINY)


def fmeasure(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Return `fbeta_score` with beta 1.

    >>> round(float(fmeasure(np.array([[1.0], [0.0]]), np.array([[0.9], [0.8]]))), 3)
    0.667
    """
    return fbeta_score(y_true, y_pred)


def matthews_correlation(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Return (TP TN - FP FN) / sqrt((TP + FP)(TP + FN)(TN + FP)(TN + FN)).

    >>> round(float(matthews_correlation(np.array([[1.0], [0.0]]), np.array([[0.9], [0.1]]))), 3)
    1.0
    """
    true, predicted = _classes(y_true, y_pred)
    tp, tn = ops.sum(true * predicted), ops.sum((1 - true) * (1 - predicted))
    fp, fn = ops.sum((1 - true) * predicted), ops.sum(true * (1 - predicted))
    return (tp * tn - fp * fn) / (ops.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)) + _TINY)


@lift
def binary_accuracy(y_true: ArrayLike, y_pred: ArrayLike, threshold: float = 0.5) -> Array:
    """Return the fraction of matches over the last axis; that of Keras 3 returns each of them.

    >>> binary_accuracy(np.array([[1.0, 0.0]]), np.array([[0.7, 0.6]])).tolist()
    [0.5]
    """
    return ops.mean(metrics.binary_accuracy(y_true, y_pred, threshold), axis=-1)


@lift
def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Return 1 where labels and predictions are equal, else 0.

    >>> accuracy(np.array([1, 2]), np.array([1.0, 3.0])).tolist()
    [1.0, 0.0]
    """
    equal: Array = ops.cast(ops.equal(y_true, y_pred), "float32")
    return equal


def _unit_products(y_true: Any, y_pred: Any) -> Any:
    return ops.normalize(_labels(y_true, y_pred), axis=-1) * ops.normalize(y_pred, axis=-1)


def cosine_proximity(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Return the negative mean, not the sum, of the products of unit vectors, as a loss and a metric of Keras 1.

    >>> cosine_proximity(np.array([[3.0, 4.0]]), np.array([[3.0, 4.0]])).tolist()
    [-0.5]
    """
    return -ops.mean(_unit_products(y_true, y_pred), axis=-1)


def cosine_of_unit_vectors(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Return the cosine similarity, which the metric of Keras 2.3 was; the loss of this name is negative.

    So was the metric before 2.3.

    >>> cosine_of_unit_vectors(np.array([[3.0, 4.0]]), np.array([[3.0, 4.0]])).tolist()
    [1.0]
    """
    cosine: Array = ops.sum(_unit_products(y_true, y_pred), axis=-1)
    return -cosine if era.is_package_before_2_3() else cosine


cosine_of_unit_vectors.__name__ = "cosine_proximity"
KERAS_1 = {f.__name__: f for f in (precision, recall, fbeta_score, fmeasure, matthews_correlation, cosine_proximity)}
KERAS_1 |= {"f1score": fmeasure, "cosine": cosine_proximity}


class MeanTensor(metrics.Metric, abstract=True):
    """The mean of each element:  sum of w x / sum of w, for values x of one shape and weights w.

    >>> m = MeanTensor()
    >>> m.update_state([1.0, 2.0]), m.update_state([3.0, 6.0], sample_weight=[1.0, 3.0])
    (None, None)
    >>> m.result().tolist()
    [2.0, 5.0]
    """

    def __init__(self, name: str = "mean_tensor", dtype: DTypeLike | None = None, shape: Shape | None = None) -> None:
        super().__init__(dtype, name)
        self.total: Any = None
        self.count: Any = None
        if shape is not None:
            self._make(shape)

    def _make(self, shape: Shape) -> None:
        self.total, self.count = self.add_weight(shape, name="total"), self.add_weight(shape, name="count")

    def update_state(self, values: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        x = jnp.asarray(values, self.dtype)
        if self.total is None:
            self._make(x.shape)
        weight = jnp.asarray(1 if sample_weight is None else sample_weight, self.dtype)
        if weight.ndim == x.ndim + 1 and weight.shape[-1] == 1:
            weight = weight[..., 0]
        weight = jnp.broadcast_to(weight.reshape(weight.shape + (1,) * (x.ndim - weight.ndim)), x.shape)
        self.total.assign_add(x * weight)
        self.count.assign_add(weight)

    def result(self) -> Array:
        if self.total is None:
            hint = "Call update_state(values), or give its shape: MeanTensor(shape=...)."
            raise StateError(message(f"The result of {self.name}, which has no values yet", hint=hint))
        return ops.divide_no_nan(self.total.value, self.count.value)


class MeanRelativeError(metrics.Mean, abstract=True):
    """The mean of |y_true - y_pred| / normalizer.

    >>> float(MeanRelativeError([1.0, 2.0])([1.0, 4.0], [2.0, 2.0]))
    1.0
    """

    def __init__(self, normalizer: ArrayLike, name: str | None = None, dtype: DTypeLike | None = None) -> None:
        super().__init__(name or "mean_relative_error", dtype)
        self.normalizer = jnp.asarray(normalizer, self.dtype)

    def update_state(  # type: ignore[override]
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        errors = jnp.abs(jnp.asarray(y_true, self.dtype) - jnp.asarray(y_pred, self.dtype))
        super().update_state(ops.divide_no_nan(errors, self.normalizer), sample_weight)


class Reduction:
    """Reductions of a loss, also by their names of TensorFlow 1; AUTO was the mean, except with several devices."""

    AUTO = SUM_OVER_BATCH_SIZE = "sum_over_batch_size"
    MEAN = SUM_BY_NONZERO_WEIGHTS = SUM_OVER_NONZERO_WEIGHTS = SUM_OVER_BATCH_SIZE
    SUM = "sum"
    NONE = "none"

    @classmethod
    def all(cls) -> tuple[str, ...]:
        return (cls.SUM_OVER_BATCH_SIZE, cls.SUM, cls.NONE)

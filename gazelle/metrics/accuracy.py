"""The accuracy family: how often the prediction is the label."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle.core import dtypes
from gazelle.losses.target_shapes import targets
from gazelle.metrics.reduction import MeanMetricWrapper


def _hits(matches: Any) -> Any:
    return matches.astype(dtypes.floatx())


@targets("values", namespace="metrics.functions")
def accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where y_true = y_pred, else 0."""
    return _hits(y_true == y_pred)


@targets("values", namespace="metrics.functions")
def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """1 where y_true is 1 and y_pred > threshold, or y_true is 0 and y_pred is not; else 0.

    >>> binary_accuracy([1, 0], [0.7, 0.6])
    Array([1., 0.], dtype=float32)
    """
    return _hits(y_true == (y_pred > threshold))


@targets("onehot", namespace="metrics.functions")
def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest of y_true and of y_pred (batch, ..., k) stand at the same place, else 0.

    >>> round(float(categorical_accuracy([[0.0, 1.0]], [[0.3, 0.7]])[0]), 4)
    1.0
    """
    return _hits(jnp.argmax(y_true, axis=-1) == jnp.argmax(y_pred, axis=-1))


def _class_numbers(y_true: Any, y_pred: Any) -> Any:
    return y_true[..., 0] if y_true.ndim == y_pred.ndim else y_true


@targets("classes", namespace="metrics.functions")
def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where y_true (batch, ...) or (batch, ..., 1) is the place of the largest of y_pred (batch, ..., k), else 0.

    >>> round(float(sparse_categorical_accuracy([1], [[0.3, 0.7]])[0]), 4)
    1.0
    """
    return _hits(_class_numbers(y_true, y_pred) == jnp.argmax(y_pred, axis=-1))


def _among_top(classes: Any, y_pred: Any, k: int) -> Any:
    """Fewer than k predictions are larger than that of the class, and it is finite."""
    inside = (classes >= 0) & (classes < y_pred.shape[-1])
    place = jnp.where(inside, classes, 0).astype("int32")[..., None]
    own = jnp.take_along_axis(y_pred, place, axis=-1)
    larger = jnp.sum(y_pred > own, axis=-1)
    return (larger < k) & inside & jnp.isfinite(own[..., 0])


@targets("onehot", namespace="metrics.functions")
def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 where the class of the row y_true is among the k largest of y_pred (batch, ..., classes), else 0.

    >>> round(float(top_k_categorical_accuracy([[0.0, 1.0]], [[0.3, 0.7]], k=1)[0]), 4)
    1.0
    """
    return _hits(_among_top(jnp.argmax(y_true, axis=-1), y_pred, k))


@targets("classes", namespace="metrics.functions")
def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> Any:
    """1 where y_true is among the k largest of y_pred, else 0; `from_sorted_ids`: y_pred holds classes, best first.

    >>> round(float(sparse_top_k_categorical_accuracy([0], [[0.3, 0.7]], k=1)[0]), 4)
    0.0
    """
    classes = _class_numbers(y_true, y_pred)
    if from_sorted_ids:
        return _hits(jnp.any(classes[..., None] == y_pred[..., :k], axis=-1))
    return _hits(_among_top(classes, y_pred, k))


class Accuracy(MeanMetricWrapper):
    """The part of predictions that equal the label.

    >>> float(Accuracy()([1, 2, 3, 4], [1, 2, 3, 5]))
    0.75
    """

    _direction = "up"

    def __init__(self, name: str | None = "accuracy", dtype: Any = None) -> None:
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """The mean of `binary_accuracy`.

    >>> round(float(BinaryAccuracy()([0, 1, 1, 1], [0.1, 0.9, 0.8, 0.2])), 4)
    0.75
    """

    _direction = "up"

    def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(MeanMetricWrapper):
    """The mean of `categorical_accuracy`.

    >>> round(float(CategoricalAccuracy()([[0.0, 1.0]], [[0.3, 0.7]])), 4)
    1.0
    """

    _direction = "up"

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """The mean of `sparse_categorical_accuracy`.

    >>> round(float(SparseCategoricalAccuracy()([1], [[0.3, 0.7]])), 4)
    1.0
    """

    _direction = "up"

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """The mean of `top_k_categorical_accuracy`.

    >>> round(float(TopKCategoricalAccuracy(k=1)([[0.0, 1.0]], [[0.3, 0.7]])), 4)
    1.0
    """

    _direction = "up"

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """The mean of `sparse_top_k_categorical_accuracy`.

    >>> round(float(SparseTopKCategoricalAccuracy(k=1)([0], [[0.3, 0.7]])), 4)
    0.0
    """

    _direction = "up"

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids)

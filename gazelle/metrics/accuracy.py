"""Accuracies: how often the prediction is the label."""

from __future__ import annotations

import jax.numpy as jnp

from gazelle.core import conventions, dtypes
from gazelle.core.types import Array, ArrayLike, PolicyLike
from gazelle.losses.target_shapes import targets
from gazelle.metrics.reduction import MeanMetricWrapper


def _as_float(matches: Array) -> Array:
    return matches.astype(dtypes.floatx())


@targets("values", namespace="metrics.functions")
def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Match of labels:  1 where y_true = y_pred, else 0.

    Args:
        y_true: Targets (batch, ...).
        y_pred: Predictions (batch, ...).

    Returns:
        1.0 or 0.0 for each value (batch, ...).

    Example:
        >>> accuracy([1, 2], [1, 3])
        Array([1., 0.], dtype=float32)
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    return _as_float(y_true == y_pred)


@targets("values", namespace="metrics.functions")
def binary_accuracy(y_true: ArrayLike, y_pred: ArrayLike, threshold: float = 0.5) -> Array:
    """Match of binary labels:  1 where y_true = [y_pred > threshold], else 0.

    Args:
        y_true: Labels 0 and 1 (batch, ...).
        y_pred: Probabilities (batch, ...).
        threshold: Predictions above are class 1.

    Returns:
        1.0 or 0.0 for each value (batch, ...).

    Example:
        >>> binary_accuracy([1, 0], [0.7, 0.6])
        Array([1., 0.], dtype=float32)
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    if conventions.active.accuracy_rounds and threshold == 0.5:
        return _as_float(y_true == jnp.round(y_pred))
    return _as_float(y_true == (y_pred > threshold))


@targets("onehot", namespace="metrics.functions")
def categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Match of classes:  1 where argmax(y_true) = argmax(y_pred), else 0.

    Args:
        y_true: One-hot rows (batch, ..., classes).
        y_pred: Scores (batch, ..., classes).

    Returns:
        1.0 or 0.0 for each sample (batch, ...).

    Example:
        >>> round(float(categorical_accuracy([[0.0, 1.0]], [[0.3, 0.7]])[0]), 4)
        1.0
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    return _as_float(jnp.argmax(y_true, axis=-1) == jnp.argmax(y_pred, axis=-1))


def _class_indices(y_true: Array, y_pred: Array) -> Array:
    return y_true[..., 0] if y_true.ndim == y_pred.ndim else y_true


@targets("classes", namespace="metrics.functions")
def sparse_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Match of class indices:  1 where y_true = argmax(y_pred), else 0.

    Args:
        y_true: Class indices (batch, ...) or (batch, ..., 1).
        y_pred: Scores (batch, ..., classes).

    Returns:
        1.0 or 0.0 for each sample (batch, ...).

    Example:
        >>> round(float(sparse_categorical_accuracy([1], [[0.3, 0.7]])[0]), 4)
        1.0
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    return _as_float(_class_indices(y_true, y_pred) == jnp.argmax(y_pred, axis=-1))


def _in_top_k(classes: Array, y_pred: Array, k: int) -> Array:
    """Return whether fewer than k scores are larger than that of the class, and it is finite."""
    valid = (classes >= 0) & (classes < y_pred.shape[-1])
    index = jnp.where(valid, classes, 0).astype("int32")[..., None]
    score = jnp.take_along_axis(y_pred, index, axis=-1)
    larger = jnp.sum(y_pred > score, axis=-1)
    return (larger < k) & valid & jnp.isfinite(score[..., 0])


@targets("onehot", namespace="metrics.functions")
def top_k_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike, k: int = 5) -> Array:
    """Match among the k best classes:  1 where argmax(y_true) is among the k largest of y_pred, else 0.

    Args:
        y_true: One-hot rows (batch, ..., classes).
        y_pred: Scores (batch, ..., classes).
        k: Number of predictions that count as a match.

    Returns:
        1.0 or 0.0 for each sample (batch, ...).

    Example:
        >>> round(float(top_k_categorical_accuracy([[0.0, 1.0]], [[0.3, 0.7]], k=1)[0]), 4)
        1.0
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    return _as_float(_in_top_k(jnp.argmax(y_true, axis=-1), y_pred, k))


@targets("classes", namespace="metrics.functions")
def sparse_top_k_categorical_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, k: int = 5, from_sorted_ids: bool = False
) -> Array:
    """Match of class indices among the k best:  1 where y_true is among the k largest of y_pred, else 0.

    Args:
        y_true: Class indices (batch, ...) or (batch, ..., 1).
        y_pred: Scores (batch, ..., classes).
        k: Number of predictions that count as a match.
        from_sorted_ids: Whether y_pred contains class indices, best first, instead of scores.

    Returns:
        1.0 or 0.0 for each sample (batch, ...).

    Example:
        >>> round(float(sparse_top_k_categorical_accuracy([0], [[0.3, 0.7]], k=1)[0]), 4)
        0.0
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    classes = _class_indices(y_true, y_pred)
    if from_sorted_ids:
        return _as_float(jnp.any(classes[..., None] == y_pred[..., :k], axis=-1))
    return _as_float(_in_top_k(classes, y_pred, k))


class Accuracy(MeanMetricWrapper):
    """Accuracy:  mean([y_true = y_pred]).

    Args:
        name: Name in logs.
        dtype: See `Metric`.

    Example:
        >>> float(Accuracy()([1, 2, 3, 4], [1, 2, 3, 5]))
        0.75
    """

    _direction = "up"

    def __init__(self, name: str | None = "accuracy", dtype: PolicyLike = None) -> None:
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """Accuracy of binary labels:  mean([y_true = [y_pred > threshold]]).

    Args:
        name: Name in logs.
        dtype: See `Metric`.
        threshold: Predictions above are class 1.

    Example:
        >>> round(float(BinaryAccuracy()([0, 1, 1, 1], [0.1, 0.9, 0.8, 0.2])), 4)
        0.75
    """

    _direction = "up"

    def __init__(self, name: str | None = "binary_accuracy", dtype: PolicyLike = None, threshold: float = 0.5) -> None:
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(MeanMetricWrapper):
    """Accuracy of one-hot labels:  mean([argmax(y_true) = argmax(y_pred)]).

    Args:
        name: Name in logs.
        dtype: See `Metric`.

    Example:
        >>> round(float(CategoricalAccuracy()([[0.0, 1.0]], [[0.3, 0.7]])), 4)
        1.0
    """

    _direction = "up"

    def __init__(self, name: str | None = "categorical_accuracy", dtype: PolicyLike = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """Accuracy of class indices:  mean([y_true = argmax(y_pred)]).

    Args:
        name: Name in logs.
        dtype: See `Metric`.

    Example:
        >>> round(float(SparseCategoricalAccuracy()([1], [[0.3, 0.7]])), 4)
        1.0
    """

    _direction = "up"

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: PolicyLike = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """Top-k accuracy of one-hot labels:  the mean of `top_k_categorical_accuracy`.

    Args:
        k: Number of predictions that count as a match.
        name: Name in logs.
        dtype: See `Metric`.

    Example:
        >>> round(float(TopKCategoricalAccuracy(k=1)([[0.0, 1.0]], [[0.3, 0.7]])), 4)
        1.0
    """

    _direction = "up"

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: PolicyLike = None) -> None:
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """Top-k accuracy of class indices:  the mean of `sparse_top_k_categorical_accuracy`.

    Args:
        k: Number of predictions that count as a match.
        name: Name in logs.
        dtype: See `Metric`.
        from_sorted_ids: Whether y_pred contains class indices, best first, instead of scores.

    Example:
        >>> round(float(SparseTopKCategoricalAccuracy(k=1)([0], [[0.3, 0.7]])), 4)
        0.0
    """

    _direction = "up"

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: PolicyLike = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids)

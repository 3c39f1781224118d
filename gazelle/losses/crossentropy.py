"""Crossentropies: how surprised the predicted probabilities are by the classes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core import settings
from gazelle.core.errors import ArgumentError, message
from gazelle.core.masks import set_mask
from gazelle.losses.base import LossFunctionWrapper
from gazelle.losses.target_shapes import family, takes


def _inside(p: Any) -> Any:
    return jnp.clip(p, settings.epsilon(), 1.0 - settings.epsilon())


def distribution(y_pred: Any, axis: int) -> Any:
    """Probabilities that sum to 1 and stay off 0 and 1, so that their logarithms are finite."""
    return _inside(y_pred / jnp.sum(y_pred, axis=axis, keepdims=True))


def _log_probabilities(y_pred: Any, from_logits: bool, axis: int) -> Any:
    return jax.nn.log_softmax(y_pred, axis=axis) if from_logits else jnp.log(distribution(y_pred, axis))


def smooth(y_true: Any, amount: float, classes: int) -> Any:
    return y_true * (1.0 - amount) + amount / classes if amount else y_true


def surprise(y_true: Any, y_pred: Any, from_logits: bool) -> Any:
    if from_logits:
        return -y_true * jax.nn.log_sigmoid(y_pred) - (1.0 - y_true) * jax.nn.log_sigmoid(-y_pred)
    p = _inside(y_pred)
    return -(y_true * jnp.log(p) + (1.0 - y_true) * jnp.log(1.0 - p))


@takes("binary", "bce", "BCE")
def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: Any = -1
) -> Any:
    """l = mean(-y_true log(p) - (1 - y_true) log(1 - p))  over `axis`.

    Args:
        y_true: (batch, ..., k) with values from 0 to 1.
        y_pred: the same shape: p, kept 1e-7 off 0 and 1; with `from_logits` p = sigmoid(y_pred).
        label_smoothing: a in  y_true <- y_true (1 - a) + a / 2.

    >>> round(float(binary_crossentropy([[0.0, 1.0]], [[0.3, 0.7]])[0]), 4)
    0.3567
    """
    return jnp.mean(surprise(smooth(y_true, label_smoothing, 2), y_pred, from_logits), axis=axis)


@takes("onehot")
def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """l = -sum(y_true log(p))  over `axis`, the classes.

    Args:
        y_true: (batch, ..., k), one-hot rows or probabilities.
        y_pred: the same shape: p, scaled to sum 1 and kept 1e-7 off 0 and 1; with `from_logits` p = softmax(y_pred).
        label_smoothing: a in  y_true <- y_true (1 - a) + a / k.

    >>> round(float(categorical_crossentropy([[0.0, 1.0]], [[0.3, 0.7]])[0]), 4)
    0.3567
    """
    y_true = smooth(y_true, label_smoothing, y_true.shape[-1])
    return -jnp.sum(y_true * _log_probabilities(y_pred, from_logits, axis), axis=axis)


@takes("classes")
def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Any:
    """l = -log(p[y_true])

    Args:
        y_true: (batch, ...) or (batch, ..., 1), class numbers from 0 to k - 1.
        y_pred: (batch, ..., k): p, scaled to sum 1 and kept 1e-7 off 0 and 1; with `from_logits` p = softmax(y_pred).
        ignore_class: a label that counts for nothing.

    >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]])
    Array([0.6931472], dtype=float32)
    """
    if y_true.ndim == y_pred.ndim:
        y_true = jnp.squeeze(y_true, axis=axis)
    counts = None
    if ignore_class is not None:
        counts = y_true != ignore_class
        y_true = jnp.where(counts, y_true, 0)
        y_pred = jnp.where(jnp.expand_dims(counts, axis), y_pred, 0)
    log_p = _log_probabilities(y_pred, from_logits, axis)
    chosen = jax.nn.one_hot(y_true.astype("int32"), y_pred.shape[axis], axis=axis, dtype=log_p.dtype)
    values = -jnp.sum(chosen * log_p, axis=axis)
    if counts is not None:
        values = jnp.where(counts, values, 0)
        set_mask(values, counts)
    return values


@takes("chosen", "ce")
def crossentropy(y_true: Any, y_pred: Any) -> Any:
    """The crossentropy that fits the shapes: binary for one unit, sparse for class numbers, else categorical."""
    return _FAMILY[family(y_true.shape, y_pred.shape)](y_true, y_pred)


_FAMILY = {
    "binary": binary_crossentropy,
    "sparse": sparse_categorical_crossentropy,
    "categorical": categorical_crossentropy,
}


@takes("classes")
def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """l = (1 - p[y_true]^q) / q:  between absolute error (q = 1) and crossentropy (q -> 0), for noisy labels.

    Zhang and Sabuncu, "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels", 2018.
    """
    if y_true.ndim == y_pred.ndim:
        y_true = y_true[..., 0]
    chosen = jax.nn.one_hot(y_true.astype("int32"), y_pred.shape[-1], dtype=y_pred.dtype)
    return (1 - jnp.sum(y_pred * chosen, axis=-1) ** q) / q


class BinaryCrossentropy(LossFunctionWrapper):
    """`binary_crossentropy`, reduced.

    >>> round(float(BinaryCrossentropy()([[0.0], [1.0]], [[0.5], [0.5]])), 4)
    0.6931
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: Any = -1,
        reduction: Any = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            binary_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalCrossentropy(LossFunctionWrapper):
    """`categorical_crossentropy`, reduced.

    >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.3, 0.7]])), 4)
    0.3567
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Any = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalGeneralizedCrossEntropy(LossFunctionWrapper):
    """`categorical_generalized_cross_entropy`, reduced.

    >>> round(float(CategoricalGeneralizedCrossEntropy()([1], [[0.3, 0.7]])), 4)
    0.3267
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: Any = "sum_over_batch_size",
        name: str = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ) -> None:
        if not 0 < q < 1:
            raise ArgumentError(message("CategoricalGeneralizedCrossEntropy(q)", expected="0 < q < 1", got=q))
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """`sparse_categorical_crossentropy`, reduced; the mean is over the labels that are not ignored.

    >>> round(float(SparseCategoricalCrossentropy()([1], [[0.3, 0.7]])), 4)
    0.3567
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: Any = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            sparse_categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )

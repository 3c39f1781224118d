"""Crossentropies: negative log-likelihoods of classes."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from gazelle.core import conventions, logits, settings
from gazelle.core.errors import ArgumentError, message
from gazelle.core.masks import set_mask
from gazelle.core.types import Array, ArrayLike, PolicyLike
from gazelle.losses.base import LossFunctionWrapper
from gazelle.losses.reduction import Reduction
from gazelle.losses.target_shapes import family, targets
from gazelle.ops.crossentropy import softmax_crossentropy


def _clip(p: Array) -> Array:
    return jnp.clip(p, settings.epsilon(), 1.0 - settings.epsilon())


def distribution(y_pred: Array, axis: int) -> Array:
    """Return probabilities that sum to 1 and are clipped to [1e-7, 1 - 1e-7], so that their logarithms are finite."""
    return _clip(y_pred / jnp.sum(y_pred, axis=axis, keepdims=True))


def _log_probabilities(y_pred: Array, from_logits: bool, axis: int) -> Array:
    return jax.nn.log_softmax(y_pred, axis=axis) if from_logits else jnp.log(distribution(y_pred, axis))


def smooth(y_true: Array, amount: float, classes: int) -> Array:
    """Return smoothed labels:  y_true (1 - amount) + amount / classes."""
    return y_true * (1.0 - amount) + amount / classes if amount else y_true


def bernoulli_loss(y_true: Array, y_pred: Array, from_logits: bool) -> Array:
    """Return the binary crossentropy of each number."""
    if from_logits:
        return -y_true * jax.nn.log_sigmoid(y_pred) - (1.0 - y_true) * jax.nn.log_sigmoid(-y_pred)
    p = _clip(y_pred)
    added = settings.epsilon() if conventions.active.crossentropy_adds_epsilon else 0.0
    return -(y_true * jnp.log(p + added) + (1.0 - y_true) * jnp.log(1.0 - p + added))


@targets("binary", "bce", "BCE")
def binary_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int | tuple[int, ...] = -1,
) -> Array:
    """Binary crossentropy:  l = mean(-y_true log(p) - (1 - y_true) log(1 - p))  over `axis`.

    p is y_pred, clipped to [1e-7, 1 - 1e-7], or sigmoid(y_pred) with `from_logits`.

    Args:
        y_true: Labels from 0 to 1 (batch, ..., n).
        y_pred: Probabilities or logits (batch, ..., n).
        from_logits: Whether y_pred are logits; else probabilities.
        label_smoothing: a in  y_true <- y_true (1 - a) + a / 2.
        axis: Axis or axes of the mean.

    Returns:
        Losses (batch, ...).

    Example:
        >>> round(float(binary_crossentropy([[0.0, 1.0]], [[0.3, 0.7]])[0]), 4)
        0.3567
    """
    y_pred, from_logits = logits.given(y_pred, from_logits, "binary")
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    return jnp.mean(bernoulli_loss(smooth(y_true, label_smoothing, 2), y_pred, from_logits), axis=axis)


@targets("distribution")
def categorical_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Array:
    """Categorical crossentropy:  l = -sum(y_true log(p))  over `axis`.

    p is y_pred, clipped to [1e-7, 1 - 1e-7], or softmax(y_pred) with `from_logits`.

    Args:
        y_true: One-hot rows or probabilities (batch, ..., classes).
        y_pred: Probabilities or logits (batch, ..., classes); probabilities are scaled to sum 1.
        from_logits: Whether y_pred are logits; else probabilities.
        label_smoothing: a in  y_true <- y_true (1 - a) + a / classes.
        axis: The axis of the classes.

    Returns:
        Losses (batch, ...).

    Example:
        >>> round(float(categorical_crossentropy([[0.0, 1.0]], [[0.3, 0.7]])[0]), 4)
        0.3567
    """
    y_pred, from_logits = logits.given(y_pred, from_logits, "categorical")
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    y_true = smooth(y_true, label_smoothing, y_true.shape[-1])
    if from_logits and conventions.active.losses_take_logits:
        return softmax_crossentropy(y_true, y_pred, axis)
    return -jnp.sum(y_true * _log_probabilities(y_pred, from_logits, axis), axis=axis)


@targets("classes")
def sparse_categorical_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Array:
    """Categorical crossentropy of class indices:  l = -log(p[y_true]).

    p is y_pred, clipped to [1e-7, 1 - 1e-7], or softmax(y_pred) with `from_logits`.

    Args:
        y_true: Class indices (batch, ...) or (batch, ..., 1).
        y_pred: Probabilities or logits (batch, ..., classes); probabilities are scaled to sum 1.
        from_logits: Whether y_pred are logits; else probabilities.
        ignore_class: Label whose loss is 0 and masked; None for no such label.
        axis: The axis of the classes.

    Returns:
        Losses (batch, ...).

    Example:
        >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]])
        Array([0.6931472], dtype=float32)
    """
    y_pred, from_logits = logits.given(y_pred, from_logits, "categorical")
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    if conventions.active.classes_are_clipped_first and not from_logits:
        y_pred, from_logits = jnp.log(_clip(y_pred)), True
    if y_true.ndim == y_pred.ndim:
        y_true = jnp.squeeze(y_true, axis=axis)
    valid = None
    if ignore_class is not None:
        valid = y_true != ignore_class
        y_true = jnp.where(valid, y_true, 0)
        y_pred = jnp.where(jnp.expand_dims(valid, axis), y_pred, 0)
    log_p = _log_probabilities(y_pred, from_logits, axis)
    one_hot = jax.nn.one_hot(y_true.astype("int32"), y_pred.shape[axis], axis=axis, dtype=log_p.dtype)
    values = -jnp.sum(one_hot * log_p, axis=axis)
    if valid is not None:
        values = jnp.where(valid, values, 0)
        set_mask(values, valid)
    return values


@targets("chosen", "ce")
def crossentropy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Crossentropy for the given shapes: binary for one unit, sparse for class indices, else categorical.

    Args:
        y_true: Targets of the crossentropy that the shapes select.
        y_pred: Probabilities (batch, ..., classes), or (batch, ..., 1) for the binary crossentropy.

    Returns:
        Losses (batch, ...).

    Example:
        >>> round(float(crossentropy([1], [[0.3, 0.7]])[0]), 4)
        0.3567
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    return _CROSSENTROPIES[family(y_true.shape, y_pred.shape)](y_true, y_pred)


_CROSSENTROPIES = {
    "binary": binary_crossentropy,
    "sparse": sparse_categorical_crossentropy,
    "categorical": categorical_crossentropy,
}


@targets("classes")
def categorical_generalized_cross_entropy(y_true: ArrayLike, y_pred: ArrayLike, q: float) -> Array:
    """Generalized crossentropy for noisy labels:  l = (1 - p[y_true]^q) / q.

    Args:
        y_true: Class indices (batch, ...) or (batch, ..., 1).
        y_pred: Probabilities (batch, ..., classes).
        q: Between absolute error (q = 1) and crossentropy (q -> 0).

    Returns:
        Losses (batch, ...).

    Source: Zhang & Sabuncu, "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels", 2018.

    Example:
        >>> round(float(categorical_generalized_cross_entropy([1], [[0.3, 0.7]], 0.5)[0]), 4)
        0.3267
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    if y_true.ndim == y_pred.ndim:
        y_true = y_true[..., 0]
    one_hot = jax.nn.one_hot(y_true.astype("int32"), y_pred.shape[-1], dtype=y_pred.dtype)
    return (1 - jnp.sum(y_pred * one_hot, axis=-1) ** q) / q


class BinaryCrossentropy(LossFunctionWrapper):
    """Binary crossentropy:  l = mean(-y_true log(p) - (1 - y_true) log(1 - p))  over `axis`, reduced.

    Args:
        from_logits: Whether y_pred are logits; else probabilities.
        label_smoothing: a in  y_true <- y_true (1 - a) + a / 2.
        axis: Axis or axes of the mean.
        reduction: See `Loss`.
        name: Name in messages.
        dtype: See `Loss`.

    Example:
        >>> round(float(BinaryCrossentropy()([[0.0], [1.0]], [[0.5], [0.5]])), 4)
        0.6931
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int | tuple[int, ...] = -1,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: PolicyLike = None,
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
    """Categorical crossentropy:  l = -sum(y_true log(p))  over `axis`, reduced.

    Args:
        from_logits: Whether y_pred are logits; else probabilities.
        label_smoothing: a in  y_true <- y_true (1 - a) + a / classes.
        axis: The axis of the classes.
        reduction: See `Loss`.
        name: Name in messages.
        dtype: See `Loss`.

    Example:
        >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.3, 0.7]])), 4)
        0.3567
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: PolicyLike = None,
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


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """Categorical crossentropy of class indices:  l = -log(p[y_true]),  reduced; ignored labels are left out of a mean.

    Args:
        from_logits: Whether y_pred are logits; else probabilities.
        ignore_class: Label whose loss is 0 and masked; None for no such label.
        reduction: See `Loss`.
        axis: The axis of the classes.
        name: Name in messages.
        dtype: See `Loss`.

    Example:
        >>> round(float(SparseCategoricalCrossentropy()([1], [[0.3, 0.7]])), 4)
        0.3567
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: Reduction = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: PolicyLike = None,
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


class CategoricalGeneralizedCrossEntropy(LossFunctionWrapper):
    """Generalized crossentropy for noisy labels:  l = (1 - p[y_true]^q) / q,  reduced.

    Args:
        q: Above 0 and below 1: between crossentropy and absolute error.
        reduction: See `Loss`.
        name: Name in messages.
        dtype: See `Loss`.

    Raises:
        ArgumentError: If `q` is out of range.

    Source: Zhang & Sabuncu, "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels", 2018.

    Example:
        >>> round(float(CategoricalGeneralizedCrossEntropy()([1], [[0.3, 0.7]])), 4)
        0.3267
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: PolicyLike = None,
    ) -> None:
        if not 0 < q < 1:
            raise ArgumentError(message("CategoricalGeneralizedCrossEntropy(q)", expected="0 < q < 1", got=q))
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)

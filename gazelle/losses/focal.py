"""Focal crossentropies: correct predictions have a lower weight."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from gazelle.core.types import Array, ArrayLike, PolicyLike
from gazelle.losses.base import LossFunctionWrapper
from gazelle.losses.crossentropy import bernoulli_loss, distribution, smooth
from gazelle.losses.reduction import Reduction
from gazelle.losses.target_shapes import targets


@targets("binary")
def binary_focal_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int | tuple[int, ...] = -1,
) -> Array:
    """Binary focal crossentropy:  l = mean(a (1 - p_t)^gamma b)  over `axis`.

    b is the binary crossentropy and p_t the probability of the true class.

    Args:
        y_true: Labels from 0 to 1 (batch, ..., n).
        y_pred: Probabilities or logits (batch, ..., n).
        apply_class_balancing: Sets a = alpha for class 1 and 1 - alpha for class 0; else a = 1.
        alpha: Weight of class 1.
        gamma: Exponent of the weight; 0 is the plain crossentropy.
        from_logits: Whether y_pred are logits; else probabilities.
        label_smoothing: a in  y_true <- y_true (1 - a) + a / 2.
        axis: Axis or axes of the mean.

    Returns:
        Losses (batch, ...).

    Source: Lin et al., "Focal Loss for Dense Object Detection", 2018.

    Example:
        >>> round(float(binary_focal_crossentropy([[0.0, 1.0]], [[0.3, 0.7]])[0]), 4)
        0.0321
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    y_true = smooth(y_true, label_smoothing, 2)
    p = jax.nn.sigmoid(y_pred) if from_logits else y_pred
    p_t = y_true * p + (1 - y_true) * (1 - p)
    values = (1.0 - p_t) ** gamma * bernoulli_loss(y_true, p, False)
    if apply_class_balancing:
        values = values * (y_true * alpha + (1 - y_true) * (1 - alpha))
    return jnp.mean(values, axis=axis)


@targets("onehot")
def categorical_focal_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    alpha: float | ArrayLike = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """Categorical focal crossentropy:  l = -sum(alpha (1 - p)^gamma y_true log(p))  over `axis`.

    Args:
        y_true: One-hot rows or probabilities (batch, ..., classes).
        y_pred: Probabilities or logits (batch, ..., classes); probabilities are scaled to sum 1.
        alpha: Weight of all classes, or one for each class.
        gamma: Exponent of the weight; 0 is the plain crossentropy.
        from_logits: Whether y_pred are logits; else probabilities.
        label_smoothing: a in  y_true <- y_true (1 - a) + a / classes.
        axis: The axis of the classes.

    Returns:
        Losses (batch, ...).

    Source: Lin et al., "Focal Loss for Dense Object Detection", 2018.

    Example:
        >>> round(float(categorical_focal_crossentropy([[0.0, 1.0]], [[0.3, 0.7]])[0]), 4)
        0.008
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    y_true = smooth(y_true, label_smoothing, y_true.shape[-1])
    p = distribution(jax.nn.softmax(y_pred, axis=axis) if from_logits else y_pred, axis)
    alpha = jnp.asarray(alpha, p.dtype)
    alpha = alpha.reshape((1,) * (p.ndim - alpha.ndim) + alpha.shape) if alpha.ndim else alpha
    return jnp.sum(alpha * (1.0 - p) ** gamma * (-y_true * jnp.log(p)), axis=axis)


class BinaryFocalCrossentropy(LossFunctionWrapper):
    """Binary focal crossentropy:  l = mean(a (1 - p_t)^gamma b)  over `axis`, reduced.

    b is the binary crossentropy and p_t the probability of the true class.

    Args:
        apply_class_balancing: Sets a = alpha for class 1 and 1 - alpha for class 0; else a = 1.
        alpha: Weight of class 1.
        gamma: Exponent of the weight; 0 is the plain crossentropy.
        from_logits: Whether y_pred are logits; else probabilities.
        label_smoothing: a in  y_true <- y_true (1 - a) + a / 2.
        axis: Axis or axes of the mean.
        reduction: See `Loss`.
        name: Name in messages.
        dtype: See `Loss`.

    Source: Lin et al., "Focal Loss for Dense Object Detection", 2018.

    Example:
        >>> round(float(BinaryFocalCrossentropy()([[0.0, 1.0]], [[0.3, 0.7]])), 4)
        0.0321
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int | tuple[int, ...] = -1,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy",
        dtype: PolicyLike = None,
    ) -> None:
        super().__init__(
            binary_focal_crossentropy,
            reduction,
            name,
            dtype,
            apply_class_balancing=apply_class_balancing,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """Categorical focal crossentropy:  l = -sum(alpha (1 - p)^gamma y_true log(p))  over `axis`, reduced.

    Args:
        alpha: Weight of all classes, or one for each class.
        gamma: Exponent of the weight; 0 is the plain crossentropy.
        from_logits: Whether y_pred are logits; else probabilities.
        label_smoothing: a in  y_true <- y_true (1 - a) + a / classes.
        axis: The axis of the classes.
        reduction: See `Loss`.
        name: Name in messages.
        dtype: See `Loss`.

    Source: Lin et al., "Focal Loss for Dense Object Detection", 2018.

    Example:
        >>> round(float(CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.3, 0.7]])), 4)
        0.008
    """

    def __init__(
        self,
        alpha: float | Sequence[float] | Array = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        dtype: PolicyLike = None,
    ) -> None:
        super().__init__(
            categorical_focal_crossentropy,
            reduction,
            name,
            dtype,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )

"""Focal crossentropies: what is predicted well already counts less.

Lin et al., "Focal Loss for Dense Object Detection", 2018.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from gazelle.losses.base import LossFunctionWrapper
from gazelle.losses.crossentropy import distribution, smooth, surprise
from gazelle.losses.target_shapes import takes


@takes("binary")
def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: Any = -1,
) -> Any:
    """l = mean(a (1 - p_t)^gamma b)  over `axis`: b the binary crossentropy, p_t the probability of the true class.

    a is alpha for class 1 and 1 - alpha for class 0 with `apply_class_balancing`, else 1.
    Lin et al., "Focal Loss for Dense Object Detection", 2018.

    >>> round(float(binary_focal_crossentropy([[0.0, 1.0]], [[0.3, 0.7]])[0]), 4)
    0.0321
    """
    y_true = smooth(y_true, label_smoothing, 2)
    p = jax.nn.sigmoid(y_pred) if from_logits else y_pred
    p_t = y_true * p + (1 - y_true) * (1 - p)
    values = (1.0 - p_t) ** gamma * surprise(y_true, p, False)
    if apply_class_balancing:
        values = values * (y_true * alpha + (1 - y_true) * (1 - alpha))
    return jnp.mean(values, axis=axis)


@takes("onehot")
def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """l = -sum(alpha (1 - p)^gamma y_true log(p))  over `axis`, the classes; alpha a number or one for each class.

    >>> round(float(categorical_focal_crossentropy([[0.0, 1.0]], [[0.3, 0.7]])[0]), 4)
    0.008
    """
    y_true = smooth(y_true, label_smoothing, y_true.shape[-1])
    p = distribution(jax.nn.softmax(y_pred, axis=axis) if from_logits else y_pred, axis)
    alpha = jnp.asarray(alpha, p.dtype)
    alpha = alpha.reshape((1,) * (p.ndim - alpha.ndim) + alpha.shape) if alpha.ndim else alpha
    return jnp.sum(alpha * (1.0 - p) ** gamma * (-y_true * jnp.log(p)), axis=axis)


class BinaryFocalCrossentropy(LossFunctionWrapper):
    """`binary_focal_crossentropy`, reduced.

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
        axis: Any = -1,
        reduction: Any = "sum_over_batch_size",
        name: str = "binary_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            binary_focal_crossentropy,
            reduction,
            name,
            dtype,
            alpha=alpha,
            gamma=gamma,
            axis=axis,
            apply_class_balancing=apply_class_balancing,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
        )


class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """`categorical_focal_crossentropy`, reduced.

    >>> round(float(CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.3, 0.7]])), 4)
    0.008
    """

    def __init__(
        self,
        alpha: Any = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Any = "sum_over_batch_size",
        name: str = "categorical_focal_crossentropy",
        dtype: Any = None,
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

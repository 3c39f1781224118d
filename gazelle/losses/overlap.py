"""Losses on sets: overlap of regions (Dice, Tversky) and similarity of embeddings (Circle)."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core import settings
from gazelle.core.masks import set_mask
from gazelle.losses.base import LossFunctionWrapper
from gazelle.losses.target_shapes import takes


@takes("values")
def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Any:
    """l = 1 - 2 sum(y_true y_pred) / (sum(y_true) + sum(y_pred))  over `axis`; None is over everything.

    >>> round(float(dice([[0.0, 1.0]], [[0.3, 0.7]])), 4)
    0.3
    """
    both = jnp.sum(y_true * y_pred, axis=axis)
    return 1 - 2.0 * both / (jnp.sum(y_true, axis=axis) + jnp.sum(y_pred, axis=axis) + settings.epsilon())


@takes("values")
def tversky(y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None) -> Any:
    """l = 1 - b / (b + alpha m + beta e)  over `axis`: b in both, m missed by y_pred, e in y_pred only.

    Salehi et al., "Tversky loss function for image segmentation", 2017.

    >>> round(float(tversky([[0.0, 1.0]], [[0.3, 0.7]])), 4)
    0.3
    """
    both = jnp.sum(y_true * y_pred, axis=axis)
    missed = jnp.sum(y_true * (1 - y_pred), axis=axis)
    extra = jnp.sum((1 - y_true) * y_pred, axis=axis)
    return 1 - both / (both + missed * alpha + extra * beta + settings.epsilon())


@takes("groups")
def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Any:
    """l = softplus(logsumexp_p(gamma a_p (d_p - margin)) + logsumexp_n(gamma a_n (1 - margin - d_n)))

    d = 1 - y_pred ref^T, the cosine distances to the embeddings of the same group (p) and of others (n);
    a_p = margin + d_p, a_n = 1 + margin - d_n.

    Args:
        y_true: (batch,) or (batch, 1), the group of each sample.
        y_pred: (batch, size), embeddings of length 1.
        ref_labels, ref_embeddings: what to compare with; y_true and y_pred if None.
        remove_diagonal: leave out the pair of a sample with itself.

    Sun et al., "Circle Loss: A Unified Perspective of Pair Similarity Optimization", 2020.

    >>> round(float(circle([0, 0, 1], [[0.6, 0.8], [0.8, 0.6], [1.0, 0.0]])[0]), 4)
    3.3632
    """
    ref = y_pred if ref_embeddings is None else jnp.asarray(ref_embeddings)
    groups = y_true.astype("int32").reshape(-1, 1)
    others = groups if ref_labels is None else jnp.asarray(ref_labels, "int32").reshape(-1, 1)
    same = groups == others.T
    different = ~same
    if remove_diagonal:
        same = same & ~jnp.eye(len(groups), len(others), dtype=bool)
    distance = jnp.maximum(1 - y_pred @ ref.T, 0.0)
    pull = gamma * jnp.maximum(margin + distance, 0.0) * (distance - margin)
    push = gamma * jnp.maximum(1 + margin - distance, 0.0) * (1 - margin - distance)
    near = jax.nn.logsumexp(pull, axis=1, where=same)
    far = jax.nn.logsumexp(push, axis=1, where=different)
    values = jax.nn.softplus(near + far)
    set_mask(values, values > 0)
    return values


class Dice(LossFunctionWrapper):
    """`dice`, reduced.

    >>> round(float(Dice()([[0.0, 1.0]], [[0.3, 0.7]])), 4)
    0.3
    """

    def __init__(
        self, reduction: Any = "sum_over_batch_size", name: str = "dice", axis: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(dice, reduction, name, dtype, axis=axis)


class Tversky(LossFunctionWrapper):
    """`tversky`, reduced.

    >>> round(float(Tversky(alpha=0.3, beta=0.7)([[0.0, 1.0]], [[0.3, 0.7]])), 4)
    0.3
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: Any = "sum_over_batch_size",
        name: str = "tversky",
        axis: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)


class Circle(LossFunctionWrapper):
    """`circle`, reduced; the mean is over the samples that have a pair.

    >>> round(float(Circle()([0, 0, 1], [[0.6, 0.8], [0.8, 0.6], [1.0, 0.0]])), 4)
    14.5456
    """

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: Any = "sum_over_batch_size",
        name: str = "circle",
        dtype: Any = None,
    ) -> None:
        super().__init__(circle, reduction, name, dtype, gamma=gamma, margin=margin, remove_diagonal=remove_diagonal)

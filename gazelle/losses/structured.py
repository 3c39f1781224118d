"""Losses of sets and sequences: overlap of regions, similarity of embeddings, unaligned labels."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from gazelle.core import settings
from gazelle.core.errors import ShapeError, message
from gazelle.core.masks import set_mask
from gazelle.core.types import Array, ArrayLike, PolicyLike
from gazelle.losses.base import LossFunctionWrapper
from gazelle.losses.reduction import Reduction
from gazelle.losses.target_shapes import targets


@targets("values")
def dice(y_true: ArrayLike, y_pred: ArrayLike, axis: int | tuple[int, ...] | None = None) -> Array:
    """Dice loss:  l = 1 - 2 sum(y_true y_pred) / (sum(y_true) + sum(y_pred))  over `axis`.

    Args:
        y_true: Membership in the region, from 0 to 1 (batch, ...).
        y_pred: Predicted membership (batch, ...).
        axis: Axes of the sums; None sums over all axes, the batch included.

    Returns:
        Losses, one for each index of the axes that are not summed.

    Source: Milletari et al., "V-Net: Fully Convolutional Neural Networks for Volumetric Medical Image
    Segmentation", 2016.

    Example:
        >>> round(float(dice([[0.0, 1.0]], [[0.3, 0.7]])), 4)
        0.3
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    both = jnp.sum(y_true * y_pred, axis=axis)
    return 1 - 2.0 * both / (jnp.sum(y_true, axis=axis) + jnp.sum(y_pred, axis=axis) + settings.epsilon())


@targets("values")
def tversky(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    alpha: float = 0.5,
    beta: float = 0.5,
    axis: int | tuple[int, ...] | None = None,
) -> Array:
    """Tversky loss:  l = 1 - t / (t + alpha m + beta f)  over `axis`.

    t is the overlap, m what y_pred misses and f what is in y_pred only.

    Args:
        y_true: Membership in the region, from 0 to 1 (batch, ...).
        y_pred: Predicted membership (batch, ...).
        alpha: Weight of misses.
        beta: Weight of false positives.
        axis: Axes of the sums; None sums over all axes, the batch included.

    Returns:
        Losses, one for each index of the axes that are not summed.

    Source: Salehi et al., "Tversky loss function for image segmentation using 3D fully convolutional deep
    networks", 2017.

    Example:
        >>> round(float(tversky([[0.0, 1.0]], [[0.3, 0.7]])), 4)
        0.3
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    both = jnp.sum(y_true * y_pred, axis=axis)
    missed = jnp.sum(y_true * (1 - y_pred), axis=axis)
    extra = jnp.sum((1 - y_true) * y_pred, axis=axis)
    return 1 - both / (both + missed * alpha + extra * beta + settings.epsilon())


@targets("groups")
def circle(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    ref_labels: ArrayLike | None = None,
    ref_embeddings: ArrayLike | None = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Array:
    """Circle loss of embeddings.

    l = softplus(logsumexp_p(gamma a_p (d_p - margin)) + logsumexp_n(gamma a_n (1 - margin - d_n)))

    d = 1 - y_pred ref^T are the cosine distances to the embeddings of the same group (p) and of other groups (n);
    a_p = margin + d_p,  a_n = 1 + margin - d_n.  Samples without a pair are masked.

    Args:
        y_true: Group of each sample (batch,) or (batch, 1).
        y_pred: Embeddings of length 1 (batch, size).
        ref_labels: Groups to compare with; y_true by default.
        ref_embeddings: Embeddings to compare with; y_pred by default.
        remove_diagonal: Leaves out the pair of a sample with itself.
        gamma: Scale of the distances.
        margin: Margin between groups.

    Returns:
        Losses (batch,).

    Source: Sun et al., "Circle Loss: A Unified Perspective of Pair Similarity Optimization", 2020.

    Example:
        >>> round(float(circle([0, 0, 1], [[0.6, 0.8], [0.8, 0.6], [1.0, 0.0]])[0]), 4)
        3.3632
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    ref = y_pred if ref_embeddings is None else jnp.asarray(ref_embeddings)
    groups = y_true.astype("int32").reshape(-1, 1)
    ref_groups = groups if ref_labels is None else jnp.asarray(ref_labels, "int32").reshape(-1, 1)
    same = groups == ref_groups.T
    different = ~same
    if remove_diagonal:
        same = same & ~jnp.eye(len(groups), len(ref_groups), dtype=bool)
    distance = jnp.maximum(1 - y_pred @ ref.T, 0.0)
    pull = gamma * jnp.maximum(margin + distance, 0.0) * (distance - margin)
    push = gamma * jnp.maximum(1 + margin - distance, 0.0) * (1 - margin - distance)
    near = jax.nn.logsumexp(pull, axis=1, where=same)
    far = jax.nn.logsumexp(push, axis=1, where=different)
    values = jax.nn.softplus(near + far)
    set_mask(values, values > 0)
    return values


_LOG_ZERO = -1e5  # logarithm of probability 0; finite, so that gradients are finite


@targets("sequence")
def ctc(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Connectionist temporal classification:  l = -log P(labels).

    P sums over all alignments of the labels with the steps, with blanks between labels. With z the labels with a blank
    before, between and after them,
    alpha_t(s) = p_t(z_s) (alpha_{t-1}(s) + alpha_{t-1}(s-1) + [z_s is no blank and z_s != z_{s-2}] alpha_{t-1}(s-2)).

    Args:
        y_true: Labels from 1 (batch, length); 0 is the blank and pads the end.
        y_pred: Logits (batch, steps, classes).

    Returns:
        Losses (batch,).

    Raises:
        ShapeError: If the ranks are not 2 and 3.

    Source: Graves et al., "Connectionist Temporal Classification", 2006.

    Example:
        >>> round(float(ctc([[1]], [[[0.0, 2.0], [0.0, 2.0]]])[0]), 4)
        0.0143
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    if y_true.ndim != 2 or y_pred.ndim != 3:
        raise ShapeError(
            message(
                "Loss 'ctc'",
                expected="y (batch, length) and y_pred (batch, steps, classes)",
                got=f"{y_true.shape} and {y_pred.shape}",
            )
        )
    return _ctc(y_true.astype("int32"), y_pred)


@jax.jit
def _ctc(labels: Array, y_pred: Array) -> Array:
    """The loss of arrays. It is compiled once, as JAX compiles a loop again in each call outside of programs."""
    batch, length = labels.shape
    states = jnp.zeros((batch, 2 * length + 1), "int32").at[:, 1::2].set(labels)
    log_p = jnp.take_along_axis(jax.nn.log_softmax(y_pred), states[:, None], axis=2)  # (batch, steps, states)
    two_back = jnp.pad(states[:, :-2], ((0, 0), (2, 0)))
    may_skip = (states != 0) & (states != two_back)

    def step(alpha: Array, now: Array) -> tuple[Array, None]:
        one = jnp.pad(alpha[:, :-1], ((0, 0), (1, 0)), constant_values=_LOG_ZERO)
        two = jnp.where(may_skip, jnp.pad(alpha[:, :-2], ((0, 0), (2, 0)), constant_values=_LOG_ZERO), _LOG_ZERO)
        return now + jnp.logaddexp(jnp.logaddexp(alpha, one), two), None

    # the first step is the first blank or the first label
    start = jnp.where(jnp.arange(2 * length + 1)[None] < 2, log_p[:, 0], _LOG_ZERO)
    alpha, _ = jax.lax.scan(step, start, jnp.swapaxes(log_p, 0, 1)[1:])
    last = 2 * jnp.sum(labels != 0, axis=1, keepdims=True)  # index of the blank after the last label
    end, before = (jnp.take_along_axis(alpha, jnp.maximum(i, 0), axis=1)[:, 0] for i in (last, last - 1))
    return -jnp.where(last[:, 0] > 0, jnp.logaddexp(end, before), end)


class Dice(LossFunctionWrapper):
    """Dice loss:  l = 1 - 2 sum(y_true y_pred) / (sum(y_true) + sum(y_pred))  over `axis`, reduced.

    Args:
        reduction: See `Loss`.
        name: Name in messages.
        axis: Axes of the sums; None sums over all axes, the batch included.
        dtype: See `Loss`.

    Source: Milletari et al., "V-Net: Fully Convolutional Neural Networks for Volumetric Medical Image
    Segmentation", 2016.

    Example:
        >>> round(float(Dice()([[0.0, 1.0]], [[0.3, 0.7]])), 4)
        0.3
    """

    def __init__(
        self,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "dice",
        axis: int | tuple[int, ...] | None = None,
        dtype: PolicyLike = None,
    ) -> None:
        super().__init__(dice, reduction, name, dtype, axis=axis)


class Tversky(LossFunctionWrapper):
    """Tversky loss:  l = 1 - t / (t + alpha m + beta f)  over `axis`, reduced.

    t is the overlap, m what y_pred misses and f what is in y_pred only.

    Args:
        alpha: Weight of misses.
        beta: Weight of false positives.
        reduction: See `Loss`.
        name: Name in messages.
        axis: Axes of the sums; None sums over all axes, the batch included.
        dtype: See `Loss`.

    Source: Salehi et al., "Tversky loss function for image segmentation using 3D fully convolutional deep
    networks", 2017.

    Example:
        >>> round(float(Tversky(alpha=0.3, beta=0.7)([[0.0, 1.0]], [[0.3, 0.7]])), 4)
        0.3
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "tversky",
        axis: int | tuple[int, ...] | None = None,
        dtype: PolicyLike = None,
    ) -> None:
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)


class Circle(LossFunctionWrapper):
    """Circle loss of embeddings, reduced over the samples that have a pair; see `circle`.

    Args:
        gamma: Scale of the distances.
        margin: Margin between groups.
        remove_diagonal: Leaves out the pair of a sample with itself.
        reduction: See `Loss`.
        name: Name in messages.
        dtype: See `Loss`.

    Source: Sun et al., "Circle Loss: A Unified Perspective of Pair Similarity Optimization", 2020.

    Example:
        >>> round(float(Circle()([0, 0, 1], [[0.6, 0.8], [0.8, 0.6], [1.0, 0.0]])), 4)
        14.5456
    """

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "circle",
        dtype: PolicyLike = None,
    ) -> None:
        super().__init__(circle, reduction, name, dtype, gamma=gamma, margin=margin, remove_diagonal=remove_diagonal)


class CTC(LossFunctionWrapper):
    """Connectionist temporal classification:  l = -log P(labels),  reduced; see `ctc`.

    Args:
        reduction: See `Loss`.
        name: Name in messages.
        dtype: See `Loss`.

    Source: Graves et al., "Connectionist Temporal Classification", 2006.

    Example:
        >>> round(float(CTC()([[1]], [[[0.0, 2.0], [0.0, 2.0]]])), 4)
        0.0143
    """

    def __init__(
        self, reduction: Reduction = "sum_over_batch_size", name: str | None = "ctc", dtype: PolicyLike = None
    ) -> None:
        super().__init__(ctc, reduction, name, dtype)

"""`tfa.losses` of embeddings with labels: pairs of a batch with equal labels approach each other."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gazelle.compat.addons.registration import addon
from gazelle.core.errors import unknown
from gazelle.core.types import Array
from gazelle.losses import Loss, categorical_crossentropy
from gazelle.ops.base import lift

#: name or function of embeddings -> their pairwise distances
Distance = str | Callable[[Array], Array]


def distances(embeddings: Array, metric: Distance) -> Array:
    """Return the distances (n, n) of embeddings (n, d): "L2", "squared-L2", "angular", or those of a function."""
    if callable(metric):
        return metric(embeddings)
    if metric not in ("L2", "squared-L2", "angular"):
        raise unknown("distance_metric", metric, ("L2", "squared-L2", "angular"))
    return angular_distance(embeddings) if metric == "angular" else pairwise_distance(embeddings, metric != "L2")


@lift
def angular_distance(feature: Array) -> Array:
    """Return 1 - cosine similarity, at least 0, of each pair of rows: (n, d) -> (n, n)."""
    feature = jnp.asarray(feature)
    unit = feature * jax.lax.rsqrt(jnp.maximum(jnp.sum(feature**2, 1, keepdims=True), 1e-12))
    return jnp.maximum(1 - unit @ unit.T, 0)


@lift
def pairwise_distance(feature: Array, squared: bool = False) -> Array:
    """Return the Euclidean distance of each pair of rows, or its square: (n, d) -> (n, n)."""
    feature = jnp.asarray(feature)
    norms = jnp.sum(feature**2, 1)
    squares = jnp.maximum(norms[:, None] - 2 * feature @ feature.T + norms, 0)
    squares = jnp.where(jnp.eye(len(feature), dtype=bool), 0, squares)
    if squared:
        return squares
    positive = squares > 0  # the gradient of a root at 0 is not finite
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squares, 1)), 0)


def _precise(x: Array) -> Array:
    return x.astype("float32") if x.dtype in ("float16", "bfloat16") else x


def _same_label(y_true: Array) -> Array:
    labels = y_true.reshape(-1)
    return labels[:, None] == labels


@addon
@lift
def triplet_semihard_loss(y_true: Array, y_pred: Array, margin: float = 1.0, distance_metric: Distance = "L2") -> Array:
    """Return the loss of `TripletSemiHardLoss`."""
    d, same = distances(_precise(y_pred), distance_metric), _same_label(y_true)
    farther = ~same[:, None] & (d[:, None] > d[:, :, None])  # (a, p, n)
    nearest = jnp.min(jnp.where(farther, d[:, None], jnp.inf), axis=2)
    farthest = jnp.max(jnp.where(same, -jnp.inf, d), axis=1, keepdims=True)
    negative = jnp.where(jnp.any(farther, axis=2), nearest, farthest)
    pairs = same & ~jnp.eye(len(d), dtype=bool)
    loss = jnp.where(pairs, jnp.maximum(d - jnp.where(jnp.isfinite(negative), negative, 0) + margin, 0), 0)
    return (jnp.sum(loss) / jnp.sum(pairs)).astype(y_pred.dtype)


@addon
@lift
def triplet_hard_loss(
    y_true: Array, y_pred: Array, margin: float = 1.0, soft: bool = False, distance_metric: Distance = "L2"
) -> Array:
    """Return the loss of `TripletHardLoss`."""
    d, same = distances(_precise(y_pred), distance_metric), _same_label(y_true)
    largest = jnp.max(d, axis=1)
    negative = jnp.minimum(jnp.min(jnp.where(same, jnp.inf, d), axis=1), largest)
    pairs = same & ~jnp.eye(len(d), dtype=bool)
    smallest = jnp.min(d, axis=1)
    positive = jnp.maximum(jnp.max(jnp.where(pairs, d, -jnp.inf), axis=1), smallest)
    gap = positive - negative
    return jnp.mean(jnp.log1p(jnp.exp(gap)) if soft else jnp.maximum(gap + margin, 0)).astype(y_pred.dtype)


@addon
@lift
def lifted_struct_loss(labels: Array, embeddings: Array, margin: float = 1.0) -> Array:
    """Return the loss of `LiftedStructLoss`."""
    embeddings = jnp.asarray(embeddings)
    d, same = pairwise_distance(_precise(embeddings)), _same_label(jnp.asarray(labels))
    others = jax.nn.logsumexp(jnp.where(same, -jnp.inf, margin - d), axis=1)
    terms = jnp.logaddexp(others[:, None], others) + d
    pairs = same & ~jnp.eye(len(d), dtype=bool)
    loss = jnp.sum(jnp.where(pairs, jnp.maximum(terms, 0) ** 2, 0)) / 2 / jnp.sum(pairs)
    return loss.astype(embeddings.dtype)


def _cross_entropy(weights: Array, logits: Array) -> Array:
    targets = weights / jnp.sum(weights, axis=1, keepdims=True)
    return jnp.mean(categorical_crossentropy(targets, logits, from_logits=True))


@addon
@lift
def npairs_loss(y_true: Array, y_pred: Array) -> Array:
    """Return the loss of `NpairsLoss`."""
    return _cross_entropy(_same_label(y_true).astype(y_pred.dtype), y_pred)


@addon
@lift
def npairs_multilabel_loss(y_true: Array, y_pred: Array) -> Array:
    """Return the loss of `NpairsMultilabelLoss`."""
    labels = y_true.astype(y_pred.dtype)
    return _cross_entropy(labels @ labels.T, y_pred)


@addon
class TripletSemiHardLoss(Loss, abstract=True):
    """Mean over pairs (a, p) of equal labels of  max(d_ap - d_an + margin, 0).

    n is the nearest of the other labels with d_an > d_ap, or the farthest of all of them if there is none.
    Source: Schroff et al., FaceNet (2015).
    """

    def __init__(
        self, margin: float = 1.0, distance_metric: Distance = "L2", name: str | None = None, **kwargs: object
    ) -> None:
        super().__init__(name=name, reduction="none")

    def call(self, y_true: Array, y_pred: Array) -> Array:
        return triplet_semihard_loss(y_true, y_pred, self.margin, self.distance_metric)


@addon
class TripletHardLoss(Loss, abstract=True):
    """Mean of  max(d_ap - d_an + margin, 0)  with the farthest p of the label of a and the nearest n of the others.

    With `soft`, the mean of  log(1 + exp(d_ap - d_an)).  Source: Hermans et al., In Defense of the Triplet Loss (2017).
    """

    def __init__(
        self,
        margin: float = 1.0,
        soft: bool = False,
        distance_metric: Distance = "L2",
        name: str | None = None,
        **kwargs: object,
    ) -> None:
        super().__init__(name=name, reduction="none")

    def call(self, y_true: Array, y_pred: Array) -> Array:
        return triplet_hard_loss(y_true, y_pred, self.margin, self.soft, self.distance_metric)


@addon
class LiftedStructLoss(Loss, abstract=True):
    """Mean over pairs of equal labels of  max(J_ij, 0)^2 / 2,  J_ij = log(s_i + s_j) + d_ij.

    s_i is the sum of  exp(margin - d_ik)  over k of other labels.
    Source: Song et al., Deep Metric Learning via Lifted Structured Feature Embedding (2016).
    """

    def __init__(self, margin: float = 1.0, name: str | None = None, **kwargs: object) -> None:
        super().__init__(name=name, reduction="none")

    def call(self, y_true: Array, y_pred: Array) -> Array:
        return lifted_struct_loss(y_true, y_pred, self.margin)


@addon
class NpairsLoss(Loss, abstract=True):
    """Cross-entropy of similarities (n, n) with rows whose equal labels share the probability 1.

    Source: Sohn, Improved Deep Metric Learning with Multi-class N-pair Loss Objective (2016).
    """

    def __init__(self, name: str | None = "npairs_loss") -> None:
        super().__init__(name=name, reduction="none")

    def call(self, y_true: Array, y_pred: Array) -> Array:
        return npairs_loss(y_true, y_pred)


@addon
class NpairsMultilabelLoss(Loss, abstract=True):
    """The same for several labels of a sample: 0 or 1 (n, classes); the more two share, the larger the probability."""

    def __init__(self, name: str | None = "npairs_multilabel_loss") -> None:
        super().__init__(name=name, reduction="none")

    def call(self, y_true: Array, y_pred: Array) -> Array:
        return npairs_multilabel_loss(y_true, y_pred)

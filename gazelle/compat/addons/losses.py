"""`tfa.losses`: what `keras.losses` has not."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gazelle.compat.addons.activations import sparsemax
from gazelle.compat.namespaces import names_of
from gazelle.core.errors import unknown
from gazelle.core.registry import register_keras_serializable
from gazelle.core.types import Array
from gazelle.losses import Loss, categorical_crossentropy
from gazelle.losses.crossentropy import bernoulli_loss
from gazelle.losses.reduction import Reduction

__getattr__ = names_of("gazelle.losses")
_addon = register_keras_serializable("Addons")

#: name or function of embeddings -> their pairwise distances
Distance = str | Callable[[Array], Array]


def distances(embeddings: Array, metric: Distance) -> Array:
    """Return the distances (n, n) of embeddings (n, d): "L2", "squared-L2", "angular", or those of a function."""
    if callable(metric):
        return metric(embeddings)
    if metric not in ("L2", "squared-L2", "angular"):
        raise unknown("distance_metric", metric, ("L2", "squared-L2", "angular"))
    if metric == "angular":
        unit = embeddings * jax.lax.rsqrt(jnp.maximum(jnp.sum(embeddings**2, 1, keepdims=True), 1e-12))
        return jnp.maximum(1 - unit @ unit.T, 0)
    norms = jnp.sum(embeddings**2, 1)
    squared = jnp.maximum(norms[:, None] - 2 * embeddings @ embeddings.T + norms, 0)
    squared = jnp.where(jnp.eye(len(embeddings), dtype=bool), 0, squared)
    if metric == "squared-L2":
        return squared
    positive = squared > 0  # the gradient of a root at 0 is not finite
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1)), 0)


def _same_label(y_true: Array) -> Array:
    labels = y_true.reshape(-1)
    return labels[:, None] == labels


@_addon
class SigmoidFocalCrossEntropy(Loss, abstract=True):
    """Sum over classes of  a (1 - q)^gamma CE,  q the probability of the label, a = alpha for 1 and 1 - alpha for 0.

    Source: Lin et al., Focal Loss for Dense Object Detection (2017).
    """

    def __init__(
        self,
        from_logits: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        reduction: Reduction = "none",
        name: str | None = "sigmoid_focal_crossentropy",
    ) -> None:
        super().__init__(name=name, reduction=reduction)

    def call(self, y_true: Array, y_pred: Array) -> Array:
        y = y_true.astype(y_pred.dtype)
        p = jax.nn.sigmoid(y_pred) if self.from_logits else y_pred
        weight = y * self.alpha + (1 - y) * (1 - self.alpha) if self.alpha else 1.0
        focus = (1 - (y * p + (1 - y) * (1 - p))) ** self.gamma if self.gamma else 1.0
        return jnp.sum(weight * focus * bernoulli_loss(y, y_pred, self.from_logits), axis=-1)


@_addon
class ContrastiveLoss(Loss, abstract=True):
    """y d^2 + (1 - y) max(margin - d, 0)^2  for distances d of pairs, y = 1 for equal ones.

    Source: Hadsell et al., Dimensionality Reduction by Learning an Invariant Mapping (2006).
    """

    def __init__(
        self, margin: float = 1.0, reduction: Reduction = "sum_over_batch_size", name: str | None = "contrastive_loss"
    ) -> None:
        super().__init__(name=name, reduction=reduction)

    def call(self, y_true: Array, y_pred: Array) -> Array:
        y = y_true.astype(y_pred.dtype)
        return y * y_pred**2 + (1 - y) * jnp.maximum(self.margin - y_pred, 0) ** 2


@_addon
class PinballLoss(Loss, abstract=True):
    """Mean of  max(tau e, (tau - 1) e)  with e = y_true - y_pred: the loss of the quantile tau."""

    def __init__(
        self, tau: float = 0.5, reduction: Reduction = "sum_over_batch_size", name: str | None = "pinball_loss"
    ) -> None:
        super().__init__(name=name, reduction=reduction)

    def call(self, y_true: Array, y_pred: Array) -> Array:
        error = y_true.astype(y_pred.dtype) - y_pred
        return jnp.mean(jnp.maximum(self.tau * error, (self.tau - 1) * error), axis=-1)


@_addon
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
        d, same = distances(y_pred, self.distance_metric), _same_label(y_true)
        farther = ~same[:, None] & (d[:, None] > d[:, :, None])  # (a, p, n)
        nearest = jnp.min(jnp.where(farther, d[:, None], jnp.inf), axis=2)
        farthest = jnp.max(jnp.where(same, -jnp.inf, d), axis=1, keepdims=True)
        negative = jnp.where(jnp.any(farther, axis=2), nearest, farthest)
        pairs = same & ~jnp.eye(len(d), dtype=bool)
        loss = jnp.where(pairs, jnp.maximum(d - jnp.where(jnp.isfinite(negative), negative, 0) + self.margin, 0), 0)
        return jnp.sum(loss) / jnp.sum(pairs)


@_addon
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
        d, same = distances(y_pred, self.distance_metric), _same_label(y_true)
        largest = jnp.max(d, axis=1)
        negative = jnp.minimum(jnp.min(jnp.where(same, jnp.inf, d), axis=1), largest)
        pairs = same & ~jnp.eye(len(d), dtype=bool)
        smallest = jnp.min(d, axis=1)
        positive = jnp.maximum(jnp.max(jnp.where(pairs, d, -jnp.inf), axis=1), smallest)
        margin = positive - negative
        return jnp.mean(jnp.log1p(jnp.exp(margin)) if self.soft else jnp.maximum(margin + self.margin, 0))


@_addon
class LiftedStructLoss(Loss, abstract=True):
    """Mean over pairs of equal labels of  max(J_ij, 0)^2 / 2,  J_ij = log(s_i + s_j) + d_ij.

    s_i is the sum of  exp(margin - d_ik)  over k of other labels.
    Source: Song et al., Deep Metric Learning via Lifted Structured Feature Embedding (2016).
    """

    def __init__(self, margin: float = 1.0, name: str | None = None, **kwargs: object) -> None:
        super().__init__(name=name, reduction="none")

    def call(self, y_true: Array, y_pred: Array) -> Array:
        d, same = distances(y_pred, "L2"), _same_label(y_true)
        others = jax.nn.logsumexp(jnp.where(same, -jnp.inf, self.margin - d), axis=1)
        terms = jnp.logaddexp(others[:, None], others) + d
        pairs = same & ~jnp.eye(len(d), dtype=bool)
        return jnp.sum(jnp.where(pairs, jnp.maximum(terms, 0) ** 2, 0)) / 2 / jnp.sum(pairs)


@_addon
class NpairsLoss(Loss, abstract=True):
    """Cross-entropy of similarities (n, n) with rows whose equal labels share the probability 1.

    Source: Sohn, Improved Deep Metric Learning with Multi-class N-pair Loss Objective (2016).
    """

    def __init__(self, name: str | None = "npairs_loss") -> None:
        super().__init__(name=name, reduction="none")

    def call(self, y_true: Array, y_pred: Array) -> Array:
        same = _same_label(y_true).astype(y_pred.dtype)
        return _cross_entropy(same, y_pred)


@_addon
class NpairsMultilabelLoss(Loss, abstract=True):
    """The same for several labels of a sample: 0 or 1 (n, classes); the more two share, the larger the probability."""

    def __init__(self, name: str | None = "npairs_multilabel_loss") -> None:
        super().__init__(name=name, reduction="none")

    def call(self, y_true: Array, y_pred: Array) -> Array:
        labels = y_true.astype(y_pred.dtype)
        return _cross_entropy(labels @ labels.T, y_pred)


def _cross_entropy(weights: Array, logits: Array) -> Array:
    targets = weights / jnp.sum(weights, axis=1, keepdims=True)
    return jnp.mean(categorical_crossentropy(targets, logits, from_logits=True))


@_addon
class GIoULoss(Loss, abstract=True):
    """1 - generalized intersection over union of boxes (y_min, x_min, y_max, x_max).

    Source: Rezatofighi et al., Generalized Intersection over Union (2019).
    """

    def __init__(
        self, mode: str = "giou", reduction: Reduction = "sum_over_batch_size", name: str | None = "giou_loss"
    ) -> None:
        if mode not in ("giou", "iou"):
            raise unknown("mode of GIoULoss", mode, ("giou", "iou"))
        super().__init__(name=name, reduction=reduction)

    def call(self, y_true: Array, y_pred: Array) -> Array:
        a, b = y_true.astype(y_pred.dtype), y_pred
        area = lambda low, high: jnp.prod(jnp.maximum(high - low, 0), axis=-1)  # noqa: E731
        ratio = lambda x, y: jnp.where(y == 0, 0, x / jnp.where(y == 0, 1, y))  # noqa: E731
        low, high = jnp.maximum(a[..., :2], b[..., :2]), jnp.minimum(a[..., 2:], b[..., 2:])
        common = area(low, high)
        union = area(a[..., :2], a[..., 2:]) + area(b[..., :2], b[..., 2:]) - common
        result = ratio(common, union)
        if self.mode == "giou":
            around = area(jnp.minimum(a[..., :2], b[..., :2]), jnp.maximum(a[..., 2:], b[..., 2:]))
            result = result - ratio(around - union, around)
        return 1 - result


@_addon
class WeightedKappaLoss(Loss, abstract=True):
    """log(1 - kappa) of one-hot labels of ordered classes, weighted by their distance or its square.

    Source: de la Torre et al., Weighted kappa loss function for multi-class classification of ordinal data (2018).
    """

    def __init__(
        self,
        num_classes: int,
        weightage: str = "quadratic",
        name: str | None = "cohen_kappa_loss",
        epsilon: float = 1e-6,
        reduction: Reduction = "none",
    ) -> None:
        if weightage not in ("linear", "quadratic"):
            raise unknown("weightage", weightage, ("linear", "quadratic"))
        super().__init__(name=name, reduction=reduction)

    def call(self, y_true: Array, y_pred: Array) -> Array:
        y = y_true.astype(y_pred.dtype)
        gaps = jnp.abs(jnp.subtract.outer(jnp.arange(self.num_classes), jnp.arange(self.num_classes)))
        weights = (gaps if self.weightage == "linear" else gaps**2).astype(y_pred.dtype)
        observed = jnp.sum((y @ weights) * y_pred)
        expected = jnp.sum(y, 0) @ weights @ jnp.sum(y_pred, 0) / len(y)
        return jnp.log(jnp.where(expected == 0, 0, observed / expected) + self.epsilon)


@_addon
class SparsemaxLoss(Loss, abstract=True):
    """The loss whose gradient is  sparsemax(z) - y_true.

    Source: Martins and Astudillo, From Softmax to Sparsemax (2016).
    """

    def __init__(
        self,
        from_logits: bool = True,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "sparsemax_loss",
    ) -> None:
        super().__init__(name=name, reduction=reduction)

    def call(self, y_true: Array, y_pred: Array) -> Array:
        y, z = y_true.astype(y_pred.dtype), y_pred
        p = sparsemax(z)
        support = p > 0
        threshold = jnp.sum(jnp.where(support, z - p, 0), -1, keepdims=True) / jnp.sum(support, -1, keepdims=True)
        penalty = jnp.where(support, (z - threshold) * (z + threshold) / 2, 0)
        return jnp.sum(penalty, -1) + jnp.sum(y * (y / 2 - z), -1)

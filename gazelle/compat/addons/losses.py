"""`tfa.losses`: what `keras.losses` has not."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from gazelle.compat.addons import embedding_losses
from gazelle.compat.addons.activations import sparsemax
from gazelle.compat.addons.registration import addon
from gazelle.compat.namespaces import names_of
from gazelle.compat.tables import defined
from gazelle.core.errors import ArgumentError, message, unknown
from gazelle.core.types import Array, ArrayLike
from gazelle.losses import Loss
from gazelle.losses.crossentropy import bernoulli_loss
from gazelle.losses.reduction import Reduction
from gazelle.ops.base import lift

__getattr__ = names_of("gazelle.losses")
globals().update(defined(embedding_losses))


@addon
@lift
def sigmoid_focal_crossentropy(
    y_true: Array, y_pred: Array, alpha: float = 0.25, gamma: float = 2.0, from_logits: bool = False
) -> Array:
    """Return the loss of `SigmoidFocalCrossEntropy` for each row."""
    y = y_true.astype(y_pred.dtype)
    p = jax.nn.sigmoid(y_pred) if from_logits else y_pred
    weight = y * alpha + (1 - y) * (1 - alpha) if alpha else 1.0
    focus = (1 - (y * p + (1 - y) * (1 - p))) ** gamma if gamma else 1.0
    return jnp.sum(weight * focus * bernoulli_loss(y, y_pred, from_logits), axis=-1)


@addon
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
        return sigmoid_focal_crossentropy(y_true, y_pred, self.alpha, self.gamma, self.from_logits)


@addon
@lift
def contrastive_loss(y_true: Array, y_pred: Array, margin: float = 1.0) -> Array:
    """Return the loss of `ContrastiveLoss` for each distance."""
    y = y_true.astype(y_pred.dtype)
    return y * y_pred**2 + (1 - y) * jnp.maximum(margin - y_pred, 0) ** 2


@addon
class ContrastiveLoss(Loss, abstract=True):
    """y d^2 + (1 - y) max(margin - d, 0)^2  for distances d of pairs, y = 1 for equal ones.

    Source: Hadsell et al., Dimensionality Reduction by Learning an Invariant Mapping (2006).
    """

    def __init__(
        self, margin: float = 1.0, reduction: Reduction = "sum_over_batch_size", name: str | None = "contrastive_loss"
    ) -> None:
        super().__init__(name=name, reduction=reduction)

    def call(self, y_true: Array, y_pred: Array) -> Array:
        return contrastive_loss(y_true, y_pred, self.margin)


@addon
@lift
def pinball_loss(y_true: Array, y_pred: Array, tau: ArrayLike = 0.5) -> Array:
    """Return the loss of `PinballLoss` for each row; tau may have the shape of a sample."""
    error, tau = y_true.astype(y_pred.dtype) - y_pred, jnp.asarray(tau, y_pred.dtype)[None]
    return jnp.mean(jnp.maximum(tau * error, (tau - 1) * error), axis=-1)


@addon
class PinballLoss(Loss, abstract=True):
    """Mean of  max(tau e, (tau - 1) e)  with e = y_true - y_pred: the loss of the quantile tau."""

    def __init__(
        self, tau: float = 0.5, reduction: Reduction = "sum_over_batch_size", name: str | None = "pinball_loss"
    ) -> None:
        super().__init__(name=name, reduction=reduction)

    def call(self, y_true: Array, y_pred: Array) -> Array:
        return pinball_loss(y_true, y_pred, self.tau)


@addon
@lift
def giou_loss(y_true: Array, y_pred: Array, mode: str = "giou") -> Array:
    """Return the loss of `GIoULoss` for each box."""
    if mode not in ("giou", "iou"):
        raise unknown("mode of GIoULoss", mode, ("giou", "iou"))
    b = y_pred if jnp.issubdtype(y_pred.dtype, jnp.floating) else y_pred.astype("float32")
    a = y_true.astype(b.dtype)
    area = lambda low, high: jnp.prod(jnp.maximum(high - low, 0), axis=-1)  # noqa: E731
    ratio = lambda x, y: jnp.where(y == 0, 0, x / jnp.where(y == 0, 1, y))  # noqa: E731
    low, high = jnp.maximum(a[..., :2], b[..., :2]), jnp.minimum(a[..., 2:], b[..., 2:])
    common = area(low, high)
    union = area(a[..., :2], a[..., 2:]) + area(b[..., :2], b[..., 2:]) - common
    result = ratio(common, union)
    if mode == "giou":
        around = area(jnp.minimum(a[..., :2], b[..., :2]), jnp.maximum(a[..., 2:], b[..., 2:]))
        result = result - ratio(around - union, around)
    return 1 - jnp.squeeze(result)


@addon
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
        return giou_loss(y_true, y_pred, self.mode)


@addon
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


@addon
@lift
def sparsemax_loss(logits: Array, sparsemax: Array, labels: Array, name: str | None = None) -> Array:
    """Return the loss of `SparsemaxLoss` for each row of logits and their `sparsemax`."""
    z, p, y = jnp.asarray(logits), jnp.asarray(sparsemax), jnp.asarray(labels)
    support = jnp.where((p > 0) | jnp.isnan(p), p * (z - p / 2), 0)
    return jnp.sum(support + jnp.where((y == 0) & jnp.isinf(z), 0, y * (y / 2 - z)), -1)


@addon
def sparsemax_loss_from_logits(y_true: Array, logits_pred: Array, name: str | None = None) -> Array:
    """Return the loss of `SparsemaxLoss` for each row of logits."""
    return sparsemax_loss(logits_pred, sparsemax(logits_pred), y_true)


@addon
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
        if from_logits is not True:
            raise ArgumentError(message("from_logits of SparsemaxLoss", expected="True", got=repr(from_logits)))
        super().__init__(name=name, reduction=reduction)

    def call(self, y_true: Array, y_pred: Array) -> Array:
        return sparsemax_loss_from_logits(y_true, y_pred)

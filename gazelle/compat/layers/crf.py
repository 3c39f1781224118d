"""The layer CRF of keras_contrib and tensorflow_addons, and the loss and metrics of keras_contrib for it."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Unpack

import jax.numpy as jnp

from gazelle import losses
from gazelle.compat import crf
from gazelle.core.errors import StateError, message
from gazelle.core.types import ActivationLike, Array, ArrayLike, ConstraintLike, InitializerLike, RegularizerLike, Shape
from gazelle.layers.base import Layer

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions

#: the orders of the weights in files
_ORDER_OF_ADDONS = ("chain_kernel", "left_boundary", "right_boundary", "kernel", "bias")
_ORDER_OF_CONTRIB = ("kernel", "chain_kernel", "bias", "left_boundary", "right_boundary")


class CRF(Layer):
    """A conditional random field over the tags of a sequence (see `gazelle.compat.crf`).

    x (batch, steps, features)  ->  (batch, steps, units): one-hot rows of the best tags (0 at masked steps), or
    probabilities

    tensorflow_addons has another layer of this name: if a program imports that package, the layer returns a list of
    the best tags (batch, steps), the scores, the lengths of the sequences and the transitions.

    `learn_mode="join"` trains the likelihood of whole sequences with `crf.loss_function` or `crf_loss`; "marginal"
    gives the probabilities of single tags, for a crossentropy.
    """

    def __init__(
        self,
        units: int,
        learn_mode: str = "join",
        test_mode: str | None = None,
        sparse_target: bool = False,
        use_boundary: bool = True,
        use_bias: bool = True,
        activation: ActivationLike = "linear",
        kernel_initializer: InitializerLike = "glorot_uniform",
        chain_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        boundary_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        chain_regularizer: RegularizerLike = None,
        boundary_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        chain_constraint: ConstraintLike = None,
        boundary_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        use_kernel: bool = True,
        unroll: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.of_addons = "tensorflow_addons" in sys.modules and "keras_contrib" not in sys.modules

    def build(self, input_shape: Shape) -> None:
        kinds = ("initializer", "regularizer", "constraint")
        chain, boundary = ({kind: getattr(self, f"{name}_{kind}") for kind in kinds} for name in ("chain", "boundary"))
        weights: dict[str, Any] = {"chain_kernel": ((self.units, self.units), chain)}
        if self.use_boundary:
            weights |= dict.fromkeys(("left_boundary", "right_boundary"), ((self.units,), boundary))
        if self.use_kernel:
            weights["kernel"] = (input_shape[-1], self.units), {}
        if self.use_kernel and self.use_bias:
            weights["bias"] = (self.units,), {}
        for name in _ORDER_OF_ADDONS if self.of_addons else _ORDER_OF_CONTRIB:
            if name in weights:
                shape, options = weights[name]
                setattr(self, name, self.add_weight(name, shape, **options))
        if "bias" not in weights:  # assigned last: a None before the weights would put the bias first in their order
            self.bias = None

    def call(self, x: Array, mask: Array | None = None, training: bool = False) -> Array | list[Array]:
        mask = jnp.ones(x.shape[:2], bool) if mask is None else mask.astype(bool)
        scores = self._scores(x, mask)
        transitions = self.chain_kernel.value if self.of_addons else -self.chain_kernel.value
        if self.of_addons:
            tags, _ = crf.decode(scores, mask, transitions)
            return [tags.astype("int32"), scores, jnp.sum(mask, 1).astype("int32"), self.chain_kernel.value]
        _last[:] = [(weakref.ref(self), (scores, mask, transitions))]
        usual = "marginal" if self.learn_mode == "marginal" else "viterbi"
        if (usual if training else self.test_mode or usual) == "marginal":
            return jnp.where(mask[..., None], crf.marginals(scores, mask, transitions), 1 / self.units)
        tags, _ = crf.decode(scores, mask, transitions)
        return jnp.eye(self.units, dtype=scores.dtype)[tags] * mask[..., None]

    def _scores(self, x: Array, mask: Array) -> Array:
        scores = x
        if self.use_kernel:
            scores = x @ self.kernel.value
            scores = self.activation(scores if self.bias is None else scores + self.bias.value)
        if self.use_boundary:
            before = jnp.pad(mask, ((0, 0), (1, 1)))
            first, last = mask & ~before[:, :-2], mask & ~before[:, 2:]
            scores = scores + first[..., None] * self.left_boundary.value + last[..., None] * self.right_boundary.value
        return scores if self.of_addons else -scores  # keras_contrib's weights are energies

    def compute_mask(self, inputs: Array, mask: Array | None = None) -> Array | None:
        if self.of_addons or mask is None:
            return None
        return mask.any(1) if self.learn_mode == "join" else mask

    @property
    def loss_function(self) -> Callable[[ArrayLike, ArrayLike], Array]:
        """The loss for `compile`."""
        if self.learn_mode == "join":
            return crf_loss
        return losses.sparse_categorical_crossentropy if self.sparse_target else losses.categorical_crossentropy

    @property
    def accuracy(self) -> Callable[[ArrayLike, ArrayLike], Array]:
        """The metric for `compile`."""
        return crf_accuracy

    viterbi_acc = marginal_acc = accuracy


#: the layer that was called last, and its (scores, mask, transitions): the loss is computed right after the layers
_last: list[tuple[weakref.ref[CRF], tuple[Any, Any, Any]]] = []


def _tags(y_true: ArrayLike, units: int) -> Array:
    """The tags of labels (batch, steps, 1) or of one-hot rows."""
    y_true = jnp.asarray(y_true)
    return y_true[..., 0].astype("int32") if y_true.shape[-1] == 1 < units else jnp.argmax(y_true, -1)


def crf_loss(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Return -log P(y_true) / steps (batch,) of the model's last layer, a `CRF` with `learn_mode="join"`."""
    layer = _last[-1][0]() if _last else None
    if layer is None:
        raise StateError(message("The loss of a CRF", expected="a model whose last layer is a CRF", got="none"))
    scores, mask, transitions = _last[-1][1]
    likelihood = crf.log_likelihood(scores, _tags(y_true, layer.units), mask, transitions)
    return -likelihood / jnp.maximum(jnp.sum(mask, 1), 1)


def crf_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Return for each step whether its tag is right; outside of the mask the fraction of right tags in the sequence."""
    y_pred = jnp.asarray(y_pred)
    in_mask = jnp.any(y_pred != 0, -1)
    right = jnp.argmax(y_pred, -1) == _tags(y_true, y_pred.shape[-1])
    fraction = jnp.sum(right & in_mask, 1, keepdims=True) / jnp.maximum(jnp.sum(in_mask, 1, keepdims=True), 1)
    return jnp.where(in_mask, right, fraction)


def crf_viterbi_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """`crf_accuracy` of the best sequences."""
    return crf_accuracy(y_true, y_pred)


def crf_marginal_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """`crf_accuracy` of the most probable tags."""
    return crf_accuracy(y_true, y_pred)


crf_nll = crf_loss

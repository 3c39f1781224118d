"""`tf.losses` of TensorFlow 1: losses with weights, which are added to a collection of the graph."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

import gazelle
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend.lifting import lifted
from gazelle.compat.namespaces import namespace
from gazelle.compat.tables import with_parameters
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.v1 import graphs, scopes
from gazelle.compat.types import Array, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.core.symbolic import is_symbolic

_USUAL = "weighted_sum_by_nonzero_weights"


@named("losses.Reduction", "compat.v1.losses.Reduction")
class Reduction:
    """How weighted losses become one."""

    NONE, SUM, MEAN = "none", "weighted_sum", "weighted_mean"
    SUM_OVER_BATCH_SIZE = "weighted_sum_over_batch_size"
    SUM_BY_NONZERO_WEIGHTS = SUM_OVER_NONZERO_WEIGHTS = _USUAL

    @classmethod
    def all(cls) -> tuple[str, ...]:
        """Return all of them."""
        return cls.NONE, cls.SUM, cls.MEAN, cls.SUM_OVER_BATCH_SIZE, _USUAL


def weights_of(values: Array, weights: TensorLike) -> Array:
    """Weights in the shape and the dtype of values; they may have a further axis of size 1."""
    weights = jnp.asarray(weights, values.dtype)
    if weights.ndim == values.ndim + 1 and weights.shape[-1] == 1:
        weights = weights[..., 0]
    return weights * jnp.ones_like(values)  # its error about sizes names both, from which an unknown one is inferred


@lifted
def _weighted(losses: Any, weights: Any, reduction: str) -> Any:
    """The weighted losses, reduced: by default their sum by the number of weights other than 0."""
    losses = jnp.asarray(losses)
    weights = weights_of(losses, weights)
    parts = {
        "none": lambda: losses * weights,
        "weighted_sum": lambda: jnp.sum(losses * weights),
        "weighted_mean": lambda: jnp.sum(losses * weights) / jnp.maximum(jnp.sum(weights), 1e-12),
        "weighted_sum_over_batch_size": lambda: jnp.mean(losses * weights),
        _USUAL: lambda: jnp.sum(losses * weights) / jnp.maximum(jnp.count_nonzero(weights), 1),
    }
    if reduction not in parts:
        raise ArgumentError(message("reduction of tf.losses", expected=" or ".join(parts), got=reduction))
    return parts[reduction]()


@named("losses.compute_weighted_loss", "compat.v1.losses.compute_weighted_loss")
@ignores("scope@2")
def compute_weighted_loss(
    losses: TensorLike, weights: TensorLike = 1.0, loss_collection: str | None = "losses", reduction: str = _USUAL
) -> TensorResult:
    """`tf.losses.compute_weighted_loss`: weighted losses, reduced and added to the collection of losses."""
    reduction = str(reduction).lower()
    if reduction == _USUAL and not is_symbolic(weights) and np.ndim(weights) == 0:
        out = gazelle.ops.mean(losses) * weights
    else:
        out = _weighted(losses, weights, reduction)
    if (is_symbolic(out) or graphs.active()) and loss_collection is not None:
        scopes.add_to_collection(loss_collection, out)
    return out


def _of_keras(labels: Any, predictions: Any, name: str, **options: Any) -> Any:
    """A loss of Keras; one for each element if it is not one of classes."""
    if name == "categorical_crossentropy":  # as in TensorFlow 1
        labels = NAMES["stop_gradient"](labels)
    elif "categorical" not in name:
        labels, predictions = (gazelle.ops.expand_dims(v, -1) for v in (labels, predictions))
    return getattr(namespace("gazelle.losses"), name)(labels, predictions, **options)


@lifted
def _hinge(labels: Any, predictions: Any) -> Any:
    return jnp.maximum(1 - (2 * jnp.asarray(labels) - 1) * jnp.asarray(predictions), 0)


@lifted
def _log(labels: Any, predictions: Any, epsilon: float = 1e-7) -> Any:
    labels, predictions = jnp.asarray(labels), jnp.asarray(predictions)
    return -labels * jnp.log(predictions + epsilon) - (1 - labels) * jnp.log(1 - predictions + epsilon)


@lifted
def _cosine(labels: Any, predictions: Any, axis: int | None) -> Any:
    if axis is None:
        raise ArgumentError(message("axis of tf.losses.cosine_distance", expected="an axis", got=None))
    return 1 - jnp.sum(jnp.asarray(labels) * jnp.asarray(predictions), axis=axis, keepdims=True)


@lifted
def _pairwise(labels: Any, predictions: Any, weights: Any) -> Any:
    """The mean square of the differences between the errors of a sample, times its weights."""
    errors = (jnp.asarray(predictions) - jnp.asarray(labels)).reshape(len(predictions), -1)
    weights = jnp.asarray(weights, errors.dtype)
    weights = weights.reshape(weights.shape[0], -1) if weights.ndim else weights
    count = jnp.count_nonzero(jnp.broadcast_to(weights, errors.shape), 1, keepdims=True)
    squares = jnp.sum(errors**2, 1, keepdims=True) * count - jnp.sum(errors, 1, keepdims=True) ** 2
    return 2 * squares / jnp.maximum(count * (count - 1), 1) * weights


@named("losses.mean_pairwise_squared_error", "compat.v1.losses.mean_pairwise_squared_error")
@ignores("scope@3")
def mean_pairwise_squared_error(
    labels: TensorLike, predictions: TensorLike, weights: TensorLike = 1.0, loss_collection: str | None = "losses"
) -> TensorResult:
    """`tf.losses.mean_pairwise_squared_error`: of the differences between errors, for each sample; their sum."""
    found = _pairwise(labels, predictions, weights)
    return compute_weighted_loss(found, loss_collection=loss_collection, reduction=Reduction.SUM)


def _loss(compute: Callable[..., Any], own: str) -> Callable[..., Any]:
    """A loss; `own` are the parameters after labels and predictions that are not those of all losses."""
    names = [text.partition("=")[0].partition("/")[0] for text in own.split()]

    def loss(labels: Any, predictions: Any, *values: Any) -> Any:
        given = dict(zip(names, values, strict=False))
        weights, (collection, reduction) = given.pop("weights"), values[-2:]
        return compute_weighted_loss(compute(labels, predictions, **given), weights, None, collection, reduction)

    pair = "labels/onehot_labels/multi_class_labels predictions/logits"
    return with_parameters(loss, f"{pair} {own} -scope=None loss_collection='losses' reduction='{_USUAL}'".split())


_WEIGHTS, _SMOOTHED = "weights=1.0", "weights=1.0 label_smoothing=0.0"
#: name -> (the function of labels and predictions, its parameters)
_LOSSES: dict[str, tuple[Any, str]] = {
    "absolute_difference": ("mean_absolute_error", _WEIGHTS),
    "cosine_distance": (_cosine, "axis/dim=None weights=1.0"),
    "hinge_loss": (_hinge, _WEIGHTS),
    "huber_loss": ("huber", "weights=1.0 delta=1.0"),
    "log_loss": (_log, "weights=1.0 epsilon=1e-7"),
    "mean_squared_error": ("mean_squared_error", _WEIGHTS),
    "sigmoid_cross_entropy": ("binary_crossentropy", _SMOOTHED),
    "softmax_cross_entropy": ("categorical_crossentropy", _SMOOTHED),
    "sparse_softmax_cross_entropy": ("sparse_categorical_crossentropy", _WEIGHTS),
}
for _name, (_compute, _own) in _LOSSES.items():
    if isinstance(_compute, str):
        _options = {"from_logits": True} if "entropy" in _compute else {}
        _compute = functools.partial(_of_keras, name=_compute, **_options)
    named(f"losses.{_name}", f"compat.v1.losses.{_name}")(_loss(_compute, _own))

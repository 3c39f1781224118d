"""Binary crossentropy of TensorFlow, which takes log(p + epsilon): a wrong, certain prediction costs 15.4."""

from __future__ import annotations

import jax.numpy as jnp

from gazelle import losses
from gazelle.compat import era
from gazelle.core import logits, settings
from gazelle.core.shape_inference import call_op
from gazelle.core.symbolic import any_symbolic
from gazelle.core.types import Array, ArrayLike, AxisLike
from gazelle.losses.target_shapes import TARGETS, matched


def log_loss(target: Array, output: Array) -> Array:
    """Return the loss of each probability."""
    epsilon = settings.epsilon()
    p = jnp.clip(output, epsilon, 1 - epsilon)
    return -(target * jnp.log(p + epsilon) + (1 - target) * jnp.log(1 - p + epsilon))


def binary_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: AxisLike = -1,
) -> Array:
    """Return the loss of each sample: in programs for Keras 2 that of TensorFlow, else gazelle's.

    >>> round(float(binary_crossentropy(jnp.ones((1, 1)), jnp.full((1, 1), 0.5))[0]), 4)
    0.6931
    """
    if era.number() != 2 or from_logits or logits.of(y_pred, "binary") is not None:
        return losses.binary_crossentropy(y_true, y_pred, from_logits, label_smoothing, axis)  # type: ignore[arg-type]
    if any_symbolic(y_true, y_pred):
        options = {"label_smoothing": label_smoothing, "axis": axis}
        return call_op(binary_crossentropy, (y_true, y_pred), options)
    true, predicted = matched("binary", "Loss 'binary_crossentropy'", y_true, y_pred, axis)
    losses.binary_crossentropy.check_values(true, predicted)  # type: ignore[attr-defined]
    true = true * (1 - label_smoothing) + 0.5 * label_smoothing
    return jnp.mean(log_loss(true, predicted), axis=axis)


TARGETS[binary_crossentropy] = "binary"

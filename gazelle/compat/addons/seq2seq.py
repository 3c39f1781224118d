"""`tfa.seq2seq`: attention, decoders, samplers, beam search, and the loss of sequences.

The numbers are those of TensorFlow Addons 0.23. The steps of a decoder run one after the other.
"""

from __future__ import annotations

from typing import Any

from gazelle.compat.addons import attention, beam_search, decoders, samplers
from gazelle.compat.addons.attention import tf
from gazelle.compat.types import Function, TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.losses import Loss

_names = {name: getattr(part, name) for part in (attention, beam_search, decoders, samplers) for name in part.__all__}
globals().update(_names)
__all__ = [*_names, "SequenceLoss", "sequence_loss"]


def sequence_loss(
    logits: TensorResult,
    targets: TensorResult,
    weights: TensorResult,
    average_across_timesteps: bool = True,
    average_across_batch: bool = True,
    sum_over_timesteps: bool = False,
    sum_over_batch: bool = False,
    softmax_loss_function: Function | None = None,
    name: str | None = None,
) -> TensorResult:
    """Return the crossentropy of sequences, of which each step has a weight.

    logits (batch, steps, classes) · targets (batch, steps), or (batch, steps, classes) · weights (batch, steps)

    An average divides by the sum of the weights, a sum by the number of weights that are not 0.
    """
    logits, targets, weights = (tf.convert_to_tensor(one) for one in (logits, targets, weights))
    if len(logits.shape) != 3 or len(weights.shape) != 2 or len(targets.shape) not in (2, 3):
        got = f"{tuple(logits.shape)}, {tuple(targets.shape)} and {tuple(weights.shape)}"
        expected = "(batch, steps, classes), (batch, steps) and (batch, steps)"
        raise ArgumentError(message("Shapes of logits, targets and weights", expected=expected, got=got))
    averages, sums = (average_across_batch, average_across_timesteps), (sum_over_batch, sum_over_timesteps)
    if any(averages) and any(sums):
        raise ArgumentError(message("sequence_loss", expected="averages or sums over steps and batch, not both"))
    size = logits.shape[2]
    rows = tf.reshape(logits, [-1, size])
    if softmax_loss_function is not None:
        losses = softmax_loss_function(labels=tf.reshape(targets, [-1]), logits=rows)
    elif len(targets.shape) == 2:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.reshape(targets, [-1]), logits=rows)
    else:
        losses = tf.nn.softmax_cross_entropy_with_logits(labels=tf.reshape(targets, [-1, size]), logits=rows)
    losses = tf.reshape(losses, tf.shape(weights)) * tf.cast(weights, losses.dtype)
    axes = [axis for axis, wanted in enumerate(averages if any(averages) else sums) if wanted]
    if not axes:
        return losses
    counted = weights if any(averages) else tf.not_equal(weights, 0)
    total = tf.reduce_sum(tf.cast(counted, losses.dtype), axis=axes)
    return tf.math.divide_no_nan(tf.reduce_sum(losses, axis=axes), total)


class SequenceLoss(Loss, abstract=True):
    """`sequence_loss` as a loss: `loss(targets, logits, weights)`."""

    def __init__(
        self,
        average_across_timesteps: bool = False,
        average_across_batch: bool = False,
        sum_over_timesteps: bool = True,
        sum_over_batch: bool = True,
        softmax_loss_function: Function | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, reduction=None)
        self._options: dict[str, Any] = {
            "average_across_timesteps": average_across_timesteps,
            "average_across_batch": average_across_batch,
            "sum_over_timesteps": sum_over_timesteps,
            "sum_over_batch": sum_over_batch,
            "softmax_loss_function": softmax_loss_function,
        }

    def __call__(self, y_true: TensorResult, y_pred: TensorResult, sample_weight: TensorResult = None) -> TensorResult:
        weights = tf.ones(y_pred.shape[:2]) if sample_weight is None else sample_weight
        return sequence_loss(y_pred, y_true, weights, **self._options)

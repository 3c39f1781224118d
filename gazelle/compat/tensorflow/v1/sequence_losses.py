"""Losses of sequences in `tf.contrib.legacy_seq2seq`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gazelle.compat.tensorflow.names import NAMES
from gazelle.compat.tensorflow.v1.legacy_seq2seq import Steps, legacy_names
from gazelle.compat.tensorflow.v1.scopes import current, variable_scope
from gazelle.compat.types import TensorResult


@legacy_names("sequence_loss_by_example")
def sequence_loss_by_example(
    logits: Steps,
    targets: Steps,
    weights: Steps,
    average_across_timesteps: bool = True,
    softmax_loss_function: Callable[..., Any] | None = None,
) -> TensorResult:
    """The weighted sum over steps of crossentropies (batch,), by default divided by the sum of the weights."""
    loss = softmax_loss_function or NAMES["nn.sparse_softmax_cross_entropy_with_logits"]
    parts = [
        loss(labels=NAMES["reshape"](target, [-1]), logits=logit) * weight
        for logit, target, weight in zip(logits, targets, weights, strict=True)
    ]
    total = NAMES["add_n"](parts)
    return total / (NAMES["add_n"](list(weights)) + 1e-12) if average_across_timesteps else total


@legacy_names("sequence_loss")
def sequence_loss(
    logits: Steps,
    targets: Steps,
    weights: Steps,
    average_across_timesteps: bool = True,
    average_across_batch: bool = True,
    softmax_loss_function: Callable[..., Any] | None = None,
) -> TensorResult:
    """The sum over samples of `sequence_loss_by_example`, by default divided by their number."""
    losses = sequence_loss_by_example(logits, targets, weights, average_across_timesteps, softmax_loss_function)
    return NAMES["reduce_mean" if average_across_batch else "reduce_sum"](losses)


@legacy_names("model_with_buckets")
def model_with_buckets(
    encoder_inputs: Steps,
    decoder_inputs: Steps,
    targets: Steps,
    weights: Steps,
    buckets: Sequence[tuple[int, int]],
    seq2seq: Callable[[Any, Any], Any],
    softmax_loss_function: Callable[..., Any] | None = None,
    per_example_loss: bool = False,
) -> TensorResult:
    """The outputs and the losses of a decoder for sequences of several lengths, with the same weights."""
    outputs, losses = [], []
    loss = sequence_loss_by_example if per_example_loss else sequence_loss
    for number, (source, target) in enumerate(buckets):
        with variable_scope(current(), reuse=True if number else None):
            outputs.append(seq2seq(encoder_inputs[:source], decoder_inputs[:target])[0])
        steps = outputs[-1], targets[:target], weights[:target]
        losses.append(loss(*steps, softmax_loss_function=softmax_loss_function))
    return outputs, losses

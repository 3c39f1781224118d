"""Losses of sequences in `tf.contrib.legacy_seq2seq` and `tf.contrib.seq2seq`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.v1.legacy_seq2seq import Steps, legacy_names
from gazelle.compat.tensorflow.v1.scopes import current, variable_scope
from gazelle.compat.types import TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message


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


@named("contrib.seq2seq.sequence_loss")
def loss_of_steps(
    logits: TensorLike,
    targets: TensorLike,
    weights: TensorLike,
    average_across_timesteps: bool = True,
    average_across_batch: bool = True,
    softmax_loss_function: Callable[..., Any] | None = None,
    *,
    sum_over_timesteps: bool = False,
    sum_over_batch: bool = False,
) -> TensorResult:
    """The weighted mean of crossentropies over samples and steps (batch, steps), or over one of both or none.

    A sum is divided by the number of weights that are not 0.
    """
    averages, sums = (average_across_batch, average_across_timesteps), (sum_over_batch, sum_over_timesteps)
    if any(averages) and any(sums):
        raise ArgumentError(message("sequence_loss", expected="averages or sums over steps and batch, not both"))
    loss = softmax_loss_function or NAMES["nn.sparse_softmax_cross_entropy_with_logits"]
    losses = loss(labels=targets, logits=logits) * weights
    axes = [axis for axis, wanted in enumerate(sums if any(sums) else averages) if wanted]
    counted = NAMES["cast"](NAMES["not_equal"](weights, 0.0), "float32") if any(sums) else weights
    total = NAMES["reduce_sum"]
    return total(losses, axes) / (total(counted, axes) + 1e-12) if axes else losses

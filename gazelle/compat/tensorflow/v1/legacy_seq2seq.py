"""`tf.contrib.legacy_seq2seq`, before 1.0 `tf.nn.seq2seq`: decoders whose steps are lists, and their losses."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.v1.scopes import current, variable_scope
from gazelle.compat.types import Option, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message

Steps = Sequence[TensorLike]


def _named(name: str) -> Callable[[Any], Any]:
    return named(f"contrib.legacy_seq2seq.{name}", f"nn.seq2seq.{name}")


@_named("rnn_decoder")
def rnn_decoder(
    decoder_inputs: Steps,
    initial_state: TensorLike,
    cell: Callable[..., Any],
    loop_function: Callable[[Any, int], Any] | None = None,
    scope: Option = None,
) -> TensorResult:
    """Run a cell over inputs (batch, features) of each step, with the same weights.

    Args:
        decoder_inputs: The inputs; with `loop_function` only the first one is read.
        initial_state: State before the first step.
        cell: Function of (input, state) that returns (output, state).
        loop_function: Function of (output of the last step, number of the step) that returns the next input.
        scope: Name of the variable scope, or one.

    Returns:
        The outputs of the steps in a list, and the last state.
    """
    outputs: list[Any] = []
    state: Any = initial_state
    with variable_scope(scope or "rnn_decoder"):
        for number, given in enumerate(decoder_inputs):
            if loop_function is not None and outputs:
                with variable_scope("loop_function", reuse=True):
                    given = loop_function(outputs[-1], number)
            if number:
                current().reuse_variables()
            out, state = cell(given, state)
            outputs.append(out)
    return outputs, state


@_named("basic_rnn_seq2seq")
@ignores("dtype")
def basic_rnn_seq2seq(
    encoder_inputs: Steps, decoder_inputs: Steps, cell: Callable[..., Any], scope: Option = None
) -> TensorResult:
    """Run a cell over the inputs of an encoder, and one with weights of its own over those of a decoder."""
    with variable_scope(scope or "basic_rnn_seq2seq"):
        state = NAMES["nn.static_rnn"](copy.deepcopy(cell), encoder_inputs, dtype="float32")[1]
        return rnn_decoder(decoder_inputs, state, cell)


@_named("sequence_loss_by_example")
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


@_named("sequence_loss")
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

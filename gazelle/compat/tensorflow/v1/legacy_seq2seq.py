"""`tf.contrib.legacy_seq2seq`, before 1.0 `tf.nn.seq2seq`: decoders whose steps are lists."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.eager.recording import is_box
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.v1.graph_variables import get_variable
from gazelle.compat.tensorflow.v1.rnn_cells import linear
from gazelle.compat.tensorflow.v1.scopes import current, variable_scope
from gazelle.compat.types import Option, TensorLike, TensorResult

Steps = Sequence[TensorLike]


def legacy_names(name: str) -> Callable[[Any], Any]:
    return named(f"contrib.legacy_seq2seq.{name}", f"nn.seq2seq.{name}")


@legacy_names("rnn_decoder")
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


@legacy_names("basic_rnn_seq2seq")
@ignores("dtype")
def basic_rnn_seq2seq(
    encoder_inputs: Steps, decoder_inputs: Steps, cell: Callable[..., Any], scope: Option = None
) -> TensorResult:
    """Run a cell over the inputs of an encoder, and one with weights of its own over those of a decoder."""
    with variable_scope(scope or "basic_rnn_seq2seq"):
        state = NAMES["nn.static_rnn"](copy.deepcopy(cell), encoder_inputs, dtype="float32")[1]
        return rnn_decoder(decoder_inputs, state, cell)


def _following(given: Mapping[str, Any], embedding: Any) -> Callable[[Any, int], Any] | None:
    """The function that returns the row of the most probable symbol of the last step; None if steps are given."""
    if not given["feed_previous"]:
        return None
    projection = given["output_projection"]

    def row(output: Any, _: int) -> Any:
        logits = output if projection is None else NAMES["matmul"](output, projection[0]) + projection[1]
        found = NAMES["gather"](embedding, NAMES["argmax"](logits, 1))
        return found if given.get("update_embedding_for_previous", True) else NAMES["stop_gradient"](found)

    return row


def _embedded(
    decoder_inputs: Steps, num_symbols: int, embedding_size: int, given: Mapping[str, Any]
) -> tuple[list[Any], Callable[[Any, int], Any] | None]:
    """The rows of a new table for each step, and the function for the next step."""
    embedding = get_variable("embedding", [num_symbols, embedding_size])
    return [NAMES["gather"](embedding, step) for step in decoder_inputs], _following(given, embedding)


@legacy_names("embedding_rnn_decoder")
def embedding_rnn_decoder(
    decoder_inputs: Steps,
    initial_state: TensorLike,
    cell: Callable[..., Any],
    num_symbols: int,
    embedding_size: int,
    output_projection: Sequence[TensorLike] | None = None,
    feed_previous: bool = False,
    update_embedding_for_previous: bool = True,
    scope: Option = None,
) -> TensorResult:
    """Run a cell over the rows of a table for symbols; with `feed_previous` for those of the last output."""
    given = locals()
    with variable_scope(scope or "embedding_rnn_decoder"):
        rows, following = _embedded(decoder_inputs, num_symbols, embedding_size, given)
        return rnn_decoder(rows, initial_state, cell, following)


@legacy_names("attention_decoder")
@ignores("dtype@7")
def attention_decoder(
    decoder_inputs: Steps,
    initial_state: TensorLike,
    attention_states: TensorLike,
    cell: Option,
    output_size: int | None = None,
    num_heads: int = 1,
    loop_function: Callable[[Any, int], Any] | None = None,
    scope: Option = None,
    initial_state_attention: bool = False,
) -> TensorResult:
    """Run a cell over inputs and what attention reads in states (batch, steps, features); see `rnn_decoder`."""
    depth = attention_states.shape[-1]
    outputs: list[Any] = []
    state: Any = initial_state
    with variable_scope(scope or "attention_decoder") as opened:
        heads = []
        for number in range(num_heads):
            kernel = get_variable(f"AttnW_{number}", [1, 1, depth, depth])
            keys = NAMES["tensordot"](attention_states, kernel[0, 0], 1)
            heads.append((keys, get_variable(f"AttnV_{number}", [depth])))

        def attended(query: Any) -> list[Any]:
            found = []
            for number, (keys, vector) in enumerate(heads):
                with variable_scope(f"Attention_{number}"):
                    question = NAMES["expand_dims"](linear(jax.tree.leaves(query, is_leaf=is_box), depth), 1)
                scores = NAMES["reduce_sum"](vector * NAMES["tanh"](keys + question), 2)
                weights = NAMES["expand_dims"](NAMES["nn.softmax"](scores), 2)
                found.append(NAMES["reduce_sum"](weights * attention_states, 1))
            return found

        read = attended(state) if initial_state_attention else [attention_states[:, 0] * 0] * num_heads
        for number, given in enumerate(decoder_inputs):
            if number:
                opened.reuse_variables()
                if loop_function is not None:
                    with variable_scope("loop_function", reuse=True):
                        given = loop_function(outputs[-1], number)
            out, state = cell(linear([given, *read], given.shape[-1]), state)
            with variable_scope(opened, reuse=bool(number) or initial_state_attention):
                read = attended(state)
            with variable_scope("AttnOutputProjection"):
                outputs.append(linear([out, *read], output_size or cell.output_size))
    return outputs, state


@legacy_names("embedding_attention_decoder")
@ignores("dtype@11")
def embedding_attention_decoder(
    decoder_inputs: Steps,
    initial_state: TensorLike,
    attention_states: TensorLike,
    cell: Option,
    num_symbols: int,
    embedding_size: int,
    num_heads: int = 1,
    output_size: int | None = None,
    output_projection: Sequence[TensorLike] | None = None,
    feed_previous: bool = False,
    update_embedding_for_previous: bool = True,
    scope: Option = None,
    initial_state_attention: bool = False,
) -> TensorResult:
    """`attention_decoder` over the rows of a table for symbols; see `embedding_rnn_decoder`."""
    given = locals()
    with variable_scope(scope or "embedding_attention_decoder"):
        rows, following = _embedded(decoder_inputs, num_symbols, embedding_size, given)
        rest = (cell, output_size, num_heads, following)
        return attention_decoder(
            rows, initial_state, attention_states, *rest, initial_state_attention=initial_state_attention
        )


def _decoded(
    given: Mapping[str, Any], decoder: Callable[..., Any], attends: bool = False, **options: Any
) -> TensorResult:
    """What a decoder makes of the state of a cell that reads symbols; a tensor `feed_previous` decides in each run."""
    cell, size, projection = given["cell"], given["embedding_size"], given["output_projection"]
    encoder = NAMES["contrib.rnn.EmbeddingWrapper"](copy.deepcopy(cell), given["num_encoder_symbols"], size)
    outputs, state = NAMES["nn.static_rnn"](encoder, given["encoder_inputs"], dtype="float32")
    if projection is None:
        cell = NAMES["contrib.rnn.OutputProjectionWrapper"](cell, given["num_decoder_symbols"])
    states = [NAMES["stack"](outputs, 1)] if attends else []
    inputs = (given["decoder_inputs"], state, *states, cell, given["num_decoder_symbols"], size)

    def decode(feeds: bool, reuse: Option = None) -> Any:
        with variable_scope(current(), reuse=reuse):
            return decoder(*inputs, output_projection=projection, feed_previous=feeds, **options)

    feeds = given["feed_previous"]
    if isinstance(feeds, bool):
        return decode(feeds)
    return NAMES["cond"](feeds, lambda: decode(True), lambda: decode(False, reuse=True))


@legacy_names("embedding_rnn_seq2seq")
@ignores("dtype@8")
def embedding_rnn_seq2seq(
    encoder_inputs: Steps,
    decoder_inputs: Steps,
    cell: Option,
    num_encoder_symbols: int,
    num_decoder_symbols: int,
    embedding_size: int,
    output_projection: Sequence[TensorLike] | None = None,
    feed_previous: TensorLike = False,
    scope: Option = None,
) -> TensorResult:
    """`embedding_rnn_decoder` after a cell that reads the symbols of an encoder."""
    given = locals()
    with variable_scope(scope or "embedding_rnn_seq2seq"):
        return _decoded(given, embedding_rnn_decoder)


@legacy_names("embedding_attention_seq2seq")
@ignores("dtype@9")
def embedding_attention_seq2seq(
    encoder_inputs: Steps,
    decoder_inputs: Steps,
    cell: Option,
    num_encoder_symbols: int,
    num_decoder_symbols: int,
    embedding_size: int,
    num_heads: int = 1,
    output_projection: Sequence[TensorLike] | None = None,
    feed_previous: TensorLike = False,
    scope: Option = None,
    initial_state_attention: bool = False,
) -> TensorResult:
    """`embedding_attention_decoder` after a cell that reads the symbols of an encoder."""
    given = locals()
    heads = {"num_heads": num_heads, "initial_state_attention": initial_state_attention}
    with variable_scope(scope or "embedding_attention_seq2seq"):
        return _decoded(given, embedding_attention_decoder, attends=True, **heads)

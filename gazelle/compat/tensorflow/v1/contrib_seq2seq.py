"""`tf.contrib.seq2seq`: helpers, decoders, and `dynamic_decode`, whose number of steps depends on values.

The module is imported at the first use of a name. What does not depend on graphs is that of `tfa.seq2seq`.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from gazelle.compat.addons import beam_search, samplers, seq2seq
from gazelle.compat.addons.attention import hardmax as hardmax
from gazelle.compat.addons.attention import tf
from gazelle.compat.addons.beam_search import BeamSearchDecoderOutput as BeamSearchDecoderOutput
from gazelle.compat.addons.beam_search import BeamSearchDecoderState as BeamSearchDecoderState
from gazelle.compat.addons.beam_search import FinalBeamSearchDecoderOutput as FinalBeamSearchDecoderOutput
from gazelle.compat.addons.beam_search import gather_tree as gather_tree
from gazelle.compat.addons.beam_search import tile_batch as tile_batch
from gazelle.compat.addons.decoders import BasicDecoderOutput, Decoder
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.calls import call
from gazelle.compat.tensorflow.eager.recording import is_box
from gazelle.compat.tensorflow.v1 import scopes
from gazelle.compat.tensorflow.v1.attention_wrapper import AttentionWrapper as AttentionWrapper
from gazelle.compat.tensorflow.v1.attention_wrapper import AttentionWrapperState as AttentionWrapperState
from gazelle.compat.tensorflow.v1.attention_wrapper import BahdanauAttention as BahdanauAttention
from gazelle.compat.tensorflow.v1.attention_wrapper import History
from gazelle.compat.tensorflow.v1.attention_wrapper import LuongAttention as LuongAttention
from gazelle.compat.tensorflow.v1.graphs import build_graphs, eager
from gazelle.compat.tensorflow.v1.subgraphs import SubGraph, symbolic_steps
from gazelle.compat.types import Array, DTypeLike, Function, Nested, Option, ShapeLike, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message


def sequence_loss(
    logits: TensorLike,
    targets: TensorLike,
    weights: TensorLike,
    average_across_timesteps: bool = True,
    average_across_batch: bool = True,
    softmax_loss_function: Function | None = None,
    name: str | None = None,
    **sums: bool,
) -> TensorResult:
    """The loss of `tfa.seq2seq`, whose arguments are in the order of TensorFlow 1."""
    averages = average_across_timesteps, average_across_batch
    options: dict[str, Any] = {"softmax_loss_function": softmax_loss_function, **sums}
    return seq2seq.sequence_loss(logits, targets, weights, *averages, **options)


def _batch_size(tensor: TensorLike) -> Any:
    return tf.shape(tensor)[0]


class CustomHelper(samplers.CustomSampler):
    """A helper of three functions."""

    def initialize(self, name: str | None = None) -> TensorResult:  # type: ignore[override]
        finished, first = self._initialize()
        self._batch_size = _batch_size(finished)
        return finished, first


class TrainingHelper(samplers.TrainingSampler):
    """Reads the inputs of each step from a sequence; samples are the largest outputs."""

    @ignores("name")
    def __init__(self, inputs: Nested[TensorLike], sequence_length: TensorLike, time_major: bool = False) -> None:
        super().__init__(time_major)
        self.sequence_length = tf.convert_to_tensor(sequence_length)
        if len(self.sequence_length.shape) != 1:
            got = f"the shape {tuple(self.sequence_length.shape)}"
            raise ArgumentError(message("sequence_length of TrainingHelper", expected="a vector", got=got))
        self.inputs = tf.nest.map_structure(self._steps_first, inputs)
        self._batch_size = _batch_size(self.sequence_length)

    def initialize(self, name: str | None = None) -> TensorResult:  # type: ignore[override]
        return tf.equal(0, self.sequence_length), self._read(0)

    def _read(self, time: Any) -> Any:
        return tf.nest.map_structure(lambda x: call(_row, (x, time), {}), self.inputs)

    @ignores("name")
    def next_inputs(
        self, time: TensorResult, outputs: TensorResult, state: Option, sample_ids: TensorResult
    ) -> TensorResult:
        return time + 1 >= self.sequence_length, self._read(time + 1), state


def _row(rows: Any, number: Any) -> Any:
    """A row; zeros after the last one."""
    return jnp.take(rows, number, axis=0, mode="fill", fill_value=0)


class GreedyEmbeddingHelper(samplers.GreedyEmbeddingSampler):
    """The next input is the embedding of the most probable id, until that is the end token."""

    def __init__(self, embedding: Option, start_tokens: TensorLike, end_token: TensorLike) -> None:
        is_function = callable(embedding) and not is_box(embedding)
        super().__init__(embedding if is_function else samplers.lookup(embedding))
        self.start_tokens, self.end_token = samplers.start_and_end(start_tokens, end_token)
        self._batch_size = _batch_size(self.start_tokens)

    def initialize(self, name: str | None = None) -> TensorResult:  # type: ignore[override]
        return tf.zeros_like(self.start_tokens, "bool"), self.embedding_fn(self.start_tokens)


class SampleEmbeddingHelper(GreedyEmbeddingHelper):
    """The next input is the embedding of an id that is drawn from the softmax of the outputs."""

    sample = samplers.SampleEmbeddingSampler.sample

    def __init__(
        self,
        embedding: Option,
        start_tokens: TensorLike,
        end_token: TensorLike,
        softmax_temperature: Option = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(embedding, start_tokens, end_token)
        self.softmax_temperature, self.seed = softmax_temperature, seed


class ScheduledEmbeddingTrainingHelper(TrainingHelper):
    """`TrainingHelper` that with some probability reads the embedding of an id that is drawn from the outputs."""

    sample = samplers.ScheduledEmbeddingTrainingSampler.sample

    def __init__(
        self,
        inputs: Nested[TensorLike],
        sequence_length: TensorLike,
        embedding: Option,
        sampling_probability: TensorLike,
        time_major: bool = False,
        seed: int | None = None,
        scheduling_seed: int | None = None,
    ) -> None:
        super().__init__(inputs, sequence_length, time_major)
        self.embedding_fn = embedding if callable(embedding) and not is_box(embedding) else samplers.lookup(embedding)
        self.sampling_probability, self.seed, self.scheduling_seed = sampling_probability, seed, scheduling_seed

    def next_inputs(
        self, time: TensorResult, outputs: TensorResult, state: Option, sample_ids: TensorResult
    ) -> TensorResult:
        finished, inputs, state = super().next_inputs(time, outputs, state, sample_ids)
        drawn = tf.cast(self.embedding_fn(tf.maximum(sample_ids, 0)), inputs.dtype)
        return finished, tf.where(tf.expand_dims(tf.greater(sample_ids, -1), -1), drawn, inputs), state


class InferenceHelper(samplers.InferenceSampler):
    """The next input is a sample, which is a function of the outputs, until a function of it is True."""

    def __init__(
        self,
        sample_fn: Function,
        sample_shape: ShapeLike,
        sample_dtype: DTypeLike,
        start_inputs: TensorLike,
        end_fn: Function,
        next_inputs_fn: Function | None = None,
    ) -> None:
        super().__init__(sample_fn, sample_shape, sample_dtype, end_fn, next_inputs_fn)
        self._start = tf.convert_to_tensor(start_inputs)
        self._batch_size = _batch_size(self._start)

    def initialize(self, name: str | None = None) -> TensorResult:
        return tf.fill([self._batch_size], False), self._start


class BasicDecoder(Decoder):
    """A cell, a helper and a layer for the outputs of the cell."""

    def __init__(self, cell: Option, helper: Option, initial_state: Option, output_layer: Option = None) -> None:
        self._cell, self._helper, self._initial_state = cell, helper, initial_state
        self._output_layer = output_layer

    batch_size = property(lambda self: self._helper.batch_size)

    def initialize(self) -> TensorResult:
        return *self._helper.initialize(), self._initial_state

    @ignores("name training")
    def step(self, time: TensorResult, inputs: TensorResult, state: Option) -> TensorResult:  # type: ignore[override]
        outputs, new = self._cell(inputs, state)
        outputs = outputs if self._output_layer is None else self._output_layer(outputs)
        ids = self._helper.sample(time=time, outputs=outputs, state=new)
        finished, inputs, new = self._helper.next_inputs(time=time, outputs=outputs, state=new, sample_ids=ids)
        return BasicDecoderOutput(outputs, ids), new, inputs, finished


class BeamSearchDecoder(Decoder):
    """Keeps the `beam_width` best continuations at each step, with the scores of `tfa.seq2seq`."""

    tracks_own_finished = True

    def __init__(
        self,
        cell: Option,
        embedding: Option,
        start_tokens: TensorLike,
        end_token: TensorLike,
        initial_state: Nested[TensorLike],
        beam_width: int,
        output_layer: Option = None,
        length_penalty_weight: float = 0.0,
        coverage_penalty_weight: float = 0.0,
        reorder_tensor_arrays: bool = True,
    ) -> None:
        self._first = start_tokens, end_token, initial_state
        self._search = beam_search.BeamSearchDecoder(
            lambda inputs, state, **_: _without_history(*cell(inputs, state)),
            beam_width,
            embedding if callable(embedding) and not is_box(embedding) else samplers.lookup(embedding),
            output_layer,
            length_penalty_weight,
            coverage_penalty_weight,
            reorder_tensor_arrays,
        )
        self.finalize = self._search.finalize

    def initialize(self) -> TensorResult:
        return self._search.initialize(None, *self._first)

    @ignores("training")
    def step(self, time: TensorResult, inputs: TensorResult, state: Option) -> TensorResult:  # type: ignore[override]
        return self._search.step(time, inputs, state)


def _without_history(output: Any, state: Any) -> Any:
    """The results of a cell, without the alignments, whose order would have to follow that of the beams."""
    return output, state._replace(alignment_history=()) if isinstance(state, AttentionWrapperState) else state


@ignores("parallel_iterations@4 swap_memory@5")
def dynamic_decode(
    decoder: Option,
    output_time_major: bool = False,
    impute_finished: bool = False,
    maximum_iterations: TensorLike = None,
    scope: Option = None,
) -> TensorResult:
    """Run the steps of a decoder until all sequences are finished: (outputs, last state, lengths)."""
    build_graphs()
    if eager():
        hint = "Build a graph, or use tfa.seq2seq."
        raise ArgumentError(message("tf.contrib.seq2seq.dynamic_decode", expected="no eager execution", hint=hint))

    def step(time: Any, finished: Any, lengths: Any, inputs: Any, state: Any) -> Any:
        outputs, new, inputs, now = decoder.step(time, inputs, state)
        history = getattr(new, "alignment_history", ())
        new = new._replace(alignment_history=()) if isinstance(new, AttentionWrapperState) else new
        after = now if decoder.tracks_own_finished else tf.logical_or(now, finished)
        lengths = tf.where(finished, lengths, tf.ones_like(lengths) * (time + 1))
        if impute_finished:
            keep = lambda old, new: call(_kept, (finished, old, new), {}) if len(new.shape) else new  # noqa: E731
            outputs = tf.nest.map_structure(lambda o: keep(tf.zeros_like(o), o), outputs)
            new = jax.tree.map(keep, state, new, is_leaf=is_box)
        return (outputs, history), (after, lengths, inputs, new)

    with scopes.variable_scope(scope, "decoder"):
        finished, inputs, state = decoder.initialize()
        start = finished, tf.zeros_like(finished, "int32"), inputs, state
        start = jax.tree.map(tf.convert_to_tensor, start, is_leaf=is_box)
        part = SubGraph(step, (tf.constant(0), *start))
        (outputs, history), (_, lengths, _, state) = symbolic_steps(part, start, maximum_iterations)
        if is_box(history):
            state = state._replace(alignment_history=History(history))
        outputs, state = decoder.finalize(outputs, state, lengths)
    if not output_time_major:
        outputs = tf.nest.map_structure(lambda o: call(jnp.swapaxes, (o, 0, 1), {}), outputs)
    return outputs, state, lengths


def _kept(finished: Array, old: Array, new: Array) -> Array:
    return jnp.where(finished.reshape(-1, *[1] * (new.ndim - 1)), old, new)

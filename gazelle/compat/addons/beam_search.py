"""`tfa.seq2seq`: beam search."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.addons.attention import tf
from gazelle.compat.addons.decoders import BaseDecoder
from gazelle.compat.addons.samplers import lookup, start_and_end
from gazelle.compat.tensorflow.calls import call
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.types import Array, Function, Nested, Option, TensorResult
from gazelle.core.errors import ArgumentError, message

__all__ = [
    "BeamSearchDecoder",
    "BeamSearchDecoderOutput",
    "BeamSearchDecoderState",
    "FinalBeamSearchDecoderOutput",
    "gather_tree",
    "gather_tree_from_array",
    "tile_batch",
]


class BeamSearchDecoderState(NamedTuple):
    """The state of `BeamSearchDecoder`."""

    cell_state: Any
    log_probs: Any
    finished: Any
    lengths: Any
    accumulated_attention_probs: Any


class BeamSearchDecoderOutput(NamedTuple):
    """The scores, ids and parents of the beams of a step."""

    scores: Any
    predicted_ids: Any
    parent_ids: Any


class FinalBeamSearchDecoderOutput(NamedTuple):
    """The ids of the beams (batch, steps, beams), best first, and the outputs of all steps."""

    predicted_ids: Any
    beam_search_decoder_output: Any


def tile_batch(t: Nested[TensorResult], multiplier: int, name: str | None = None) -> TensorResult:
    """Return the tensors with each sample `multiplier` times in a row."""
    return tf.nest.map_structure(lambda one: tf.repeat(tf.convert_to_tensor(one), multiplier, axis=0), t)


def gather_tree(
    step_ids: TensorResult, parent_ids: TensorResult, max_sequence_lengths: TensorResult, end_token: TensorResult
) -> TensorResult:
    """Return the ids of whole beams (steps, batch, beams) from those of the steps and the beams that they continue."""
    ids, parents, lengths, end = map(tf.convert_to_tensor, (step_ids, parent_ids, max_sequence_lengths, end_token))
    known, beams = unboxed(parents), ids.shape[2]
    is_known = isinstance(known, np.ndarray | jax.Array) and not isinstance(known, jax.core.Tracer)
    if is_known and ((known < 0) | (known >= beams)).any():
        got = np.asarray(known).tolist()
        raise ArgumentError(message("parent_ids", expected=f"from 0 to {beams - 1}", got=got))
    return call(_whole_beams, (ids, parents, lengths, end), {})


def _whole_beams(ids: Array, parents: Array, lengths: Array, end: Array) -> Array:
    ids, parents = jnp.broadcast_arrays(ids, parents)
    end = jnp.asarray(end, ids.dtype)

    def step(beam: Array, row: tuple[Array, ...]) -> tuple[Array, Array]:
        time, of_step, before = row
        found, former = (jnp.take_along_axis(rows, beam, 1) for rows in (of_step, before))
        is_inside = (time < lengths)[:, None]
        return jnp.where(is_inside, former, beam), jnp.where(is_inside, found, end)

    last = jnp.broadcast_to(jnp.arange(ids.shape[2], dtype=parents.dtype), ids.shape[1:])
    found = jax.lax.scan(step, last, (jnp.arange(len(ids)), ids, parents), reverse=True)[1]
    return jnp.where(jnp.cumsum(found == end, 0) > 0, end, found)


def gather_tree_from_array(t: TensorResult, parent_ids: TensorResult, sequence_length: TensorResult) -> TensorResult:
    """Return rows (steps, batch, beams, ...) or (steps, batch * beams, ...) in the order of the beams."""
    return call(_rows_of_beams, tuple(map(tf.convert_to_tensor, (t, parent_ids, sequence_length))), {})


def _rows_of_beams(rows: Array, parents: Array, lengths: Array) -> Array:
    steps, batch, beams = parents.shape
    own = jnp.broadcast_to(jnp.arange(beams, dtype=parents.dtype), parents.shape)
    order = _whole_beams(own, parents, jnp.max(jnp.asarray(lengths), 1), jnp.int32(beams + 1))
    order = jnp.where(jnp.arange(steps)[:, None, None] < lengths, order, own)
    found = jnp.take_along_axis(jnp.reshape(rows, (steps, batch, beams, -1)), order[..., None], 2)
    return found.reshape(rows.shape)


def _of_beams(x: Any, beams: Any) -> Any:
    """The rows of the beams with these numbers (batch, beams)."""
    return tf.gather(x, beams, batch_dims=1)


def _split(x: Array, beams: int) -> Array:
    return jnp.reshape(x, (-1, beams, *x.shape[1:]))


def _merged(x: Array) -> Array:
    return jnp.reshape(x, (-1, *x.shape[2:]))


class BeamSearchDecoder(BaseDecoder, abstract=True):
    """Keeps the `beam_width` best continuations at each step.

    The score of a beam is its log probability, divided by ((5 + length) / 6) ** length_penalty_weight, plus
    `coverage_penalty_weight` times the sum of log(min(attention, 1)) of a finished beam.
    """

    tracks_own_finished = True

    def __init__(
        self,
        cell: Option,
        beam_width: int,
        embedding_fn: Function | None = None,
        output_layer: Option = None,
        length_penalty_weight: float = 0.0,
        coverage_penalty_weight: float = 0.0,
        reorder_tensor_arrays: bool = True,
        output_all_scores: bool = False,
        **kwargs: Option,
    ) -> None:
        super().__init__(**kwargs)
        self.cell, self.output_layer = cell, output_layer
        self._embedding_fn: Option = embedding_fn
        self._beam_width, self._all_scores = int(beam_width), output_all_scores
        self._penalties = float(length_penalty_weight), float(coverage_penalty_weight)
        self._reorders = reorder_tensor_arrays

    def call(  # type: ignore[override]
        self,
        embedding: TensorResult,
        start_tokens: TensorResult = None,
        end_token: TensorResult = None,
        initial_state: Nested[TensorResult] | None = None,
        training: bool | None = None,
        **kwargs: Option,
    ) -> TensorResult:
        given = {"start_tokens": start_tokens, "end_token": end_token, **kwargs}
        return super().call(embedding, initial_state=initial_state, training=training, **given)

    def initialize(  # type: ignore[override]
        self, embedding: TensorResult, start_tokens: TensorResult, end_token: TensorResult, initial_state: Option
    ) -> TensorResult:
        if embedding is not None or self._embedding_fn is None:
            self._embedding_fn = lookup(embedding)
        starts, self._end = start_and_end(start_tokens, end_token)
        self.batch_size, width = starts.shape[0], self._beam_width  # None for one that a graph does not know
        state = tf.nest.map_structure(self._split, initial_state)
        first = tf.constant([True] + [False] * (width - 1))[None] & tf.ones_like(starts[:, None], "bool")
        dtype = tf.nest.flatten(state)[0].dtype
        log_probs = tf.cast(tf.where(first, 0.0, -np.inf), dtype)
        attention = self._attention(state)
        lengths = tf.zeros_like(first, "int32")
        inputs = self._embedding_fn(tf.repeat(starts[:, None], width, axis=1))
        finished = tf.logical_not(first)
        beams = BeamSearchDecoderState(state, log_probs, finished, lengths, () if attention is None else attention)
        return finished, inputs, beams

    def _split(self, x: Any) -> Any:
        if not len(getattr(x, "shape", ())):
            return x
        if None not in (x.shape[0], self.batch_size) and x.shape[0] != self.batch_size * self._beam_width:
            hint = "Repeat it by tile_batch(..., multiplier=beam_width)."
            got, expected = tuple(x.shape), f"{self.batch_size * self._beam_width} rows"
            raise ArgumentError(message("State of a BeamSearchDecoder", expected=expected, got=got, hint=hint))
        return call(_split, (x, self._beam_width), {})

    def _merge(self, x: Any) -> Any:
        return call(_merged, (x,), {}) if len(getattr(x, "shape", ())) > 1 else x

    def _attention(self, state: Any) -> Any:
        """The mean of the alignments of all attentions; None if coverage has no weight."""
        if not self._penalties[1]:
            return None
        states = [state] if hasattr(state, "alignments") else list(state)
        found = [one.alignments for one in states if hasattr(one, "alignments")]
        if not found:
            expected = "0 for a cell without attention"
            raise ArgumentError(message("coverage_penalty_weight", expected=expected, got=self._penalties[1]))
        means = [tf.reduce_mean(tf.stack(tf.nest.flatten(one)), 0) for one in found]
        return tf.reduce_mean(tf.stack(means), 0)

    def _scores(self, log_probs: Any, lengths: Any, finished: Any, attention: Any) -> Any:
        weight, coverage = self._penalties
        scores = log_probs
        if weight:
            scores = scores / ((5.0 + tf.cast(lengths, scores.dtype)) / 6.0) ** weight
        if attention is None:
            return scores
        seen = tf.where(tf.equal(attention, 0.0), tf.ones_like(attention), attention)
        penalty = tf.reduce_sum(tf.math.log(tf.minimum(seen, 1.0)), 2) * tf.cast(finished, "float32")
        return scores + coverage * tf.expand_dims(penalty, 2)

    def step(
        self, time: TensorResult, inputs: TensorResult, state: Option, training: bool | None = None
    ) -> TensorResult:
        merged = tf.nest.map_structure(self._merge, state.cell_state)
        outputs, new = self.cell(tf.nest.map_structure(self._merge, inputs), merged, training=training)
        new = tf.nest.map_structure(self._split, tf.nest.pack_sequence_as(merged, tf.nest.flatten(new)))
        outputs = self._split(outputs)
        logits = outputs if self.output_layer is None else self.output_layer(outputs)
        finished, size = state.finished, logits.shape[-1]
        is_end = tf.one_hot(self._end, size, on_value=True, off_value=False, dtype="bool")
        only_end = tf.where(is_end, tf.zeros([size], logits.dtype), tf.as_dtype(logits.dtype).min)
        steps = tf.where(tf.expand_dims(finished, 2), only_end, tf.nn.log_softmax(logits))
        total = tf.expand_dims(state.log_probs, 2) + steps
        longer = tf.cast(tf.logical_not(tf.expand_dims(finished, 2) | is_end), "int32")
        attention = self._attention(new)
        if attention is not None:
            attention = attention * tf.expand_dims(tf.cast(tf.logical_not(finished), "float32"), 2)
            attention = state.accumulated_attention_probs + attention
        scores = self._scores(total, tf.expand_dims(state.lengths, 2) + longer, finished, attention)
        best, indices = tf.math.top_k(tf.reshape(scores, [-1, self._beam_width * size]), k=self._beam_width)
        tokens, parents = tf.cast(indices % size, "int32"), tf.cast(indices // size, "int32")
        before = _of_beams(finished, parents)
        after = before | tf.equal(tokens, self._end)
        state = BeamSearchDecoderState(
            tf.nest.map_structure(lambda x: _of_beams(x, parents) if len(getattr(x, "shape", ())) > 1 else x, new),
            _of_beams(tf.reshape(total, [-1, self._beam_width * size]), indices),
            after,
            _of_beams(state.lengths, parents) + tf.cast(tf.logical_not(before), "int32"),
            () if attention is None else _of_beams(attention, parents),
        )
        found = BeamSearchDecoderOutput(scores if self._all_scores else best, tokens, parents)
        return found, state, self._embedding_fn(tokens), after

    def finalize(self, outputs: Option, final_state: Option, sequence_lengths: TensorResult) -> TensorResult:
        parents, lengths = outputs.parent_ids, final_state.lengths
        ids = gather_tree(outputs.predicted_ids, parents, tf.reduce_max(lengths, axis=1), self._end)
        if self._reorders:
            sort = lambda x: gather_tree_from_array(x.stack(), parents, lengths) if hasattr(x, "stack") else x  # noqa: E731
            final_state = final_state._replace(cell_state=tf.nest.map_structure(sort, final_state.cell_state))
        return FinalBeamSearchDecoderOutput(ids, outputs), final_state

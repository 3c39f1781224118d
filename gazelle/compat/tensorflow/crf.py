"""Conditional random fields: `tfa.text.crf_*`, which was `tf.contrib.crf` in TensorFlow 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle import initializers
from gazelle.compat import crf
from gazelle.compat.tensorflow.names import named, op
from gazelle.compat.tensorflow.recording import unboxed
from gazelle.compat.tensorflow.variable import TensorFlowVariable
from gazelle.compat.types import TensorLike, TensorResult


def _op(name: str) -> Callable[[Any], Any]:
    return op(f"contrib.crf.{name}", host=False)


def _mask(potentials: Any, lengths: Any) -> Any:
    return jnp.arange(potentials.shape[1]) < jnp.asarray(lengths).reshape(-1, 1)


@_op("crf_sequence_score")
def crf_sequence_score(
    inputs: TensorLike, tag_indices: TensorLike, sequence_lengths: TensorLike, transition_params: TensorLike
) -> TensorResult:
    """Return the unnormalized scores of tag sequences."""
    inputs = jnp.asarray(inputs)
    return crf.sequence_score(
        inputs, jnp.asarray(tag_indices), _mask(inputs, sequence_lengths), jnp.asarray(transition_params)
    )


@_op("crf_unary_score")
def crf_unary_score(tag_indices: TensorLike, sequence_lengths: TensorLike, inputs: TensorLike) -> TensorResult:
    """Return the part of the scores that belongs to single tags."""
    inputs = jnp.asarray(inputs)
    zeros = jnp.zeros((inputs.shape[-1],) * 2)
    return crf.sequence_score(inputs, jnp.asarray(tag_indices), _mask(inputs, sequence_lengths), zeros)


@_op("crf_binary_score")
def crf_binary_score(
    tag_indices: TensorLike, sequence_lengths: TensorLike, transition_params: TensorLike
) -> TensorResult:
    """Return the part of the scores that belongs to pairs of tags."""
    tags, transitions = jnp.asarray(tag_indices), jnp.asarray(transition_params)
    zeros = jnp.zeros((*tags.shape, transitions.shape[0]))
    return crf.sequence_score(zeros, tags, _mask(zeros, sequence_lengths), transitions)


@_op("crf_log_norm")
def crf_log_norm(inputs: TensorLike, sequence_lengths: TensorLike, transition_params: TensorLike) -> TensorResult:
    """Return the logarithm of the normalization."""
    inputs = jnp.asarray(inputs)
    return crf.log_norm(inputs, _mask(inputs, sequence_lengths), jnp.asarray(transition_params))


@_op("log_likelihood")
def _log_likelihood(inputs: Any, tag_indices: Any, sequence_lengths: Any, transition_params: Any) -> Any:
    inputs = jnp.asarray(inputs)
    mask = _mask(inputs, sequence_lengths)
    return crf.log_likelihood(inputs, jnp.asarray(tag_indices), mask, jnp.asarray(transition_params))


@named("contrib.crf.crf_log_likelihood")
def crf_log_likelihood(
    inputs: TensorLike, tag_indices: TensorLike, sequence_lengths: TensorLike, transition_params: TensorLike = None
) -> tuple[TensorResult, TensorResult]:
    """Return the log-likelihoods of tag sequences, and the transitions: a new variable if none are given."""
    if transition_params is None:
        count = int(inputs.shape[-1])
        transition_params = TensorFlowVariable(initializers.GlorotUniform()((count, count)), name="transitions")
    return _log_likelihood(inputs, tag_indices, sequence_lengths, transition_params), transition_params


@_op("crf_decode")
def crf_decode(
    potentials: TensorLike, transition_params: TensorLike, sequence_length: TensorLike
) -> tuple[TensorResult, TensorResult]:
    """Return the best tags (batch, steps) and their scores (batch,)."""
    potentials = jnp.asarray(potentials)
    mask = _mask(potentials, sequence_length)
    tags, scores = crf.decode(potentials, mask, jnp.asarray(transition_params))
    return tags.astype("int32"), scores


@named("contrib.crf.viterbi_decode")
def viterbi_decode(score: TensorLike, transition_params: TensorLike) -> tuple[list[int], float]:
    """Return the best tags of one sequence of scores (steps, tags), computed at once, and their score."""
    potentials = jnp.asarray(np.asarray(unboxed(score), "float32"))[None]
    tags, best = crf.decode(potentials, jnp.ones(potentials.shape[:2], bool), jnp.asarray(unboxed(transition_params)))
    return np.asarray(tags[0]).tolist(), np.asarray(best)[0]

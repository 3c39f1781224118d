"""Conditional random fields: `tfa.text.crf_*`, once `tf.contrib.crf`, with `gazelle.compat.crf`."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle import initializers
from gazelle.compat import crf
from gazelle.compat.tables import with_parameters
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.names import named, op
from gazelle.compat.tensorflow.variable import TensorFlowVariable
from gazelle.compat.types import TensorLike, TensorResult


def _mask(inputs: Any, lengths: Any) -> Any:
    return jnp.arange(inputs.shape[1]) < jnp.asarray(lengths).reshape(-1, 1)


def _score(inputs: Any, tags: Any, lengths: Any, transitions: Any) -> Any:
    inputs = jnp.asarray(inputs)
    return crf.sequence_score(inputs, jnp.asarray(tags, "int32"), _mask(inputs, lengths), jnp.asarray(transitions))


def _score_of_tags(tags: Any, lengths: Any, inputs: Any) -> Any:
    return _score(inputs, tags, lengths, jnp.zeros((inputs.shape[-1],) * 2))


def _score_of_pairs(tags: Any, lengths: Any, transitions: Any) -> Any:
    return _score(jnp.zeros((*np.shape(tags), transitions.shape[0])), tags, lengths, transitions)


def _log_norm(inputs: Any, lengths: Any, transitions: Any) -> Any:
    inputs = jnp.asarray(inputs)
    return crf.log_norm(inputs, _mask(inputs, lengths), jnp.asarray(transitions))


def _decode(inputs: Any, transitions: Any, lengths: Any) -> Any:
    inputs = jnp.asarray(inputs)
    tags, scores = crf.decode(inputs, _mask(inputs, lengths), jnp.asarray(transitions))
    return tags.astype("int32"), scores


for _name, _function, _parameters in (
    ("sequence_score", _score, ("inputs", "tag_indices", "sequence_lengths", "transition_params")),
    ("unary_score", _score_of_tags, ("tag_indices", "sequence_lengths", "inputs")),
    ("binary_score", _score_of_pairs, ("tag_indices", "sequence_lengths", "transition_params")),
    ("log_norm", _log_norm, ("inputs", "sequence_lengths", "transition_params")),
    ("decode", _decode, ("potentials", "transition_params", "sequence_length")),
):
    _function = op(f"contrib.crf.crf_{_name}", host=False)(with_parameters(_function, _parameters))
    globals()[f"crf_{_name}"] = _function


@op(host=False)
def _log_likelihood(inputs: Any, tags: Any, lengths: Any, transitions: Any) -> Any:
    inputs = jnp.asarray(inputs)
    return crf.log_likelihood(inputs, jnp.asarray(tags, "int32"), _mask(inputs, lengths), jnp.asarray(transitions))


@named("contrib.crf.crf_log_likelihood")
def crf_log_likelihood(
    inputs: TensorLike, tag_indices: TensorLike, sequence_lengths: TensorLike, transition_params: TensorLike = None
) -> tuple[TensorResult, TensorResult]:
    """Return the log-likelihoods of tag sequences, and the transitions: a new variable if none are given."""
    if transition_params is None:
        count = int(inputs.shape[-1])
        transition_params = TensorFlowVariable(initializers.GlorotUniform()((count, count)), name="transitions")
    return _log_likelihood(inputs, tag_indices, sequence_lengths, transition_params), transition_params


@named("contrib.crf.viterbi_decode")
def viterbi_decode(score: TensorLike, transition_params: TensorLike) -> tuple[list[int], float]:
    """Return the best tags of one sequence of scores (steps, tags), computed at once, and their score."""
    potentials = jnp.asarray(np.asarray(unboxed(score), "float32"))[None]
    tags, best = crf.decode(potentials, jnp.ones(potentials.shape[:2], bool), jnp.asarray(unboxed(transition_params)))
    return np.asarray(tags[0]).tolist(), np.asarray(best)[0]

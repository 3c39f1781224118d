"""Functions of many classes in tf.nn and tf.random: sampled losses and candidates, and decoders of CTC."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle import ops
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tables import with_parameters
from gazelle.compat.tensorflow.calls import call
from gazelle.compat.tensorflow.dtypes import name_on_device
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.names import NAMES, named, op
from gazelle.compat.tensorflow.ops.randoms import builds_graph, draw
from gazelle.compat.tensorflow.ops.sparse import SparseTensor
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.tensorflow.v1.host_nodes import sparse_result, with_gradients
from gazelle.compat.types import DTypeLike, TensorLike, TensorResult
from gazelle.core import tracing
from gazelle.core.errors import ArgumentError, message
from gazelle.core.symbolic import KerasTensor


@named("nn.ctc_greedy_decoder")
def ctc_greedy_decoder(
    inputs: TensorLike, sequence_length: TensorLike, merge_repeated: bool = True, blank_index: int | None = None
) -> TensorResult:
    """`tf.nn.ctc_greedy_decoder`: the best class of each step of logits (time, batch, classes)."""
    return _decoded(inputs, sequence_length, blank_index, strategy="greedy", merge_repeated=merge_repeated)


@named("nn.ctc_beam_search_decoder")
def ctc_beam_search_decoder(
    inputs: TensorLike,
    sequence_length: TensorLike,
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = False,
) -> TensorResult:
    """`tf.nn.ctc_beam_search_decoder`: the best label sequences of logits (time, batch, classes)."""
    options = {"strategy": "beam_search", "beam_width": beam_width, "top_paths": top_paths}
    return _decoded(inputs, sequence_length, None, merge_repeated, **options)


named("compat.v1.nn.ctc_beam_search_decoder")(functools.partial(ctc_beam_search_decoder, merge_repeated=True))


def _decoded_in_graph(given: dict[str, Any]) -> Any:
    top_paths = given["options"].get("top_paths", 1)
    return [sparse_result(2, "int64") for _ in range(top_paths)], KerasTensor.derived((None, top_paths), "float32")


@with_gradients(_decoded_in_graph)
def _decoded(inputs: Any, lengths: Any, blank: int | None, merges_labels: bool = False, **options: Any) -> Any:
    logits = jnp.moveaxis(jnp.asarray(unboxed(inputs)), 0, 1)
    index = logits.shape[-1] - 1 if blank is None else blank % logits.shape[-1]
    paths, scores = ops.ctc_decode(logits, unboxed(lengths), mask_index=index, **options)
    found = map(np.asarray, paths)
    return [_as_sparse(_without_repetitions(path) if merges_labels else path) for path in found], Tensor(scores)


def _without_repetitions(labels: Any) -> Any:
    """Labels without those that equal the one before, as the beam search of TensorFlow 1 returned them."""
    kept = [[v for i, v in enumerate(row) if v >= 0 and (i == 0 or v != row[i - 1])] for row in labels.tolist()]
    return np.asarray([row + [-1] * (labels.shape[1] - len(row)) for row in kept]).reshape(labels.shape)


def _as_sparse(labels: Any) -> SparseTensor:
    valid = labels >= 0
    length = int(valid.sum(-1).max(initial=0))
    return SparseTensor(np.argwhere(valid), Tensor(labels[valid].astype("int64")), (len(labels), length))


def _log_uniform(count: int) -> Any:
    """P(k) = log((k + 2) / (k + 1)) / log(count + 1), about the frequencies of words by their rank."""
    numbers = np.arange(count)
    weights = np.log((numbers + 2) / (numbers + 1))
    return weights / weights.sum()


def _drawn(probabilities: Any, count: int, replace: bool, seed: Any) -> Any:
    """Classes with these probabilities; a graph draws others whenever it runs."""
    kind = name_on_device("int64") if builds_graph() or tracing.is_traced() else "int64"
    options: dict[str, Any] = {"replace": replace, "p": probabilities}
    host = lambda g, shape: g.choice(len(probabilities), shape, **options)  # noqa: E731
    on_device = options | {"p": jnp.asarray(probabilities, "float32")}
    device = lambda key, shape: jax.random.choice(key, len(probabilities), shape, **on_device)  # noqa: E731
    return draw((count,), kind, seed, host, device)


def _candidates(weights: Callable[[int], Any]) -> Callable[..., tuple[Tensor, ...]]:
    """A sampler of classes with these probabilities: (drawn classes, expected counts of true and drawn)."""

    def sampler(
        true_classes: TensorLike, num_true: int, num_sampled: int, unique: bool, range_max: int, seed: int | None = None
    ) -> tuple[Tensor, ...]:
        probabilities = weights(range_max) / weights(range_max).sum()
        drawn = _drawn(probabilities, num_sampled, not unique, seed)
        expected = 1 - (1 - probabilities) ** num_sampled if unique else probabilities * num_sampled
        rows = lambda numbers: call(jnp.take, (jnp.asarray(expected, "float32"), numbers), {"axis": 0})  # noqa: E731
        return drawn, rows(NAMES["cast"](true_classes, "int32")), rows(drawn)

    return sampler


for _name, _weights in {"uniform": np.ones, "learned_unigram": np.ones, "log_uniform": _log_uniform}.items():
    named(f"random.{_name}_candidate_sampler", f"nn.{_name}_candidate_sampler")(_candidates(_weights))


@named("random.fixed_unigram_candidate_sampler", "nn.fixed_unigram_candidate_sampler")
@ignores("shard@9")
def fixed_unigram_candidate_sampler(
    true_classes: TensorLike,
    num_true: int,
    num_sampled: int,
    unique: bool,
    range_max: int,
    vocab_file: str = "",
    distortion: float = 1.0,
    num_reserved_ids: int = 0,
    num_shards: int = 1,
    unigrams: Sequence[float] = (),
    seed: int | None = None,
) -> tuple[Tensor, ...]:
    """`tf.random.fixed_unigram_candidate_sampler`: classes are drawn in proportion to `unigrams` ** `distortion`."""
    if vocab_file or num_shards > 1:
        expected = "unigrams, and one shard"
        raise ArgumentError(
            message("tf.random.fixed_unigram_candidate_sampler", expected=expected, got=vocab_file or num_shards)
        )
    weights = np.concatenate([np.zeros(num_reserved_ids), np.asarray(unigrams, float) ** distortion])
    return _candidates(lambda count: weights)(true_classes, num_true, num_sampled, unique, range_max, seed)


def _sampled(loss: Callable[..., Any], removes_hits: bool) -> Callable[..., Any]:
    """A loss over the true classes and some others, drawn from the log-uniform distribution of frequent words."""

    def called(*given: Any) -> Any:
        *arrays, count, classes, sampled_values, removes, seed = given
        if sampled_values is None:
            probabilities = _log_uniform(classes)
            ids = _drawn(probabilities, count, False, seed)
            counts = np.log(1 - (1 - probabilities) ** count).astype("float32")
            drawn = NAMES["cast"](ids, "int32"), counts, None, None
        else:
            ids, *expected = sampled_values
            drawn = NAMES["cast"](ids, "int32"), None, *map(NAMES["math.log"], expected)
        return loss(*arrays, *drawn, removes_hits if removes is None else removes)

    parameters = "weights biases labels inputs num_sampled num_classes -num_true=None sampled_values=None"
    options = "remove_accidental_hits=None seed=None -partition_strategy=None"
    return with_parameters(called, f"{parameters} {options}".split())


def _logits(
    weights: Any, biases: Any, labels: Any, inputs: Any, ids: Any, counts: Any, true: Any, drawn: Any, removes: bool
) -> Any:
    """(logits of the true classes, of the drawn ones), less the logarithms of the expected counts.

    These are given for all classes (`counts`), or for the true ones and the drawn ones. With `removes` a drawn class
    that is a true one does not count.
    """
    labels = jnp.asarray(labels).astype("int32").reshape(inputs.shape[0], -1)
    true = jnp.take(jnp.asarray(counts), labels) if true is None else jnp.reshape(true, labels.shape)
    drawn = jnp.take(jnp.asarray(counts), ids) if drawn is None else drawn
    of_true = jnp.einsum("bd,btd->bt", inputs, jnp.take(weights, labels, axis=0)) + jnp.take(biases, labels)
    of_drawn = inputs @ jnp.take(weights, ids, axis=0).T + jnp.take(biases, ids)
    of_drawn = of_drawn - drawn
    hit = (labels[:, :, None] == ids).any(1)
    return of_true - true, jnp.where(hit, -1e9, of_drawn) if removes else of_drawn


@op("sampled_softmax", host=False)
def _softmax_loss(*given: Any) -> Any:
    of_true, of_drawn = _logits(*given)
    logits = jnp.concatenate([of_true, of_drawn], 1)
    return jnp.mean(ops.logsumexp(logits, 1, keepdims=True) - of_true, 1)


@op("nce", host=False)
def _nce_loss(*given: Any) -> Any:
    of_true, of_drawn = _logits(*given)
    return jnp.mean(jnp.logaddexp(0, -of_true), 1) + jnp.sum(jnp.logaddexp(0, of_drawn), 1)


named("nn.sampled_softmax_loss", "compat.v1.nn.sampled_softmax_loss")(_sampled(NAMES.pop("sampled_softmax"), True))
named("nn.nce_loss", "compat.v1.nn.nce_loss")(_sampled(NAMES.pop("nce"), False))


@named("math.sobol_sample", "sobol_sample")
def sobol_sample(
    dim: TensorLike, num_results: TensorLike, skip: TensorLike = 0, dtype: DTypeLike = "float32"
) -> TensorResult:
    """The points of Sobol's sequence in [0, 1)^dim after the first one, which is 0."""
    from scipy.stats import qmc

    sequence = qmc.Sobol(int(unboxed(dim)), scramble=False).fast_forward(1 + int(unboxed(skip)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # numbers of points that are no power of 2
        return Tensor(jnp.asarray(sequence.random(int(unboxed(num_results))), name_on_device(dtype)))

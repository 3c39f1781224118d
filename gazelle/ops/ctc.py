"""Connectionist temporal classification: sequences without an alignment.  Graves et al. 2006."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core.errors import ShapeError, message, unknown
from gazelle.core.types import Array, ArrayLike
from gazelle.ops.base import array, op

__all__ = ["ctc_decode", "ctc_loss"]


_LOG_ZERO = -1e5  # logarithm of probability 0, with a finite gradient
#: prefix -> logarithms of the probability to end in a blank, and in its last label
Beam = dict[tuple[int, ...], list[float]]


@op
def ctc_loss(
    target: ArrayLike, output: ArrayLike, target_length: ArrayLike, output_length: ArrayLike, mask_index: int = 0
) -> Array:
    """Compute the CTC loss:  -log of the probability of a label sequence over all alignments.  Graves et al. 2006.

    Between labels, and before and after them, there may be any number of blanks, at least one between two equal labels.
    A path visits 2 labels + 1 states: blank, label, blank ...; alpha[s] is the logarithm of the probability of state
    s after t steps.

    Args:
        target: Integers (batch, labels).
        output: Logits (batch, time, classes).
        target_length: Number of labels (batch,).
        output_length: Number of time steps (batch,).
        mask_index: Index of the blank class.

    Returns:
        An array (batch,).

    Raises:
        ShapeError: If the shapes do not match.
    """
    target, output = jnp.asarray(target, "int32"), jnp.asarray(output)
    target_length = jnp.asarray(array(target_length), "int32")
    output_length = jnp.asarray(array(output_length), "int32")
    if target.ndim != 2 or output.ndim != 3 or target.shape[0] != output.shape[0]:
        raise ShapeError(
            message(
                "ctc_loss",
                expected="target (batch, labels) and output (batch, time, classes)",
                got=f"shapes {target.shape} and {output.shape}",
            )
        )
    return _loss(target, output, target_length, output_length, int(mask_index))


@functools.partial(jax.jit, static_argnums=4)
def _loss(target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int) -> Any:
    """The loss of arrays. It is compiled once, as JAX compiles a loop again in each call outside of programs."""
    log_p = jax.nn.log_softmax(output.astype(jnp.promote_types(output.dtype, "float32")))
    batch, labels = target.shape
    states = jnp.full((batch, 2 * labels + 1), mask_index).at[:, 1::2].set(target)
    emitted = jnp.take_along_axis(log_p, states[:, None, :], axis=2)  # (batch, time, states)
    other = jnp.pad(target[:, 1:] != target[:, :-1], ((0, 0), (1, 0)))  # a label may follow the one before directly
    skip = jnp.zeros_like(states, bool).at[:, 1::2].set(other.at[:, :1].set(False))

    def step(alpha: Any, inputs: Any) -> Any:
        time, log_emitted = inputs
        by_one = jnp.pad(alpha[:, :-1], ((0, 0), (1, 0)), constant_values=_LOG_ZERO)
        by_two = jnp.where(skip, jnp.pad(alpha[:, :-2], ((0, 0), (2, 0)), constant_values=_LOG_ZERO), _LOG_ZERO)
        after = jnp.logaddexp(jnp.logaddexp(alpha, by_one), by_two) + log_emitted
        return jnp.where((time < output_length)[:, None], after, alpha), None

    first = jnp.where(jnp.arange(2 * labels + 1) < 1, 0.0, _LOG_ZERO)  # before the first step: in front of state 0
    alpha = jnp.broadcast_to(first, states.shape).astype(log_p.dtype)
    start = jnp.where(jnp.arange(2 * labels + 1) < 2, emitted[:, 0], _LOG_ZERO)
    alpha = jnp.where((output_length > 0)[:, None], start, alpha)
    steps = jnp.arange(1, output.shape[1])
    alpha, _ = jax.lax.scan(step, alpha, (steps, jnp.moveaxis(emitted, 1, 0)[1:]))
    last = 2 * target_length[:, None]
    ends = jnp.take_along_axis(alpha, jnp.concatenate([last, jnp.maximum(last - 1, 0)], axis=1), axis=1)
    with_label = jnp.where(target_length > 0, ends[:, 1], _LOG_ZERO)
    return -jnp.logaddexp(ends[:, 0], with_label)


@op
def ctc_decode(
    inputs: ArrayLike,
    sequence_lengths: ArrayLike,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> tuple[Array, Array]:
    """Decode logits to label sequences.

    'greedy' takes the best class of each step. 'beam_search' keeps the `beam_width` best prefixes; it runs step by
    step in Python, which a compiled program calls.

    Args:
        inputs: Logits (batch, time, classes).
        sequence_lengths: Number of time steps (batch,).
        strategy: 'greedy' or 'beam_search'.
        beam_width: How many prefixes the beam search keeps.
        top_paths: How many sequences the beam search returns.
        merge_repeated: Whether equal neighbours become one label ('greedy').
        mask_index: Index of the blank class.

    Returns:
        Labels (paths, batch, time), padded with -1, and scores (batch, paths): the negative sum of the best logits
        ('greedy', one path) or logarithms of probabilities.

    Raises:
        ArgumentError: If `strategy` is another name.
    """
    lengths = jnp.asarray(array(sequence_lengths), "int32")
    inputs = jnp.asarray(array(inputs))
    inputs = inputs.astype(jnp.promote_types(inputs.dtype, "float32"))
    if strategy == "greedy":
        return _greedy(inputs, lengths, merge_repeated, mask_index)
    if strategy == "beam_search":
        search = functools.partial(_beam_search, width=beam_width, top=top_paths, blank=mask_index)
        log_p = jax.nn.log_softmax(inputs)
        if not isinstance(log_p, jax.core.Tracer) and not isinstance(lengths, jax.core.Tracer):
            paths, scores = search(np.asarray(log_p), np.asarray(lengths))
            return jnp.asarray(paths), jnp.asarray(scores)
        batch, steps = log_p.shape[:2]
        shapes = ((top_paths, batch, steps), "int32"), ((batch, top_paths), log_p.dtype)
        specs = tuple(jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in shapes)
        found: tuple[Array, Array] = jax.pure_callback(search, specs, log_p, lengths, vmap_method="sequential")
        return found
    raise unknown("strategy of ctc_decode", strategy, ("greedy", "beam_search"))


def _greedy(inputs: Any, lengths: Any, merge_repeated: bool, blank: int) -> Any:
    steps = jnp.arange(inputs.shape[1])
    inside = steps < lengths[:, None]
    best = jnp.where(inside, jnp.argmax(inputs, -1), blank)
    score = -jnp.sum(jnp.where(inside, jnp.max(inputs, -1), 0.0), axis=1, keepdims=True)
    keep = best != blank
    if merge_repeated:
        keep &= jnp.pad(best[:, 1:] != best[:, :-1], ((0, 0), (1, 0)), constant_values=True)
    order = jnp.argsort(jnp.where(keep, steps, len(steps)), axis=-1)
    return jnp.take_along_axis(jnp.where(keep, best, -1), order, axis=-1)[None], score


def _beam_search(log_p: Any, lengths: Any, width: int, top: int, blank: int) -> Any:
    log_p, lengths = np.asarray(log_p), np.asarray(lengths)
    paths = np.full((top, log_p.shape[0], log_p.shape[1]), -1, np.int32)
    scores = np.full((log_p.shape[0], top), -np.inf, log_p.dtype)
    for row, (steps, length) in enumerate(zip(log_p, lengths, strict=True)):
        beam: Beam = {(): [0.0, -np.inf]}
        for step in steps[:length]:
            beam = dict(_likeliest(_extended(beam, step, blank), width))
        for rank, (prefix, ends) in enumerate(_likeliest(beam, top)):
            paths[rank, row, : len(prefix)] = prefix
            scores[row, rank] = np.logaddexp(*ends)
    return paths, scores


def _likeliest(beam: Beam, count: int) -> list[tuple[tuple[int, ...], list[float]]]:
    """The prefixes of highest probability, in descending order."""
    return sorted(beam.items(), key=lambda item: -np.logaddexp(*item[1]))[:count]


def _extended(beam: Beam, step: Any, blank: int) -> Beam:
    """The prefixes after a further step, from logarithms of the probability of each label."""
    after: Beam = {}
    for prefix, (in_blank, in_label) in beam.items():
        total = np.logaddexp(in_blank, in_label)
        for label, log_q in enumerate(step):
            longer = (*prefix, label)
            if label == blank:
                _add(after, prefix, 0, total + log_q)
            elif prefix and label == prefix[-1]:
                _add(after, prefix, 1, in_label + log_q)
                _add(after, longer, 1, in_blank + log_q)
            else:
                _add(after, longer, 1, total + log_q)
    return after


def _add(beam: Beam, prefix: tuple[int, ...], end: int, score: float) -> None:
    ends = beam.setdefault(prefix, [-np.inf, -np.inf])
    ends[end] = float(np.logaddexp(ends[end], score))

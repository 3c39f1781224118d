"""Crossentropies and CTC of `keras.backend`; the arguments are (target, output), in Keras 1 (output, target)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gazelle import ops
from gazelle.compat import era, facade
from gazelle.compat.backend.lifting import lifted
from gazelle.compat.types import TensorLike, TensorResult
from gazelle.core import logits, settings
from gazelle.core.symbolic import any_symbolic
from gazelle.losses.crossentropy import bernoulli_loss


def _in_order(function: Callable[..., Any]) -> Callable[..., Any]:
    """Swap the first two arguments in Keras 1, which passed (output, target)."""

    @functools.wraps(function)
    def wrapped(target: Any, output: Any, *args: Any, **kwargs: Any) -> Any:
        first, second = (output, target) if era.number() == 1 else (target, output)
        return function(first, second, *args, **kwargs)

    return wrapped


@_in_order
@lifted
def categorical_crossentropy(
    target: TensorLike, output: TensorLike, from_logits: bool = False, axis: int = -1
) -> TensorResult:
    """Return -sum(target log(output)) over the classes."""
    return ops.categorical_crossentropy(target, *logits.given(output, from_logits, "categorical"), axis)


@_in_order
@lifted
def sparse_categorical_crossentropy(
    target: TensorLike, output: TensorLike, from_logits: bool = False, axis: int = -1, ignore_class: int | None = None
) -> TensorResult:
    """Return -log(output) for the class with the index `target`; 0 for the ignored one."""
    output, from_logits = logits.given(output, from_logits, "categorical")
    target, output = jnp.asarray(target), jnp.asarray(output)
    if target.ndim == output.ndim and target.shape[axis] == 1:
        target = jnp.squeeze(target, axis)
    target = target.astype("int32")
    ignored = jnp.zeros(target.shape, bool) if ignore_class is None else target == ignore_class
    classes = jnp.where(ignored, 0, target)
    loss = ops.sparse_categorical_crossentropy(classes, jnp.moveaxis(output, axis, -1), from_logits)
    return loss if ignore_class is None else jnp.where(ignored, 0, loss)


@_in_order
@lifted
def binary_crossentropy(target: TensorLike, output: TensorLike, from_logits: bool = False) -> TensorResult:
    """Return -target log(output) - (1 - target) log(1 - output), elementwise."""
    output, from_logits = logits.given(output, from_logits, "binary")
    output = jnp.asarray(output)
    target = jnp.asarray(target, output.dtype)
    if era.number() == 1 or from_logits:
        return ops.binary_crossentropy(target, output, from_logits)
    target, output = jnp.broadcast_arrays(target, output)  # a target may have several predictions
    return bernoulli_loss(target, output, from_logits)


@lifted
def binary_focal_crossentropy(
    target: TensorLike,
    output: TensorLike,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
) -> TensorResult:
    """Return `binary_crossentropy` times (1 - p)^gamma, with p the probability of the true class, elementwise."""
    target, output = jnp.asarray(target, jnp.asarray(output).dtype), jnp.asarray(output)
    p = jax.nn.sigmoid(output) if from_logits else output
    focus = (1 - (target * p + (1 - target) * (1 - p))) ** gamma
    value = focus * bernoulli_loss(target, output, from_logits)
    return value * (target * alpha + (1 - target) * (1 - alpha)) if apply_class_balancing else value


@lifted
def ctc_batch_cost(
    y_true: TensorLike, y_pred: TensorLike, input_length: TensorLike, label_length: TensorLike
) -> TensorResult:
    """Return the CTC loss of each sample, (batch, 1).

    y_true (batch, labels) · y_pred (batch, time, classes), probabilities, the last class the blank · lengths (batch, 1)
    """
    blank = y_pred.shape[-1] - 1
    lengths = (ctc_length(y_true, jnp.reshape(label_length, -1), blank), jnp.reshape(input_length, -1))
    labels = jnp.where(jnp.asarray(y_true) < blank, y_true, 0)  # others have no gradient
    return ops.ctc_loss(labels, jnp.log(y_pred + settings.epsilon()), *lengths, mask_index=blank)[:, None]


def ctc_length(labels: TensorLike, lengths: TensorLike, blank: int) -> TensorResult:
    """The numbers of labels before the first that is no class: programs pad with such labels."""
    is_label = jnp.asarray(labels) < blank
    return jnp.minimum(lengths, jnp.sum(jnp.cumprod(is_label, axis=-1), axis=-1))


def ctc_decode(
    y_pred: TensorLike,
    input_length: TensorLike,
    greedy: bool = True,
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = False,
) -> TensorResult:
    """Return ([labels (batch, time), padded with -1], scores) that the probabilities encode.

    In `keras` without TensorFlow the time axis ends with the longest label, except on symbolic tensors;
    `merge_repeated` then drops repeated labels from the results of a beam search.

    >>> from gazelle.compat import backend as K
    >>> probabilities = np.eye(3)[[0, 0, 2, 1]][None]
    >>> K.get_value(K.ctc_decode(probabilities, np.array([4]))[0][0]).tolist()
    [[0, 1]]
    """
    labels, scores = _decode(y_pred, input_length, greedy, beam_width, top_paths, merge_repeated)
    paths = [labels[i] for i in range(labels.shape[0])]
    if era.standalone() and not any_symbolic(labels):
        paths = [path[:, : max(1, int((np.asarray(path) >= 0).sum(-1).max()))] for path in paths]
    return paths, scores


@lifted
def _decode(y_pred: Any, input_length: Any, greedy: bool, beam_width: int, top_paths: int, merge_repeated: bool) -> Any:
    logits = jnp.log(jnp.asarray(y_pred, "float32") + settings.epsilon())
    strategy, blank = "greedy" if greedy else "beam_search", logits.shape[-1] - 1
    lengths = jnp.reshape(jnp.asarray(input_length), -1)
    labels, scores = ops.ctc_decode(logits, lengths, strategy, beam_width, top_paths, mask_index=blank)
    if greedy or not merge_repeated:
        return labels, scores
    before = jnp.pad(labels[..., :-1], ((0, 0), (0, 0), (1, 0)), constant_values=-1)
    keep = labels != before
    order = jnp.argsort(~keep, axis=-1, stable=True)
    return jnp.take_along_axis(jnp.where(keep, labels, -1), order, axis=-1), scores


class Sparse(NamedTuple):
    """Values and their indices in an array that is 0 elsewhere."""

    indices: Any
    values: Any
    dense_shape: tuple[int, ...]


def ctc_label_dense_to_sparse(labels: TensorLike, label_lengths: TensorLike) -> TensorResult:
    """Return the labels within their lengths as a sparse array; a `tf.SparseTensor` in programs of TensorFlow."""
    labels, lengths = np.asarray(labels), np.asarray(label_lengths).reshape(-1)
    indices = np.argwhere(np.arange(labels.shape[1]) < lengths[:, None])
    made = Sparse(indices, labels[tuple(indices.T)], labels.shape)
    return facade.adapter.sparse_tensor(made)

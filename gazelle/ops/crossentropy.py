"""One-hot encodings and cross-entropies."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core import conventions, logits, settings
from gazelle.core.dtypes import array_dtype
from gazelle.core.errors import ShapeError, message
from gazelle.core.sparse import to_sparse
from gazelle.core.types import Array, ArrayLike, DTypeLike
from gazelle.ops.base import op

__all__ = ["binary_crossentropy", "categorical_crossentropy", "multi_hot", "one_hot", "sparse_categorical_crossentropy"]


@op
def one_hot(
    x: ArrayLike, num_classes: int, axis: int = -1, dtype: DTypeLike | None = None, sparse: bool = False
) -> Array:
    """Encode integers as vectors with a single 1; indices out of range give zeros.

    Args:
        x: Array of integers.
        num_classes: Length of the vectors.
        axis: Position of the new axis.
        dtype: Dtype of the result; None is the default float type.
        sparse: Whether to return a sparse array (BCOO).

    Returns:
        An array with one axis more.

    Example:
        >>> one_hot([0, 2], 3).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    codes = jax.nn.one_hot(x, num_classes, axis=axis, dtype=array_dtype(dtype))
    return to_sparse(codes, stored=x.size) if sparse else codes


@op
def multi_hot(
    inputs: ArrayLike, num_classes: int, axis: int = -1, dtype: DTypeLike | None = None, sparse: bool = False
) -> Array:
    """Encode lists of integers as vectors with a 1 for each.

    Args:
        inputs: Integers (..., n).
        num_classes: Length of the vectors.
        axis: Position of the new axis.
        dtype: Dtype of the result; None is the default float type.
        sparse: Whether to return a sparse array (BCOO).

    Returns:
        An array (..., num_classes).

    Example:
        >>> multi_hot([0, 2], 4).tolist()
        [1.0, 0.0, 1.0, 0.0]
    """
    codes = jax.nn.one_hot(inputs.astype("int32"), num_classes, axis=axis, dtype=array_dtype(dtype))
    codes = jnp.max(codes, axis=1 if inputs.ndim > 1 else 0)
    return to_sparse(codes, stored=inputs.size) if sparse else codes


@op
def binary_crossentropy(target: ArrayLike, output: ArrayLike, from_logits: bool = False) -> Array:
    """Compute the binary cross-entropy of each element:  y = -(t log p + (1 - t) log(1 - p)).

    Args:
        target: Labels from 0 to 1.
        output: Probabilities p, or logits; of the shape of `target`.
        from_logits: Whether `output` holds logits:  p = sigmoid(output).

    Returns:
        An array of the shape of `target`.

    Raises:
        ShapeError: If the shapes differ.

    Example:
        >>> print(gazelle.ops.binary_crossentropy([1.0], [0.5]).round(4))
        [0.6931]
    """
    output, from_logits = logits.given(output, from_logits, "binary")
    target, output = _same("binary_crossentropy", target, output)
    if from_logits:
        return -(target * jax.nn.log_sigmoid(output)) - (1 - target) * jax.nn.log_sigmoid(-output)
    output = jnp.clip(output, settings.epsilon(), 1 - settings.epsilon())
    return -(target * jnp.log(output) + (1 - target) * jnp.log(1 - output))


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def _with_sum_1(target: Array, output: Array, axis: int) -> Array:
    return -jnp.sum(target * jax.nn.log_softmax(output, axis), axis)


@_with_sum_1.defjvp
def _derivative_with_sum_1(axis: int, primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> Any:
    (target, output), (d_target, d_output) = primals, tangents
    log_p = jax.nn.log_softmax(output, axis)
    change = (jnp.exp(log_p) - target) * d_output - log_p * d_target
    return -jnp.sum(target * log_p, axis), jnp.sum(change, axis)


def softmax_crossentropy(target: Array, output: Array, axis: int = -1) -> Array:
    """The cross-entropy of logits with TensorFlow's gradient softmax(output) - target, exact for targets of sum 1.

    >>> jax.grad(lambda z: softmax_crossentropy(jnp.array([2.0, 0.0]), z))(jnp.zeros(2)).tolist()
    [-1.5, 0.5]
    """
    target, output = jnp.broadcast_arrays(target.astype(output.dtype), output)
    return _with_sum_1(target, output, axis)


@op
def categorical_crossentropy(target: ArrayLike, output: ArrayLike, from_logits: bool = False, axis: int = -1) -> Array:
    """Compute the cross-entropy of distributions:  y = -Σ t log p.

    Args:
        target: Distributions along `axis`.
        output: Probabilities, which are divided by their sum, or logits; of the shape of `target`.
        from_logits: Whether `output` holds logits:  p = softmax(output).
        axis: Axis of the classes.

    Returns:
        An array without `axis`.

    Raises:
        ShapeError: If the shapes differ.

    Example:
        >>> print(gazelle.ops.categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4))
        [0.6931]
    """
    output, from_logits = logits.given(output, from_logits, "categorical")
    target, output = _same("categorical_crossentropy", target, output)
    if from_logits and conventions.active.losses_take_logits:
        return softmax_crossentropy(target, output, axis)
    return -jnp.sum(target * _log_probability(output, from_logits, axis), axis)


@op
def sparse_categorical_crossentropy(
    target: ArrayLike, output: ArrayLike, from_logits: bool = False, axis: int = -1
) -> Array:
    """Compute the cross-entropy of class indices:  y = -log p[target].

    Args:
        target: Integers (...), or (..., 1).
        output: Probabilities (..., classes), which are divided by their sum, or logits.
        from_logits: Whether `output` holds logits:  p = softmax(output).
        axis: Axis of the classes.

    Returns:
        An array (...).

    Raises:
        ShapeError: If the shapes do not match.

    Example:
        >>> print(gazelle.ops.sparse_categorical_crossentropy([1], [[0.5, 0.5]]).round(4))
        [0.6931]
    """
    output, from_logits = logits.given(output, from_logits, "categorical")
    target, output = jnp.asarray(target, "int32"), jnp.asarray(output)
    if target.ndim == output.ndim and target.shape[-1] == 1:
        target = target[..., 0]
    if target.shape != output.shape[:-1]:
        raise ShapeError(
            message("sparse_categorical_crossentropy: target", expected=f"shape {output.shape[:-1]}", got=target.shape)
        )
    if conventions.active.classes_are_clipped_first and not from_logits:
        output, from_logits = jnp.log(jnp.clip(output, settings.epsilon(), 1 - settings.epsilon())), True
    codes = jax.nn.one_hot(target, output.shape[axis], axis=axis)
    return -jnp.sum(codes * _log_probability(output, from_logits, axis), axis)


def _same(name: str, target: Any, output: Any) -> tuple[Any, Any]:
    target, output = jnp.asarray(target), jnp.asarray(output)
    if target.shape != output.shape:
        raise ShapeError(message(f"{name}: target", expected=f"shape {output.shape}", got=target.shape))
    return target, output


def _log_probability(output: Any, from_logits: bool, axis: int) -> Any:
    if from_logits:
        return jax.nn.log_softmax(output, axis)
    output = output / jnp.sum(output, axis, keepdims=True)
    return jnp.log(jnp.clip(output, settings.epsilon(), 1 - settings.epsilon()))

"""Segment reductions, top-k and special functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core.dtypes import floatx
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.types import Array, ArrayLike, AxisLike
from gazelle.ops.base import op

__all__ = [
    "cdist",
    "erf",
    "erfc",
    "erfinv",
    "in_top_k",
    "logsumexp",
    "psnr",
    "rsqrt",
    "segment_max",
    "segment_min",
    "segment_prod",
    "segment_sum",
    "top_k",
]


def _segments(
    name: str, target: Callable[..., Any], data: Any, ids: Any, num_segments: int | None, rising: bool
) -> Any:
    if num_segments is None:
        raise ArgumentError(message(f"{name} needs num_segments", hint="Shapes must be known before values are."))
    return target(data, ids, num_segments, indices_are_sorted=rising)


@op
def segment_sum(
    data: ArrayLike, segment_ids: ArrayLike, num_segments: int | None = None, sorted: bool = False
) -> Array:
    """Compute the sum of the entries of each segment.

    Args:
        data: Array (n, ...).
        segment_ids: Integers (n,): the segment of each entry.
        num_segments: Number of segments.
        sorted: Whether `segment_ids` is in ascending order, which is faster.

    Returns:
        An array (num_segments, ...); empty segments have 0.

    Raises:
        ArgumentError: If `num_segments` is None.

    Example:
        >>> print(gazelle.ops.segment_sum([1.0, 2.0, 3.0], [0, 0, 1], 2))
        [3. 3.]
    """
    return _segments("segment_sum", jax.ops.segment_sum, data, segment_ids, num_segments, sorted)


@op
def segment_max(
    data: ArrayLike, segment_ids: ArrayLike, num_segments: int | None = None, sorted: bool = False
) -> Array:
    """Compute the largest of the entries of each segment.

    Args:
        data: Array (n, ...).
        segment_ids: Integers (n,): the segment of each entry.
        num_segments: Number of segments.
        sorted: Whether `segment_ids` is in ascending order, which is faster.

    Returns:
        An array (num_segments, ...); empty segments have the lowest value of the dtype.

    Raises:
        ArgumentError: If `num_segments` is None.

    Example:
        >>> print(gazelle.ops.segment_max([1.0, 2.0, 3.0], [0, 0, 1], 2))
        [2. 3.]
    """
    return _segments("segment_max", jax.ops.segment_max, data, segment_ids, num_segments, sorted)


@op
def segment_min(
    data: ArrayLike, segment_ids: ArrayLike, num_segments: int | None = None, sorted: bool = False
) -> Array:
    """Compute the smallest of the entries of each segment.

    Args:
        data: Array (n, ...).
        segment_ids: Integers (n,): the segment of each entry.
        num_segments: Number of segments.
        sorted: Whether `segment_ids` is in ascending order, which is faster.

    Returns:
        An array (num_segments, ...); empty segments have the highest value of the dtype.

    Raises:
        ArgumentError: If `num_segments` is None.
    """
    return _segments("segment_min", jax.ops.segment_min, data, segment_ids, num_segments, sorted)


@op
def segment_prod(
    data: ArrayLike, segment_ids: ArrayLike, num_segments: int | None = None, sorted: bool = False
) -> Array:
    """Compute the product of the entries of each segment.

    Args:
        data: Array (n, ...).
        segment_ids: Integers (n,): the segment of each entry.
        num_segments: Number of segments.
        sorted: Whether `segment_ids` is in ascending order, which is faster.

    Returns:
        An array (num_segments, ...); empty segments have 1.

    Raises:
        ArgumentError: If `num_segments` is None.
    """
    return _segments("segment_prod", jax.ops.segment_prod, data, segment_ids, num_segments, sorted)


@op
def top_k(x: ArrayLike, k: int, sorted: bool = True) -> tuple[Array, Array]:
    """Return the k largest values along the last axis and their indices.

    Args:
        x: Array (..., n).
        k: How many.
        sorted: Accepted for compatibility: the values are always in descending order.

    Returns:
        Values and indices, both (..., k).

    Example:
        >>> values, indices = gazelle.ops.top_k([1.0, 5.0, 3.0], 2)
        >>> print(values, indices)
        [5. 3.] [1 2]
    """
    return tuple(jax.lax.top_k(x, k))


@op
def in_top_k(targets: ArrayLike, predictions: ArrayLike, k: int) -> Array:
    """Return whether the target class is among the k largest predictions; NaN counts as the lowest value.

    Args:
        targets: Integers (batch,).
        predictions: Scores (batch, classes).
        k: How many.

    Returns:
        Booleans (batch,): fewer than k predictions are larger than that of the target.

    Example:
        >>> print(gazelle.ops.in_top_k([1], [[0.5, 0.3, 0.2]], 2))
        [ True]
    """
    own = jnp.take_along_axis(predictions, targets[..., None], axis=-1)
    own = jnp.where(jnp.isnan(own), -jnp.inf, own)
    return jnp.sum(predictions > own, axis=-1) < k


@op
def logsumexp(x: ArrayLike, axis: AxisLike = None, keepdims: bool = False) -> Array:
    """Compute  log Σ e^x  without overflow.

    Args:
        x: Array of any shape.
        axis: Axis or axes to reduce; None reduces all.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        An array without the reduced axes.

    Example:
        >>> print(gazelle.ops.logsumexp([0.0, 0.0]).round(4))
        0.6931
    """
    return jax.scipy.special.logsumexp(x, tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims)


@op
def cdist(x: ArrayLike, y: ArrayLike) -> Array:
    """Compute the Euclidean distances of all pairs of rows.

    Args:
        x: Array (..., n, d).
        y: Array (..., m, d).

    Returns:
        An array (..., n, m).

    Raises:
        ShapeError: If an array is no matrix, or the last axes differ.

    Example:
        >>> print(gazelle.ops.cdist([[0.0, 0.0]], [[3.0, 4.0]]))
        [[5.]]
    """
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise ShapeError(message("cdist", expected="matrices with equal last axes", got=f"{x.shape} and {y.shape}"))
    return jnp.linalg.norm(x[..., :, None, :] - y[..., None, :, :], axis=-1)


@op
def rsqrt(x: ArrayLike) -> Array:
    """Compute the reciprocal square root of each element:  y = 1 / √x.

    Args:
        x: Array of any shape.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> print(gazelle.ops.rsqrt([4.0]))
        [0.5]
    """
    x = jnp.asarray(x)
    return jax.lax.rsqrt(x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(floatx()))


@op
def erf(x: ArrayLike) -> Array:
    """Compute the error function of each element:  y = 2 / √π ∫_0^x e^(-t²) dt.

    Args:
        x: Array of any shape.

    Returns:
        An array of the shape of `x`.
    """
    return jax.scipy.special.erf(x)


@op
def erfc(x: ArrayLike) -> Array:
    """Compute the complementary error function of each element:  y = 1 - erf(x).

    Args:
        x: Array of any shape.

    Returns:
        An array of the shape of `x`.
    """
    return jax.scipy.special.erfc(x)


@op
def erfinv(x: ArrayLike) -> Array:
    """Compute the inverse of the error function of each element.

    Args:
        x: Array of values in (-1, 1).

    Returns:
        An array of the shape of `x`.
    """
    return jax.scipy.special.erfinv(x)


@op
def psnr(x1: ArrayLike, x2: ArrayLike, max_val: float) -> Array:
    """Compute the peak signal-to-noise ratio in decibels:  20 log10(max_val) - 10 log10(mean((x1 - x2)²)).

    Args:
        x1: First array.
        x2: Second array, of the shape of `x1`.
        max_val: Largest possible value of the signal.

    Returns:
        One number.

    Raises:
        ShapeError: If the shapes differ.

    Example:
        >>> print(gazelle.ops.psnr([1.0, 2.0], [1.0, 3.0], 10.0).round(2))
        23.01
    """
    if x1.shape != x2.shape:
        raise ShapeError(message("psnr", expected="equal shapes", got=f"{x1.shape} and {x2.shape}"))
    return 20 * jnp.log10(jnp.asarray(max_val, x2.dtype)) - 10 * jnp.log10(jnp.mean((x1 - x2) ** 2))

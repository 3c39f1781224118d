"""Sums over segments, the largest few, special functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core.dtypes import floatx, is_float
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.ops.base import op, public


def _segments(
    name: str, target: Callable[..., Any], data: Any, ids: Any, num_segments: int | None, rising: bool
) -> Any:
    if num_segments is None:
        raise ArgumentError(message(f"{name} needs num_segments", hint="Shapes must be known before values are."))
    return target(data, ids, num_segments, indices_are_sorted=rising)


@op
def segment_sum(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The sum of the entries with one id, for each id."""
    return _segments("segment_sum", jax.ops.segment_sum, data, segment_ids, num_segments, sorted)


@op
def segment_max(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The largest of the entries with one id, for each id."""
    return _segments("segment_max", jax.ops.segment_max, data, segment_ids, num_segments, sorted)


@op
def segment_min(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The smallest of the entries with one id, for each id."""
    return _segments("segment_min", jax.ops.segment_min, data, segment_ids, num_segments, sorted)


@op
def segment_prod(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The product of the entries with one id, for each id."""
    return _segments("segment_prod", jax.ops.segment_prod, data, segment_ids, num_segments, sorted)


@op
def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """The k largest values along the last axis, falling, and their places."""
    return tuple(jax.lax.top_k(x, k))


@op
def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Whether fewer than k predictions are above that of the target; nan counts as the lowest."""
    own = jnp.take_along_axis(predictions, targets[..., None], axis=-1)
    own = jnp.where(jnp.isnan(own), -jnp.inf, own)
    return jnp.sum(predictions > own, axis=-1) < k


@op
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """log Σ e^x."""
    return jax.scipy.special.logsumexp(x, tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims)


@op
def cdist(x: Any, y: Any) -> Any:
    """The distance of every row of x from every row of y."""
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise ShapeError(message("cdist", expected="matrices with equal last axes", got=f"{x.shape} and {y.shape}"))
    return jnp.linalg.norm(x[..., :, None, :] - y[..., None, :, :], axis=-1)


@op
def rsqrt(x: Any) -> Any:
    """1 / sqrt(x)."""
    x = jnp.asarray(x)
    return jax.lax.rsqrt(x if is_float(x.dtype) else x.astype(floatx()))


@op
def erf(x: Any) -> Any:
    """2 / sqrt(π) ∫ e^(-t²) dt from 0 to x."""
    return jax.scipy.special.erf(x)


@op
def erfc(x: Any) -> Any:
    """1 - erf(x)."""
    return jax.scipy.special.erfc(x)


@op
def erfinv(x: Any) -> Any:
    """The inverse of erf."""
    return jax.scipy.special.erfinv(x)


@op
def psnr(x1: Any, x2: Any, max_val: float) -> Any:
    """The ratio of the highest possible signal to the noise between two, in decibels."""
    if x1.shape != x2.shape:
        raise ShapeError(message("psnr", expected="equal shapes", got=f"{x1.shape} and {x2.shape}"))
    return 20 * jnp.log10(jnp.asarray(max_val, x2.dtype)) - 10 * jnp.log10(jnp.mean((x1 - x2) ** 2))


__all__ = public(globals())

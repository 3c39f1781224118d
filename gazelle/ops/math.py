"""Sums over segments, the largest few, special functions, Fourier transforms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.ops.base import array, op, public


def _segments(
    name: str, target: Callable[..., Any], data: Any, ids: Any, num_segments: int | None, rising: bool
) -> Any:
    if num_segments is None:
        raise ArgumentError(message(f"{name} needs num_segments", mend="Shapes must be known before values are."))
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
    return jax.lax.rsqrt(jnp.asarray(x))


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
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """The pieces of the last axis, `sequence_stride` apart: (..., time) -> (..., pieces, sequence_length)."""
    starts = jnp.arange(0, x.shape[-1] - sequence_length + 1, sequence_stride)
    return x[..., starts[:, None] + jnp.arange(sequence_length)]


def _complex(x: Any) -> Any:
    if not isinstance(x, list | tuple) or len(x) != 2:
        raise ArgumentError(message("A Fourier transform's input", expected="a pair (real, imaginary)", got=type(x)))
    return jax.lax.complex(array(x[0]), array(x[1]))


def _pair(x: Any) -> tuple[Any, Any]:
    return jnp.real(x), jnp.imag(x)


@op
def fft(x: Any) -> Any:
    """The Fourier transform of the last axis of a pair (real, imaginary), as a pair."""
    return _pair(jnp.fft.fft(_complex(x)))


@op
def fft2(x: Any) -> Any:
    """The Fourier transform of the last two axes of a pair (real, imaginary), as a pair."""
    return _pair(jnp.fft.fft2(_complex(x)))


@op
def ifft2(x: Any) -> Any:
    """The inverse of `fft2`."""
    return _pair(jnp.fft.ifft2(_complex(x)))


@op
def rfft(x: Any, fft_length: int | None = None) -> Any:
    """The Fourier transform of the last axis of real numbers, the half that is not redundant, as a pair."""
    return _pair(jnp.fft.rfft(x, fft_length))


@op
def irfft(x: Any, fft_length: int | None = None) -> Any:
    """The inverse of `rfft`."""
    return jnp.fft.irfft(_complex(x), fft_length)


__all__ = public(globals())

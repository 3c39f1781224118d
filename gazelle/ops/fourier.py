"""Fourier transforms; complex numbers are pairs (real, imaginary)."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core.dtypes import is_float
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.ops.base import array, op, public


@op
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """The pieces of the last axis, `sequence_stride` apart: (..., time) -> (..., pieces, sequence_length)."""
    starts = jnp.arange(0, x.shape[-1] - sequence_length + 1, sequence_stride)
    return x[..., starts[:, None] + jnp.arange(sequence_length)]


def _complex(x: Any) -> Any:
    if len(x) != 2:
        raise ArgumentError(
            message("A Fourier transform's input", expected="a pair (real, imaginary)", got=f"{len(x)} parts")
        )
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


@op
def stft(
    x: Any, sequence_length: int, sequence_stride: int, fft_length: int, window: Any = "hann", center: bool = True
) -> Any:
    """The Fourier transforms of windows of the last axis, `sequence_stride` apart.

    x (..., time)  ->  a pair of (..., windows, fft_length // 2 + 1)

    The window of `sequence_length` places ('hann', 'hamming', an array, None) stands in the middle of `fft_length`;
    `center` mirrors the ends, so that the first window stands around the first place.
    """
    shape = _window("stft", window, sequence_length, fft_length, x.dtype)
    if center:
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(fft_length // 2, fft_length // 2)], mode="reflect")
    return _pair(jnp.fft.rfft(extract_sequences(x, fft_length, sequence_stride) * shape))


@op
def istft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """The inverse of `stft`: windows are added where they overlap and divided by the sum of their squares."""
    parts = jnp.fft.irfft(_complex(x), fft_length)
    shape = _window("istft", window, sequence_length, fft_length, parts.dtype)
    count = fft_length + sequence_stride * (parts.shape[-2] - 1)

    def add(pieces: Any) -> Any:  # the transpose of cutting
        whole = jax.ShapeDtypeStruct((*pieces.shape[:-2], count), pieces.dtype)
        return jax.linear_transpose(lambda y: extract_sequences(y, fft_length, sequence_stride), whole)(pieces)[0]

    weight = add(jnp.broadcast_to(shape**2, parts.shape[-2:]))
    signal = add(parts * shape) / jnp.where(weight > 1e-10, weight, 1)
    start = fft_length // 2 if center else 0
    stop = start + length if length is not None else count - start
    return signal[..., start:stop]


def _window(name: str, window: Any, length: int, fft_length: int, dtype: Any) -> Any:
    """The window, with zeros on both sides to `fft_length` places."""
    if not is_float(dtype) or fft_length < length:
        raise ArgumentError(
            message(
                name,
                expected="floats, and a fft_length of at least sequence_length",
                got=f"{dtype}, fft_length={fft_length}, sequence_length={length}",
            )
        )
    before = (fft_length - length) // 2
    if window is None:
        return jnp.ones(fft_length, dtype)
    if isinstance(window, str):
        if window not in ("hann", "hamming"):
            raise ArgumentError(message(f"{name}'s window", expected="'hann', 'hamming' or an array", got=repr(window)))
        offset = {"hann": 0.5, "hamming": 0.54}[window]
        window = offset - (1 - offset) * jnp.cos(2 * jnp.pi * jnp.arange(length) / length)
    window = jnp.asarray(array(window), dtype)
    if window.shape != (length,):
        raise ShapeError(message(f"{name}'s window", expected=f"shape {(length,)}", got=f"shape {window.shape}"))
    return jnp.pad(window, (before, fft_length - length - before))


@op
def view_as_complex(x: Any) -> Any:
    """Complex numbers from pairs along the last axis."""
    x = jnp.asarray(x)
    if x.ndim < 1 or x.shape[-1] != 2:
        raise ShapeError(message("view_as_complex", expected="a last axis of 2", got=f"shape {tuple(x.shape)}"))
    return jax.lax.complex(x[..., 0], x[..., 1])


@op
def view_as_real(x: Any) -> Any:
    """Pairs along a new last axis from complex numbers."""
    return jnp.stack(_pair(x), axis=-1)


@op
def polar(abs_: Any, angle: Any) -> Any:
    """The complex numbers of a magnitude and an angle."""
    abs_, angle = jnp.asarray(array(abs_)), jnp.asarray(array(angle))
    return jax.lax.complex(abs_ * jnp.cos(angle), abs_ * jnp.sin(angle))


__all__ = public(globals())

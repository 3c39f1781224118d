"""Fourier transforms; complex numbers are pairs (real, imaginary)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import budget
from gazelle.core.dtypes import floatx, is_float
from gazelle.core.errors import ArgumentError, ArgumentTypeError, ShapeError, message
from gazelle.core.types import Array, ArrayLike
from gazelle.ops.base import array, op

__all__ = [
    "extract_sequences",
    "fft",
    "fft2",
    "ifft2",
    "irfft",
    "istft",
    "polar",
    "rfft",
    "stft",
    "view_as_complex",
    "view_as_real",
]


@op
def extract_sequences(x: ArrayLike, sequence_length: int, sequence_stride: int) -> Array:
    """Cut the last axis into overlapping sequences.

    Args:
        x: Array (..., time).
        sequence_length: Length of a sequence.
        sequence_stride: Distance of their first elements.

    Returns:
        An array (..., sequences, sequence_length).

    Example:
        >>> print(gazelle.ops.extract_sequences([1, 2, 3, 4], 2, 1))
        [[1 2]
         [2 3]
         [3 4]]
    """
    if not isinstance(sequence_stride, int | np.integer) or sequence_stride < 1:
        raise ArgumentError(message("sequence_stride", expected="an integer from 1 on", got=sequence_stride))
    starts = jnp.arange(0, x.shape[-1] - sequence_length + 1, sequence_stride)
    return x[..., starts[:, None] + jnp.arange(sequence_length)]


def _complex(x: Any) -> Any:
    if len(x) != 2:
        raise ArgumentError(
            message("A Fourier transform's input", expected="a pair (real, imaginary)", got=f"{len(x)} parts")
        )
    real, imaginary = (jnp.asarray(array(part)) for part in x)
    if real.ndim == 0:
        raise ShapeError(message("A Fourier transform's input", expected="at least one axis", got="a number"))
    real, imaginary = (part if is_float(part.dtype) else part.astype(floatx()) for part in (real, imaginary))
    return jax.lax.complex(real, imaginary)


def _pair(x: Any) -> tuple[Any, Any]:
    return jnp.real(x), jnp.imag(x)


@op
def fft(x: Sequence[ArrayLike]) -> tuple[Array, Array]:
    """Compute the discrete Fourier transform along the last axis.

    Args:
        x: Pair (real part, imaginary part).

    Returns:
        Pair (real part, imaginary part) of the same shape.

    Raises:
        ArgumentError: If `x` is no pair.
    """
    return _pair(jnp.fft.fft(_complex(x)))


@op
def fft2(x: Sequence[ArrayLike]) -> tuple[Array, Array]:
    """Compute the discrete Fourier transform along the last two axes.

    Args:
        x: Pair (real part, imaginary part).

    Returns:
        Pair (real part, imaginary part) of the same shape.

    Raises:
        ArgumentError: If `x` is no pair.
    """
    return _pair(jnp.fft.fft2(_complex(x)))


@op
def ifft2(x: Sequence[ArrayLike]) -> tuple[Array, Array]:
    """Compute the inverse discrete Fourier transform along the last two axes.

    Args:
        x: Pair (real part, imaginary part).

    Returns:
        Pair (real part, imaginary part) of the same shape.

    Raises:
        ArgumentError: If `x` is no pair.
    """
    return _pair(jnp.fft.ifft2(_complex(x)))


@op
def rfft(x: ArrayLike, fft_length: int | None = None) -> tuple[Array, Array]:
    """Compute the discrete Fourier transform of real numbers along the last axis.

    Args:
        x: Array (..., n).
        fft_length: Length to which the axis is cut or zero-padded; None keeps it.

    Returns:
        Pair (real part, imaginary part) of the n // 2 + 1 non-redundant frequencies.
    """
    return _pair(jnp.fft.rfft(x, fft_length))


@op
def irfft(x: Sequence[ArrayLike], fft_length: int | None = None) -> Array:
    """Compute the inverse of `rfft`.

    Args:
        x: Pair (real part, imaginary part).
        fft_length: Length of the result along the last axis; None is 2 (n - 1).

    Returns:
        An array of real numbers.

    Raises:
        ArgumentError: If `x` is no pair.
    """
    return jnp.fft.irfft(_complex(x), fft_length)


@op
def stft(
    x: ArrayLike,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: str | ArrayLike = "hann",
    center: bool = True,
) -> tuple[Array, Array]:
    """Compute the short-time Fourier transform: that of overlapping windows of the last axis.

    The window of `sequence_length` elements is centred in `fft_length` elements.

    Args:
        x: Array (..., time) of floats.
        sequence_length: Length of the window.
        sequence_stride: Distance of the windows.
        fft_length: Length of each transform.
        window: 'hann', 'hamming', an array (sequence_length,), or None for ones.
        center: Whether to pad both ends by reflection, so that the first window is centred on the first element.

    Returns:
        Pair (real part, imaginary part), both (..., windows, fft_length // 2 + 1).

    Raises:
        ArgumentError: If `x` is not of floats, or `fft_length` is below `sequence_length`.
    """
    budget.check_repetitions(fft_length // (x.shape[-1] or 1))  # of the input, by the padding
    shape = _window("stft", window, sequence_length, fft_length, x.dtype)
    if center:
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(fft_length // 2, fft_length // 2)], mode="reflect")
    return _pair(jnp.fft.rfft(extract_sequences(x, fft_length, sequence_stride) * shape))


@op
def istft(
    x: Sequence[ArrayLike],
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: str | ArrayLike = "hann",
    center: bool = True,
) -> Array:
    """Compute the inverse of `stft`: overlapping windows are added and divided by the sum of their squares.

    Args:
        x: Pair (real part, imaginary part), both (..., windows, fft_length // 2 + 1).
        sequence_length: Length of the window.
        sequence_stride: Distance of the windows.
        fft_length: Length of each transform.
        length: Length of the result; None keeps all.
        window: 'hann', 'hamming', an array (sequence_length,), or None for ones.
        center: Whether `stft` padded both ends.

    Returns:
        An array (..., time).

    Raises:
        ArgumentError: If `x` is no pair of floats, or `fft_length` is below `sequence_length`.
    """
    parts = jnp.fft.irfft(_complex(x), fft_length)
    shape = _window("istft", window, sequence_length, fft_length, parts.dtype)
    count = fft_length + sequence_stride * (parts.shape[-2] - 1)

    def overlap_add(parts: Any) -> Any:  # the transpose of cutting
        signal = jax.ShapeDtypeStruct((*parts.shape[:-2], count), parts.dtype)
        return jax.linear_transpose(lambda y: extract_sequences(y, fft_length, sequence_stride), signal)(parts)[0]

    weight = overlap_add(jnp.broadcast_to(shape**2, parts.shape[-2:]))
    signal = overlap_add(parts * shape) / jnp.where(weight > 1e-10, weight, 1)
    start = fft_length // 2 if center else 0
    stop = start + length if length is not None else count - start
    return signal[..., start:stop]


def _window(name: str, window: Any, length: int, fft_length: int, dtype: Any) -> Any:
    """The window, with zeros on both sides up to `fft_length` elements."""
    if not is_float(dtype) or fft_length < length:
        raise (ArgumentError if is_float(dtype) else ArgumentTypeError)(
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
def view_as_complex(x: ArrayLike) -> Array:
    """Convert pairs along the last axis to complex numbers.

    Args:
        x: Array (..., 2).

    Returns:
        An array (...) of complex numbers.

    Raises:
        ShapeError: If the last axis has another size.

    Example:
        >>> print(gazelle.ops.view_as_complex([1.0, 2.0]))
        (1+2j)
    """
    x = jnp.asarray(x)
    if x.ndim < 1 or x.shape[-1] != 2:
        raise ShapeError(message("view_as_complex", expected="a last axis of 2", got=f"shape {tuple(x.shape)}"))
    return jax.lax.complex(x[..., 0], x[..., 1])


@op
def view_as_real(x: ArrayLike) -> Array:
    """Convert complex numbers to pairs along a new last axis.

    Args:
        x: Array (...) of complex numbers.

    Returns:
        An array (..., 2).

    Example:
        >>> print(gazelle.ops.view_as_real([1 + 2j]))
        [[1. 2.]]
    """
    return jnp.stack(_pair(x), axis=-1)


@op
def polar(abs_: ArrayLike, angle: ArrayLike) -> Array:
    """Convert magnitudes and angles to complex numbers:  y = abs_ e^(i angle).

    Args:
        abs_: Magnitudes.
        angle: Angles in radians.

    Returns:
        An array of complex numbers.

    Example:
        >>> print(gazelle.ops.polar(2.0, 0.0))
        (2+0j)
    """
    abs_, angle = jnp.asarray(array(abs_)), jnp.asarray(array(angle))
    return jax.lax.complex(abs_ * jnp.cos(angle), abs_ * jnp.sin(angle))

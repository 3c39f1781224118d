"""Initializers without chance: zeros, ones, a constant, the identity, a given array, the Fourier transform."""

from __future__ import annotations

from typing import Any

import numpy as np

from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.initializers.base import Initializer, numpy_dtype


class Zeros(Initializer):
    """All 0.

    >>> Zeros()((2,))
    array([0., 0.], dtype=float32)
    """

    _names = ("zero",)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return np.zeros(shape, numpy_dtype(dtype))


class Ones(Initializer):
    """All 1.

    >>> Ones()((2,))
    array([1., 1.], dtype=float32)
    """

    _names = ("one",)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return np.ones(shape, numpy_dtype(dtype))


class Constant(Initializer):
    """All `value`: a number, or an array that broadcasts to the shape.

    >>> Constant(3.0)((2,))
    array([3., 3.], dtype=float32)
    """

    def __init__(self, value: Any = 0.0) -> None: ...

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return np.broadcast_to(np.asarray(self.value), shape).astype(numpy_dtype(dtype))


class Identity(Initializer):
    """`gain` on the main diagonal of a matrix, 0 elsewhere. Raises ArgumentError for any other rank.

    >>> Identity(gain=2.0)((2, 2)).tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """

    _names = ("IdentityInitializer",)

    def __init__(self, gain: float = 1.0) -> None: ...

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        if len(shape) != 2:
            raise ArgumentError(message("Identity makes matrices only", expected="a shape of 2 axes", got=tuple(shape)))
        return (self.gain * np.eye(*shape)).astype(numpy_dtype(dtype))


class Given(Initializer):
    """The array itself; what `get(array)` returns. Raises ShapeError if the weight has another shape."""

    def __init__(self, value: Any) -> None: ...

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        value = np.asarray(self.value)
        if value.shape != tuple(shape):
            raise ShapeError(
                message("The array given as initializer", expected=f"shape {tuple(shape)}", got=f"shape {value.shape}")
            )
        return value.astype(numpy_dtype(dtype))


class STFT(Initializer):
    """The short-time Fourier transform as a kernel of a 1D convolution, for a layer of spectrograms.

    kernel[t, 0, k] = window[t] f(-2 π t k / n) / scale,  f = cos ('real') or sin ('imag'),  n = 2 (bins - 1)

    The shape is (frame_length, 1, bins). scale is sqrt(Σ window²) ('density'), Σ |window| ('spectrum') or 1 (None).
    """

    _names = ("STFTInitializer",)

    def __init__(
        self, side: str = "real", window: Any = "hann", scaling: str | None = "density", periodic: bool = False
    ) -> None:
        if side not in ("real", "imag"):
            raise ArgumentError(message("STFT's side", expected="'real' or 'imag'", got=repr(side)))
        if scaling not in (None, "density", "spectrum"):
            raise ArgumentError(message("STFT's scaling", expected="'density', 'spectrum' or None", got=repr(scaling)))

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        length, _, bins = shape
        time, bin_ = np.arange(length)[:, None, None], np.arange(bins)[None, None, :]
        kernel = {"real": np.cos, "imag": np.sin}[self.side](-2 * np.pi * time * bin_ / (2 * (bins - 1)))
        if self.window is not None:
            window = self.window
            if isinstance(window, str):
                from scipy.signal import get_window

                window = get_window(window, length, self.periodic)
            window = np.asarray(window)
            if window.shape != (length,):
                raise ShapeError(message("STFT's window", expected=f"shape {(length,)}", got=f"shape {window.shape}"))
            scale = {"density": np.sqrt(np.sum(window**2)), "spectrum": np.sum(np.abs(window)), None: 1.0}[self.scaling]
            kernel = kernel * window[:, None, None] / scale
        return np.broadcast_to(kernel, shape).astype(numpy_dtype(dtype))

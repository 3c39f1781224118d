"""Deterministic initializers: zeros, ones, a constant, the identity, an array, the Fourier transform."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gazelle.core import budget
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.types import ArrayLike, DTypeLike
from gazelle.initializers.base import Initializer, numpy_dtype


class Zeros(Initializer):
    """Fills an array with 0.

    Example:
        >>> Zeros()((2,))
        array([0., 0.], dtype=float32)
    """

    _aliases = ("zero",)

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> np.ndarray:
        """Return an array of zeros."""
        return np.zeros(shape, numpy_dtype(dtype))


class Ones(Initializer):
    """Fills an array with 1.

    Example:
        >>> Ones()((2,))
        array([1., 1.], dtype=float32)
    """

    _aliases = ("one",)

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> np.ndarray:
        """Return an array of ones."""
        return np.ones(shape, numpy_dtype(dtype))


class Constant(Initializer):
    """Fills an array with a constant.

    Args:
        value: A number, or an array that broadcasts to the shape.

    Example:
        >>> Constant(3.0)((2,))
        array([3., 3.], dtype=float32)
    """

    def __init__(self, value: ArrayLike = 0.0) -> None: ...

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> np.ndarray:
        """Return an array of `value`."""
        return np.broadcast_to(np.asarray(self.value), shape).astype(numpy_dtype(dtype))


class Identity(Initializer):
    """Creates a matrix with `gain` on its main diagonal and 0 elsewhere.

    Args:
        gain: The number on the diagonal.

    Example:
        >>> Identity(gain=2.0)((2, 2)).tolist()
        [[2.0, 0.0], [0.0, 2.0]]
    """

    _aliases = ("IdentityInitializer",)

    def __init__(self, gain: float = 1.0) -> None: ...

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> np.ndarray:
        """Return a matrix.

        Raises:
            ArgumentError: If the shape does not have two axes.
        """
        if len(shape) != 2:
            raise ArgumentError(
                message("Identity creates only matrices", expected="a shape of 2 axes", got=tuple(shape))
            )
        return (self.gain * np.eye(shape[0], shape[1])).astype(numpy_dtype(dtype))


class Given(Initializer):
    """Returns a copy of an array; `initializers.get(array)` creates it.

    Args:
        value: The array.

    Example:
        >>> get(np.array([1.0, 2.0]))((2,))
        array([1., 2.], dtype=float32)
    """

    def __init__(self, value: ArrayLike) -> None: ...

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> np.ndarray:
        """Return the array in a dtype.

        Raises:
            ShapeError: If `shape` is not the shape of the array.
        """
        value = np.asarray(self.value)
        if value.shape != tuple(shape):
            raise ShapeError(
                message("The array given as initializer", expected=f"shape {tuple(shape)}", got=f"shape {value.shape}")
            )
        return value.astype(numpy_dtype(dtype))


class STFT(Initializer):
    """Creates the kernel of a 1D convolution that computes a short-time Fourier transform.

    kernel[t, 0, k] = window[t] f(-2 π t k / n) / scale,  n = 2 (bins - 1),  for the shape (frame_length, 1, bins)

    Args:
        side: "real" (f = cos) or "imag" (f = sin).
        window: Name of a window of `scipy.signal.get_window`, an array (frame_length,), or None for no window.
        scaling: "density" (scale = sqrt(Σ window²)), "spectrum" (scale = Σ |window|) or None (scale = 1).
        periodic: Whether a window given by name is periodic; else it is symmetric.

    Raises:
        ArgumentError: If `side` or `scaling` is unknown.

    Example:
        >>> STFT(window=None)((4, 1, 3)).round(1)[:, 0].tolist()
        [[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [1.0, -1.0, 1.0], [1.0, -0.0, -1.0]]
    """

    _aliases = ("STFTInitializer",)

    def __init__(
        self,
        side: str = "real",
        window: str | ArrayLike | None = "hann",
        scaling: str | None = "density",
        periodic: bool = False,
    ) -> None:
        if side not in ("real", "imag"):
            raise ArgumentError(message("STFT's side", expected="'real' or 'imag'", got=repr(side)))
        if scaling not in (None, "density", "spectrum"):
            raise ArgumentError(message("STFT's scaling", expected="'density', 'spectrum' or None", got=repr(scaling)))
        if isinstance(window, str):
            from scipy.signal import get_window

            try:
                get_window(window, 4)
            except ValueError as error:
                expected = "a window of scipy.signal.get_window"
                raise ArgumentError(message("STFT's window", expected=expected, got=repr(window))) from error

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> np.ndarray:
        """Return a kernel (frame_length, 1, bins).

        Raises:
            ShapeError: If `window` is an array of another length than the frame.
        """
        length, _, bins = shape
        budget.check(shape, weight=2)
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

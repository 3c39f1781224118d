"""Strings inside of a compiled program, as the bytes of which they consist."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import dtypes
from gazelle.core.errors import ArgumentTypeError, message
from gazelle.core.types import Array

_STEP = 4  # widths are powers of it, so that few different programs are compiled


class TextInProgramError(ArgumentTypeError):
    """A compiled program needs strings themselves; what is run uncompiled has them."""

    needs_values = True


class TextArray:
    """An array of strings whose UTF-8 bytes, padded with zeros, are the last axis of an array of the device.

    Layers that look up or split strings take it; each is a callback to the host.

    Args:
        codes: bytes (..., width).

    Example:
        >>> TextArray(encode(np.array([["a", "b"]]))).shape
        (1, 2)
    """

    dtype = np.dtype(object)
    __slots__ = ("codes",)

    def __init__(self, codes: Array | np.ndarray[Any, Any]) -> None:
        self.codes = codes

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes along the axes."""
        return tuple(self.codes.shape[:-1])

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of strings."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> TextArray:
        indices = index if isinstance(index, tuple) else (index,)
        return TextArray(self.codes[(*indices, slice(None)) if Ellipsis in indices else (*indices, ...)])

    def reshape(self, *shape: Any) -> TextArray:
        """Return the strings in another shape.

        Args:
            shape: the sizes, also as one tuple.
        """
        sizes = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
        return TextArray(self.codes.reshape(*sizes, self.codes.shape[-1]))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        if isinstance(self.codes, jax.core.Tracer):
            what = "Strings in a compiled program"
            hint = "Compute with strings before the model, or compile(run_eagerly=True)."
            raise TextInProgramError(message(what, expected="a lookup, TextVectorization or Hashing", hint=hint))
        return decode(self.codes).astype(object)


def encode(strings: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the bytes of strings, padded with zeros to a width that is a power of 4.

    Args:
        strings: an array of text or bytes.

    Returns:
        Bytes of the shape of the strings, and the width.
    """
    raw = [v if isinstance(v, bytes) else str(v).encode() for v in strings.ravel().tolist()]
    width, longest = _STEP**2, max(map(len, raw), default=0)
    while width < longest:
        width *= _STEP
    return np.array(raw, f"S{width}").view(np.uint8).reshape(*strings.shape, width)


def decode(codes: Array | np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the strings for bytes that `encode` returned, as an array of bytes.

    Args:
        codes: bytes (..., width).
    """
    array = np.ascontiguousarray(codes)
    return array.view(f"S{array.shape[-1]}").reshape(array.shape[:-1])


def call_on_host(
    function: Callable[..., Any], args: tuple[Any, ...], shape: tuple[int, ...], dtype: str | None
) -> jax.Array | TextArray:
    """Return what a function of the host computes from arrays, some of which are strings.

    Args:
        function: function of NumPy arrays; strings are arrays of bytes.
        args: its arguments: arrays, tracers and `TextArray`s.
        shape: shape of the result.
        dtype: dtype of the result; None for strings.

    Returns:
        An array, or strings.
    """
    width = max(arg.codes.shape[-1] for arg in args if isinstance(arg, TextArray)) * _STEP
    is_text = [isinstance(arg, TextArray) for arg in args]

    def run(*arrays: Any) -> Any:
        given = [decode(a) if text else np.asarray(a) for a, text in zip(arrays, is_text, strict=True)]
        out = function(*given)
        if dtype is not None:
            return np.asarray(out).astype(kind)
        short = encode(np.asarray(out))[..., :width]
        return np.pad(short, [*[(0, 0)] * (short.ndim - 1), (0, width - short.shape[-1])])

    kind = np.uint8 if dtype is None else dtypes.device_dtype(dtype)
    arrays = [jax.lax.stop_gradient(arg.codes if isinstance(arg, TextArray) else arg) for arg in args]
    place = jax.ShapeDtypeStruct((*shape, width) if dtype is None else shape, kind)
    if any(isinstance(array, jax.core.Tracer) for array in arrays):
        out = jax.pure_callback(run, place, *arrays)
    else:
        out = jnp.asarray(run(*arrays))
    return TextArray(out) if dtype is None else out

"""Weights quantized for measured inputs, by GPTQ or AWQ: integers with a scale and a zero point per group of rows."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from gazelle.core.types import Array, ArrayLike, DTypeLike
from gazelle.quantizers.layout import QuantizedLayout, dequantize, pack_int4, unpack_int4


class QuantizedMatrix(NamedTuple):
    """A matrix W (columns, rows) as integers q:  W ≈ (q - z) s / factors.

    Attributes:
        integers: q (columns, rows), from 0 to 2^bits - 1.
        scale: s (columns, groups).
        zero: z (columns, groups).
        groups: Group of each row.
        factors: Factor of each row; None for 1.
    """

    integers: np.ndarray
    scale: np.ndarray
    zero: np.ndarray
    groups: np.ndarray
    factors: np.ndarray | None = None


def scales(
    w: np.ndarray, bits: int, symmetric: bool = False, per_channel: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Return scale s and zero point z (columns, 1) of a group of rows, w ≈ (q - z) s with q from 0 to 2^bits - 1.

    Args:
        w: The rows of the group (columns, rows).
        bits: Bits of an integer.
        symmetric: Whether z is the middle of the integers.
        per_channel: Whether each column has a scale of its own.

    Example:
        >>> scales(np.array([[-1.0, 2.0]]), bits=2)
        (array([[1.]]), array([[1.]]))
    """
    over = (1,) if per_channel else (0, 1)
    low, high = np.minimum(w.min(over, keepdims=True), 0), np.maximum(w.max(over, keepdims=True), 0)  # 0 is exact
    if symmetric:
        high = np.maximum(-low, high)
        low = -high
    empty = low == high
    low, high, largest = np.where(empty, -1, low), np.where(empty, 1, high), 2**bits - 1
    scale = (high - low) / largest
    zero = np.full_like(scale, (largest + 1) / 2) if symmetric else np.round(-low / scale)
    return tuple(np.broadcast_to(each, (len(w), 1)).astype(w.dtype) for each in (scale, zero))  # type: ignore[return-value]


def integers(w: np.ndarray, scale: np.ndarray, zero: np.ndarray, bits: int) -> np.ndarray:
    """Return the nearest integers q of  w ≈ (q - z) s.

    Example:
        >>> integers(np.array([[-1.0, 0.4, 9.0]]), 1.0, 1.0, bits=2)
        array([[0., 1., 3.]])
    """
    return np.clip(np.round(w / scale + zero), 0, 2**bits - 1)


@dataclasses.dataclass(frozen=True)
class CalibratedLayout:
    """Layout of such a weight: (columns, rows), rows being the axes over which a product with the inputs sums.

    Args:
        form: Axes of the weight.
        bits: Bits of an integer; 4 are stored in pairs of columns.
        group_size: Rows with a common scale; -1 for all.

    Example:
        >>> layout = CalibratedLayout(QuantizedLayout((6, 4), "io", "o"), bits=4, group_size=3)
        >>> layout.shapes()
        {'': (2, 6), '_scale': (4, 2), '_zero': (4, 2)}
    """

    form: QuantizedLayout
    bits: int
    group_size: int

    @property
    def columns(self) -> int:
        """The number of columns."""
        return math.prod(self.form.shape) // self.form.rows

    @property
    def group(self) -> int:
        """The number of rows with a common scale."""
        return self.form.rows if self.group_size == -1 else self.group_size

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return {suffix of the name: shape} of the stored arrays."""
        stored = math.ceil(self.columns / 2) if self.bits == 4 else self.columns
        of_groups = (self.columns, math.ceil(self.form.rows / self.group))
        return {"": (stored, self.form.rows), "_scale": of_groups, "_zero": of_groups}

    def matrix(self, weight: ArrayLike) -> np.ndarray:
        """Return a weight as a matrix (columns, rows)."""
        return np.asarray(weight).transpose(self._order).reshape(self.form.rows, self.columns).T

    def stored(self, matrix: QuantizedMatrix) -> dict[str, ArrayLike]:
        """Return {suffix of the name: array} of the stored arrays."""
        q = matrix.integers.astype("uint8")
        packed = pack_int4(q, dtype="uint8")[0] if self.bits == 4 else q
        return {"": packed, "_scale": matrix.scale, "_zero": matrix.zero}

    def integers(self, stored: Array) -> Array:
        """Return the integers (columns, rows), one per byte."""
        return unpack_int4(stored, self.columns, dtype="uint8") if self.bits == 4 else stored

    def dequantize(
        self, stored: Mapping[str, Array], groups: Array, factors: Array | None, dtype: DTypeLike = "float32"
    ) -> Array:
        """Return the weight in floats.

        Args:
            stored: The stored arrays.
            groups: Group of each row.
            factors: Factor of each row; None for 1.
            dtype: Dtype of the result.
        """
        q = self.integers(stored[""]).astype(dtype)
        w = dequantize(q, stored["_scale"].astype(dtype), stored["_zero"], groups, axis=-1).T
        if factors is not None:
            w = w / factors.astype(dtype)[:, None]
        shape = [self.form.shape[axis] for axis in self._order]
        return jnp.transpose(w.reshape(shape), [self._order.index(axis) for axis in range(len(shape))])

    @property
    def _order(self) -> tuple[int, ...]:
        """The axes of the weight, those of the rows first."""
        rows = self.form.shared_axes
        return (*rows, *(axis for axis in range(len(self.form.shape)) if axis not in rows))

"""Layout of quantized weights: axes with a common scale, and pairs of 4-bit integers in a byte."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core.errors import ArgumentError, ArgumentTypeError, message
from gazelle.core.types import Array, ArrayLike, ArrayT, DTypeLike
from gazelle.ops.base import array as to_array
from gazelle.quantizers.absmax import AbsMaxQuantizer, abs_max_quantize, abs_max_quantize_grouped_with_zero_point
from gazelle.quantizers.configs import Int4QuantizationConfig, QuantizationConfig

INT4_RANGE = (-8, 7)


def pack_int4(arr: ArrayLike, axis: int = 0, dtype: str = "int8") -> tuple[Array, tuple[int, ...], int]:
    """Pack pairs of 4-bit integers along an axis into bytes; the first of a pair is in the low half.

    Args:
        arr: Integers of `dtype` from -8 to 7, or 0 to 15 for 'uint8'. An odd last one is paired with 0.
        axis: The axis.
        dtype: 'int8' or 'uint8'.

    Returns:
        (bytes, their shape, size of the axis before).

    Raises:
        ArgumentError: If `dtype` is another one.
        ArgumentTypeError: If the array has another dtype.

    Example:
        >>> packed, shape, size = pack_int4(np.array([[-3, 7], [2, -8], [1, 0]], "int8"))
        >>> packed, shape, size
        (Array([[  45, -121],
               [   1,    0]], dtype=int8), (2, 2), 3)
    """
    _check_int4("pack_int4", arr, dtype, (dtype,))
    x = np.moveaxis(np.asarray(to_array(arr)).view("uint8"), axis, 0) & 0x0F  # NumPy: nothing is compiled
    size = len(x)
    x = np.concatenate([x, np.zeros_like(x[: size % 2])])
    packed = np.moveaxis(x[::2] | x[1::2] << 4, 0, axis).view(dtype)
    return jnp.asarray(packed), packed.shape, size


def unpack_int4(packed: ArrayLike, orig_len: int, axis: int = 0, dtype: str = "int8") -> Array:
    """Unpack what `pack_int4` packed:  (..., ceil(orig_len / 2), ...)  ->  (..., orig_len, ...).

    Args:
        packed: The bytes.
        orig_len: Size of the axis before packing.
        axis: The axis.
        dtype: 'int8' or 'uint8'.

    Returns:
        The integers.

    Raises:
        ArgumentError: If `dtype` is another one.
        ArgumentTypeError: If the array has another dtype.

    Example:
        >>> unpack_int4(np.array([[45, -121], [1, 0]], "int8"), 3)
        Array([[-3,  7],
               [ 2, -8],
               [ 1,  0]], dtype=int8)
    """
    _check_int4("unpack_int4", packed, dtype, ("int8", "uint8"))
    x = jnp.moveaxis(jnp.asarray(to_array(packed)), axis, 0).astype("uint8")
    x = jnp.stack([x & 0x0F, x >> 4], axis=1).reshape(2 * len(x), *x.shape[1:])[:orig_len]
    x = x.astype(dtype)
    if dtype == "int8":
        x = (x ^ 8) - 8  # 8 to 15 are the negative integers
    return jnp.moveaxis(x, 0, axis)


def _check_int4(owner: str, arr: Any, dtype: str, accepted: tuple[str, ...]) -> None:
    if dtype not in ("int8", "uint8"):
        raise ArgumentError(message(f"dtype of {owner}", expected="'int8' or 'uint8'", got=repr(dtype)))
    if str(arr.dtype) not in accepted:
        raise ArgumentTypeError(message(owner, expected=f"an array of {' or '.join(accepted)}", got=str(arr.dtype)))


@dataclasses.dataclass(frozen=True)
class QuantizedLayout:
    """Layout of a weight whose axes are named by letters; axes whose letter the outputs lack share a scale.

    8 bits keep the shape of the weight, and scales have the axes of the outputs, so that they divide a product
    directly. 4 bits are stored as (rows, columns), with the axes with a common scale as rows.

    Args:
        shape: Shape of the weight.
        letters: One letter for each axis.
        outputs: Letters of the axes of the outputs.
        transposed: Stores 4 bits as (columns, rows).
        packed_axis: Axis of the matrix along which 4-bit integers are packed.

    Example:
        >>> QuantizedLayout((4, 3), "io", "o").shapes("int8", None)
        {'': (4, 3), '_scale': (3,)}
        >>> QuantizedLayout((4, 3), "io", "o").shapes("int4", 2)
        {'': (4, 2), '_scale': (2, 3), '_zero': (2, 3)}
    """

    shape: tuple[int, ...]
    letters: str
    outputs: str
    transposed: bool = False
    packed_axis: int = -1

    @property
    def shared_axes(self) -> tuple[int, ...]:
        """The axes with a common scale."""
        return tuple(i for i, letter in enumerate(self.letters) if letter not in self.outputs)

    @property
    def rows(self) -> int:
        """The number of values with a common scale, with one scale for each column."""
        return math.prod(self.shape[i] for i in self.shared_axes)

    def shapes(self, mode: str, block: int | None) -> dict[str, tuple[int, ...]]:
        """Return {suffix of the name: shape} of the stored arrays.

        Args:
            mode: 'int8' or 'int4'.
            block: Rows with a common scale and a zero point; None for all.
        """
        if mode == "int8":
            ones = [1 if i in self.shared_axes else n for i, n in enumerate(self.shape)]
            scale = align_axes(np.broadcast_to(np.float32(1), ones), self.letters, self.outputs).shape
            return {"": self.shape, "_scale": scale}
        columns = math.prod(self.shape) // self.rows
        integers, scales = [self.rows, columns], [columns]
        if block is not None:
            scales.insert(0, math.ceil(self.rows / block))
        if self.transposed:
            integers, scales = integers[::-1], scales[::-1]
        integers[self.packed_axis] = math.ceil(integers[self.packed_axis] / 2)
        stored = {"": tuple(integers), "_scale": tuple(scales)}
        return stored if block is None else {**stored, "_zero": tuple(scales)}

    def quantize(self, weight: ArrayLike, config: QuantizationConfig) -> dict[str, Array]:
        """Return {suffix of the name: array} of the stored arrays of a weight.

        Args:
            weight: The weight in floats.
            config: The number of bits and the quantizers.
        """
        w = np.asarray(weight)
        quantizer = config.weight_quantizer
        if not isinstance(config, Int4QuantizationConfig):
            q, scale = _quantize(quantizer or AbsMaxQuantizer(), w, self.shared_axes)
            return {"": q, "_scale": align_axes(scale, self.letters, self.outputs)}
        matrix = (w.T if self.transposed else w).reshape(self.rows, -1)
        if config.rows is not None:
            stored: Any = abs_max_quantize_grouped_with_zero_point(matrix, config.rows, to_numpy=True)
        else:
            default = AbsMaxQuantizer(axis=0, value_range=INT4_RANGE)
            q, scale = _quantize(quantizer or default, matrix, (0,))
            stored = (q, scale[0])
        q, *more = [array.T if self.transposed else array for array in stored]
        packed = pack_int4(q, axis=self.packed_axis)[0]
        return dict(zip(("", "_scale", "_zero"), (packed, *more), strict=False))

    def integers(self, stored: Array, mode: str) -> Array:
        """Return the integers, one per byte.

        Args:
            stored: The stored array of integers.
            mode: 'int8' or 'int4'.
        """
        if mode == "int8":
            return stored
        return unpack_int4(stored, self._matrix_shape[self.packed_axis], axis=self.packed_axis)

    def dequantize(
        self, stored: Mapping[str, Array], mode: str, groups: Array | None = None, dtype: DTypeLike = "float32"
    ) -> Array:
        """Return the weight in floats: the approximate inverse of `quantize`.

        Args:
            stored: The stored arrays.
            mode: 'int8' or 'int4'.
            groups: Group of each row, if rows have zero points.
            dtype: Dtype of the result.
        """
        q, scale = self.integers(stored[""], mode).astype(dtype), stored["_scale"]
        if mode == "int8":
            return q / align_axes(scale, self.outputs, self.letters)
        axis = -1 if self.transposed else 0
        return dequantize(q, scale, stored.get("_zero"), groups, axis).reshape(self.shape)

    @property
    def _matrix_shape(self) -> tuple[int, int]:
        rows, columns = self.rows, math.prod(self.shape) // self.rows
        return (columns, rows) if self.transposed else (rows, columns)


def _quantize(quantizer: Any, x: np.ndarray, axes: tuple[int, ...]) -> Any:
    if type(quantizer) is AbsMaxQuantizer:
        return abs_max_quantize(x, axes, quantizer.value_range, "int8", quantizer.epsilon, to_numpy=True)
    return quantizer(x, axis=axes)


def dequantize(q: Array, scale: Array, zero: Array | None = None, groups: Array | None = None, axis: int = 0) -> Array:
    """Return  q / s,  or  (q - z) s  with the scale and zero point of the group of each index along `axis`.

    Example:
        >>> dequantize(jnp.array([[64.0], [-127.0]]), jnp.array([127.0]))
        Array([[ 0.503937],
               [-1.      ]], dtype=float32)
    """
    if zero is None:
        return q / jnp.expand_dims(scale, axis)
    assert groups is not None  # rows with zero points are in groups
    return (q - jnp.take(zero, groups, axis).astype(q.dtype)) * jnp.take(scale, groups, axis)


def align_axes(x: ArrayT, letters: str, target: str) -> ArrayT:
    """Transpose x from axes `letters` to axes `target`: missing axes get size 1, axes of size 1 may be dropped.

    Example:
        >>> align_axes(np.ones((2, 1, 3)), "abc", "cda").shape
        (3, 1, 2)
    """
    common = [letter for letter in letters if letter in target]
    x = x.reshape([n for n, letter in zip(x.shape, letters, strict=True) if letter in target])
    x = x.transpose(sorted(range(len(common)), key=lambda i: target.index(common[i])))
    sizes = iter(x.shape)
    return x.reshape([next(sizes) if letter in common else 1 for letter in target])


@jax.custom_jvp
def straight_through(value: Array, smooth: Array) -> Array:
    """Return `value` with the gradient of `smooth`: rounding has no useful gradient of its own.

    Example:
        >>> jax.grad(lambda x: straight_through(jnp.round(x), 3 * x))(1.2)
        Array(3., dtype=float32, weak_type=True)
    """
    return value


@straight_through.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    return primals[0], tangents[1].astype(primals[0].dtype)

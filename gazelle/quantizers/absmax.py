"""Quantization by the largest magnitude: integers and a scale for floats, so that 0 stays 0."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle.core import dtypes
from gazelle.core.config import Configurable
from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array, ArrayLike, Config, DTypeLike
from gazelle.ops.base import EPSILON, array


def abs_max_quantize(
    inputs: ArrayLike,
    axis: int | Sequence[int] | None,
    value_range: tuple[int, int] = (-127, 127),
    dtype: DTypeLike = "int8",
    epsilon: float = EPSILON,
    to_numpy: bool = False,
) -> tuple[Array, Array]:
    """Quantize an array:  s = high / (max |x| + epsilon),  q = clip(round(s x), low, high),  so that x ≈ q / s.

    Args:
        inputs: The array x.
        axis: Axes with a common scale; they have size 1 in s.
        value_range: (low, high).
        dtype: Dtype of q.
        epsilon: Added to the largest magnitude, which may be 0.
        to_numpy: Computes on the host, which uses no memory of the device.

    Returns:
        (q, s).

    Example:
        >>> q, s = abs_max_quantize(jnp.array([[0.5, -1.0, 0.25]]), axis=-1)
        >>> q, s.shape
        (Array([[  63, -127,   32]], dtype=int8), (1, 1))
    """
    xp: Any = np if to_numpy else jnp
    x = np.asarray(inputs) if to_numpy else jnp.asarray(array(inputs))
    axes = tuple(axis) if isinstance(axis, (list, tuple)) else axis
    scale = (value_range[1] / (xp.max(xp.abs(x), axis=axes, keepdims=True) + epsilon)).astype(x.dtype)
    q = xp.clip(xp.round(x * scale), *value_range).astype(dtypes.standardize(dtype))
    return jnp.asarray(q), jnp.asarray(scale)


def abs_max_quantize_grouped_with_zero_point(
    inputs: ArrayLike,
    block_size: int,
    value_range: tuple[int, int] = (-8, 7),
    dtype: DTypeLike = "int8",
    epsilon: float = EPSILON,
    to_numpy: bool = False,
) -> tuple[Array, Array, Array]:
    """Quantize groups of rows of a matrix, each column of a group with a scale and a zero point of its own.

    s = (max x - min x + epsilon) / (high - low),  z = clip(round(-min x / s) + low, low, high),
    q = clip(round(x / s) + z, low, high),  so that x ≈ (q - z) s.

    x (rows, columns)  ->  q (rows, columns), s and z (groups, columns),  groups = ceil(rows / block_size)

    Missing rows of the last group count as 0. If a group is far from 0, no zero point represents it well.

    Args:
        inputs: The matrix x.
        block_size: Rows per group.
        value_range: (low, high).
        dtype: Dtype of q.
        epsilon: Added to the range of a group, which may be 0.
        to_numpy: Computes on the host, which uses no memory of the device.

    Returns:
        (q, s, z).

    Example:
        >>> q, s, z = abs_max_quantize_grouped_with_zero_point(jnp.arange(-1.0, 5).reshape(6, 1), block_size=4)
        >>> q.ravel(), z.ravel()
        (Array([-8, -3,  2,  7,  3,  7], dtype=int8), Array([-3, -8], dtype=int8))
    """
    xp: Any = np if to_numpy else jnp
    x: Any = np.asarray(inputs) if to_numpy else jnp.asarray(array(inputs))
    low, high = value_range
    rows, columns = x.shape
    groups = math.ceil(rows / block_size)
    x = xp.pad(x, ((0, groups * block_size - rows), (0, 0))).reshape(groups, block_size, columns)
    least = xp.min(x, axis=1, keepdims=True)
    scale = (xp.max(x, axis=1, keepdims=True) - least + epsilon) / (high - low)
    zero = xp.clip(xp.round(-least / scale) + low, low, high)
    q = xp.clip(xp.round(x / scale) + zero, low, high).astype(dtypes.standardize(dtype))
    q = q.reshape(groups * block_size, columns)[:rows]
    return jnp.asarray(q), jnp.asarray(scale[:, 0], x.dtype), jnp.asarray(zero[:, 0], "int8")


class Quantizer(Configurable):
    """Base class of quantizers: a subclass defines `__call__(x, axis=None, to_numpy=False) -> (q, scale)`.

    Args:
        output_dtype: Dtype of the integers.

    Example:
        >>> Quantizer()(3.0)
        3.0
    """

    _namespace = "quantizers"
    _snake_case_names = True

    def __init__(self, output_dtype: DTypeLike = "int8") -> None:
        super().__init__()

    def __call__(self, x: ArrayLike) -> ArrayLike | tuple[Array, Array]:
        """Return x unchanged: the base class quantizes nothing.

        Args:
            x: An array.
        """
        return x


class AbsMaxQuantizer(Quantizer):
    """Quantizer by the largest magnitude: `abs_max_quantize` as an object.

    Args:
        axis: Axes with a common scale, unless the call names others; None is the last axis.
        value_range: Smallest and largest integer.
        epsilon: Added to the largest magnitude, which may be 0.
        output_dtype: Dtype of the integers.

    Raises:
        ArgumentError: If `value_range` does not fit int8.

    Example:
        >>> q, s = AbsMaxQuantizer(axis=0)(jnp.array([[1.0, 4.0], [-2.0, 2.0]]))
        >>> q
        Array([[  64,  127],
               [-127,   64]], dtype=int8)
    """

    def __init__(
        self,
        axis: int | Sequence[int] | None = None,
        value_range: Sequence[int] = (-127, 127),
        epsilon: float = EPSILON,
        output_dtype: DTypeLike = "int8",
    ) -> None:
        super().__init__(output_dtype)
        self.axis = (axis,) if isinstance(axis, int) else None if axis is None else tuple(axis)
        low, high = value_range
        self.value_range = (low, high)
        if output_dtype == "int8" and not -128 <= low < high <= 127:
            expected = "two integers from -128 to 127, the range of int8"
            raise ArgumentError(message("value_range of AbsMaxQuantizer", expected=expected, got=repr(value_range)))

    def __call__(
        self, x: ArrayLike, axis: int | Sequence[int] | None = None, to_numpy: bool = False
    ) -> tuple[Array, Array]:
        """Return (q, s): see `abs_max_quantize`.

        Args:
            x: An array.
            axis: Axes with a common scale; None means those of the quantizer.
            to_numpy: Computes on the host, which uses no memory of the device.
        """
        axis = self.axis if axis is None else axis
        axis = -1 if axis is None else axis
        return abs_max_quantize(x, axis, self.value_range, self.output_dtype, self.epsilon, to_numpy)

    def get_config(self) -> Config:
        """Return the constructor arguments as values that JSON can hold; `axis` only if it is set.

        Returns:
            The config.
        """
        config = super().get_config()
        return {key: value for key, value in config.items() if key != "axis" or value is not None}

"""Scales for groups of rows, each with a zero of its own: closer than one scale where weights lie to one side of 0."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle.core import dtypes
from gazelle.ops.base import EPSILON, array


def abs_max_quantize_grouped_with_zero_point(
    inputs: Any,
    block_size: int,
    value_range: tuple[int, int] = (-8, 7),
    dtype: Any = "int8",
    epsilon: float = EPSILON,
    to_numpy: bool = False,
) -> tuple[Any, Any, Any]:
    """(q, s, z) of  s = (max x - min x + epsilon) / (high - low),  z = clip(round(-min x / s) + low),
    q = clip(round(x / s) + z)  in each column of each group of rows; x is about (q - z) s.

    x (rows, columns)  ->  q (rows, columns), s and z (groups, columns),  groups = ceil(rows / block_size)

    The rows that the last group lacks count as 0. Where a group lies far to one side of 0, no z fits it.

    Args:
        inputs: x.
        block_size: rows of a group.
        value_range: (low, high).
        to_numpy: compute on the host, which needs no memory of the device.

    >>> q, s, z = abs_max_quantize_grouped_with_zero_point(jnp.arange(-1.0, 5).reshape(6, 1), block_size=4)
    >>> q.ravel(), z.ravel()
    (Array([-8, -3,  2,  7,  3,  7], dtype=int8), Array([-3, -8], dtype=int8))
    """
    xp: Any = np if to_numpy else jnp
    x = np.asarray(inputs) if to_numpy else jnp.asarray(array(inputs))
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

"""Whole numbers of 8 bits for floats: divided by the largest magnitude, so that zero stays zero."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle.core import dtypes
from gazelle.core.config import Configurable
from gazelle.core.errors import ArgumentError, message
from gazelle.ops.base import EPSILON, array


def abs_max_quantize(
    inputs: Any,
    axis: Any,
    value_range: tuple[int, int] = (-127, 127),
    dtype: Any = "int8",
    epsilon: float = EPSILON,
    to_numpy: bool = False,
) -> tuple[Any, Any]:
    """(q, s) of  s = high / (max |x| + epsilon),  q = clip(round(s x), low, high)  over `axis`; x is about q / s.

    Args:
        inputs: x.
        axis: the axes that share a scale; they stay in s with size 1.
        value_range: (low, high).
        to_numpy: compute on the host, which needs no memory of the device.

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


class Quantizer(Configurable):
    """The parent of quantizers: a subclass gives `__call__(x, axis=None, to_numpy=False) -> (q, scale)`.

    >>> Quantizer()(3.0)
    3.0
    """

    _namespace = "quantizers"
    _snake_case_names = True

    def __init__(self, output_dtype: Any = "int8") -> None:
        super().__init__()

    def __call__(self, x: Any) -> Any:
        return x


class AbsMaxQuantizer(Quantizer):
    """`abs_max_quantize` as an object.

    Args:
        axis: the axes that share a scale, where the call names none; None is the last one.
        value_range: least and largest whole number.
        epsilon: added to the largest magnitude, which may be 0.
        output_dtype: dtype of the whole numbers.

    >>> q, s = AbsMaxQuantizer(axis=0)(jnp.array([[1.0, 4.0], [-2.0, 2.0]]))
    >>> q
    Array([[  64,  127],
           [-127,   64]], dtype=int8)
    """

    def __init__(
        self, axis: Any = None, value_range: Any = (-127, 127), epsilon: float = EPSILON, output_dtype: Any = "int8"
    ) -> None:
        super().__init__(output_dtype)
        self.axis = (axis,) if isinstance(axis, int) else None if axis is None else tuple(axis)
        self.value_range = low, high = tuple(value_range)
        if output_dtype == "int8" and not -128 <= low < high <= 127:
            expected = "two numbers from -128 to 127, as int8 has them"
            raise ArgumentError(message("value_range of AbsMaxQuantizer", expected=expected, got=repr(value_range)))

    def __call__(self, x: Any, axis: Any = None, to_numpy: bool = False) -> tuple[Any, Any]:
        axis = self.axis if axis is None else axis
        axis = -1 if axis is None else axis
        return abs_max_quantize(x, axis, self.value_range, self.output_dtype, self.epsilon, to_numpy)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {key: value for key, value in config.items() if key != "axis" or value is not None}

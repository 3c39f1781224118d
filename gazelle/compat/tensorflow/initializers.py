"""Initializers that differ from those of Keras, and those of `tf.contrib.layers`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gazelle import initializers
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.classes import compat_class
from gazelle.compat.era import called_by_gazelle
from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.names import fixed_shape, named
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import DTypeLike, ShapeLike, TensorLike, TensorResult


@named("contrib.layers.variance_scaling_initializer")
def variance_scaling(
    factor: float = 2.0, mode: str = "FAN_IN", uniform: bool = False, seed: int | None = None, dtype: object = None
) -> TensorResult:
    """`tf.contrib.layers.variance_scaling_initializer`: truncated normal numbers, or uniform ones."""
    kind = "uniform" if uniform else "truncated_normal"
    return compat_class(initializers.VarianceScaling)(factor, mode.lower(), kind, seed)


@named("contrib.layers.xavier_initializer", "contrib.layers.xavier_initializer_conv2d")
@ignores("dtype")
def xavier(uniform: bool = True, seed: int | None = None) -> TensorResult:
    """`tf.contrib.layers.xavier_initializer`: Glorot's, with uniform or with truncated normal numbers."""
    return variance_scaling(1.0, "FAN_AVG", uniform, seed)


class UniformInitializer(compat_class(initializers.RandomUniform)):
    """`RandomUniform` whose bounds may also be arrays, which broadcast to the shape.

    >>> UniformInitializer([0.0, 5.0], [1.0, 6.0], seed=1)((3, 2)).min(0) >= [0, 5]
    array([ True,  True])
    """

    def __init__(self, minval: TensorLike = -0.05, maxval: TensorLike = 0.05, seed: int | None = None) -> None:
        bounds = [np.asarray(unboxed(bound), np.float32) for bound in (minval, maxval)]
        self._bounds: Any = bounds if any(bound.ndim for bound in bounds) else None
        super().__init__(*((0.0, 1.0) if self._bounds else map(float, bounds)), seed=seed)

    @ignores("partition_info partition_shape partition_offset")
    def __call__(self, shape: ShapeLike, dtype: DTypeLike = None) -> TensorResult:
        values = super().__call__(shape, dtype)
        if self._bounds is not None:
            low, high = self._bounds(shape) if callable(self._bounds) else self._bounds
            values = low + (high - low) * values
        return values if called_by_gazelle(2) else Tensor(values)  # 1 is the frame of `ignores`


class Constant(compat_class(initializers.Constant), abstract=True):  # type: ignore[call-arg]
    """`Constant` whose array is reshaped, and continues with its last element, as in TensorFlow 1.

    >>> Constant([[1, 2], [3, 4]])((3, 2)).tolist()
    [[1.0, 2.0], [3.0, 4.0], [4.0, 4.0]]
    """

    @ignores("partition_info partition_shape partition_offset")
    def __call__(self, shape: ShapeLike, dtype: DTypeLike = None) -> TensorResult:
        flat, size = np.ravel(unboxed(self.value)), math.prod(shape)
        if 1 < flat.size <= size:
            values = np.append(flat, np.repeat(flat[-1:], size - flat.size)).reshape(tuple(shape))
            values = values.astype(name_of("float32" if dtype is None else dtype))
        else:
            values = super().__call__(shape, dtype)
        return values if called_by_gazelle(2) else Tensor(values)  # 1 is the frame of `ignores`


@named("uniform_unit_scaling_initializer", "initializers.uniform_unit_scaling")
class UnitScalingInitializer(UniformInitializer):
    """Uniform numbers up to factor * sqrt(3 / n), where n is the number of elements of all axes but the last.

    >>> round(float(abs(UnitScalingInitializer(2.0, seed=1)((12, 500))).max()), 2)
    1.0
    """

    @ignores("dtype")
    def __init__(self, factor: float = 1.0, seed: int | None = None) -> None:
        self._factor = factor
        super().__init__(0.0, 1.0, seed)
        self._bounds = self._of_shape

    def _of_shape(self, shape: ShapeLike) -> tuple[float, float]:
        limit = self._factor * math.sqrt(3.0 / max(1, math.prod(fixed_shape(shape)[:-1])))
        return -limit, limit

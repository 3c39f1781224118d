"""Layers that enlarge the axes of space or time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp

from gazelle.core.types import Array
from gazelle.layers.base import Layer
from gazelle.layers.spatial import choice, set_data_format, sizes, space_axes
from gazelle.ops.image.weighted_resizing import WEIGHTED, weighted

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions


class _UpSampling(Layer):
    """Each position `size` times along each axis of space."""

    rank: int
    interpolation = "nearest"
    size: Any

    def __init__(
        self, size: int | Sequence[int] = 2, data_format: str | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        set_data_format(self, data_format)
        each = sizes(type(self).__name__, "size", size, self.rank)
        self.size = each if self.rank > 1 else each[0]

    def call(self, x: Array) -> Array:
        times = dict(zip(space_axes(self), self.size if self.rank > 1 else (self.size,), strict=True))
        if self.interpolation in WEIGHTED:
            return weighted(x, {axis: x.shape[axis] * n for axis, n in times.items()}, self.interpolation)
        if self.interpolation != "nearest":
            shape = [n * times.get(axis, 1) for axis, n in enumerate(x.shape)]
            return jax.image.resize(x, shape, method=self.interpolation, antialias=False)
        for axis, n in times.items():
            x = jnp.repeat(x, n, axis=axis)
        return x


class UpSampling1D(_UpSampling):
    """Repetition of each time step:  x (batch, steps, features)  ->  y (batch, steps size, features).

    Args:
        size: Number of repetitions.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Example:
        >>> UpSampling1D(3)(jnp.ones((5, 8, 4))).shape
        (5, 24, 4)
    """

    rank = 1

    def __init__(self, size: int = 2, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(size, "channels_last", **kwargs)


class UpSampling2D(_UpSampling):
    """Enlargement of images by interpolation.

    x (batch, rows, columns, channels)  ->  y (batch, rows size[0], columns size[1], channels)

    Args:
        size: Factor, an integer or (for rows, for columns).
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        interpolation: 'nearest' repeats pixels; 'bilinear', 'bicubic', 'lanczos3', 'lanczos5', 'area', 'gaussian' and
            'mitchellcubic' interpolate.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Example:
        >>> UpSampling2D(2, interpolation="bilinear")(jnp.ones((5, 8, 8, 4))).shape
        (5, 16, 16, 4)
    """

    rank = 2
    methods = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", *WEIGHTED)

    def __init__(
        self,
        size: int | Sequence[int] = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(size, data_format, **kwargs)
        self.interpolation = choice("UpSampling2D", "interpolation", interpolation, self.methods)


class UpSampling3D(_UpSampling):
    """Repetition of each position of a volume.

    x (batch, d1, d2, d3, channels)  ->  y (batch, d1 size[0], d2 size[1], d3 size[2], channels)

    Args:
        size: Number of repetitions, an integer or one per axis.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Example:
        >>> UpSampling3D(2)(jnp.ones((5, 2, 2, 2, 4))).shape
        (5, 4, 4, 4, 4)
    """

    rank = 3

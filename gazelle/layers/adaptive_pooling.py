"""Adaptive pooling: the output size is given, the windows follow from the input size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

from gazelle import ops
from gazelle.core.types import Array
from gazelle.layers.base import Layer
from gazelle.layers.spatial import set_data_format, sizes

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions


class _AdaptivePooling(Layer):
    """Along an axis of size n, window i of m covers the positions from floor(i n / m) up to ceil((i + 1) n / m)."""

    rank: int
    largest = False  # maximum instead of mean

    def __init__(
        self, output_size: int | Sequence[int], data_format: str | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        set_data_format(self, data_format)
        self.output_size = sizes(type(self).__name__, "output_size", output_size, self.rank)

    def call(self, x: Array) -> Array:
        pool = ops.adaptive_max_pool if self.largest else ops.adaptive_average_pool
        return pool(x, self.output_size, self.data_format)


class AdaptiveAveragePooling1D(_AdaptivePooling):
    """Mean of each of `output_size` windows of time steps.

    x (batch, steps, channels)  ->  y (batch, output_size, channels)

    Window i of m covers the positions from floor(i n / m) to ceil((i + 1) n / m) - 1 of an axis of size n.

    Args:
        output_size: Number of windows, an integer or one per axis.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Example:
        >>> AdaptiveAveragePooling1D(3)(jnp.ones((2, 8, 3))).shape
        (2, 3, 3)
    """

    rank = 1


class AdaptiveAveragePooling2D(_AdaptivePooling):
    """Mean of each of `output_size` windows of an image.

    x (batch, rows, columns, channels)  ->  y (batch, *output_size, channels)

    Window i of m covers the positions from floor(i n / m) to ceil((i + 1) n / m) - 1 of an axis of size n.

    Args:
        output_size: Number of windows, an integer or one per axis.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Example:
        >>> AdaptiveAveragePooling2D((3, 2))(jnp.ones((2, 8, 8, 3))).shape
        (2, 3, 2, 3)
    """

    rank = 2


class AdaptiveAveragePooling3D(_AdaptivePooling):
    """Mean of each of `output_size` windows of a volume.

    x (batch, d1, d2, d3, channels)  ->  y (batch, *output_size, channels)

    Window i of m covers the positions from floor(i n / m) to ceil((i + 1) n / m) - 1 of an axis of size n.

    Args:
        output_size: Number of windows, an integer or one per axis.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Example:
        >>> AdaptiveAveragePooling3D(2)(jnp.ones((1, 4, 4, 4, 3))).shape
        (1, 2, 2, 2, 3)
    """

    rank = 3


class AdaptiveMaxPooling1D(_AdaptivePooling):
    """Maximum of each of `output_size` windows of time steps.

    x (batch, steps, channels)  ->  y (batch, output_size, channels)

    Window i of m covers the positions from floor(i n / m) to ceil((i + 1) n / m) - 1 of an axis of size n.

    Args:
        output_size: Number of windows, an integer or one per axis.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Example:
        >>> AdaptiveMaxPooling1D(3)(jnp.ones((2, 8, 3))).shape
        (2, 3, 3)
    """

    rank, largest = 1, True


class AdaptiveMaxPooling2D(_AdaptivePooling):
    """Maximum of each of `output_size` windows of an image.

    x (batch, rows, columns, channels)  ->  y (batch, *output_size, channels)

    Window i of m covers the positions from floor(i n / m) to ceil((i + 1) n / m) - 1 of an axis of size n.

    Args:
        output_size: Number of windows, an integer or one per axis.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Example:
        >>> AdaptiveMaxPooling2D((3, 2))(jnp.ones((2, 8, 8, 3))).shape
        (2, 3, 2, 3)
    """

    rank, largest = 2, True


class AdaptiveMaxPooling3D(_AdaptivePooling):
    """Maximum of each of `output_size` windows of a volume.

    x (batch, d1, d2, d3, channels)  ->  y (batch, *output_size, channels)

    Window i of m covers the positions from floor(i n / m) to ceil((i + 1) n / m) - 1 of an axis of size n.

    Args:
        output_size: Number of windows, an integer or one per axis.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Example:
        >>> AdaptiveMaxPooling3D(2)(jnp.ones((1, 4, 4, 4, 3))).shape
        (1, 2, 2, 2, 3)
    """

    rank, largest = 3, True

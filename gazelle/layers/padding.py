"""Layers that crop and pad the axes of space or time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp

from gazelle.core.errors import ShapeError, message
from gazelle.core.types import Array
from gazelle.layers.base import Layer
from gazelle.layers.spatial import pairs, set_data_format, space_axes

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions


class _Cropping(Layer):
    rank: int
    cropping: Any

    def __init__(
        self,
        cropping: int | Sequence[int | Sequence[int]],
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        set_data_format(self, data_format)
        both = pairs(type(self).__name__, "cropping", cropping, self.rank)
        self.cropping = both if self.rank > 1 else both[0]

    def call(self, x: Array) -> Array:
        both = self.cropping if self.rank > 1 else (self.cropping,)
        for axis, (before, after) in zip(space_axes(self), both, strict=True):
            if before + after >= x.shape[axis]:
                raise ShapeError(
                    message(
                        f"{self._label} cuts {before} + {after} off axis {axis}",
                        expected="a larger size",
                        got=f"shape {x.shape}",
                    )
                )
            x = jax.lax.slice_in_dim(x, before, x.shape[axis] - after, axis=axis)
        return x


class Cropping1D(_Cropping):
    """Removal of time steps at both ends.

    x (batch, steps, features)  ->  y (batch, steps - cropping[0] - cropping[1], features)

    Args:
        cropping: Number of steps removed at the start and at the end: an integer or a pair.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ShapeError: Nothing is left of x.

    Example:
        >>> Cropping1D((1, 2))(jnp.ones((5, 8, 4))).shape
        (5, 5, 4)
    """

    rank = 1

    def __init__(self, cropping: int | Sequence[int] = (1, 1), **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(cropping, "channels_last", **kwargs)


class Cropping2D(_Cropping):
    """Removal of rows and columns at the borders of an image.

    x (batch, rows, columns, channels)  ->  y (batch, new rows, new columns, channels)

    Args:
        cropping: n, (rows, columns), or ((top, bottom), (left, right)).
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ShapeError: Nothing is left of x.

    Example:
        >>> Cropping2D(((1, 2), 0))(jnp.ones((5, 8, 8, 4))).shape
        (5, 5, 8, 4)
    """

    rank = 2

    def __init__(
        self,
        cropping: int | Sequence[int | Sequence[int]] = ((0, 0), (0, 0)),
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(cropping, data_format, **kwargs)


class Cropping3D(_Cropping):
    """Removal of positions at both ends of three axes.

    x (batch, d1, d2, d3, channels)  ->  y (batch, new d1, new d2, new d3, channels)

    Args:
        cropping: n, three integers, or three pairs (before, after).
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ShapeError: Nothing is left of x.

    Example:
        >>> Cropping3D(1)(jnp.ones((5, 4, 4, 4, 2))).shape
        (5, 2, 2, 2, 2)
    """

    rank = 3

    def __init__(
        self,
        cropping: int | Sequence[int | Sequence[int]] = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(cropping, data_format, **kwargs)


class _ZeroPadding(Layer):
    rank: int
    padding: Any

    def __init__(
        self,
        padding: int | Sequence[int | Sequence[int]] = 1,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        set_data_format(self, data_format)
        both = pairs(type(self).__name__, "padding", padding, self.rank)
        self.padding = both if self.rank > 1 else both[0]

    def call(self, x: Array) -> Array:
        widths = [(0, 0)] * x.ndim
        for axis, both in zip(space_axes(self), self.padding if self.rank > 1 else (self.padding,), strict=True):
            widths[axis] = both
        return jnp.pad(x, widths)


class ZeroPadding1D(_ZeroPadding):
    """Zeros before and after the time steps.

    x (batch, steps, features)  ->  y (batch, padding[0] + steps + padding[1], features)

    Args:
        padding: Number of zeros at the start and at the end: an integer or a pair.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Example:
        >>> ZeroPadding1D((1, 2))(jnp.ones((5, 8, 4))).shape
        (5, 11, 4)
    """

    rank = 1


class ZeroPadding2D(_ZeroPadding):
    """Zeros around an image.

    x (batch, rows, columns, channels)  ->  y (batch, new rows, new columns, channels)

    Args:
        padding: n, (rows, columns), or ((top, bottom), (left, right)).
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Example:
        >>> ZeroPadding2D(((1, 2), 0))(jnp.ones((5, 8, 8, 4))).shape
        (5, 11, 8, 4)
    """

    rank = 2


class ZeroPadding3D(_ZeroPadding):
    """Zeros around a volume.

    x (batch, d1, d2, d3, channels)  ->  y (batch, new d1, new d2, new d3, channels)

    Args:
        padding: n, three integers, or three pairs (before, after).
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Example:
        >>> ZeroPadding3D(1)(jnp.ones((5, 2, 2, 2, 4))).shape
        (5, 4, 4, 4, 4)
    """

    rank = 3

"""Layers that move values without changing them: reshape, permute, repeat, crop, pad, upsample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.types import Array
from gazelle.layers.base import Layer
from gazelle.layers.input_spec import InputSpec
from gazelle.layers.spatial import choice, is_integer, pairs, set_data_format, sizes, space_axes

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions


class Reshape(Layer):
    """Change of the shape of each sample:  x (batch, ...)  ->  y (batch, *target_shape).

    Args:
        target_shape: Sizes of a sample of y. One of them may be -1 and is computed from the others.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: A size is below -1, or -1 is given twice.
        ShapeError: x and y have different numbers of elements.

    Example:
        >>> Reshape((2, -1))(jnp.ones((5, 8))).shape
        (5, 2, 4)
    """

    _is_stateless = True
    _sparse_inputs = "kept"

    def __init__(self, target_shape: int | Sequence[int], **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        shape: tuple[Any, ...] = (target_shape,) if is_integer(target_shape) else tuple(target_shape)  # type: ignore[arg-type]
        if any(not is_integer(n) or n < -1 for n in shape) or shape.count(-1) > 1:
            raise ArgumentError(
                message(
                    "Argument target_shape of Reshape", expected="sizes >= 0, at most one -1", got=repr(target_shape)
                )
            )
        self.target_shape: Any = shape

    def call(self, x: Array) -> Array:
        have, want = math.prod(x.shape[1:]), math.prod(n for n in self.target_shape if n != -1)
        rest = have // want if want else 0
        if (-1 in self.target_shape and rest * want != have) or (-1 not in self.target_shape and have != want):
            raise ShapeError(
                message(
                    f"{self._label} to {self.target_shape}",
                    expected=f"{want} elements in a sample"
                    if -1 not in self.target_shape
                    else f"a multiple of {want} elements in a sample",
                    got=f"{have} in shape {x.shape}",
                )
            )
        return jnp.reshape(x, (x.shape[0], *(rest if n == -1 else n for n in self.target_shape)))


class Permute(Layer):
    """Permutation of the axes of each sample.

    x (batch, n1, n2, ...)  ->  y (batch, n[dims[0]], n[dims[1]], ...)

    Args:
        dims: The axes of x in the order of y, numbered from 1; the batch is not included.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: `dims` is not a permutation of 1, 2, ..., n.

    Example:
        >>> Permute((2, 1))(jnp.ones((5, 3, 4))).shape
        (5, 4, 3)
    """

    _sparse_inputs = "kept"

    def __init__(self, dims: Sequence[int], **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ArgumentError(
                message(
                    "Argument dims of Permute",
                    expected="each of 1, 2, ..., n once",
                    got=repr(dims),
                    hint="The batch is axis 0 and is not named.",
                )
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, x: Array) -> Array:
        return jnp.transpose(x, (0, *self.dims))


class RepeatVector(Layer):
    """Repetition of a vector along a new time axis:  x (batch, features)  ->  y (batch, n, features).

    Args:
        n: Number of repetitions.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: `n` is not a positive integer.

    Example:
        >>> RepeatVector(3)(jnp.ones((5, 4))).shape
        (5, 3, 4)
    """

    def __init__(self, n: int, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.n = sizes("RepeatVector", "n", n, 1)[0]
        self.input_spec = InputSpec(ndim=2)

    def call(self, x: Array) -> Array:
        return jnp.repeat(x[:, None], self.n, axis=1)


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
        interpolation: 'nearest' repeats pixels; 'bilinear', 'bicubic', 'lanczos3' and 'lanczos5' interpolate.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Example:
        >>> UpSampling2D(2, interpolation="bilinear")(jnp.ones((5, 8, 8, 4))).shape
        (5, 16, 16, 4)
    """

    rank = 2
    methods = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")

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

"""Pooling: the maximum or mean of each window, or over all positions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax.numpy as jnp

from gazelle import ops
from gazelle.core.registry import register
from gazelle.core.types import Array
from gazelle.layers.base import Layer
from gazelle.layers.spatial import channel_axis, check_fits, choice, set_data_format, sizes, space_axes
from gazelle.ops.max_min import largest

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions, OptionsWithoutName


class _Pooling(Layer):
    """One value for each window of `pool_size`, `strides` apart (`pool_size` apart if None)."""

    _is_stateless = True

    rank: int
    _pool: Callable[..., Array]

    def __init__(
        self,
        pool_size: int | Sequence[int] = 2,
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Unpack[OptionsWithoutName],
    ) -> None:
        super().__init__(name=name, **kwargs)
        set_data_format(self, data_format)
        owner = type(self).__name__
        self.pool_size = sizes(owner, "pool_size", pool_size, self.rank)
        self.strides = sizes(owner, "strides", pool_size if strides is None else strides, self.rank)
        self.padding = choice(owner, "padding", padding, ("valid", "same"))

    def call(self, x: Array) -> Array:
        if self.padding == "valid":
            check_fits(self, x.shape, self.pool_size, "pool_size")
        return type(self)._pool(x, self.pool_size, self.strides, self.padding, self.data_format)


class _GlobalPooling(Layer):
    """One value for each channel."""

    _is_stateless = True

    rank: int
    _reduce: Callable[..., Any]

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        set_data_format(self, data_format)

    def call(self, x: Array) -> Array:
        return type(self)._reduce(x, axis=space_axes(self), keepdims=self.keepdims)


@register("layers", "MaxPool1D")
class MaxPooling1D(_Pooling):
    """Maximum of each window of time steps:  y[t] = max_k x[t s + k],  0 <= k < pool_size.

    x (batch, steps, channels)  ->  y (batch, new steps, channels)

    Args:
        pool_size: Size of the window, an integer or one per axis.
        strides: Step s of the window, an integer or one per axis; None for pool_size.
        padding: 'valid' (windows inside the input only) or 'same' (padding to ceil(size / strides) positions).
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        name: Name of the layer; None generates one.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ShapeError: The input is smaller than the window with padding 'valid'.

    Example:
        >>> MaxPooling1D(2)(jnp.ones((2, 8, 3))).shape
        (2, 4, 3)
    """

    rank, _pool = 1, staticmethod(ops.max_pool)


@register("layers", "MaxPool2D")
class MaxPooling2D(_Pooling):
    """Maximum of each window of an image:  y[p] = max_k x[p s + k],  p, k and s pairs.

    x (batch, rows, columns, channels)  ->  y (batch, new rows, new columns, channels)

    Args:
        pool_size: Size of the window, an integer or one per axis.
        strides: Step s of the window, an integer or one per axis; None for pool_size.
        padding: 'valid' (windows inside the input only) or 'same' (padding to ceil(size / strides) positions).
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        name: Name of the layer; None generates one.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ShapeError: The input is smaller than the window with padding 'valid'.

    Example:
        >>> MaxPooling2D((2, 2))(jnp.ones((2, 8, 8, 3))).shape
        (2, 4, 4, 3)
    """

    rank, _pool = 2, staticmethod(ops.max_pool)


@register("layers", "MaxPool3D")
class MaxPooling3D(_Pooling):
    """Maximum of each window of a volume:  y[p] = max_k x[p s + k],  p, k and s triples.

    x (batch, d1, d2, d3, channels)  ->  y (batch, new d1, new d2, new d3, channels)

    Args:
        pool_size: Size of the window, an integer or one per axis.
        strides: Step s of the window, an integer or one per axis; None for pool_size.
        padding: 'valid' (windows inside the input only) or 'same' (padding to ceil(size / strides) positions).
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        name: Name of the layer; None generates one.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ShapeError: The input is smaller than the window with padding 'valid'.

    Example:
        >>> MaxPooling3D(2)(jnp.ones((1, 4, 4, 4, 3))).shape
        (1, 2, 2, 2, 3)
    """

    rank, _pool = 3, staticmethod(ops.max_pool)


@register("layers", "AvgPool1D")
class AveragePooling1D(_Pooling):
    """Mean of each window of time steps:  y[t] = mean_k x[t s + k],  0 <= k < pool_size.

    x (batch, steps, channels)  ->  y (batch, new steps, channels). With padding 'same' the mean excludes the padding.

    Args:
        pool_size: Size of the window, an integer or one per axis.
        strides: Step s of the window, an integer or one per axis; None for pool_size.
        padding: 'valid' (windows inside the input only) or 'same' (padding to ceil(size / strides) positions).
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        name: Name of the layer; None generates one.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ShapeError: The input is smaller than the window with padding 'valid'.

    Example:
        >>> AveragePooling1D(2)(jnp.ones((2, 8, 3))).shape
        (2, 4, 3)
    """

    rank, _pool = 1, staticmethod(ops.average_pool)


@register("layers", "AvgPool2D")
class AveragePooling2D(_Pooling):
    """Mean of each window of an image:  y[p] = mean_k x[p s + k],  p, k and s pairs.

    x (batch, rows, columns, channels)  ->  y (batch, new rows, new columns, channels). With padding 'same' the mean
    excludes the padding.

    Args:
        pool_size: Size of the window, an integer or one per axis.
        strides: Step s of the window, an integer or one per axis; None for pool_size.
        padding: 'valid' (windows inside the input only) or 'same' (padding to ceil(size / strides) positions).
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        name: Name of the layer; None generates one.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ShapeError: The input is smaller than the window with padding 'valid'.

    Example:
        >>> AveragePooling2D((2, 2))(jnp.ones((2, 8, 8, 3))).shape
        (2, 4, 4, 3)
    """

    rank, _pool = 2, staticmethod(ops.average_pool)


@register("layers", "AvgPool3D")
class AveragePooling3D(_Pooling):
    """Mean of each window of a volume:  y[p] = mean_k x[p s + k],  p, k and s triples.

    x (batch, d1, d2, d3, channels)  ->  y (batch, new d1, new d2, new d3, channels). With padding 'same' the mean
    excludes the padding.

    Args:
        pool_size: Size of the window, an integer or one per axis.
        strides: Step s of the window, an integer or one per axis; None for pool_size.
        padding: 'valid' (windows inside the input only) or 'same' (padding to ceil(size / strides) positions).
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        name: Name of the layer; None generates one.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ShapeError: The input is smaller than the window with padding 'valid'.

    Example:
        >>> AveragePooling3D(2)(jnp.ones((1, 4, 4, 4, 3))).shape
        (1, 2, 2, 2, 3)
    """

    rank, _pool = 3, staticmethod(ops.average_pool)


@register("layers", "GlobalMaxPool1D")
class GlobalMaxPooling1D(_GlobalPooling):
    """Maximum over all time steps:  y[c] = max_t x[t, c].

    x (batch, steps, channels)  ->  y (batch, channels), or (batch, 1, channels) with keepdims

    Args:
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        keepdims: Whether the reduced axes are kept with size 1.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Example:
        >>> GlobalMaxPooling1D()(jnp.ones((2, 8, 3))).shape
        (2, 3)
    """

    rank, _reduce = 1, staticmethod(largest)


@register("layers", "GlobalMaxPool2D")
class GlobalMaxPooling2D(_GlobalPooling):
    """Maximum over an image:  y[c] = max_p x[p, c].

    x (batch, rows, columns, channels)  ->  y (batch, channels), or (batch, 1, 1, channels) with keepdims

    Args:
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        keepdims: Whether the reduced axes are kept with size 1.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Example:
        >>> GlobalMaxPooling2D(keepdims=True)(jnp.ones((2, 8, 8, 3))).shape
        (2, 1, 1, 3)
    """

    rank, _reduce = 2, staticmethod(largest)


@register("layers", "GlobalMaxPool3D")
class GlobalMaxPooling3D(_GlobalPooling):
    """Maximum over a volume:  y[c] = max_p x[p, c].

    x (batch, d1, d2, d3, channels)  ->  y (batch, channels), or (batch, 1, 1, 1, channels) with keepdims

    Args:
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        keepdims: Whether the reduced axes are kept with size 1.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Example:
        >>> GlobalMaxPooling3D()(jnp.ones((1, 4, 4, 4, 3))).shape
        (1, 3)
    """

    rank, _reduce = 3, staticmethod(largest)


@register("layers", "GlobalAvgPool1D")
class GlobalAveragePooling1D(_GlobalPooling):
    """Mean over the time steps that are not masked:  y = Σ_t m[t] x[t] / Σ_t m[t],  0 if all steps are masked.

    x (batch, steps, channels) · m (batch, steps), True without a mask  ->  y (batch, channels), or (batch, 1, channels)
    with keepdims

    Args:
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        keepdims: Whether the reduced axes are kept with size 1.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Call arguments:
        mask: The mask m.

    Example:
        >>> GlobalAveragePooling1D()(jnp.ones((2, 8, 3))).shape
        (2, 3)
    """

    rank, _reduce, supports_masking = 1, staticmethod(jnp.mean), True

    def call(self, x: Array, mask: Array | None = None) -> Array:
        if mask is None:
            return super().call(x)
        steps = space_axes(self)[0]
        kept = jnp.expand_dims(mask, channel_axis(self)).astype(bool)
        total = jnp.sum(jnp.where(kept, x, 0), axis=steps, keepdims=self.keepdims)
        count = jnp.sum(kept, axis=steps, keepdims=self.keepdims)
        return total / jnp.maximum(count, 1).astype(total.dtype)

    def compute_mask(self, inputs: Array, mask: Array | None = None) -> Array | None:
        return None  # the steps are gone


@register("layers", "GlobalAvgPool2D")
class GlobalAveragePooling2D(_GlobalPooling):
    """Mean over an image:  y[c] = mean_p x[p, c].

    x (batch, rows, columns, channels)  ->  y (batch, channels), or (batch, 1, 1, channels) with keepdims

    Args:
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        keepdims: Whether the reduced axes are kept with size 1.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Example:
        >>> GlobalAveragePooling2D(keepdims=True)(jnp.ones((2, 8, 8, 3))).shape
        (2, 1, 1, 3)
    """

    rank, _reduce = 2, staticmethod(jnp.mean)


@register("layers", "GlobalAvgPool3D")
class GlobalAveragePooling3D(_GlobalPooling):
    """Mean over a volume:  y[c] = mean_p x[p, c].

    x (batch, d1, d2, d3, channels)  ->  y (batch, channels), or (batch, 1, 1, 1, channels) with keepdims

    Args:
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        keepdims: Whether the reduced axes are kept with size 1.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Example:
        >>> GlobalAveragePooling3D()(jnp.ones((1, 4, 4, 4, 3))).shape
        (1, 3)
    """

    rank, _reduce = 3, staticmethod(jnp.mean)

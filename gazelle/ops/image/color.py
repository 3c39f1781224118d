"""Color conversions: grayscale, and HSV."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle.core import dtypes
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.types import Array, ArrayLike
from gazelle.ops.base import op
from gazelle.ops.image.layout import as_float, check_rank
from gazelle.ops.space import is_first


@op
def rgb_to_grayscale(images: ArrayLike, data_format: str | None = None) -> Array:
    """Convert RGB to grayscale:  y = 0.2989 r + 0.5870 g + 0.1140 b.  Images with one channel are returned unchanged.

    Args:
        images: Array (..., height, width, 3).
        data_format: 'channels_last' or 'channels_first'; None is `gazelle.config.image_data_format()`.

    Returns:
        An array (..., height, width, 1) of the dtype of `images`.

    Raises:
        ShapeError: If there are neither 3 channels nor one.

    Example:
        >>> rgb_to_grayscale(np.ones((2, 4, 4, 3))).shape
        (2, 4, 4, 1)
    """
    axis = _channels("rgb_to_grayscale", images, data_format, (1, 3))
    if images.shape[axis] == 1:
        return images
    r, g, b = jnp.split(as_float(images), 3, axis)
    return (0.2989 * r + 0.587 * g + 0.114 * b).astype(images.dtype)


@op
def rgb_to_hsv(images: ArrayLike, data_format: str | None = None) -> Array:
    """Convert RGB to hue, saturation and value:  v = max(r, g, b), s = (v - min) / v, h as an angle / 2π.

    Args:
        images: Array (..., height, width, 3) of floats from 0 to 1.
        data_format: 'channels_last' or 'channels_first'; None is `gazelle.config.image_data_format()`.

    Returns:
        An array (..., height, width, 3).

    Raises:
        ArgumentError: If `images` is not of floats. ShapeError: If there are not 3 channels.

    Example:
        >>> rgb_to_hsv(np.array([[[0.0, 0.5, 0.0]]]))
        Array([[[0.33333334, 1.        , 0.5       ]]], dtype=float32)
    """
    axis = _channels("rgb_to_hsv", images, data_format, (3,), floats=True)
    tiny = jnp.finfo(images.dtype).eps
    r, g, b = jnp.split(jnp.where(jnp.abs(images) < tiny, 0, images), 3, axis)
    v = jnp.maximum(jnp.maximum(r, g), b)
    c = v - jnp.minimum(jnp.minimum(r, g), b)  # chroma: the difference between the largest and the smallest channel
    s = jnp.where(v > 0, c / jnp.where(v > 0, v, 1), 0)
    sixth = 1 / (6 * jnp.where(c > 0, c, 1))  # 60 degrees for the whole of the chroma
    h = jnp.where(v == g, sixth * (b - r) + 2 / 6, sixth * (r - g) + 4 / 6)
    h = jnp.where(v == r, sixth * (g - b), h)
    h = jnp.where(c > 0, h, 0) + (h < 0).astype(h.dtype)
    return jnp.concatenate([h, s, v], axis)


@op
def hsv_to_rgb(images: ArrayLike, data_format: str | None = None) -> Array:
    """Convert hue, saturation and value to RGB: the inverse of `rgb_to_hsv`.

    Args:
        images: Array (..., height, width, 3) of floats from 0 to 1.
        data_format: 'channels_last' or 'channels_first'; None is `gazelle.config.image_data_format()`.

    Returns:
        An array (..., height, width, 3).

    Raises:
        ArgumentError: If `images` is not of floats. ShapeError: If there are not 3 channels.

    Example:
        >>> hsv_to_rgb(np.array([[[1 / 3, 1.0, 0.5]]])).round(2)
        Array([[[0. , 0.5, 0. ]]], dtype=float32)
    """
    axis = _channels("hsv_to_rgb", images, data_format, (3,), floats=True)
    h, s, v = jnp.split(images, 3, axis)
    sixths = jnp.mod(h, 1) * 6
    pure = (  # the colour of that hue at full saturation and value
        jnp.clip(jnp.abs(sixths - 3) - 1, 0, 1),
        jnp.clip(2 - jnp.abs(sixths - 2), 0, 1),
        jnp.clip(2 - jnp.abs(sixths - 4), 0, 1),
    )
    return jnp.concatenate([v * (1 - s + s * each) for each in pure], axis)


def _channels(name: str, images: Any, data_format: str | None, numbers: tuple[int, ...], floats: bool = False) -> int:
    """The channel axis, after checking the number of channels and the dtype."""
    check_rank(name, images)
    axis = -3 if is_first(data_format) else -1
    if images.shape[axis] not in numbers:
        raise ShapeError(
            message(name, expected=f"{' or '.join(map(str, numbers))} channels", got=f"shape {tuple(images.shape)}")
        )
    if floats and not dtypes.is_float(images.dtype):
        raise ArgumentError(
            message(name, expected="floats from 0 to 1", got=f"{images.dtype}", hint="Divide by 255 first.")
        )
    return axis

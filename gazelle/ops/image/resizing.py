"""Resizing of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array, ArrayLike
from gazelle.ops.base import op
from gazelle.ops.image.layout import as_float, back, choose, on_batch
from gazelle.ops.image.weighted_resizing import WEIGHTED, weighted

INTERPOLATIONS = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic", *WEIGHTED)
METHODS = ("linear", "bilinear", "trilinear", "cubic", "bicubic", "tricubic", "lanczos3", "lanczos5")


@op
def resize(
    images: ArrayLike,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Array:
    """Resize images; the dtype does not change.

    Args:
        images: One image (height, width, channels) or a batch of them.
        size: (height, width) of the result.
        interpolation: 'bilinear', 'nearest', 'bicubic', 'lanczos3', 'lanczos5', 'area', 'gaussian' or 'mitchellcubic'.
        antialias: Whether to widen the filter where images shrink.
        crop_to_aspect_ratio: Whether to crop the images to the new aspect ratio first.
        pad_to_aspect_ratio: Whether to pad the images to the new aspect ratio first.
        fill_mode: 'constant'.
        fill_value: Value of the padding.
        data_format: 'channels_last' or 'channels_first'; None is `gazelle.config.image_data_format()`.

    Returns:
        An array (batch, height, width, channels).

    Raises:
        ArgumentError: If `size` is no pair of positive integers, or both crop and pad are set.

    Example:
        >>> resize(np.arange(4.0).reshape(2, 2, 1), (1, 2))[..., 0]
        Array([[1., 2.]], dtype=float32)
    """
    choose("interpolation", interpolation, INTERPOLATIONS)
    choose("fill_mode of resize", fill_mode, ("constant",))
    if len(size) != 2 or min(size) <= 0:
        raise ArgumentError(message("size of resize", expected="(height, width) of at least 1", got=size))
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ArgumentError(
            message("resize", expected="crop_to_aspect_ratio or pad_to_aspect_ratio", got="both at once")
        )

    def resized(x: Any) -> Any:
        if crop_to_aspect_ratio:
            x = _cut(x, size)
        elif pad_to_aspect_ratio:
            x = _filled(x, size, fill_value)
        if interpolation in WEIGHTED:
            return back(weighted(as_float(x), {1: size[0], 2: size[1]}, interpolation, antialias), images.dtype)
        out = jax.image.resize(x, (x.shape[0], *size, x.shape[3]), interpolation, antialias)
        return back(out, images.dtype)

    return on_batch("resize", images, data_format, resized)


def _cut(x: Any, size: Any) -> Any:
    """The largest center crop with the aspect ratio of `size`."""
    h, w = x.shape[1:3]
    height = max(min(h, int(w * size[0] / size[1])), 1)
    width = max(min(w, int(h * size[1] / size[0])), 1)
    top, left = (h - height) // 2, (w - width) // 2
    return x[:, top : top + height, left : left + width]


def _filled(x: Any, size: Any, value: float) -> Any:
    """Pad `x` to the smallest frame with the aspect ratio of `size`, centered."""
    h, w = x.shape[1:3]
    top = (max(h, int(w * size[0] / size[1])) - h) // 2
    left = (max(w, int(h * size[1] / size[0])) - w) // 2
    return jnp.pad(as_float(x), ((0, 0), (top, top), (left, left), (0, 0)), constant_values=value)


@op
def scale_and_translate(
    images: ArrayLike,
    output_shape: Sequence[int],
    scale: ArrayLike,
    translation: ArrayLike,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Array:
    """Resample an array:  element i moves to  i scale + translation  along each of `spatial_dims`.

    Args:
        images: Array of any shape.
        output_shape: Shape of the result.
        scale: One factor for each of `spatial_dims`.
        translation: One offset for each of `spatial_dims`.
        spatial_dims: Axes to resample.
        method: 'linear', 'cubic', 'lanczos3' or 'lanczos5'; 'bilinear', 'bicubic' and so on are aliases.
        antialias: Whether to widen the filter where images shrink.

    Returns:
        An array of shape `output_shape`.

    Raises:
        ArgumentError: If `method` is another name.

    Example:
        >>> scale_and_translate(np.ones((2, 2)), (4, 4), [2.0, 2.0], [0.0, 0.0], (0, 1), "linear").shape
        (4, 4)
    """
    choose("method of scale_and_translate", method, METHODS)
    return jax.image.scale_and_translate(
        images,
        tuple(output_shape),
        tuple(spatial_dims),
        jnp.asarray(scale),
        jnp.asarray(translation),
        method,
        antialias,
    )

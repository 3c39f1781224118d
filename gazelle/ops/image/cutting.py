"""Patches, cropping and padding of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core.errors import ArgumentError, ArgumentTypeError, ShapeError, message
from gazelle.core.shape_inference import shown
from gazelle.core.types import Array, ArrayLike
from gazelle.ops.base import op
from gazelle.ops.convolution import conv
from gazelle.ops.image.layout import check_rank, height_axis
from gazelle.ops.space import is_first, moved_first, moved_last, per_axis


@op
def extract_patches(
    images: ArrayLike,
    size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    dilation_rate: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Array:
    """Extract windows of images, or of volumes if `size` has three entries, into channels.

    Args:
        images: One image (height, width, channels) or a batch of them.
        size: Size of the windows.
        strides: Distance of the windows; None is `size`.
        dilation_rate: Distance of the kernel's elements: one integer, or one for each axis of space.
        padding: 'valid' or 'same'.
        data_format: 'channels_last' or 'channels_first'; None is `gazelle.config.image_data_format()`.

    Returns:
        An array (batch, rows of windows, columns of windows, height · width · channels of a window).

    Raises:
        ArgumentError: If `size` is neither a positive integer nor two or three of them.
        ShapeError: If the number of axes does not match.

    Example:
        >>> extract_patches(np.ones((2, 8, 8, 3)), 4).shape
        (2, 2, 2, 48)
    """
    _check_window(size, (2, 3))
    axes = 2 if isinstance(size, int) else len(size)
    return _patches(images, axes, size, strides, dilation_rate, padding, data_format)


@op
def extract_patches_3d(
    volumes: ArrayLike,
    size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    dilation_rate: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Array:
    """Extract windows of volumes into channels.

    Args:
        volumes: Array (batch, depth, height, width, channels), or one volume without the batch.
        size: Size of the windows.
        strides: Distance of the windows; None is `size`.
        dilation_rate: Distance of the kernel's elements: one integer, or one for each axis of space.
        padding: 'valid' or 'same'.
        data_format: 'channels_last' or 'channels_first'; None is `gazelle.config.image_data_format()`.

    Returns:
        An array (batch, *windows, window · channels).

    Raises:
        ArgumentError: If `size` is neither a positive integer nor three of them.
        ShapeError: If the number of axes does not match.

    Example:
        >>> extract_patches_3d(np.ones((1, 4, 4, 4, 2)), 2).shape
        (1, 2, 2, 2, 16)
    """
    _check_window(size, (3,))
    return _patches(volumes, 3, size, strides, dilation_rate, padding, data_format)


def _check_window(size: Any, counts: Sequence[int]) -> None:
    """Raise an error for a window that is not one integer or a tuple of as many as `counts` allows, from 1 on."""
    parts = (size,) * counts[0] if not isinstance(size, list | tuple) else tuple(size)
    integers = all(isinstance(n, int | np.integer) for n in parts)
    if integers and len(parts) in counts and min(parts) > 0:
        return
    several = " or ".join(map(str, counts))
    what = message("size of extract_patches", expected=f"a positive integer or a tuple of {several}", got=repr(size))
    raise ArgumentTypeError(what) if not integers or counts == (3,) else ArgumentError(what)


def _patches(x: Any, axes: int, size: Any, strides: Any, dilation: Any, padding: str, data_format: str | None) -> Any:
    if x.ndim not in (axes + 1, axes + 2):
        raise ShapeError(message("extract_patches", expected=f"{axes + 1} or {axes + 2} axes", got=tuple(x.shape)))
    single = x.ndim == axes + 1
    x = moved_last(x[None] if single else x, data_format)
    window = per_axis("size", size, axes)
    steps = per_axis("strides", strides, axes) if strides else window
    if steps == window and per_axis("dilation_rate", dilation, axes) == (1,) * axes and padding.lower() == "valid":
        out = _blocks(x, window)
    else:  # a kernel with a 1 at the position of each channel
        count = x.shape[-1]
        for n in window:
            count *= n
        kernel = jnp.eye(count, dtype=x.dtype).reshape(*window, x.shape[-1], count)
        out = conv(x, kernel, steps, padding.lower(), "channels_last", dilation)
    out = moved_first(out, data_format)
    return out[0] if single else out


def _blocks(x: Any, window: tuple[int, ...]) -> Any:
    """Extract windows that do not overlap by a reshape."""
    counts = [n // k for n, k in zip(x.shape[1:-1], window, strict=True)]
    x = x[(slice(None), *(slice(0, m * k) for m, k in zip(counts, window, strict=True)))]
    x = x.reshape(x.shape[0], *(n for pair in zip(counts, window, strict=True) for n in pair), x.shape[-1])
    axes = len(window)
    order = (0, *range(1, 2 * axes, 2), *range(2, 2 * axes + 1, 2), 2 * axes + 1)
    return x.transpose(order).reshape(x.shape[0], *counts, -1)


@op
def pad_images(
    images: ArrayLike,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Array:
    """Pad images with zeros; for each axis two of (before, after, target size) are given.

    Args:
        images: One image (height, width, channels) or a batch of them.
        top_padding: Rows above.
        left_padding: Columns on the left.
        bottom_padding: Rows below.
        right_padding: Columns on the right.
        target_height: Height of the result.
        target_width: Width of the result.
        data_format: 'channels_last' or 'channels_first'; None is `gazelle.config.image_data_format()`.

    Returns:
        Images of the new size.

    Raises:
        ArgumentError: If not exactly two of three are given for an axis, or one is negative.

    Example:
        >>> pad_images(np.ones((4, 5, 3)), 1, 2, target_height=8, target_width=8).shape
        (8, 8, 3)
    """
    check_rank("pad_images", images)
    axis = height_axis(images.ndim, data_format)
    h, w = images.shape[axis : axis + 2]
    pads = [(0, 0)] * images.ndim
    pads[axis] = _third("padding", "top", "bottom", "height", top_padding, bottom_padding, target_height, h)
    pads[axis + 1] = _third("padding", "left", "right", "width", left_padding, right_padding, target_width, w)
    return jax.lax.pad(images, jnp.zeros((), images.dtype), [(*pair, 0) for pair in pads])  # takes negative numbers


@op
def crop_images(
    images: ArrayLike,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Array:
    """Crop images; for each axis two of (before, after, target size) are given.

    Args:
        images: One image (height, width, channels) or a batch of them.
        top_cropping: Rows to remove above.
        left_cropping: Columns to remove on the left.
        bottom_cropping: Rows to remove below.
        right_cropping: Columns to remove on the right.
        target_height: Height of the result.
        target_width: Width of the result.
        data_format: 'channels_last' or 'channels_first'; None is `gazelle.config.image_data_format()`.

    Returns:
        Images of the new size.

    Raises:
        ArgumentError: If not exactly two of three are given for an axis, or they exceed the image.

    Example:
        >>> crop_images(np.ones((4, 5, 3)), 1, 2, target_height=2, target_width=3).shape
        (2, 3, 3)
    """
    check_rank("crop_images", images)
    axis = height_axis(images.ndim, data_format)
    h, w = images.shape[axis : axis + 2]
    top, bottom = _third("cropping", "top", "bottom", "height", top_cropping, bottom_cropping, target_height, h, -1)
    left, right = _third("cropping", "left", "right", "width", left_cropping, right_cropping, target_width, w, -1)
    if top + bottom > h or left + right > w:
        raise ArgumentError(
            message("crop_images", expected=f"margins within ({h}, {w})", got=f"({top + bottom}, {left + right})")
        )
    rows, columns = slice(top, h - bottom), slice(left, w - right)
    return images[..., rows, columns] if is_first(data_format) else images[..., rows, columns, :]


def _third(
    kind: str,
    before: str,
    after: str,
    size: str,
    first: int | None,
    last: int | None,
    target: int | None,
    n: int,
    sign: int = 1,
) -> tuple[int, int]:
    """(before, after) from two of three numbers: n + sign (before + after) = target."""
    names = f"{before}_{kind}, {after}_{kind}, target_{size}"
    given = (first, last, target)
    if given.count(None) != 1:
        raise ArgumentError(message(f"{kind} of images", expected=f"exactly two of {names}", got=given))
    if target is not None:
        rest = sign * (target - n)
        first, last = (rest - (last or 0), last) if first is None else (first, rest - first)
    assert first is not None
    assert last is not None
    is_known = shown((n,)) == (n,)  # the placeholder of an unknown size is larger than any target
    if min(v for v in given if v is not None) < 0 or (is_known and min(first, last) < 0):
        raise ArgumentError(
            message(f"{kind} of images of {size} {n}", expected=f"{names} from 0 on", got=(first, last, target))
        )
    return first, last

"""Parts of images: patches, margins cut off and put on."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.ops.base import op
from gazelle.ops.convolution import conv
from gazelle.ops.image.form import check_rank, height_axis
from gazelle.ops.space import is_first, moved_first, moved_last, per_axis


@op
def extract_patches(
    images: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Every window of `size` = (a, b) as a pixel of a b channels; three sizes cut volumes.

    images (batch, h, w, c)  ->  (batch, rows of windows, columns of windows, a b c)

    `strides` is the distance of the windows, their own size if None.

    >>> extract_patches(np.ones((2, 8, 8, 3)), 4).shape
    (2, 2, 2, 48)
    """
    axes = 2 if isinstance(size, int) else len(size)
    if axes not in (2, 3):
        raise ArgumentError(message("size of extract_patches", expected="one number, two or three", got=size))
    return _patches(images, axes, size, strides, dilation_rate, padding, data_format)


@op
def extract_patches_3d(
    volumes: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Every window of a volume as a voxel:  (batch, d, h, w, c)  ->  (batch, *places of windows, window · c).

    >>> extract_patches_3d(np.ones((1, 4, 4, 4, 2)), 2).shape
    (1, 2, 2, 2, 16)
    """
    return _patches(volumes, 3, size, strides, dilation_rate, padding, data_format)


def _patches(x: Any, axes: int, size: Any, strides: Any, dilation: Any, padding: str, data_format: str | None) -> Any:
    if x.ndim not in (axes + 1, axes + 2):
        raise ShapeError(message("extract_patches", expected=f"{axes + 1} or {axes + 2} axes", got=tuple(x.shape)))
    single = x.ndim == axes + 1
    x = moved_last(x[None] if single else x, data_format)
    window = per_axis("size", size, axes)
    steps = per_axis("strides", strides, axes) if strides else window
    if steps == window and per_axis("dilation_rate", dilation, axes) == (1,) * axes and padding.lower() == "valid":
        out = _blocks(x, window)
    else:  # a kernel of ones at the place of each channel
        count = x.shape[-1]
        for n in window:
            count *= n
        kernel = jnp.eye(count, dtype=x.dtype).reshape(*window, x.shape[-1], count)
        out = conv(x, kernel, steps, padding.lower(), "channels_last", dilation)
    out = moved_first(out, data_format)
    return out[0] if single else out


def _blocks(x: Any, window: tuple[int, ...]) -> Any:
    """Windows that do not overlap are a reshape."""
    counts = [n // k for n, k in zip(x.shape[1:-1], window, strict=True)]
    x = x[(slice(None), *(slice(0, m * k) for m, k in zip(counts, window, strict=True)))]
    x = x.reshape(x.shape[0], *(n for pair in zip(counts, window, strict=True) for n in pair), x.shape[-1])
    axes = len(window)
    order = (0, *range(1, 2 * axes, 2), *range(2, 2 * axes + 1, 2), 2 * axes + 1)
    return x.transpose(order).reshape(x.shape[0], *counts, -1)


@op
def pad_images(
    images: Any,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Zeros around images. For each axis two of (before, after, size) are given and the third follows.

    >>> pad_images(np.ones((4, 5, 3)), 1, 2, target_height=8, target_width=8).shape
    (8, 8, 3)
    """
    check_rank("pad_images", images)
    axis = height_axis(images.ndim, data_format)
    h, w = images.shape[axis : axis + 2]
    pads = [(0, 0)] * images.ndim
    pads[axis] = _third("padding", "top", "bottom", "height", top_padding, bottom_padding, target_height, h)
    pads[axis + 1] = _third("padding", "left", "right", "width", left_padding, right_padding, target_width, w)
    return jnp.pad(images, pads)


@op
def crop_images(
    images: Any,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Images without their margins. For each axis two of (before, after, size) are given and the third follows.

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
    if first < 0 or last < 0 or (target or 0) < 0:
        raise ArgumentError(
            message(f"{kind} of images of {size} {n}", expected=f"{names} from 0 on", got=(first, last, target))
        )
    return first, last

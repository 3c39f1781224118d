"""Random rotation, shift, shear, zoom and brightness of images, computed with NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gazelle.core.errors import ArgumentError, message, unknown

Array = np.ndarray[Any, Any]
FILL_MODES = ("nearest", "constant", "reflect", "wrap")


def apply_affine_transform(
    x: Array,
    theta: float = 0,
    tx: float = 0,
    ty: float = 0,
    shear: float = 0,
    zx: float = 1,
    zy: float = 1,
    row_axis: int = 0,
    col_axis: int = 1,
    channel_axis: int = 2,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> Array:
    """Apply  rotation · shift · shear · zoom  around the center of an image; angles are in degrees.

    >>> apply_affine_transform(np.arange(4.0).reshape(2, 2, 1), tx=1)[..., 0].tolist()
    [[1.0, 1.0], [3.0, 3.0]]
    """
    if fill_mode not in FILL_MODES:
        raise unknown("fill_mode", fill_mode, FILL_MODES)
    matrix = np.eye(3)
    if theta:
        a = np.deg2rad(theta)
        matrix = matrix @ [[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]
    if tx or ty:
        matrix = matrix @ [[1, 0, tx], [0, 1, ty], [0, 0, 1]]
    if shear:
        a = np.deg2rad(shear)
        matrix = matrix @ [[1, -np.sin(a), 0], [0, np.cos(a), 0], [0, 0, 1]]
    if (zx, zy) != (1, 1):
        matrix = matrix @ [[zx, 0, 0], [0, zy, 0], [0, 0, 1]]
    if np.array_equal(matrix, np.eye(3)):
        return x
    image = np.moveaxis(x, (row_axis, col_axis, channel_axis), (0, 1, 2))
    centred = transform_matrix_offset_center(matrix, *image.shape[:2])
    if col_axis > row_axis:  # the matrix is for (x, y), arrays are (row, column)
        centred = centred[[1, 0, 2]][:, [1, 0, 2]]
    moved = _sample(image, centred, fill_mode, cval, order)
    return np.moveaxis(moved, (0, 1, 2), (row_axis, col_axis, channel_axis)).astype(x.dtype)


def transform_matrix_offset_center(matrix: Array | list[list[float]], x: int, y: int) -> Array:
    """Return the same transformation around the center of an image with x rows and y columns."""
    row, column = x / 2.0 - 0.5, y / 2.0 - 0.5
    to_center, from_center = np.eye(3), np.eye(3)
    to_center[:2, 2], from_center[:2, 2] = (row, column), (-row, -column)
    return to_center @ matrix @ from_center


def _sample(image: Array, matrix: Array, fill_mode: str, cval: float, order: int) -> Array:
    """Sample the image at the positions given by `matrix`: bilinear, or the nearest pixel (order 0)."""
    rows, columns = image.shape[:2]
    grid = np.indices((rows, columns)).reshape(2, -1)
    positions = matrix[:2, :2] @ grid + matrix[:2, 2:]
    outside = (positions < 0).any(0) | (positions > np.array([[rows - 1], [columns - 1]])).any(0)
    if fill_mode == "wrap":  # the first and the last pixel coincide
        positions = np.where(outside, positions % np.maximum([[rows - 1], [columns - 1]], 1), positions)
    floor = np.floor(positions if order else positions + 0.5).astype(int)
    fraction = (positions - floor) if order else np.zeros_like(positions)
    out: Any = 0.0
    for down in (0, 1) if order else (0,):
        for right in (0, 1) if order else (0,):
            weight = np.abs(1 - down - fraction[0]) * np.abs(1 - right - fraction[1])
            row, column = _clamped(floor[0] + down, rows, fill_mode), _clamped(floor[1] + right, columns, fill_mode)
            out = out + image[row, column] * weight[:, None]
    if fill_mode == "constant":
        out[outside] = cval
    return np.reshape(out, image.shape)


def _clamped(indices: Array, size: int, fill_mode: str) -> Array:
    if fill_mode == "reflect":
        indices = indices % (2 * size)
        return np.where(indices < size, indices, 2 * size - 1 - indices)
    return np.clip(indices, 0, size - 1)


def flip_axis(x: Array, axis: int) -> Array:
    """Reverse x along an axis."""
    return np.flip(x, axis)


def apply_channel_shift(x: Array, intensity: float, channel_axis: int = 0) -> Array:
    """Add a value to each channel, limited to the range of the image."""
    return np.clip(x + intensity, x.min(), x.max())


def random_channel_shift(x: Array, intensity_range: float, channel_axis: int = 0) -> Array:
    """Apply `apply_channel_shift` with a random value of at most `intensity_range`."""
    return apply_channel_shift(x, np.random.uniform(-intensity_range, intensity_range), channel_axis)


def apply_brightness_shift(x: Array, brightness: float, scale: bool = True) -> Array:
    """Multiply an image with values from 0 to 255 by `brightness`; with `scale` it is rescaled to 0..255 first.

    >>> apply_brightness_shift(np.full((1, 1, 1), 100.0), 1.5, scale=False).tolist()
    [[[150.0]]]
    """
    low, high = x.min(), x.max()
    spread = scale or low < 0 or high > 255
    image = (x - low) / ((high - low) or 1) * 255 if spread else x
    image = np.clip(np.floor(np.floor(image) * brightness), 0, 255).astype(x.dtype)
    return image / 255 * (high - low) + low if spread and not scale else image


def random_brightness(x: Array, brightness_range: Sequence[float], scale: bool = True) -> Array:
    """Apply `apply_brightness_shift` with a random factor from this range."""
    if len(brightness_range) != 2:
        raise ArgumentError(message("brightness_range", expected="(smallest, largest)", got=brightness_range))
    return apply_brightness_shift(x, np.random.uniform(brightness_range[0], brightness_range[1]), scale)


def random_rotation(
    x: Array,
    rg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> Array:
    """Rotate an image by at most `rg` degrees."""
    theta = np.random.uniform(-rg, rg)
    options = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, theta, 0, 0, 0, 1, 1, *options)


def random_shift(
    x: Array,
    wrg: float,
    hrg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> Array:
    """Shift an image by at most these fractions of its width and height."""
    tx = np.random.uniform(-hrg, hrg) * x.shape[row_axis]
    ty = np.random.uniform(-wrg, wrg) * x.shape[col_axis]
    options = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, 0, tx, ty, 0, 1, 1, *options)


def random_shear(
    x: Array,
    intensity: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> Array:
    """Shear an image by at most `intensity` degrees."""
    shear = np.random.uniform(-intensity, intensity)
    options = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, 0, 0, 0, shear, 1, 1, *options)


def random_zoom(
    x: Array,
    zoom_range: Sequence[float],
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> Array:
    """Zoom an image by random factors from this range, one for its rows and one for its columns."""
    zx, zy = np.random.uniform(zoom_range[0], zoom_range[1], 2)
    options = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, 0, 0, 0, 0, zx, zy, *options)

"""Random rotation, shift, shear, zoom and brightness of images, computed with NumPy and SciPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gazelle.compat import era
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
    row_axis: int | None = None,
    col_axis: int | None = None,
    channel_axis: int | None = None,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> Array:
    """Apply  rotation · shift · shear · zoom  around the center of an image; angles are in degrees.

    In Keras up to 2.3 tx moved rows, and by default the channels were last; in tf.keras, whose center is that of the
    pixels, it moves columns, and the channels are first.

    >>> apply_affine_transform(np.arange(4.0).reshape(1, 2, 2), tx=1)[0].tolist()
    [[1.0, 1.0], [3.0, 3.0]]
    """
    axes = (0, 1, 2) if era.has_keras_preprocessing() else (1, 2, 0)
    row_axis, col_axis, channel_axis = (
        axis if given is None else given for axis, given in zip(axes, (row_axis, col_axis, channel_axis), strict=True)
    )
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
    axes = (min(row_axis, col_axis), max(row_axis, col_axis), channel_axis)  # as they are stored
    centred = transform_matrix_offset_center(matrix, x.shape[row_axis], x.shape[col_axis])
    if col_axis > row_axis and not era.has_keras_preprocessing():  # the matrix is for (x, y), arrays are (row, column)
        centred = centred[[1, 0, 2]][:, [1, 0, 2]]
    moved = _sample(np.moveaxis(x, axes, (0, 1, 2)), centred, fill_mode, cval, order)
    return np.moveaxis(moved, (0, 1, 2), axes).astype(x.dtype)


def apply_transform(
    x: Array,
    transform_matrix: Array,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> Array:
    """Sample an image at the positions given by a matrix of 3 rows and columns."""
    sampled = _sample(np.moveaxis(x, channel_axis, -1), np.asarray(transform_matrix), fill_mode, cval, order)
    return np.moveaxis(sampled, -1, channel_axis)


def transform_matrix_offset_center(matrix: Array | list[list[float]], x: int, y: int) -> Array:
    """Return the same transformation around the center of an image with x rows and y columns."""
    beyond = 0.5 if era.has_keras_preprocessing() else -0.5
    row, column = x / 2.0 + beyond, y / 2.0 + beyond
    to_center, from_center = np.eye(3), np.eye(3)
    to_center[:2, 2], from_center[:2, 2] = (row, column), (-row, -column)
    return to_center @ matrix @ from_center


def _sample(image: Array, matrix: Array, fill_mode: str, cval: float, order: int) -> Array:
    """Sample the image at the positions given by `matrix`, by splines of an order: 0 (Keras 1) is the nearest pixel."""
    from scipy import ndimage

    order = 0 if era.number() == 1 else order

    parts = matrix[:2, :2], matrix[:2, 2]
    options = {"order": order, "mode": fill_mode, "cval": cval}
    return np.stack([ndimage.affine_transform(plane, *parts, **options) for plane in np.moveaxis(image, -1, 0)], -1)


def flip_axis(x: Array, axis: int) -> Array:
    """Reverse x along an axis."""
    return np.flip(x, axis)


def apply_channel_shift(x: Array, intensity: float | Array, channel_axis: int = 0) -> Array:
    """Add a value to all channels, or one to each, limited to the range of the image."""
    shifted = np.moveaxis(np.moveaxis(x, channel_axis, -1) + intensity, -1, channel_axis)
    return np.clip(shifted, x.min(), x.max()).astype(x.dtype)


def random_channel_shift(x: Array, intensity_range: float, channel_axis: int = 0) -> Array:
    """Apply `apply_channel_shift` with a random value of at most `intensity_range`, in Keras 1 one for each channel."""
    channels = x.shape[channel_axis] if era.number() == 1 else None
    return apply_channel_shift(x, np.random.uniform(-intensity_range, intensity_range, channels), channel_axis)


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


def _axes_and_filling(
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> dict[str, Any]:
    """The last arguments of random transformations, as arguments of `apply_affine_transform`."""
    options = dict(locals())
    options["order"] = options.pop("interpolation_order")
    return options


def random_rotation(x: Array, rg: float, *args: Any, **kwargs: Any) -> Array:
    """Rotate an image by at most `rg` degrees."""
    return apply_affine_transform(x, theta=np.random.uniform(-rg, rg), **_axes_and_filling(*args, **kwargs))


def random_shift(x: Array, wrg: float, hrg: float, *args: Any, **kwargs: Any) -> Array:
    """Shift an image by at most these fractions of its width and height."""
    options = _axes_and_filling(*args, **kwargs)
    tx = np.random.uniform(-hrg, hrg) * x.shape[options["row_axis"]]
    ty = np.random.uniform(-wrg, wrg) * x.shape[options["col_axis"]]
    return apply_affine_transform(x, tx=tx, ty=ty, **options)


def random_shear(x: Array, intensity: float, *args: Any, **kwargs: Any) -> Array:
    """Shear an image by at most `intensity` degrees, in Keras 1 radians."""
    shear = np.random.uniform(-intensity, intensity)
    shear = np.rad2deg(shear) if era.number() == 1 else shear
    return apply_affine_transform(x, shear=shear, **_axes_and_filling(*args, **kwargs))


def random_zoom(x: Array, zoom_range: Sequence[float], *args: Any, **kwargs: Any) -> Array:
    """Zoom an image by random factors from this range, one for its rows and one for its columns."""
    if np.shape(zoom_range) != (2,):
        raise ArgumentError(message("zoom_range", expected="(smallest, largest)", got=repr(zoom_range)))
    zx, zy = np.random.uniform(zoom_range[0], zoom_range[1], 2)
    return apply_affine_transform(x, zx=zx, zy=zy, **_axes_and_filling(*args, **kwargs))

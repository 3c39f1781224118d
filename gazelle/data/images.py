"""Images in files, as Pillow images and as arrays, and resizing on the host.

Sizes differ between files, and a compiled program accepts one size only, so images are resized with NumPy.
"""

from __future__ import annotations

import functools
import io
import math
import os
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any

import jax
import numpy as np

from gazelle.core import dtypes
from gazelle.core.argument_types import checks_arguments
from gazelle.core.errors import ArgumentError, ShapeError, StateError, message, missing_file, unknown
from gazelle.core.traceback import warn
from gazelle.core.types import ArrayLike, DTypeLike, PathLike
from gazelle.ops import image as ops
from gazelle.ops.space import is_first

if TYPE_CHECKING:
    from PIL.Image import Image

Array = np.ndarray[Any, Any]
MODES = {"grayscale": ("L", "I;16", "I"), "rgb": ("RGB",), "rgba": ("RGBA",)}
CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}


def pillow() -> ModuleType:
    """The module `PIL.Image`.

    Raises:
        StateError: Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError:
        raise StateError(
            message("Image files need Pillow, which is not installed", hint='Install it: pip install "gazelle[images]"')
        ) from None
    return Image


@checks_arguments
def load_img(
    path: PathLike | IO[bytes],
    color_mode: str = "rgb",
    target_size: Sequence[int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Image:
    """Read an image file.

    Args:
        path: the path of the file, or an open binary file.
        color_mode: 'rgb', 'rgba' or 'grayscale'.
        target_size: (height, width) to resize to; None keeps the size.
        interpolation: 'nearest', 'bilinear', 'bicubic', 'hamming', 'box' or 'lanczos', as in Pillow.
        keep_aspect_ratio: crop the longer side in the middle before resizing.

    Returns:
        An image of Pillow.

    Raises:
        ArgumentError: an unknown `color_mode` or `interpolation`.
        StateError: Pillow is not installed.

    >>> save_img("dot.png", np.ones((4, 6, 3)))
    >>> load_img("dot.png", target_size=(2, 3)).size
    (3, 2)
    """
    if color_mode not in MODES:
        raise unknown("color_mode", color_mode, MODES)
    try:
        image: Image = pillow().open(path)
    except FileNotFoundError:
        raise missing_file(str(path)) from None
    image.load()
    if image.mode not in MODES[color_mode]:
        image = image.convert(MODES[color_mode][0])
    if target_size is None or image.size == (target_size[1], target_size[0]):
        return image
    known = pillow().Resampling.__members__
    if interpolation.upper() not in known:
        raise unknown("interpolation", interpolation, [name.lower() for name in known])
    box = None
    if keep_aspect_ratio:
        (w, h), (height, width) = image.size, target_size
        rows, columns = min(h, w * height // width), min(w, h * width // height)
        top, left = (h - rows) // 2, (w - columns) // 2
        box = (left, top, left + columns, top + rows)
    return image.resize((target_size[1], target_size[0]), known[interpolation.upper()], box=box)


@checks_arguments
def img_to_array(img: Image | ArrayLike, data_format: str | None = None, dtype: DTypeLike | None = None) -> Array:
    """Convert an image of Pillow to an array (height, width, channels).

    Args:
        img: an image with 2 or 3 axes.
        data_format: 'channels_last' or 'channels_first'; by default that of `config.image_data_format`.
        dtype: the dtype; by default `config.floatx`.

    Returns:
        The array.

    Raises:
        ShapeError: the image has another number of axes.

    >>> img_to_array(array_to_img(np.ones((2, 3, 3)))).shape
    (2, 3, 3)
    """
    x = np.asarray(img, dtype=dtype or dtypes.floatx())
    if x.ndim not in (2, 3):
        raise ShapeError(message("img_to_array", expected="an image of 2 or 3 axes", got=f"shape {x.shape}"))
    x = x[..., None] if x.ndim == 2 else x
    return np.moveaxis(x, -1, 0) if is_first(data_format) else x


@checks_arguments
def array_to_img(
    x: ArrayLike, data_format: str | None = None, scale: bool = True, dtype: DTypeLike | None = None
) -> Image:
    """Convert an array (height, width, channels) to an image of Pillow.

    Args:
        x: the array, with 1, 3 or 4 channels.
        data_format: 'channels_last' or 'channels_first'; by default that of `config.image_data_format`.
        scale: scale the values to 0 ... 255 first.
        dtype: the dtype of computations; by default `config.floatx`.

    Returns:
        The image.

    Raises:
        ShapeError: the array has another number of axes or channels.

    >>> array_to_img(np.zeros((2, 3, 1))).mode
    'L'
    """
    array = np.asarray(x, dtype=dtype or dtypes.floatx())
    if array.ndim != 3:
        raise ShapeError(message("array_to_img", expected="one image of 3 axes", got=f"shape {array.shape}"))
    array = np.moveaxis(array, 0, -1) if is_first(data_format) else array
    if scale:
        array = array - array.min()
        array = array / (array.max() or 1) * 255
    kinds = {1: "L", 3: "RGB", 4: "RGBA"}
    if array.shape[2] not in kinds:
        raise ShapeError(message("array_to_img", expected="1, 3 or 4 channels", got=f"shape {array.shape}"))
    if array.shape[2] == 1:
        flat = array[..., 0]
        array = flat.astype("int32" if flat.max() > 255 else "uint8")
    else:
        array = array.astype("uint8")
    image: Image = pillow().fromarray(array)
    return image


@checks_arguments
def save_img(
    path: PathLike | IO[bytes],
    x: ArrayLike,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array (height, width, channels) to an image file.

    Args:
        path: the path of the file, or an open binary file.
        x: the array, with 1, 3 or 4 channels.
        data_format: 'channels_last' or 'channels_first'; by default that of `config.image_data_format`.
        file_format: 'png', 'jpeg' ...; by default the extension of the path.
        scale: scale the values to 0 ... 255 first.
        **kwargs: passed to `PIL.Image.Image.save`.

    Raises:
        ShapeError: the array has another number of axes or channels.

    >>> save_img("white.png", np.ones((4, 4, 3)))
    """
    kind = file_format
    if kind is None and isinstance(path, str | os.PathLike):
        kind = os.path.splitext(os.fspath(path))[1][1:].lower()
    kind = "jpeg" if kind == "jpg" else kind
    image = array_to_img(x, data_format, scale)
    if image.mode == "RGBA" and kind == "jpeg":
        warn(message("JPEG has no transparency", got="4 channels", hint="It is omitted; use PNG to keep it."))
        image = image.convert("RGB")
    image.save(path, format=kind, **kwargs)


def smart_resize(
    x: ArrayLike, size: Sequence[int], interpolation: str = "bilinear", data_format: str = "channels_last"
) -> Array | jax.Array:
    """Resize images without changing the aspect ratio: the longer side is cropped.

    Args:
        x: images (..., height, width, channels).
        size: the new (height, width).
        interpolation: the method, as in `ops.image.resize`.
        data_format: 'channels_last' or 'channels_first'.

    Returns:
        The images: a JAX array if x is one, otherwise a NumPy array.

    Raises:
        ArgumentError: `size` does not have two values.

    >>> smart_resize(np.ones((4, 8, 3)), (2, 2)).shape
    (2, 2, 3)
    """
    if len(size) != 2:
        raise ArgumentError(message("size of smart_resize", expected="(height, width)", got=size))
    out = ops.resize(x, tuple(size), interpolation, crop_to_aspect_ratio=True, data_format=data_format)
    return np.asarray(out) if not isinstance(x, jax.Array) else out


def read_image(path: str, color_mode: str) -> Array:
    """Read the pixels of a file (height, width, channels) from 0 to 255, as float32; of animations the first frame."""
    with open(path, "rb") as file:
        return img_to_array(load_img(io.BytesIO(file.read()), color_mode), "channels_last", "float32")


def _lanczos(radius: int, x: Array) -> Array:
    return np.where(np.abs(x) < radius, np.sinc(x) * np.sinc(x / radius), 0)


def _cubic(b: float, c: float, x: Array) -> Array:
    """The cubic filters of Mitchell and Netravali (1988); b = 0, c = 1/2 is the filter of Keys."""
    x = np.abs(x)
    near = ((12 - 9 * b - 6 * c) * x + (-18 + 12 * b + 6 * c)) * x * x + (6 - 2 * b)
    far = (((-b - 6 * c) * x + (6 * b + 30 * c)) * x + (-12 * b - 48 * c)) * x + (8 * b + 24 * c)
    return np.where(x < 1, near, np.where(x < 2, far, 0)) / 6


#: name -> (radius in pixels, weight at a distance)
KERNELS: dict[str, tuple[float, Callable[[Array], Array]]] = {
    "bilinear": (1, lambda x: np.maximum(0, 1 - np.abs(x))),
    "bicubic": (2, functools.partial(_cubic, 0, 0.5)),
    "mitchellcubic": (2, functools.partial(_cubic, 1 / 3, 1 / 3)),
    "lanczos3": (3, functools.partial(_lanczos, 3)),
    "lanczos5": (5, functools.partial(_lanczos, 5)),
    "gaussian": (1.5, lambda x: np.where(np.abs(x) < 1.5, np.exp(-2 * x * x), 0)),
}
INTERPOLATIONS = (*KERNELS, "nearest", "area")


def resize(x: Array, size: tuple[int, int], interpolation: str, crop: bool = False, pad: bool = False) -> Array:
    """Resize an image:  (h, w, c) -> (height, width, c).  The results are those of `ops.image.resize`, but for `pad`.

    Args:
        x: the image.
        size: (height, width).
        interpolation: one of INTERPOLATIONS.
        crop: crop the longer side to keep the aspect ratio.
        pad: pad the shorter side of the resized image with zeros to keep the aspect ratio.

    Raises:
        ArgumentError: an unknown interpolation.
    """
    if interpolation not in INTERPOLATIONS:
        raise unknown("interpolation", interpolation, INTERPOLATIONS)
    h, w = x.shape[:2]
    if crop:
        rows, columns = max(min(h, int(w * size[0] / size[1])), 1), max(min(w, int(h * size[1] / size[0])), 1)
        top, left = (h - rows) // 2, (w - columns) // 2
        x = x[top : top + rows, left : left + columns]
    elif pad:
        own, wanted = np.asarray([(h, w), size], np.float32)
        exact = own / np.max(own / wanted)
        rows, columns = np.maximum(np.floor(exact), 1).astype(int).tolist()
        top, left = np.floor((wanted - exact) / 2).astype(int).tolist()
        around = (top, size[0] - top - rows), (left, size[1] - left - columns), (0, 0)
        return np.pad(resize(x, (rows, columns), interpolation), around)
    for axis in (0, 1):
        if x.shape[axis] != size[axis]:
            x = _resize_axis(x, axis, size[axis], interpolation)
    return np.ascontiguousarray(x, np.float32)


def _resize_axis(x: Array, axis: int, size: int, interpolation: str) -> Array:
    pixels, weights = _filter_taps(x.shape[axis], size, interpolation)
    shape = [1] * x.ndim
    shape[axis] = size
    return sum(np.take(x, p, axis) * v.reshape(shape) for p, v in zip(pixels, weights, strict=True))


@functools.lru_cache(256)
def _filter_taps(n: int, size: int, interpolation: str) -> tuple[Array, Array]:
    """For each of `size` output pixels the indices and weights of the input pixels, both (taps, size)."""
    step = n / size
    if interpolation == "nearest":
        return np.floor((np.arange(size) + 0.5) * step).astype(int)[None], np.ones((1, size), np.float32)
    if interpolation == "area":  # the fraction of each input pixel covered by an output pixel
        low, high = np.arange(size) * step, (np.arange(size) + 1) * step
        pixels = np.floor(low).astype(int) + np.arange(math.ceil(step) + 1)[:, None]
        weights = np.maximum(0, np.minimum(high, pixels + 1) - np.maximum(low, pixels))
    else:
        radius, kernel = KERNELS[interpolation]
        center = (np.arange(size) + 0.5) * step - 0.5
        pixels = np.floor(center).astype(int) + np.arange(1 - math.ceil(radius), 1 + math.ceil(radius))[:, None]
        weights = kernel(center - pixels)
    weights = np.where((pixels < 0) | (pixels >= n), 0, weights)
    return np.clip(pixels, 0, n - 1), (weights / weights.sum(0)).astype(np.float32)

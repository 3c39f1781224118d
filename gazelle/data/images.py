"""Images between files, Pillow and arrays."""

from __future__ import annotations

import io
import os
from types import ModuleType
from typing import Any

import jax
import numpy as np

from gazelle.core import dtypes
from gazelle.core.errors import ArgumentError, ShapeError, StateError, message, unknown
from gazelle.core.traceback import warn
from gazelle.ops import image as ops
from gazelle.ops.space import is_first

MODES = {"grayscale": ("L", "I;16", "I"), "rgb": ("RGB",), "rgba": ("RGBA",)}
CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}


def pillow() -> ModuleType:
    """`PIL.Image`, or an error that names what to install."""
    try:
        from PIL import Image
    except ImportError:
        raise StateError(
            message("Image files need Pillow, which is not installed", hint='Install it: pip install "gazelle[images]"')
        ) from None
    return Image


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: Any = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """The image in a file, as an image of Pillow.

    Args:
        path: of the file, or an open binary file.
        color_mode: 'rgb', 'rgba' or 'grayscale'.
        target_size: (height, width) to bring it to; None leaves it.
        interpolation: 'nearest', 'bilinear', 'bicubic', 'hamming', 'box' or 'lanczos', as Pillow does them.
        keep_aspect_ratio: cut off what is too long, in the middle, before.

    >>> save_img("dot.png", np.ones((4, 6, 3)))
    >>> load_img("dot.png", target_size=(2, 3)).size
    (3, 2)
    """
    if color_mode not in MODES:
        raise unknown("color_mode", color_mode, MODES)
    image = pillow().open(path)
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


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> np.ndarray[Any, Any]:
    """An image of Pillow as an array (height, width, channels).

    >>> img_to_array(array_to_img(np.ones((2, 3, 3)))).shape
    (2, 3, 3)
    """
    x = np.asarray(img, dtype=dtype or dtypes.floatx())
    if x.ndim not in (2, 3):
        raise ShapeError(message("img_to_array", expected="an image of 2 or 3 axes", got=f"shape {x.shape}"))
    x = x[..., None] if x.ndim == 2 else x
    return np.moveaxis(x, -1, 0) if is_first(data_format) else x


def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None) -> Any:
    """An array (height, width, channels) as an image of Pillow; `scale` spreads its values over 0 to 255 first.

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
        return pillow().fromarray(flat.astype("int32" if flat.max() > 255 else "uint8"))
    return pillow().fromarray(array.astype("uint8"))


def save_img(
    path: Any,
    x: Any,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array (height, width, channels) into an image file, of the kind that the name's ending says.

    >>> save_img("white.png", np.ones((4, 4, 3)))
    """
    kind = file_format
    if kind is None and isinstance(path, str | os.PathLike):
        kind = os.path.splitext(os.fspath(path))[1][1:].lower()
    kind = "jpeg" if kind == "jpg" else kind
    image = array_to_img(x, data_format, scale)
    if image.mode == "RGBA" and kind == "jpeg":
        warn(message("JPEG has no transparency", got="4 channels", hint="It is left out; PNG keeps it."))
        image = image.convert("RGB")
    image.save(path, format=kind, **kwargs)


def smart_resize(x: Any, size: Any, interpolation: str = "bilinear", data_format: str = "channels_last") -> Any:
    """Images of `size` = (height, width) without a change of the aspect ratio: what is too long is cut off.

    >>> smart_resize(np.ones((4, 8, 3)), (2, 2)).shape
    (2, 2, 3)
    """
    if len(size) != 2:
        raise ArgumentError(message("size of smart_resize", expected="(height, width)", got=size))
    out = ops.resize(x, tuple(size), interpolation, crop_to_aspect_ratio=True, data_format=data_format)
    return np.asarray(out) if not isinstance(x, jax.Array) else out


def decoded(path: str, color_mode: str) -> np.ndarray[Any, Any]:
    """The pixels of a file (height, width, channels) from 0 to 255, as float32; of moving images the first."""
    with open(path, "rb") as file:
        return img_to_array(load_img(io.BytesIO(file.read()), color_mode), dtype="float32")

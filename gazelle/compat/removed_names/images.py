"""The functions of images that `scipy.misc` had until SciPy 1.2, with Pillow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.types import ArrayLike
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.types import PathLike
from gazelle.data.images import pillow

if TYPE_CHECKING:
    from PIL.Image import Image

_FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "cubic": 3}


def imread(name: PathLike, flatten: bool = False, mode: str | None = None) -> np.ndarray:
    """Read an image: integers (rows, columns, channels), or floats (rows, columns) if `flatten`."""
    return fromimage(pillow().open(name), flatten, mode)


def imsave(name: PathLike, arr: ArrayLike, format: str | None = None) -> None:
    """Write an image; values other than bytes are scaled so that the smallest is 0 and the largest 255."""
    toimage(arr, channel_axis=2).save(name, format)


def imresize(
    arr: ArrayLike, size: float | tuple[int, int], interp: str = "bilinear", mode: str | None = None
) -> np.ndarray:
    """Resize an image to a percentage (an integer), a fraction (a float) or (rows, columns)."""
    image = toimage(arr, mode=mode)
    if isinstance(size, int | float | np.number):
        fraction = size / 100 if isinstance(size, int | np.integer) else size
        columns, rows = (int(n * fraction) for n in image.size)
    else:
        rows, columns = map(int, size[:2])  # SciPy did not read a number of channels
    return fromimage(image.resize((columns, rows), resample=_filter(interp)))


def imrotate(arr: ArrayLike, angle: float, interp: str = "bilinear") -> np.ndarray:
    """Rotate an image by an angle in degrees, counter-clockwise."""
    return fromimage(toimage(arr).rotate(angle, resample=_filter(interp)))


def fromimage(im: Image, flatten: bool = False, mode: str | None = None) -> np.ndarray:
    """The array of an image of Pillow."""
    if mode is not None:
        im = im.convert(mode)
    elif im.mode == "P":
        im = im.convert("RGBA" if "transparency" in im.info else "RGB")
    if flatten:
        im = im.convert("F")
    elif im.mode == "1":
        im = im.convert("L")
    return np.array(im)


@ignores("pal@5=None")
def toimage(
    arr: ArrayLike,
    high: int = 255,
    low: int = 0,
    cmin: float | None = None,
    cmax: float | None = None,
    mode: str | None = None,
    channel_axis: int | None = None,
) -> Image:
    """The image of Pillow of an array (rows, columns), or with an axis of 3 or 4 channels; scaled as by `bytescale`."""
    data: Any = np.asarray(arr)
    axes = [axis for n in (3, 4) for axis, size in enumerate(data.shape) if size == n]
    axis = channel_axis if channel_axis is not None else axes[0] if axes else -1
    if not (data.ndim == 2 or (data.ndim == 3 and data.shape[axis] in (3, 4))):
        raise ShapeError(message("arr of toimage", expected="(rows, columns) or 3 or 4 channels", got=data.shape))
    if data.ndim == 3:
        data = np.moveaxis(bytescale(data, cmin, cmax, high, low), axis, 2)
        image = pillow().fromarray(np.ascontiguousarray(data))
        return image if mode is None else image.convert(mode)
    if mode == "F":
        return pillow().fromarray(data.astype(np.float32))
    if mode not in (None, "L"):
        raise ArgumentError(message("mode of a gray image", expected="None, 'L' or 'F'", got=repr(mode)))
    return pillow().fromarray(bytescale(data, cmin, cmax, high, low))


def bytescale(
    data: np.ndarray, cmin: float | None = None, cmax: float | None = None, high: int = 255, low: int = 0
) -> np.ndarray:
    """Scale values from [cmin, cmax], by default the smallest and the largest, to bytes in [low, high].

    >>> bytescale(np.array([-1.0, 0.0, 1.0]))
    array([  0, 128, 255], dtype=uint8)
    """
    if data.dtype == np.uint8:
        return data
    least = float(data.min()) if cmin is None else cmin
    most = float(data.max()) if cmax is None else cmax
    scaled = (data - least) * ((high - low) / ((most - least) or 1.0)) + low
    return (scaled.clip(low, high) + 0.5).astype(np.uint8)


def _filter(interp: str) -> Any:
    if interp not in _FILTERS:
        raise ArgumentError(message("interp", expected=f"one of {', '.join(_FILTERS)}", got=repr(interp)))
    return _FILTERS[interp]

"""Images of another size on the host: sizes differ from file to file, and a compiled program serves one only."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gazelle.core.errors import unknown

Array = np.ndarray[Any, Any]


def _lanczos(radius: int, x: Array) -> Array:
    return np.where(np.abs(x) < radius, np.sinc(x) * np.sinc(x / radius), 0)


def _cubic(b: float, c: float, x: Array) -> Array:
    """Mitchell and Netravali's family (SIGGRAPH 1988); b = 0, c = 1/2 is Keys' cubic."""
    x = np.abs(x)
    near = ((12 - 9 * b - 6 * c) * x + (-18 + 12 * b + 6 * c)) * x * x + (6 - 2 * b)
    far = (((-b - 6 * c) * x + (6 * b + 30 * c)) * x + (-12 * b - 48 * c)) * x + (8 * b + 24 * c)
    return np.where(x < 1, near, np.where(x < 2, far, 0)) / 6


#: name -> (reach in pixels, weight at a distance).
KERNELS: dict[str, tuple[float, Callable[[Array], Array]]] = {
    "bilinear": (1, lambda x: np.maximum(0, 1 - np.abs(x))),
    "bicubic": (2, functools.partial(_cubic, 0, 0.5)),
    "mitchellcubic": (2, functools.partial(_cubic, 1 / 3, 1 / 3)),
    "lanczos3": (3, functools.partial(_lanczos, 3)),
    "lanczos5": (5, functools.partial(_lanczos, 5)),
    "gaussian": (1.5, lambda x: np.where(np.abs(x) < 1.5, np.exp(-2 * x * x), 0)),
}
INTERPOLATIONS = (*KERNELS, "nearest", "area")


def resized(x: Array, size: tuple[int, int], interpolation: str, crop: bool = False, pad: bool = False) -> Array:
    """x (h, w, c)  ->  (height, width, c), as `ops.image.resize` does it; `crop` and `pad` keep the aspect ratio."""
    if interpolation not in INTERPOLATIONS:
        raise unknown("interpolation", interpolation, INTERPOLATIONS)
    h, w = x.shape[:2]
    if crop:
        rows, columns = max(min(h, int(w * size[0] / size[1])), 1), max(min(w, int(h * size[1] / size[0])), 1)
        top, left = (h - rows) // 2, (w - columns) // 2
        x = x[top : top + rows, left : left + columns]
    elif pad:
        top, left = (max(h, int(w * size[0] / size[1])) - h) // 2, (max(w, int(h * size[1] / size[0])) - w) // 2
        x = np.pad(x, ((top, top), (left, left), (0, 0)))
    for axis in (0, 1):
        if x.shape[axis] != size[axis]:
            x = _along(x, axis, size[axis], interpolation)
    return np.ascontiguousarray(x, np.float32)


def _along(x: Array, axis: int, size: int, interpolation: str) -> Array:
    places, weights = _taps(x.shape[axis], size, interpolation)
    shape = [1] * x.ndim
    shape[axis] = size
    return sum(np.take(x, p, axis) * v.reshape(shape) for p, v in zip(places, weights, strict=True))


@functools.lru_cache(256)
def _taps(n: int, size: int, interpolation: str) -> tuple[Array, Array]:
    """For each of `size` places: which of `n` pixels it is made of, and their weights; both (taps, size)."""
    step = n / size
    if interpolation == "nearest":
        return np.floor((np.arange(size) + 0.5) * step).astype(int)[None], np.ones((1, size), np.float32)
    if interpolation == "area":  # the share of each pixel in the stretch that a place covers
        low, high = np.arange(size) * step, (np.arange(size) + 1) * step
        places = np.floor(low).astype(int) + np.arange(math.ceil(step) + 1)[:, None]
        weights = np.maximum(0, np.minimum(high, places + 1) - np.maximum(low, places))
    else:
        reach, kernel = KERNELS[interpolation]
        at = (np.arange(size) + 0.5) * step - 0.5
        places = np.floor(at).astype(int) + np.arange(1 - math.ceil(reach), 1 + math.ceil(reach))[:, None]
        weights = kernel(at - places)
    weights = np.where((places < 0) | (places >= n), 0, weights)
    return np.clip(places, 0, n - 1), (weights / weights.sum(0)).astype(np.float32)

"""tf.image.resize, and the resizing of TensorFlow 1."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle import ops
from gazelle.compat.arguments.ignored import check
from gazelle.compat.tensorflow.names import named, op


class ResizeMethod:
    BILINEAR, NEAREST_NEIGHBOR, BICUBIC, AREA, LANCZOS3 = "bilinear", "nearest", "bicubic", "area", "lanczos3"
    LANCZOS5, GAUSSIAN, MITCHELLCUBIC = "lanczos5", "gaussian", "mitchellcubic"


def _name_of(method: Any) -> str:
    """The name of a method of TensorFlow 2; in TensorFlow 1 it was a number, or another name."""
    names = ("bilinear", "nearest", "bicubic", "area")
    return names[method] if isinstance(method, int) else str(method).removesuffix("_neighbor")


def _resize(
    images: Any, size: Any, method: Any = "bilinear", preserve_aspect_ratio: bool = False, antialias: bool = False
) -> Any:
    images, size = jnp.asarray(images), tuple(int(n) for n in size)
    method = _name_of(method)
    size = _in_proportion(images, size) if preserve_aspect_ratio else size
    return ops.image.resize(
        images if method == "nearest" else images.astype("float32"),
        size,
        method,
        antialias=antialias,
        data_format="channels_last",
    )


resize = op("image.resize", static=("size",), host=False)(_resize)


def _in_proportion(images: Any, size: Any) -> Any:
    """The largest size within `size` with the proportions of the images."""
    fraction = min(size[0] / images.shape[-3], size[1] / images.shape[-2])
    return round(images.shape[-3] * fraction), round(images.shape[-2] * fraction)


def _resize_of_1(
    images: Any, size: Any, method: Any = 0, align_corners: Any = False, preserve: Any = False, half_pixel: Any = False
) -> Any:
    """The result of TensorFlow 1, whose pixels are points at integers, and with `align_corners` also the last ones."""
    images = jnp.asarray(images)
    method = _name_of(method)
    size = _in_proportion(images, size) if preserve else size
    if half_pixel or method == "area":
        check("align_corners", bool(align_corners), False, "tf.image.resize_images")
        return _resize(images, size, method)
    images = images if method == "nearest" else images.astype("float32")
    for axis, count in zip((-3, -2), map(int, size), strict=True):
        last = images.shape[axis] - 1
        aligned = align_corners and count > 1
        at = np.arange(count, dtype="float32") * np.float32(last / (count - 1) if aligned else (last + 1) / count)
        low = np.floor(at + 0.5 * (aligned and method == "nearest")).astype("int32")
        offsets = _points(at - low, method)
        shape = [-1 if i == axis % images.ndim else 1 for i in range(images.ndim)]
        parts = [
            jnp.take(images, np.clip(low + offset, 0, last), axis) * (1 if weight is None else weight.reshape(shape))
            for offset, weight in offsets.items()
        ]
        images = sum(parts[1:], start=parts[0])
    return images


def _points(t: Any, method: str) -> dict[int, Any]:
    """{offset of a pixel: its weights} for positions t after a pixel."""
    if method != "bicubic":
        return {0: None} if method == "nearest" else {0: 1 - t, 1: t}
    t, a = np.round(t * 1024).astype("float32") / 1024, -0.75  # TensorFlow has a table of weights
    near = lambda v: ((a + 2) * v - (a + 3)) * v * v + 1  # noqa: E731
    far = lambda v: ((a * v - 5 * a) * v + 8 * a) * v - 4 * a  # noqa: E731
    return {-1: far(t + 1), 0: near(t), 1: near(1 - t), 2: far(2 - t)}


_resize_by = op(static=("size",), host=False)(_resize_of_1)


named("image.resize_images", "compat.v1.image.resize_images", "compat.v1.image.resize")(
    lambda images, size, method=0, align_corners=False, preserve_aspect_ratio=False: _resize_by(
        images, size, method, align_corners, preserve_aspect_ratio
    )
)
for _method in ("bilinear", "nearest_neighbor", "bicubic", "area"):
    named(f"image.resize_{_method}")(
        lambda images, size, align_corners=False, name=None, half_pixel_centers=False, method=_method: _resize_by(
            images, size, method, align_corners, False, half_pixel_centers
        )
    )

"""Bounding boxes, as `keras.utils.bounding_boxes` has them: formats, transformations and clipping."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, ShapeError, message, unknown
from gazelle.core.types import Array, ArrayLike, DTypeLike
from gazelle.ops.base import array

#: format -> ((x1, y1, x2, y2) from its four numbers, and the inverse).
FORMATS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "xyxy": (lambda a, b, c, d: (a, b, c, d), lambda a, b, c, d: (a, b, c, d)),
    "yxyx": (lambda a, b, c, d: (b, a, d, c), lambda a, b, c, d: (b, a, d, c)),
    "xywh": (lambda x, y, w, h: (x, y, x + w, y + h), lambda a, b, c, d: (a, b, c - a, d - b)),
    "center_xywh": (
        lambda x, y, w, h: (x - w / 2, y - h / 2, x + w / 2, y + h / 2),
        lambda a, b, c, d: (a + (c - a) / 2, b + (d - b) / 2, c - a, d - b),
    ),
    "center_yxhw": (
        lambda y, x, h, w: (x - w / 2, y - h / 2, x + w / 2, y + h / 2),
        lambda a, b, c, d: (b + (d - b) / 2, a + (c - a) / 2, d - b, c - a),
    ),
}
RELATIVE = ("rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh")


def convert_format(
    boxes: ArrayLike | dict[str, Any],
    source: str,
    target: str,
    height: ArrayLike | None = None,
    width: ArrayLike | None = None,
    dtype: DTypeLike = "float32",
) -> Array | dict[str, Any]:
    """Convert bounding boxes to another format.

    Formats: xyxy (left, top, right, bottom), yxyx, xywh (left, top, width, height), center_xywh, center_yxhw; with
    the prefix rel_ the first four are fractions of `height` and `width`.

    Args:
        boxes: Array (..., 4), or {"boxes": array, "labels": array}.
        source: Format of `boxes`.
        target: Format of the result.
        height: Height of the image, needed for relative formats.
        width: Width of the image, needed for relative formats.
        dtype: Dtype of the result.

    Returns:
        Boxes of the same structure and shape.

    Raises:
        ArgumentError: If a format is unknown, or `height` and `width` are missing.

    Example:
        >>> convert_format([[10, 20, 30, 40]], "xyxy", "center_xywh")
        Array([[20., 30., 20., 20.]], dtype=float32)
    """
    if isinstance(boxes, dict):
        return {**boxes, "boxes": convert_format(boxes["boxes"], source, target, height, width, dtype)}
    source, target = source.lower(), target.lower()
    for name in (source, target):
        if name not in (*FORMATS, *RELATIVE):
            raise unknown("format of boxes", name, (*FORMATS, *RELATIVE))
    x = _four(boxes, dtype)
    if source == target:
        return x
    relative = [name.startswith("rel_") for name in (source, target)]
    if any(relative) and (height is None or width is None):
        raise ArgumentError(
            message(
                f"convert_format from {source!r} to {target!r}",
                expected="height and width of the image",
                got=f"height={height}, width={width}",
            )
        )
    corners = FORMATS[source.removeprefix("rel_")][0](*jnp.split(x, 4, -1))
    if relative[0] != relative[1]:
        w, h = jnp.asarray(width, x.dtype), jnp.asarray(height, x.dtype)
        sizes = (w, h, w, h) if relative[0] else (1 / w, 1 / h, 1 / w, 1 / h)
        corners = tuple(corner * size for corner, size in zip(corners, sizes, strict=True))
    return jnp.concatenate(FORMATS[target.removeprefix("rel_")][1](*corners), -1)


def clip_to_image_size(
    bounding_boxes: dict[str, Any],
    height: ArrayLike | None = None,
    width: ArrayLike | None = None,
    bounding_box_format: str = "xyxy",
) -> dict[str, Any]:
    """Clip bounding boxes to the image; labels of boxes without area become -1.

    Args:
        bounding_boxes: {"boxes": (..., 4), "labels": (...)}.
        height: Height of the image.
        width: Width of the image.
        bounding_box_format: 'xyxy' or 'rel_xyxy'.

    Returns:
        A dict of the same keys.

    Raises:
        ArgumentError: If the format is another, or `height` and `width` are missing.

    Example:
        >>> out = clip_to_image_size({"boxes": [[-5, 2, 3, 4], [9, 9, 12, 9]], "labels": [1, 2]}, 8, 8)
        >>> out["labels"]
        Array([ 1, -1], dtype=int32)
    """
    _only(bounding_box_format, ("xyxy", "rel_xyxy"))
    if bounding_box_format == "rel_xyxy":
        height = width = 1
    elif height is None or width is None:
        raise ArgumentError(message("clip_to_image_size", expected="height and width of the image", got="none"))
    boxes = array(bounding_boxes["boxes"])
    x1, y1, x2, y2 = jnp.split(boxes, 4, -1)
    clipped = [
        jnp.clip(corner, 0, jnp.asarray(size, boxes.dtype))
        for corner, size in ((x1, width), (y1, height), (x2, width), (y2, height))
    ]
    out = {**bounding_boxes, "boxes": jnp.concatenate(clipped, -1)}
    if bounding_boxes.get("labels") is not None:
        area = ((clipped[2] - clipped[0]) * (clipped[3] - clipped[1]))[..., 0]
        out["labels"] = jnp.where(area > 0, array(bounding_boxes["labels"]), -1)
    return out


def affine_transform(
    boxes: ArrayLike,
    angle: ArrayLike,
    translate_x: ArrayLike,
    translate_y: ArrayLike,
    scale: ArrayLike,
    shear_x: ArrayLike,
    shear_y: ArrayLike,
    height: ArrayLike,
    width: ArrayLike,
    center_x: ArrayLike | None = None,
    center_y: ArrayLike | None = None,
    bounding_box_format: str = "xyxy",
) -> Array:
    """Transform bounding boxes like their images: the result encloses the transformed corners.

    Args:
        boxes: Array (batch, n, 4).
        angle: Rotation in degrees (batch,).
        translate_x: Translation as a fraction of the width (batch,).
        translate_y: Translation as a fraction of the height (batch,).
        scale: Scale (batch,).
        shear_x: Shear along x in degrees (batch,).
        shear_y: Shear along y in degrees (batch,).
        height: Height of the image.
        width: Width of the image.
        center_x: Centre of the rotation as a fraction of the width; None is 0.5.
        center_y: Centre of the rotation as a fraction of the height; None is 0.5.
        bounding_box_format: 'xyxy'.

    Returns:
        An array (batch, n, 4).

    Example:
        >>> zero, one = np.zeros(1), np.ones(1)
        >>> turned = affine_transform(np.array([[[0.0, 0, 2, 1]]]), 180 * one, zero, zero, one, zero, zero, 5, 5)
        >>> np.rint(turned).tolist()
        [[[2.0, 3.0, 4.0, 4.0]]]
    """
    _only(bounding_box_format, ("xyxy",))
    degree = math.pi / 180
    angle, shear_x, shear_y, scale = (jnp.asarray(v, "float32") for v in (angle, shear_x, shear_y, scale))
    turn, sx, sy = -angle * degree, -shear_x * degree, -shear_y * degree
    centre_x = (0.5 if center_x is None else center_x) * (width - 1)
    centre_y = (0.5 if center_y is None else center_y) * (height - 1)
    moved_x = centre_x - jnp.asarray(translate_x) * (width - 1)
    moved_y = centre_y - jnp.asarray(translate_y) * (height - 1)
    # R(turn) Shear_y Shear_x, inverted
    a = jnp.cos(turn - sy) / jnp.cos(sy)
    b = a * jnp.tan(sx) + jnp.sin(turn)
    c = -jnp.sin(turn - sy) / jnp.cos(sy)
    d = jnp.cos(turn) - c * jnp.tan(sx)
    a0, a1, b0, b1 = d * scale, -b * scale, -c * scale, a * scale
    a2 = centre_x - a0 * moved_x - a1 * moved_y
    b2 = centre_y - b0 * moved_x - b1 * moved_y
    a0, a1, a2, b0, b1, b2 = (jnp.broadcast_to(m, angle.shape)[:, None, None] for m in (a0, a1, a2, b0, b1, b2))
    x1, y1, x2, y2 = jnp.split(_four(boxes), 4, -1)
    xs, ys = jnp.concatenate([x1, x2, x2, x1], -1), jnp.concatenate([y1, y1, y2, y2], -1)
    return enclosing_box(a0 * xs + a1 * ys + a2, b0 * xs + b1 * ys + b2)


def enclosing_box(xs: Array, ys: Array) -> Array:
    """Return the smallest box around points: xs, ys (..., points)  ->  (..., 4)."""
    return jnp.stack([xs.min(-1), ys.min(-1), xs.max(-1), ys.max(-1)], -1)


def crop(
    boxes: ArrayLike,
    top: ArrayLike,
    left: ArrayLike,
    height: ArrayLike,
    width: ArrayLike,
    bounding_box_format: str = "xyxy",
) -> Array:
    """Move bounding boxes into a crop of the image and clip them.

    Args:
        boxes: Array (..., 4).
        top: First row of the crop.
        left: First column of the crop.
        height: Height of the crop.
        width: Width of the crop.
        bounding_box_format: 'xyxy'.

    Returns:
        An array (..., 4).

    Example:
        >>> crop([[1.0, 1.0, 9.0, 4.0]], 2, 2, 5, 5)
        Array([[0., 0., 5., 2.]], dtype=float32)
    """
    _only(bounding_box_format, ("xyxy",))
    x1, y1, x2, y2 = jnp.split(array(boxes), 4, -1)
    parts = ((x1 - left, width), (y1 - top, height), (x2 - left, width), (y2 - top, height))
    return jnp.concatenate([jnp.clip(corner, 0, size) for corner, size in parts], -1)


def pad(
    boxes: ArrayLike,
    top: ArrayLike,
    left: ArrayLike,
    height: ArrayLike | None = None,
    width: ArrayLike | None = None,
    bounding_box_format: str = "xyxy",
) -> Array:
    """Move bounding boxes into an image padded above and on the left.

    Args:
        boxes: Array (..., 4).
        top: Rows added above.
        left: Columns added on the left.
        height: Accepted for compatibility and ignored.
        width: Accepted for compatibility and ignored.
        bounding_box_format: 'xyxy'.

    Returns:
        An array (..., 4).

    Example:
        >>> pad([[1.0, 1.0, 9.0, 4.0]], 2, 3)
        Array([[ 4.,  3., 12.,  6.]], dtype=float32)
    """
    _only(bounding_box_format, ("xyxy",))
    x1, y1, x2, y2 = jnp.split(array(boxes), 4, -1)
    left, top = array(left), array(top)
    return jnp.concatenate([x1 + left, y1 + top, x2 + left, y2 + top], -1)


def _four(boxes: Any, dtype: Any = "float32") -> Any:
    x = jnp.asarray(array(boxes), dtype)
    if x.ndim == 0 or x.shape[-1] != 4:
        raise ShapeError(message("boxes", expected="a last axis of 4", got=f"shape {tuple(x.shape)}"))
    return x


def _only(name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise ArgumentError(
            message(
                "bounding_box_format",
                expected=" or ".join(map(repr, known)),
                got=repr(name),
                hint="Use convert_format before and after.",
            )
        )

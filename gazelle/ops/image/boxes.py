"""Bounding boxes, as `keras.utils.bounding_boxes` has them: their formats, moved and cut with their image."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, ShapeError, message, unknown
from gazelle.ops.base import array

#: format -> ((x1, y1, x2, y2) from its four numbers, and the way back).
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
    boxes: Any, source: str, target: str, height: Any = None, width: Any = None, dtype: Any = "float32"
) -> Any:
    """Boxes (..., 4) from the format `source` in the format `target`; {"boxes", "labels"} is taken as well.

    Formats: xyxy (left, top, right, bottom), yxyx, xywh (left, top, width, height), center_xywh, center_yxhw, and with
    rel_ before the first four, as shares of `height` and `width` of the image.

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
        corners = tuple(place * size for place, size in zip(corners, sizes, strict=True))
    return jnp.concatenate(FORMATS[target.removeprefix("rel_")][1](*corners), -1)


def clip_to_image_size(
    bounding_boxes: Any, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> Any:
    """{"boxes", "labels"} with boxes within the image; the labels of those that have no area are -1.

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
        jnp.clip(place, 0, jnp.asarray(size, boxes.dtype))
        for place, size in ((x1, width), (y1, height), (x2, width), (y2, height))
    ]
    out = {**bounding_boxes, "boxes": jnp.concatenate(clipped, -1)}
    if bounding_boxes.get("labels") is not None:
        area = ((clipped[2] - clipped[0]) * (clipped[3] - clipped[1]))[..., 0]
        out["labels"] = jnp.where(area > 0, array(bounding_boxes["labels"]), -1)
    return out


def affine_transform(
    boxes: Any,
    angle: Any,
    translate_x: Any,
    translate_y: Any,
    scale: Any,
    shear_x: Any,
    shear_y: Any,
    height: Any,
    width: Any,
    center_x: Any = None,
    center_y: Any = None,
    bounding_box_format: str = "xyxy",
) -> Any:
    """The boxes around boxes (batch, n, 4) that turned by `angle` (degrees), moved, grew and sheared with their image.

    angle, translate_x, translate_y, scale, shear_x, shear_y (batch,); translations are shares of the image's size.

    >>> zero, one = np.zeros(1), np.ones(1)
    >>> turned = affine_transform(np.array([[[0.0, 0, 2, 1]]]), 180 * one, zero, zero, one, zero, zero, 5, 5)
    >>> np.rint(turned).tolist()
    [[[2.0, 3.0, 4.0, 4.0]]]
    """
    _only(bounding_box_format, ("xyxy",))
    degree = math.pi / 180
    angle, shear_x, shear_y, scale = (jnp.asarray(v, "float32") for v in (angle, shear_x, shear_y, scale))
    turn, sx, sy = -angle * degree, -shear_x * degree, -shear_y * degree
    middle_x = (0.5 if center_x is None else center_x) * (width - 1)
    middle_y = (0.5 if center_y is None else center_y) * (height - 1)
    moved_x = middle_x - jnp.asarray(translate_x) * (width - 1)
    moved_y = middle_y - jnp.asarray(translate_y) * (height - 1)
    # R(turn) Shear_y Shear_x, inverted
    a = jnp.cos(turn - sy) / jnp.cos(sy)
    b = a * jnp.tan(sx) + jnp.sin(turn)
    c = -jnp.sin(turn - sy) / jnp.cos(sy)
    d = jnp.cos(turn) - c * jnp.tan(sx)
    a0, a1, b0, b1 = d * scale, -b * scale, -c * scale, a * scale
    a2 = middle_x - a0 * moved_x - a1 * moved_y
    b2 = middle_y - b0 * moved_x - b1 * moved_y
    a0, a1, a2, b0, b1, b2 = (jnp.broadcast_to(m, angle.shape)[:, None, None] for m in (a0, a1, a2, b0, b1, b2))
    x1, y1, x2, y2 = jnp.split(_four(boxes), 4, -1)
    xs, ys = jnp.concatenate([x1, x2, x2, x1], -1), jnp.concatenate([y1, y1, y2, y2], -1)
    return around(a0 * xs + a1 * ys + a2, b0 * xs + b1 * ys + b2)


def around(xs: Any, ys: Any) -> Any:
    """The box around points: xs, ys (..., points)  ->  (..., 4)."""
    return jnp.stack([xs.min(-1), ys.min(-1), xs.max(-1), ys.max(-1)], -1)


def crop(boxes: Any, top: Any, left: Any, height: Any, width: Any, bounding_box_format: str = "xyxy") -> Any:
    """Boxes in the part of the image that begins at (top, left) and has the size (height, width).

    >>> crop([[1.0, 1.0, 9.0, 4.0]], 2, 2, 5, 5)
    Array([[0., 0., 5., 2.]], dtype=float32)
    """
    _only(bounding_box_format, ("xyxy",))
    x1, y1, x2, y2 = jnp.split(array(boxes), 4, -1)
    parts = ((x1 - left, width), (y1 - top, height), (x2 - left, width), (y2 - top, height))
    return jnp.concatenate([jnp.clip(place, 0, size) for place, size in parts], -1)


def pad(
    boxes: Any, top: Any, left: Any, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> Any:
    """Boxes in an image that got `top` rows above and `left` columns before it.

    >>> pad([[1.0, 1.0, 9.0, 4.0]], 2, 3)
    Array([[ 4.,  3., 12.,  6.]], dtype=float32)
    """
    _only(bounding_box_format, ("xyxy",))
    x1, y1, x2, y2 = jnp.split(array(boxes), 4, -1)
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

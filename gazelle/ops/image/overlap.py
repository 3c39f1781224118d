"""Overlap of bounding boxes, and boxes encoded relative to anchors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.types import Array, ArrayLike
from gazelle.ops.base import EPSILON, array
from gazelle.ops.image.boxes import convert_format


def compute_iou(
    boxes1: ArrayLike,
    boxes2: ArrayLike,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: Sequence[int] | None = None,
) -> Array:
    """Compute the intersection over union of all pairs of boxes.

    Args:
        boxes1: Array (n, 4) or (batch, n, 4).
        boxes2: Array (m, 4) or (batch, m, 4).
        bounding_box_format: Format of both, see `convert_format`.
        use_masking: Whether pairs with a box of negative numbers get `mask_val`.
        mask_val: Value of masked pairs.
        image_shape: Shape of the image, needed for relative formats.

    Returns:
        An array (n, m) or (batch, n, m).

    Raises:
        ShapeError: If an array has neither two nor three axes.

    Example:
        >>> compute_iou([[0, 0, 2, 2]], [[0, 0, 2, 1], [5, 5, 6, 6]], "xyxy")
        Array([[0.5, 0. ]], dtype=float32)
    """
    first, second = array(boxes1), array(boxes2)
    for boxes in (first, second):
        if boxes.ndim not in (2, 3):
            raise ShapeError(message("compute_iou", expected="boxes of 2 or 3 axes", got=tuple(boxes.shape)))
    height, width = _size(image_shape)
    a, b = (convert_format(boxes, bounding_box_format, "xyxy", height, width) for boxes in (first, second))
    a, b = a[..., :, None, :], b[..., None, :, :]
    overlap = jnp.maximum(jnp.minimum(a[..., 2:], b[..., 2:]) - jnp.maximum(a[..., :2], b[..., :2]), 0).prod(-1)
    areas = [(boxes[..., 2:] - boxes[..., :2]).prod(-1) for boxes in (a, b)]
    out = overlap / (areas[0] + areas[1] - overlap + EPSILON)
    if not use_masking:
        return out
    absent = (first.max(-1) < 0)[..., :, None] | (second.max(-1) < 0)[..., None, :]
    return jnp.where(absent, jnp.asarray(mask_val, out.dtype), out)


def compute_ciou(
    boxes1: ArrayLike, boxes2: ArrayLike, bounding_box_format: str, image_shape: Sequence[int] | None = None
) -> Array:
    """Compute the complete IoU of boxes in pairs:  iou - d² / diagonal² - v alpha.  Zheng et al. 2020.

    Args:
        boxes1: Array (..., 4).
        boxes2: Array (..., 4).
        bounding_box_format: Format of both, see `convert_format`; not a relative one.
        image_shape: Shape of the image.

    Returns:
        An array (...).

    Raises:
        ArgumentError: If the format is relative.

    Example:
        >>> compute_ciou([[0.0, 0.0, 2.0, 2.0]], [[0.0, 0.0, 2.0, 2.0]], "xyxy").round(3)
        Array([1.], dtype=float32)
    """
    if "rel" in bounding_box_format:
        raise ArgumentError(
            message(
                "bounding_box_format of compute_ciou",
                expected="boxes in pixels",
                got=repr(bounding_box_format),
                hint="Use convert_format first.",
            )
        )
    height, width = _size(image_shape)
    a, b = (convert_format(array(v), bounding_box_format, "xyxy", height, width) for v in (boxes1, boxes2))
    low, high = jnp.minimum(a[..., :2], b[..., :2]), jnp.maximum(a[..., 2:], b[..., 2:])
    sizes = [v[..., 2:] - v[..., :2] + jnp.array([0, EPSILON]) for v in (a, b)]
    overlap = jnp.maximum(jnp.minimum(a[..., 2:], b[..., 2:]) - jnp.maximum(a[..., :2], b[..., :2]), 0).prod(-1)
    union = sizes[0].prod(-1) + sizes[1].prod(-1) - overlap + EPSILON
    iou = overlap / (union + EPSILON)
    diagonal = ((high - low) ** 2).sum(-1) + EPSILON
    distance = (((a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) / 2) ** 2).sum(-1)
    gradients = [jnp.arctan(size[..., 0] / size[..., 1]) for size in sizes]
    v = 4 / math.pi**2 * (gradients[1] - gradients[0]) ** 2
    alpha = v / (v - iou + 1 + EPSILON)
    return iou - (distance / diagonal + v * alpha)


def encode_box_to_deltas(
    anchors: ArrayLike,
    boxes: ArrayLike,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: ArrayLike | None = None,
    image_shape: Sequence[int] | None = None,
) -> Array:
    """Encode boxes relative to anchors.

    deltas = ((c - c_anchor) / s_anchor, log(s / s_anchor)) / variance,  with the centre c and the size s.

    Args:
        anchors: Array (n, 4).
        boxes: Array (..., n, 4).
        anchor_format: Format of `anchors`, see `convert_format`.
        box_format: Format of `boxes`.
        encoding_format: 'center_yxhw' or 'center_xywh'.
        variance: Four scales; None is 1.
        image_shape: Shape of the image, needed for relative formats.

    Returns:
        An array (..., n, 4).

    Example:
        >>> encode_box_to_deltas([[0, 0, 2, 2]], [[1, 1, 3, 3]], "xyxy", "xyxy")
        Array([[0.5, 0.5, 0. , 0. ]], dtype=float32)
    """
    variance, height, width = _variance(variance), *_size(image_shape)
    _centered("encoding_format", encoding_format)
    a = convert_format(anchors, anchor_format, encoding_format, height, width)
    b = convert_format(boxes, box_format, encoding_format, height, width)
    size_a, size_b = jnp.maximum(a[..., 2:], EPSILON), jnp.maximum(b[..., 2:], EPSILON)
    deltas = jnp.concatenate([(b[..., :2] - a[..., :2]) / size_a, jnp.log(size_b / size_a)], -1)
    return deltas if variance is None else deltas / variance


def decode_deltas_to_boxes(
    anchors: ArrayLike | dict[str, Any],
    boxes_delta: ArrayLike | dict[str, Any],
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: ArrayLike | None = None,
    image_shape: Sequence[int] | None = None,
) -> Array | dict[str, Any]:
    """Decode boxes that `encode_box_to_deltas` encoded.

    Args:
        anchors: Array (n, 4), or a dict of arrays.
        boxes_delta: Array (..., n, 4), or a dict of arrays with the same keys.
        anchor_format: Format of `anchors`, see `convert_format`.
        box_format: Format of the result.
        encoded_format: 'center_yxhw' or 'center_xywh'.
        variance: Four scales; None is 1.
        image_shape: Shape of the image, needed for relative formats.

    Returns:
        An array (..., n, 4), or a dict of them.

    Example:
        >>> decode_deltas_to_boxes([[0, 0, 2, 2]], [[0.5, 0.5, 0.0, 0.0]], "xyxy", "xyxy")
        Array([[1., 1., 3., 3.]], dtype=float32)
    """
    if isinstance(anchors, dict) and isinstance(boxes_delta, dict):
        formats = (anchor_format, box_format, encoded_format, variance, image_shape)
        return {key: decode_deltas_to_boxes(value, boxes_delta[key], *formats) for key, value in anchors.items()}
    scale, height, width = _variance(variance), *_size(image_shape)
    _centered("encoded_format", encoded_format)
    a = convert_format(anchors, anchor_format, encoded_format, height, width)
    deltas = jnp.asarray(array(boxes_delta))
    deltas = deltas if scale is None else deltas * scale
    box = jnp.concatenate([deltas[..., :2] * a[..., 2:] + a[..., :2], jnp.exp(deltas[..., 2:]) * a[..., 2:]], -1)
    return convert_format(box, encoded_format, box_format, height, width)


def _size(image_shape: Any) -> tuple[Any, Any]:
    return (None, None) if image_shape is None else tuple(image_shape)[:2]


def _variance(value: Any) -> Any:
    value = None if value is None else jnp.asarray(value, "float32")
    if value is not None and value.shape[-1] != 4:
        raise ShapeError(message("variance", expected="4 numbers", got=f"shape {tuple(value.shape)}"))
    return value


def _centered(name: str, value: str) -> None:
    if value not in ("center_xywh", "center_yxhw"):
        raise ArgumentError(message(name, expected="'center_xywh' or 'center_yxhw'", got=repr(value)))

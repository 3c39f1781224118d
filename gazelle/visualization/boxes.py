"""Bounding boxes on images."""

from __future__ import annotations

from typing import Any

import numpy as np

from gazelle.core.errors import ArgumentError, message
from gazelle.data.images import pillow
from gazelle.ops.image.boxes import convert_format
from gazelle.ops.space import is_first
from gazelle.visualization.gallery import last, plot_image_gallery, pyplot


def draw_bounding_boxes(
    images: Any,
    bounding_boxes: Any,
    bounding_box_format: str,
    class_mapping: Any = None,
    color: Any = (128, 128, 128),
    line_thickness: int = 2,
    text_thickness: int | None = 1,
    font_scale: float = 1.0,
    data_format: str | None = None,
) -> np.ndarray[Any, Any]:
    """Images with frames around their boxes, and with the names of the boxes' classes.

    images (batch, height, width, 3)  ->  the same, uint8; floats up to 1 are taken as shares of 255

    Args:
        bounding_boxes: {"boxes": (batch, n, 4), "labels": (batch, n)}, with "confidences" if there are any; boxes with
            the label -1 stand for none.
        class_mapping: {number: name}; without it there are frames only.
        font_scale: size of the names, 1 is 12 pixels.

    >>> boxes = {"boxes": np.array([[[1, 1, 6, 6]]]), "labels": np.array([[0]])}
    >>> draw_bounding_boxes(np.zeros((1, 8, 8, 3)), boxes, "xyxy", color=(255, 0, 0))[0, 1, 3].tolist()
    [255, 0, 0]
    """
    if not isinstance(bounding_boxes, dict) or not {"boxes", "labels"} <= set(bounding_boxes):
        raise ArgumentError(
            message("bounding_boxes", expected='a dict of "boxes" and "labels"', got=type(bounding_boxes).__name__)
        )
    x = last(images, data_format)
    if x.dtype.kind == "f":
        x = np.clip(x, 0, 1) * 255 if x.size and x.max() <= 1 else np.clip(x, 0, 255)
    x = x.astype("uint8")
    boxes = np.asarray(convert_format(bounding_boxes["boxes"], bounding_box_format, "xyxy", *x.shape[1:3]))
    labels, sure = np.asarray(bounding_boxes["labels"]), bounding_boxes.get("confidences")
    drawn = []
    for i, pixels in enumerate(x):
        marks = [
            (tuple(int(v) for v in box), _name(int(label), class_mapping, None if sure is None else sure[i][k]))
            for k, (box, label) in enumerate(zip(boxes[i], labels[i], strict=True))
            if int(label) != -1
        ]
        drawn.append(_framed(pixels, marks, tuple(int(c) for c in color), line_thickness, 12 * font_scale))
    out = np.stack(drawn)
    return np.moveaxis(out, -1, 1) if is_first(data_format) else out


def _name(label: int, names: Any, sure: Any) -> str:
    name = (names or {}).get(label, "")
    return name if sure is None or not name else f"{name} | {float(sure):.2f}"


def _framed(pixels: Any, marks: Any, color: Any, thickness: int, size: float) -> Any:
    from PIL import ImageDraw, ImageFont

    grey = pixels.shape[-1] == 1
    image = pillow().fromarray(np.repeat(pixels, 3, -1) if grey else pixels)
    draw = ImageDraw.Draw(image)
    for (x1, y1, x2, y2), name in marks:
        draw.rectangle((min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)), outline=color, width=thickness)
        if name:
            above = y1 - size - 4 >= 0
            draw.text(
                (x1 if above else x1 + thickness + 2, y1 - size - 4 if above else y1 + thickness + 2),
                name,
                fill=color,
                font=ImageFont.load_default(size),
            )
    out = np.asarray(image)
    return out[..., :1] if grey else out


def plot_bounding_box_gallery(
    images: Any,
    bounding_box_format: str,
    y_true: Any = None,
    y_pred: Any = None,
    value_range: Any = (0, 255),
    true_color: Any = (0, 188, 212),
    pred_color: Any = (255, 235, 59),
    line_thickness: int = 2,
    font_scale: float = 1.0,
    text_thickness: int | None = None,
    class_mapping: Any = None,
    ground_truth_mapping: Any = None,
    prediction_mapping: Any = None,
    legend: bool = False,
    legend_handles: Any = None,
    rows: int | None = None,
    cols: int | None = None,
    data_format: str | None = None,
    **kwargs: Any,
) -> Any:
    """A gallery of images with true boxes in one colour and predicted ones in another; see `plot_image_gallery`.

    >>> boxes = {"boxes": np.array([[[1, 1, 6, 6]]]), "labels": np.array([[0]])}
    >>> figure = plot_bounding_box_gallery(np.zeros((1, 8, 8, 3)), "xyxy", boxes, legend=True, show=False)
    """
    x = last(images, data_format)
    words: dict[str, Any] = {
        "line_thickness": line_thickness,
        "font_scale": font_scale,
        "text_thickness": text_thickness,
    }
    groups = (
        (y_true, true_color, ground_truth_mapping or class_mapping, "Ground Truth"),
        (y_pred, pred_color, prediction_mapping or class_mapping, "Prediction"),
    )
    for boxes, color, names, _ in groups:
        if boxes is not None:
            low, high = value_range
            x = (x.astype("float32") - low) / (high - low) * 255
            x, value_range = (
                draw_bounding_boxes(x.astype("uint8"), boxes, bounding_box_format, names, color, **words),
                (0, 255),
            )
    if legend and legend_handles:
        raise ArgumentError(message("plot_bounding_box_gallery", expected="legend or legend_handles", got="both"))
    if legend:
        pyplot()
        from matplotlib.patches import Patch

        legend_handles = [Patch(color=tuple(c / 255 for c in color), label=label) for _, color, _, label in groups]
    return plot_image_gallery(x, value_range=value_range, legend_handles=legend_handles, rows=rows, cols=cols, **kwargs)

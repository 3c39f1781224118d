"""Bounding boxes on images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import ArrayLike
from gazelle.data.images import pillow
from gazelle.ops.image.boxes import convert_format
from gazelle.ops.space import is_first
from gazelle.visualization.gallery import plot_image_gallery, pyplot, to_channels_last

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure


def draw_bounding_boxes(
    images: ArrayLike,
    bounding_boxes: Mapping[str, ArrayLike],
    bounding_box_format: str,
    class_mapping: Mapping[int, str] | None = None,
    color: Sequence[int] = (128, 128, 128),
    line_thickness: int = 2,
    text_thickness: int | None = 1,
    font_scale: float = 1.0,
    data_format: str | None = None,
) -> np.ndarray[Any, Any]:
    """Draw bounding boxes and the names of their classes.

    images (batch, height, width, 3)  ->  the same shape, uint8; floats up to 1 are multiplied by 255

    Args:
        images: the images.
        bounding_boxes: {"boxes": (batch, n, 4), "labels": (batch, n)}, optionally with "confidences"; boxes with the
            label -1 are ignored.
        bounding_box_format: the format of the boxes, such as 'xyxy'.
        class_mapping: {class: name}; without it only boxes are drawn.
        color: (r, g, b) of boxes and names.
        line_thickness: width of lines in pixels.
        text_thickness: accepted for compatibility; ignored.
        font_scale: size of names in units of 12 pixels.
        data_format: 'channels_last' or 'channels_first'; by default that of `config.image_data_format`.

    Returns:
        The images as a NumPy array.

    Raises:
        ArgumentError: `bounding_boxes` is not such a dict.
        ShapeError: the images do not have 4 axes.
        StateError: Pillow is not installed.

    >>> boxes = {"boxes": np.array([[[1, 1, 6, 6]]]), "labels": np.array([[0]])}
    >>> draw_bounding_boxes(np.zeros((1, 8, 8, 3)), boxes, "xyxy", color=(255, 0, 0))[0, 1, 3].tolist()
    [255, 0, 0]
    """
    if not isinstance(bounding_boxes, dict) or not {"boxes", "labels"} <= set(bounding_boxes):
        raise ArgumentError(
            message("bounding_boxes", expected='a dict of "boxes" and "labels"', got=type(bounding_boxes).__name__)
        )
    x = to_channels_last(images, data_format)
    if x.dtype.kind == "f":
        x = np.clip(x, 0, 1) * 255 if x.size and x.max() <= 1 else np.clip(x, 0, 255)
    x = x.astype("uint8")
    boxes = np.asarray(convert_format(bounding_boxes["boxes"], bounding_box_format, "xyxy", *x.shape[1:3]))
    labels = np.asarray(bounding_boxes["labels"])
    confidences: Any = bounding_boxes.get("confidences")
    drawn = []
    for i, pixels in enumerate(x):
        marks = [
            (
                tuple(int(v) for v in box),
                _name(int(label), class_mapping, None if confidences is None else confidences[i][k]),
            )
            for k, (box, label) in enumerate(zip(boxes[i], labels[i], strict=True))
            if int(label) != -1
        ]
        drawn.append(_draw_boxes(pixels, marks, tuple(int(c) for c in color), line_thickness, 12 * font_scale))
    out = np.stack(drawn)
    return np.moveaxis(out, -1, 1) if is_first(data_format) else out


def _name(label: int, names: Any, confidence: Any) -> str:
    name = (names or {}).get(label, "")
    return name if confidence is None or not name else f"{name} | {float(confidence):.2f}"


def _draw_boxes(pixels: Any, marks: Any, color: Any, thickness: int, size: float) -> Any:
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
    images: ArrayLike,
    bounding_box_format: str,
    y_true: Mapping[str, ArrayLike] | None = None,
    y_pred: Mapping[str, ArrayLike] | None = None,
    value_range: Sequence[float] = (0, 255),
    true_color: Sequence[int] = (0, 188, 212),
    pred_color: Sequence[int] = (255, 235, 59),
    line_thickness: int = 2,
    font_scale: float = 1.0,
    text_thickness: int | None = None,
    class_mapping: Mapping[int, str] | None = None,
    ground_truth_mapping: Mapping[int, str] | None = None,
    prediction_mapping: Mapping[int, str] | None = None,
    legend: bool = False,
    legend_handles: Sequence[Artist] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    data_format: str | None = None,
    **kwargs: Any,
) -> Figure | None:
    """Plot images with true boxes in one color and predicted boxes in another.

    Args:
        images: (batch, height, width, channels).
        bounding_box_format: the format of the boxes, such as 'xyxy'.
        y_true: true boxes, as in `draw_bounding_boxes`.
        y_pred: predicted boxes.
        value_range: minimum and maximum of the values of pixels.
        true_color: (r, g, b) of true boxes.
        pred_color: (r, g, b) of predicted boxes.
        line_thickness: width of lines in pixels.
        font_scale: size of names in units of 12 pixels.
        text_thickness: accepted for compatibility; ignored.
        class_mapping: {class: name} for all boxes.
        ground_truth_mapping: {class: name} for true boxes.
        prediction_mapping: {class: name} for predicted boxes.
        legend: add a legend of the two colors.
        legend_handles: handles of matplotlib for another legend.
        rows: number of rows.
        cols: number of columns.
        data_format: 'channels_last' or 'channels_first'; by default that of `config.image_data_format`.
        **kwargs: arguments of `plot_image_gallery`.

    Returns:
        The figure if it is neither shown nor saved, otherwise None.

    Raises:
        ArgumentError: `legend` and `legend_handles` are both given.

    >>> boxes = {"boxes": np.array([[[1, 1, 6, 6]]]), "labels": np.array([[0]])}
    >>> figure = plot_bounding_box_gallery(np.zeros((1, 8, 8, 3)), "xyxy", boxes, legend=True, show=False)
    """
    x = to_channels_last(images, data_format)
    style: dict[str, Any] = {
        "line_thickness": line_thickness,
        "font_scale": font_scale,
        "text_thickness": text_thickness,
    }
    groups = (
        (y_true, true_color, ground_truth_mapping or class_mapping, "Ground Truth"),
        (y_pred, pred_color, prediction_mapping or class_mapping, "Prediction"),
    )
    low, high = value_range
    for boxes, color, names, _ in groups:
        if boxes is not None:
            x = (x.astype("float32") - low) / (high - low) * 255
            x = draw_bounding_boxes(x.astype("uint8"), boxes, bounding_box_format, names, color, **style)
            low, high = 0, 255
    if legend and legend_handles:
        raise ArgumentError(message("plot_bounding_box_gallery", expected="legend or legend_handles", got="both"))
    if legend:
        pyplot()
        from matplotlib.patches import Patch

        legend_handles = [
            Patch(color=(color[0] / 255, color[1] / 255, color[2] / 255), label=label) for _, color, _, label in groups
        ]
    return plot_image_gallery(x, value_range=(low, high), legend_handles=legend_handles, rows=rows, cols=cols, **kwargs)

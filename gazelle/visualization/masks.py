"""Segmentation masks on images."""

from __future__ import annotations

from typing import Any

import numpy as np

from gazelle.core.errors import ArgumentError, message
from gazelle.visualization.gallery import last, plot_image_gallery


def draw_segmentation_masks(
    images: Any,
    segmentation_masks: Any,
    num_classes: int | None = None,
    color_mapping: Any = None,
    alpha: float = 0.8,
    blend: bool = True,
    ignore_index: int = -1,
    data_format: str | None = None,
) -> np.ndarray[Any, Any]:
    """Images coloured by class:  y = (1 - alpha) x + alpha color[class].

    images (batch, h, w, 3) · segmentation_masks (batch, h, w, 1) of whole numbers  ->  (batch, h, w, 3)

    Args:
        num_classes: classes from here on are not coloured; the largest number in the masks if None.
        color_mapping: {number: (r, g, b)}; colours are made if None.
        blend: False gives the colours alone where there is a class, as floats.
        ignore_index: a number that stays the image.

    >>> masks = np.array([[[[0]], [[1]]]])
    >>> draw_segmentation_masks(np.zeros((1, 2, 1, 3)), masks, 2, {0: (0, 0, 0), 1: (100, 0, 0)})[0, 1, 0].tolist()
    [80, 0, 0]
    """
    x, masks = last(images, data_format).astype("float32"), last(segmentation_masks, data_format)
    if masks.dtype.kind not in "iu":
        raise ArgumentError(message("segmentation_masks", expected="whole numbers", got=str(masks.dtype)))
    count = int(masks.max()) if num_classes is None else num_classes
    step = np.array([2**25 - 1, 2**15 - 1, 2**21 - 1])
    colors = [i * step % 255 if color_mapping is None else color_mapping[i] for i in range(count)]
    out = x.copy()
    for number, color in enumerate(colors):
        out[masks[..., 0] == number] = color
    if not blend:
        return out
    return np.where(masks != ignore_index, x * (1 - alpha) + out * alpha, x).astype("uint8")


def plot_segmentation_mask_gallery(
    images: Any,
    num_classes: int,
    value_range: Any = (0, 255),
    y_true: Any = None,
    y_pred: Any = None,
    color_mapping: Any = None,
    blend: bool = True,
    alpha: float = 0.8,
    ignore_index: int = -1,
    data_format: str | None = None,
    **kwargs: Any,
) -> Any:
    """A gallery with a row for each image: itself, with the true mask, with the predicted one.

    >>> masks = np.zeros((2, 4, 4, 1), "int32")
    >>> figure = plot_segmentation_mask_gallery(np.zeros((2, 4, 4, 3)), 2, y_true=masks, show=False)
    """
    x = last(images, data_format)
    columns = [x]
    for masks in (y_true, y_pred):
        if masks is not None:
            whole = last(masks, data_format).astype("int32")
            columns.append(draw_segmentation_masks(x, whole, num_classes, color_mapping, alpha, blend, ignore_index))
    shown = np.stack(columns, 1).reshape(-1, *x.shape[1:])
    return plot_image_gallery(shown, value_range=value_range, rows=len(x), cols=len(columns), **kwargs)

"""Segmentation masks on images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import ArrayLike
from gazelle.visualization.gallery import plot_image_gallery, to_channels_last

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_segmentation_masks(
    images: ArrayLike,
    segmentation_masks: ArrayLike,
    num_classes: int | None = None,
    color_mapping: Mapping[int, Sequence[int]] | None = None,
    alpha: float = 0.8,
    blend: bool = True,
    ignore_index: int = -1,
    data_format: str | None = None,
) -> np.ndarray[Any, Any]:
    """Color the pixels of images by class:  y = (1 - alpha) x + alpha color[class].

    images (batch, h, w, 3) · segmentation_masks (batch, h, w, 1) integers  ->  (batch, h, w, 3)

    Args:
        images: the images.
        segmentation_masks: the class of each pixel.
        num_classes: classes from this number on are not colored; by default the largest number in the masks.
        color_mapping: {class: (r, g, b)}; by default generated.
        alpha: the weight of the color.
        blend: False replaces the pixels by the colors, and returns floats.
        ignore_index: class of pixels that are unchanged.
        data_format: 'channels_last' or 'channels_first'; by default that of `config.image_data_format`.

    Returns:
        The colored images.

    Raises:
        ArgumentError: the masks are not integers.
        ShapeError: images or masks do not have 4 axes.

    >>> masks = np.array([[[[0]], [[1]]]])
    >>> draw_segmentation_masks(np.zeros((1, 2, 1, 3)), masks, 2, {0: (0, 0, 0), 1: (100, 0, 0)})[0, 1, 0].tolist()
    [80, 0, 0]
    """
    x, masks = (
        to_channels_last(images, data_format).astype("float32"),
        to_channels_last(segmentation_masks, data_format),
    )
    if masks.dtype.kind not in "iu":
        raise ArgumentError(message("segmentation_masks", expected="integers", got=str(masks.dtype)))
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
    images: ArrayLike,
    num_classes: int,
    value_range: Sequence[float] = (0, 255),
    y_true: ArrayLike | None = None,
    y_pred: ArrayLike | None = None,
    color_mapping: Mapping[int, Sequence[int]] | None = None,
    blend: bool = True,
    alpha: float = 0.8,
    ignore_index: int = -1,
    data_format: str | None = None,
    **kwargs: Any,
) -> Figure | None:
    """Plot a row for each image: the image, with the true mask, and with the predicted mask.

    Args:
        images: (batch, height, width, channels).
        num_classes: number of classes.
        value_range: minimum and maximum of the values of pixels.
        y_true: true masks.
        y_pred: predicted masks.
        color_mapping: {class: (r, g, b)}; by default generated.
        blend: False replaces the pixels by the colors.
        alpha: the weight of the color.
        ignore_index: class of pixels that are unchanged.
        data_format: 'channels_last' or 'channels_first'; by default that of `config.image_data_format`.
        **kwargs: arguments of `plot_image_gallery`.

    Returns:
        The figure if it is neither shown nor saved, otherwise None.

    >>> masks = np.zeros((2, 4, 4, 1), "int32")
    >>> figure = plot_segmentation_mask_gallery(np.zeros((2, 4, 4, 3)), 2, y_true=masks, show=False)
    """
    x = to_channels_last(images, data_format)
    columns = [x]
    for masks in (y_true, y_pred):
        if masks is not None:
            classes = to_channels_last(masks, data_format).astype("int32")
            columns.append(draw_segmentation_masks(x, classes, num_classes, color_mapping, alpha, blend, ignore_index))
    shown = np.stack(columns, 1).reshape(-1, *x.shape[1:])
    return plot_image_gallery(shown, value_range=value_range, rows=len(x), cols=len(columns), **kwargs)

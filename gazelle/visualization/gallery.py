"""Galleries of images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core.errors import ArgumentError, ShapeError, StateError, message
from gazelle.core.types import ArrayLike, PathLike
from gazelle.ops.space import is_first

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure


def pyplot() -> ModuleType:
    """The module `matplotlib.pyplot`.

    Raises:
        StateError: matplotlib is not installed.
    """
    try:
        from matplotlib import pyplot
    except ImportError:
        raise StateError(
            message("Galleries need matplotlib, which is not installed", hint='Install it: pip install "gazelle[plot]"')
        ) from None
    return pyplot


def to_channels_last(images: ArrayLike, data_format: str | None) -> np.ndarray[Any, Any]:
    """Convert a batch of images to NumPy (batch, height, width, channels).

    Args:
        images: the images.
        data_format: 'channels_last' or 'channels_first'; by default that of `config.image_data_format`.

    Raises:
        ShapeError: there are not 4 axes.
    """
    x = np.asarray(images)
    if x.ndim != 4:
        raise ShapeError(message("Images", expected="a batch of 4 axes", got=f"shape {x.shape}"))
    return np.moveaxis(x, 1, -1) if is_first(data_format) else x


def plot_image_gallery(
    images: ArrayLike,
    y_true: ArrayLike | None = None,
    y_pred: ArrayLike | None = None,
    label_map: Mapping[int, str] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    value_range: Sequence[float] = (0, 255),
    scale: float = 2,
    path: PathLike | None = None,
    show: bool | None = None,
    transparent: bool = True,
    dpi: int = 60,
    legend_handles: Sequence[Artist] | None = None,
    data_format: str | None = None,
) -> Figure | None:
    """Plot images in rows and columns.

    Args:
        images: (batch, height, width, channels).
        y_true: true classes for the titles, as integers.
        y_pred: predicted classes for the titles, as integers.
        label_map: {class: name}; required for titles.
        rows: number of rows; by default all images are shown in about as many rows as columns.
        cols: number of columns.
        value_range: minimum and maximum of the values of pixels.
        scale: size of an image in inches.
        path: a file to save the figure to.
        show: show the figure; by default if there is no `path`.
        transparent: save with a transparent background.
        dpi: resolution of the file.
        legend_handles: handles of matplotlib for a legend.
        data_format: 'channels_last' or 'channels_first'; by default that of `config.image_data_format`.

    Returns:
        The figure if it is neither shown nor saved, otherwise None.

    Raises:
        ArgumentError: `path` and `show` are both given, or `label_map` is missing.
        ShapeError: the images do not have 4 axes.
        StateError: matplotlib is not installed.

    >>> figure = plot_image_gallery(np.ones((3, 8, 8, 3)), show=False)
    >>> len(figure.axes)
    4
    """
    if path is not None and show:
        raise ArgumentError(message("plot_image_gallery", expected="path or show=True", got="both"))
    if (y_true is not None or y_pred is not None) and label_map is None:
        raise ArgumentError(message("label_map", expected="a dict {class: name} with y_true or y_pred", got="None"))
    x = to_channels_last(images, data_format)
    rows = rows or math.ceil(math.sqrt(len(x)))
    cols = cols or math.ceil(len(x) / rows)
    low, high = value_range
    pixels = np.clip((x.astype("float32") - low) / (high - low) * 255, 0, 255).astype("uint8")
    plt = pyplot()
    figure, axes = plt.subplots(
        rows, cols, figsize=(cols * scale, rows * scale), frameon=False, layout="tight", squeeze=False
    )
    for index, axis in enumerate(axes.ravel()):
        axis.axis("off")
        if index < len(pixels):
            axis.imshow(pixels[index], cmap="gray", vmin=0, vmax=255)
            axis.set_title(_title(index, y_true, y_pred, label_map), fontsize=8)
    if legend_handles is not None:
        figure.legend(handles=legend_handles, loc="lower center")
    if path is not None:
        figure.savefig(path, pad_inches=0, bbox_inches="tight", transparent=transparent, dpi=dpi)
    elif show is not False:
        plt.show()
    plt.close(figure)
    return figure if path is None and show is False else None


def _title(index: int, y_true: Any, y_pred: Any, names: Any) -> str:
    given = (("Label", y_true), ("Pred", y_pred))
    return "  ".join(
        f"{title}: {names.get(int(np.asarray(y)[index]), 'Unknown')}"
        for title, y in given
        if y is not None and index < len(y)
    )

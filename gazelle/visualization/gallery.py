"""Many images in one figure."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gazelle.core.errors import ArgumentError, ShapeError, StateError, message
from gazelle.ops.space import is_first


def pyplot() -> Any:
    """`matplotlib.pyplot`, or an error that names what to install."""
    try:
        from matplotlib import pyplot
    except ImportError:
        raise StateError(
            message("Galleries need matplotlib, which is not installed", hint='Install it: pip install "gazelle[plot]"')
        ) from None
    return pyplot


def last(images: Any, data_format: str | None) -> np.ndarray[Any, Any]:
    """A batch of images as NumPy (batch, height, width, channels)."""
    x = np.asarray(images)
    if x.ndim != 4:
        raise ShapeError(message("Images to draw", expected="a batch of 4 axes", got=f"shape {x.shape}"))
    return np.moveaxis(x, 1, -1) if is_first(data_format) else x


def plot_image_gallery(
    images: Any,
    y_true: Any = None,
    y_pred: Any = None,
    label_map: Any = None,
    rows: int | None = None,
    cols: int | None = None,
    value_range: Any = (0, 255),
    scale: float = 2,
    path: Any = None,
    show: bool | None = None,
    transparent: bool = True,
    dpi: int = 60,
    legend_handles: Any = None,
    data_format: str | None = None,
) -> Any:
    """Images in rows and columns, shown, or saved at `path`. With show=False and no path the figure is given back.

    Args:
        images: (batch, height, width, channels) with values of `value_range`.
        y_true, y_pred: numbers of classes for the titles; `label_map` gives their names.
        rows, cols: how many; near a square by default, and all images are shown.
        scale: inches of an image.
        legend_handles: handles of matplotlib for a legend of the whole.

    >>> figure = plot_image_gallery(np.ones((3, 8, 8, 3)), show=False)
    >>> len(figure.axes)
    4
    """
    if path is not None and show:
        raise ArgumentError(message("plot_image_gallery", expected="path or show=True", got="both"))
    if (y_true is not None or y_pred is not None) and label_map is None:
        raise ArgumentError(message("label_map", expected="a dict {number: name} beside y_true or y_pred", got="None"))
    x = last(images, data_format)
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
        f"{word}: {names.get(int(np.asarray(y)[index]), 'Unknown')}"
        for word, y in given
        if y is not None and index < len(y)
    )

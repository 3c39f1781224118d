"""The picture as PNG, JPEG or PDF, by matplotlib."""

from __future__ import annotations

import os
from typing import Any

from gazelle.drawing.picture import PAD, ROW, TITLE, Picture, bends
from gazelle.drawing.svg import DARK, LIGHT, LINE

_PIXELS = 96.0  # of the layout in an inch


def draw(picture: Picture, path: str | os.PathLike[str], dpi: int, flat: bool) -> None:
    """Write the file that the extension of `path` asks for."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(
            'plot_model needs matplotlib for anything but .svg and .dot.\nInstall it: pip install "gazelle[plot]"'
        ) from None
    figure = Figure(figsize=(picture.width / _PIXELS, picture.height / _PIXELS), facecolor="white")
    FigureCanvasAgg(figure)
    axes: Any = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, picture.width), ylim=(picture.height, 0))
    axes.axis("off")
    _frames(axes, picture)
    _arrows(axes, picture, flat)
    _cards(axes, picture)
    figure.savefig(path, dpi=dpi)


def _frames(axes: Any, picture: Picture) -> None:
    from matplotlib.patches import Rectangle

    for frame in picture.frames:
        axes.add_patch(
            Rectangle(
                (frame.x, frame.y),
                frame.width,
                frame.height,
                facecolor=(0.18, 0.28, 0.35, 0.06),
                edgecolor=LINE,
                linestyle="--",
                linewidth=0.8,
            )
        )
        axes.text(frame.x + 8, frame.y + 14, frame.name, color=DARK, fontsize=8.5)


def _arrows(axes: Any, picture: Picture, flat: bool) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    for points in picture.curves:
        corners = [points[0], *(corner for piece in bends(points, flat) for corner in piece)]
        codes = [Path.MOVETO, *[Path.CURVE4] * (len(corners) - 1)]
        axes.add_patch(
            FancyArrowPatch(
                path=Path(corners, codes),
                arrowstyle="-|>",
                mutation_scale=8,
                color=LINE,
                linewidth=0.9,
                shrinkA=0,
                shrinkB=0,
            )
        )


def _cards(axes: Any, picture: Picture) -> None:
    from matplotlib.patches import Rectangle

    for card in picture.cards:
        place = (card.x, card.y)
        axes.add_patch(Rectangle(place, card.width, card.height, facecolor=LIGHT, edgecolor=DARK, linewidth=0.9))
        axes.add_patch(Rectangle(place, card.width, TITLE, facecolor=DARK, edgecolor=DARK, linewidth=0.9))
        middle = (card.x + card.width / 2, card.y + TITLE / 2)
        axes.text(*middle, card.box.title, color="white", ha="center", va="center", fontsize=8.5)
        for i, row in enumerate(card.box.rows):
            axes.text(card.x + PAD, card.y + TITLE + ROW * (i + 0.6), row, va="center", fontsize=8.5)

"""Output of pictures as SVG, and as PNG, JPEG or PDF with matplotlib."""

from __future__ import annotations

import html
from typing import IO, Any

from gazelle.core.types import PathLike
from gazelle.drawing.picture import PAD, ROW, TITLE, Card, Frame, Picture, bezier_curves

DARK, LIGHT, LINE = "#2f4858", "#f4f7f9", "#7a8b99"
_PIXELS_PER_INCH = 96.0
_STYLE = "font-family='Helvetica, Arial, sans-serif' font-size='12'"


def to_svg(picture: Picture, horizontal: bool) -> str:
    """The text of an SVG file.

    Args:
        picture: the picture.
        horizontal: whether the arrows are horizontal.
    """
    width, height = picture.width, picture.height
    arrow = (
        f"<marker id='tip' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' markerHeight='7' orient='auto'>"
        f"<path d='M0 0 L8 4 L0 8 z' fill='{LINE}'/></marker>"
    )
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width:.0f}' height='{height:.0f}' "
        f"viewBox='0 0 {width:.1f} {height:.1f}' {_STYLE}>",
        f"<defs>{arrow}</defs><rect width='100%' height='100%' fill='white'/>",
        *map(_svg_frame, picture.frames),
    ]
    for points in picture.curves:
        x, y = points[0]
        path = " ".join(
            f"C{a[0]:.1f} {a[1]:.1f} {b[0]:.1f} {b[1]:.1f} {c[0]:.1f} {c[1]:.1f}"
            for a, b, c in bezier_curves(points, horizontal)
        )
        parts.append(f"<path d='M{x:.1f} {y:.1f} {path}' fill='none' stroke='{LINE}' marker-end='url(#tip)'/>")
    return "\n".join([*parts, *map(_svg_card, picture.cards), "</svg>\n"])


def _svg_frame(frame: Frame) -> str:
    return (
        f"<rect x='{frame.x:.1f}' y='{frame.y:.1f}' width='{frame.width:.1f}' height='{frame.height:.1f}' rx='6' "
        f"fill='#2f4858' fill-opacity='0.06' stroke='{LINE}' stroke-dasharray='4 3'/>"
        f"<text x='{frame.x + 8:.1f}' y='{frame.y + 14:.1f}' fill='{DARK}'>{html.escape(frame.name)}</text>"
    )


def _svg_card(card: Card) -> str:
    x, y, width, height = card.x, card.y, card.width, card.height
    out = [
        f"<g><rect x='{x:.1f}' y='{y:.1f}' width='{width:.1f}' height='{height:.1f}' rx='4' fill='{LIGHT}' "
        f"stroke='{DARK}'/>",
        f"<rect x='{x:.1f}' y='{y:.1f}' width='{width:.1f}' height='{TITLE:.1f}' rx='4' fill='{DARK}'/>",
        f"<text x='{x + width / 2:.1f}' y='{y + 15:.1f}' text-anchor='middle' fill='white'>"
        f"{html.escape(card.box.title)}</text>",
    ]
    for i, row in enumerate(card.box.rows):
        out.append(f"<text x='{x + PAD:.1f}' y='{y + TITLE + ROW * i + 15:.1f}' fill='#222'>{html.escape(row)}</text>")
    return "".join([*out, "</g>"])


def save_image(
    picture: Picture, path: PathLike | IO[bytes], dpi: int, horizontal: bool, extension: str | None = None
) -> None:
    """Write a PNG, JPEG or PDF file.

    Args:
        picture: the picture.
        path: the file to write; its extension determines the format.
        dpi: the resolution.
        horizontal: whether the arrows are horizontal.
        extension: the format of an open file.

    Raises:
        ImportError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(
            'plot_model needs matplotlib for anything but .svg and .dot.\nInstall it: pip install "gazelle[plot]"'
        ) from None
    figure = Figure(figsize=(picture.width / _PIXELS_PER_INCH, picture.height / _PIXELS_PER_INCH), facecolor="white")
    FigureCanvasAgg(figure)
    axes: Any = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, picture.width), ylim=(picture.height, 0))
    axes.axis("off")
    _draw_frames(axes, picture)
    _draw_arrows(axes, picture, horizontal)
    _draw_cards(axes, picture)
    figure.savefig(path, dpi=dpi, format=extension)


def _draw_frames(axes: Any, picture: Picture) -> None:
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


def _draw_arrows(axes: Any, picture: Picture, horizontal: bool) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    for points in picture.curves:
        corners = [points[0], *(point for curve in bezier_curves(points, horizontal) for point in curve)]
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


def _draw_cards(axes: Any, picture: Picture) -> None:
    from matplotlib.patches import Rectangle

    for card in picture.cards:
        corner = (card.x, card.y)
        axes.add_patch(Rectangle(corner, card.width, card.height, facecolor=LIGHT, edgecolor=DARK, linewidth=0.9))
        axes.add_patch(Rectangle(corner, card.width, TITLE, facecolor=DARK, edgecolor=DARK, linewidth=0.9))
        center = (card.x + card.width / 2, card.y + TITLE / 2)
        axes.text(*center, card.box.title, color="white", ha="center", va="center", fontsize=8.5)
        for i, row in enumerate(card.box.rows):
            axes.text(card.x + PAD, card.y + TITLE + ROW * (i + 0.6), row, va="center", fontsize=8.5)

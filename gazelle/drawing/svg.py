"""The picture as SVG."""

from __future__ import annotations

import html

from gazelle.drawing.picture import PAD, ROW, TITLE, Card, Frame, Picture, bends

DARK, LIGHT, LINE = "#2f4858", "#f4f7f9", "#7a8b99"
_STYLE = "font-family='Helvetica, Arial, sans-serif' font-size='12'"


def svg(picture: Picture, flat: bool) -> str:
    width, height = picture.width, picture.height
    arrow = (
        f"<marker id='tip' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' markerHeight='7' orient='auto'>"
        f"<path d='M0 0 L8 4 L0 8 z' fill='{LINE}'/></marker>"
    )
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width:.0f}' height='{height:.0f}' "
        f"viewBox='0 0 {width:.1f} {height:.1f}' {_STYLE}>",
        f"<defs>{arrow}</defs><rect width='100%' height='100%' fill='white'/>",
        *map(_frame, picture.frames),
    ]
    for points in picture.curves:
        x, y = points[0]
        way = " ".join(
            f"C{a[0]:.1f} {a[1]:.1f} {b[0]:.1f} {b[1]:.1f} {c[0]:.1f} {c[1]:.1f}" for a, b, c in bends(points, flat)
        )
        parts.append(f"<path d='M{x:.1f} {y:.1f} {way}' fill='none' stroke='{LINE}' marker-end='url(#tip)'/>")
    return "\n".join([*parts, *map(_card, picture.cards), "</svg>\n"])


def _frame(frame: Frame) -> str:
    return (
        f"<rect x='{frame.x:.1f}' y='{frame.y:.1f}' width='{frame.width:.1f}' height='{frame.height:.1f}' rx='6' "
        f"fill='#2f4858' fill-opacity='0.06' stroke='{LINE}' stroke-dasharray='4 3'/>"
        f"<text x='{frame.x + 8:.1f}' y='{frame.y + 14:.1f}' fill='{DARK}'>{html.escape(frame.name)}</text>"
    )


def _card(card: Card) -> str:
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

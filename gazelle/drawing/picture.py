"""Pictures of diagrams: rectangles, text and curves with coordinates, for all output formats."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

from gazelle.drawing.diagram import Box, Diagram
from gazelle.drawing.layout import lay_out

TITLE, ROW, PAD, MARGIN = 22.0, 18.0, 10.0, 16.0
_LETTER = 6.7  # width of a letter of 12 pixels
Point = tuple[float, float]


@dataclasses.dataclass
class Card:
    """Rectangle of a box: left, top, width, height."""

    box: Box
    x: float
    y: float
    width: float
    height: float


@dataclasses.dataclass
class Frame:
    """Rectangle around the layers of a nested model."""

    name: str
    x: float
    y: float
    width: float
    height: float
    depth: int


@dataclasses.dataclass
class Picture:
    """Rectangles and curves.

    Attributes:
        width: width in pixels.
        height: height in pixels.
        cards: the boxes.
        frames: the frames of nested models.
        curves: for each arrow the points that it passes.
    """

    width: float
    height: float
    cards: list[Card]
    frames: list[Frame]
    curves: list[list[Point]]


def size(box: Box) -> Point:
    """(width, height) of a box."""
    longest = max(map(len, [box.title, *box.rows]))
    return max(90.0, longest * _LETTER + 2 * PAD), TITLE + ROW * len(box.rows) + (4 if box.rows else 0)


def picture_of(diagram: Diagram, rankdir: str) -> Picture:
    """Lay out a diagram.

    Args:
        diagram: the diagram.
        rankdir: direction of the arrows: 'TB', 'BT', 'LR' or 'RL'.
    """
    if not diagram.boxes:
        return Picture(2 * MARGIN, 2 * MARGIN, [], [], [])
    sizes, horizontal = [size(box) for box in diagram.boxes], rankdir in ("LR", "RL")
    number = {id(box): i for i, box in enumerate(diagram.boxes)}
    arrows = [(number[id(a)], number[id(b)]) for a, b in diagram.arrows]
    groups = [box.groups for box in diagram.boxes]
    nodes, paths = lay_out([s[::-1] for s in sizes] if horizontal else sizes, arrows, groups)
    bottom = max(node.y + node.height / 2 for node in nodes)

    def transform(x: float, y: float) -> Point:
        y = bottom - y if rankdir in ("BT", "RL") else y
        return (y, x) if horizontal else (x, y)

    cards = []
    for box, (width, height), node in zip(diagram.boxes, sizes, nodes, strict=False):
        x, y = transform(node.x, node.y)
        cards.append(Card(box, x - width / 2, y - height / 2, width, height))
    curves = []
    for path in paths:
        points: list[Point] = []
        for index, i in enumerate(path):
            node, half = nodes[i], nodes[i].height / 2
            if index == 0:
                points.append(transform(node.x, node.y + half))
            elif index == len(path) - 1:
                points.append(transform(node.x, node.y - half))
            else:
                points += [transform(node.x, node.y - half), transform(node.x, node.y + half)]
        curves.append(points)
    return _with_margin(cards, _frames(cards), curves)


def _frames(cards: list[Card]) -> list[Frame]:
    names = list(dict.fromkeys(card.box.groups[: k + 1] for card in cards for k in range(len(card.box.groups))))
    depth = max(map(len, names), default=0)
    frames = []
    for name in sorted(names, key=len):
        inside = [card for card in cards if card.box.groups[: len(name)] == name]
        pad = 8.0 + 8.0 * (depth - len(name))
        left, top = min(c.x for c in inside) - pad, min(c.y for c in inside) - pad - 12
        right, bottom = max(c.x + c.width for c in inside) + pad, max(c.y + c.height for c in inside) + pad
        frames.append(Frame(name[-1], left, top, right - left, bottom - top, len(name)))
    return frames


def _with_margin(cards: list[Card], frames: list[Frame], curves: list[list[Point]]) -> Picture:
    """Translate everything so that there is a margin around it."""
    shapes: list[Card | Frame] = [*cards, *frames]
    left, top = min(s.x for s in shapes) - MARGIN, min(s.y for s in shapes) - MARGIN
    for shape in shapes:
        shape.x, shape.y = shape.x - left, shape.y - top
    moved = [[(x - left, y - top) for x, y in points] for points in curves]
    return Picture(
        max(s.x + s.width for s in shapes) + MARGIN, max(s.y + s.height for s in shapes) + MARGIN, cards, frames, moved
    )


def bezier_curves(points: list[Point], horizontal: bool) -> list[tuple[Point, Point, Point]]:
    """The curve through points as cubic Bézier curves: two control points and an end point each."""
    curves = []
    for (x0, y0), (x1, y1) in pairwise(points):
        half = ((x0 + x1) / 2, (y0 + y1) / 2)
        controls = ((half[0], y0), (half[0], y1)) if horizontal else ((x0, half[1]), (x1, half[1]))
        curves.append((*controls, (x1, y1)))
    return curves

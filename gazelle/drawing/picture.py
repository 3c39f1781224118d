"""Boxes at their places as rectangles, lines of text and curves: what SVG and PNG both draw."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

from gazelle.drawing.diagram import Box, Drawing
from gazelle.drawing.layout import laid_out

TITLE, ROW, PAD, MARGIN = 22.0, 18.0, 10.0, 16.0
_LETTER = 6.7  # width of a letter of 12 pixels
Point = tuple[float, float]


@dataclasses.dataclass
class Card:
    """A box: left, top, width, height, and its text."""

    box: Box
    x: float
    y: float
    width: float
    height: float


@dataclasses.dataclass
class Frame:
    """The rectangle around the layers of a model inside."""

    name: str
    x: float
    y: float
    width: float
    height: float
    depth: int


@dataclasses.dataclass
class Picture:
    width: float
    height: float
    cards: list[Card]
    frames: list[Frame]
    curves: list[list[Point]]  # points that an arrow passes


def size(box: Box) -> Point:
    longest = max(map(len, [box.title, *box.rows]))
    return max(90.0, longest * _LETTER + 2 * PAD), TITLE + ROW * len(box.rows) + (4 if box.rows else 0)


def picture(drawing: Drawing, rankdir: str) -> Picture:
    """rankdir: the way the arrows go, "TB", "BT", "LR" or "RL"."""
    if not drawing.boxes:
        return Picture(2 * MARGIN, 2 * MARGIN, [], [], [])
    sizes, flat = [size(box) for box in drawing.boxes], rankdir in ("LR", "RL")
    number = {id(box): i for i, box in enumerate(drawing.boxes)}
    arrows = [(number[id(a)], number[id(b)]) for a, b in drawing.arrows]
    groups = [box.groups for box in drawing.boxes]
    spots, paths = laid_out([s[::-1] for s in sizes] if flat else sizes, arrows, groups)
    far = max(spot.y + spot.height / 2 for spot in spots)

    def turned(x: float, y: float) -> Point:
        y = far - y if rankdir in ("BT", "RL") else y
        return (y, x) if flat else (x, y)

    cards = []
    for box, (width, height), spot in zip(drawing.boxes, sizes, spots, strict=False):
        x, y = turned(spot.x, spot.y)
        cards.append(Card(box, x - width / 2, y - height / 2, width, height))
    curves = []
    for path in paths:
        points: list[Point] = []
        for place, i in enumerate(path):
            spot, half = spots[i], spots[i].height / 2
            if place == 0:
                points.append(turned(spot.x, spot.y + half))
            elif place == len(path) - 1:
                points.append(turned(spot.x, spot.y - half))
            else:
                points += [turned(spot.x, spot.y - half), turned(spot.x, spot.y + half)]
        curves.append(points)
    return _moved(cards, _frames(cards), curves)


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


def _moved(cards: list[Card], frames: list[Frame], curves: list[list[Point]]) -> Picture:
    """Everything moved so that a margin is left around it."""
    shapes: list[Card | Frame] = [*cards, *frames]
    left, top = min(s.x for s in shapes) - MARGIN, min(s.y for s in shapes) - MARGIN
    for shape in shapes:
        shape.x, shape.y = shape.x - left, shape.y - top
    moved = [[(x - left, y - top) for x, y in points] for points in curves]
    return Picture(
        max(s.x + s.width for s in shapes) + MARGIN, max(s.y + s.height for s in shapes) + MARGIN, cards, frames, moved
    )


def bends(points: list[Point], flat: bool) -> list[tuple[Point, Point, Point]]:
    """The curve through `points` as cubic pieces: two handles and an end each."""
    pieces = []
    for (x0, y0), (x1, y1) in pairwise(points):
        half = ((x0 + x1) / 2, (y0 + y1) / 2)
        handles = ((half[0], y0), (half[0], y1)) if flat else ((x0, half[1]), (x1, half[1]))
        pieces.append((*handles, (x1, y1)))
    return pieces

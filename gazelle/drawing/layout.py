"""Where the boxes stand: layers from the inputs on, few crossings, neighbours below each other.

Source: Sugiyama et al., "Methods for Visual Understanding of Hierarchical System Structures", 1981.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import pairwise

_SWEEPS = 12
_APART = 26.0  # between boxes side by side
_BELOW = 40.0  # between layers


@dataclasses.dataclass
class Spot:
    """A place in the picture: a box, or a bend of an arrow that passes a layer."""

    width: float
    height: float
    rank: int = 0
    x: float = 0.0  # of the middle
    y: float = 0.0
    bend: bool = False


def laid_out(
    sizes: Sequence[tuple[float, float]], arrows: Sequence[tuple[int, int]], groups: Sequence[tuple[str, ...]]
) -> tuple[list[Spot], list[list[int]]]:
    """Spots for boxes of these sizes, and for each arrow the spots it passes, both ends included.

    groups: the frames each box stands in; what is not in a frame is kept beside it.
    """
    spots = [Spot(width, height) for width, height in sizes]
    _rank(spots, arrows)
    paths = []
    for start, end in arrows:
        path = [start]
        for rank in range(spots[start].rank + 1, spots[end].rank):
            spots.append(Spot(12.0, 0.0, rank, bend=True))
            path.append(len(spots) - 1)
        paths.append([*path, end])
    before: list[list[int]] = [[] for _ in spots]
    after: list[list[int]] = [[] for _ in spots]
    for path in paths:
        for a, b in pairwise(path):
            after[a].append(b)
            before[b].append(a)
    ranks = [[i for i, spot in enumerate(spots) if spot.rank == r] for r in range(1 + max(s.rank for s in spots))]
    _order(ranks, before, after)
    _place(spots, ranks, before, after)
    _clear(spots, ranks, groups)
    left = min(spot.x - spot.width / 2 for spot in spots)
    for spot in spots:
        spot.x -= left
    return spots, paths


def _rank(spots: list[Spot], arrows: Sequence[tuple[int, int]]) -> None:
    """The longest way from an input; arrows come in an order in which layers run."""
    for start, end in sorted(arrows, key=lambda arrow: arrow[1]):
        spots[end].rank = max(spots[end].rank, spots[start].rank + 1)
    for start in sorted({a for a, _ in arrows}, reverse=True):  # inputs go down to where they are needed
        if not any(end == start for _, end in arrows):
            spots[start].rank = min(spots[end].rank for a, end in arrows if a == start) - 1


def _order(ranks: list[list[int]], before: list[list[int]], after: list[list[int]]) -> None:
    """Sort each layer by the mean place of its neighbours, down and up again."""
    place = {i: k for row in ranks for k, i in enumerate(row)}
    for sweep in range(_SWEEPS):
        near = before if sweep % 2 == 0 else after
        for row in ranks if sweep % 2 == 0 else reversed(ranks):
            wish = {i: sum(place[j] for j in near[i]) / len(near[i]) if near[i] else place[i] for i in row}
            row.sort(key=wish.__getitem__)
            place.update({i: k for k, i in enumerate(row)})


def _place(spots: list[Spot], ranks: list[list[int]], before: list[list[int]], after: list[list[int]]) -> None:
    y = 0.0
    for row in ranks:
        height = max(spots[i].height for i in row)
        x = 0.0
        for i in row:
            spots[i].x, spots[i].y = x + spots[i].width / 2, y + height / 2
            spots[i].height = height if spots[i].bend else spots[i].height  # an arrow passes the whole layer straight
            x += spots[i].width + _APART
        y += height + _BELOW
    for sweep in range(_SWEEPS):
        near = before if sweep % 2 == 0 else after
        for row in ranks if sweep % 2 == 0 else reversed(ranks):
            wanted = [sum(spots[j].x for j in near[i]) / len(near[i]) if near[i] else spots[i].x for i in row]
            gaps = [(spots[a].width + spots[b].width) / 2 + _APART for a, b in pairwise(row)]
            for i, x in zip(row, _apart(wanted, gaps), strict=True):
                spots[i].x = x


def _clear(spots: list[Spot], ranks: list[list[int]], groups: Sequence[tuple[str, ...]]) -> None:
    """Push everything out of the frames that does not belong there, the inner frames first."""
    names = {group[: k + 1] for group in groups for k in range(len(group))}
    deepest = max(map(len, names), default=0)
    for name in sorted(names, key=lambda name: (-len(name), name)):
        inside = {i for i, group in enumerate(groups) if group[: len(name)] == name}
        pad = _APART / 2 + 8.0 * (1 + deepest - len(name))
        left = min(spots[i].x - spots[i].width / 2 for i in inside) - pad
        right = max(spots[i].x + spots[i].width / 2 for i in inside) + pad
        span = [spots[i].rank for i in inside]
        for row in ranks[min(span) : max(span) + 1]:
            members = [k for k, i in enumerate(row) if i in inside]
            middle = sum(spots[i].x < (left + right) / 2 for i in row)
            first, last = (members[0], members[-1] + 1) if members else (middle, middle)
            before, after = row[:first], row[last:]
            pull = max([spots[i].x + spots[i].width / 2 - left for i in before], default=0.0)
            push = max([right - spots[i].x + spots[i].width / 2 for i in after], default=0.0)
            for i in before:
                spots[i].x -= max(pull, 0.0)
            for i in after:
                spots[i].x += max(push, 0.0)


def _apart(wanted: list[float], gaps: list[float]) -> list[float]:
    """The places nearest to `wanted` (least squares) that keep the gaps: pool adjacent violators."""
    offsets = [0.0]
    for gap in gaps:
        offsets.append(offsets[-1] + gap)
    blocks: list[list[float]] = []  # sum of wishes, number of members
    for wish, offset in zip(wanted, offsets, strict=True):
        blocks.append([wish - offset, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    means = [total / count for total, count in blocks for _ in range(int(count))]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]

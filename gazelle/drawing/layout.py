"""Layout of boxes in layers, with few crossings and short arrows.

Source: Sugiyama et al., "Methods for Visual Understanding of Hierarchical System Structures", 1981.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import pairwise

_SWEEPS = 12
_HORIZONTAL_GAP = 26.0  # between boxes in a layer
_VERTICAL_GAP = 40.0  # between layers


@dataclasses.dataclass
class Node:
    """Position of a box, or of a bend of an arrow that passes a layer.

    Attributes:
        width: its width.
        height: its height.
        rank: the number of its layer.
        x: horizontal position of its center.
        y: vertical position of its center.
        bend: whether it is a bend of an arrow.
    """

    width: float
    height: float
    rank: int = 0
    x: float = 0.0
    y: float = 0.0
    bend: bool = False


def lay_out(
    sizes: Sequence[tuple[float, float]], arrows: Sequence[tuple[int, int]], groups: Sequence[tuple[str, ...]]
) -> tuple[list[Node], list[list[int]]]:
    """Compute the layout.

    Args:
        sizes: (width, height) of the boxes.
        arrows: (start, end) indices of boxes.
        groups: the names of the frames around each box; other boxes are placed outside of them.

    Returns:
        The nodes, first those of the boxes, and for each arrow the indices of the nodes it passes.
    """
    nodes = [Node(width, height) for width, height in sizes]
    _rank(nodes, arrows)
    paths = []
    for start, end in arrows:
        path = [start]
        for rank in range(nodes[start].rank + 1, nodes[end].rank):
            nodes.append(Node(12.0, 0.0, rank, bend=True))
            path.append(len(nodes) - 1)
        paths.append([*path, end])
    before: list[list[int]] = [[] for _ in nodes]
    after: list[list[int]] = [[] for _ in nodes]
    for path in paths:
        for a, b in pairwise(path):
            after[a].append(b)
            before[b].append(a)
    ranks = [[i for i, node in enumerate(nodes) if node.rank == r] for r in range(1 + max(s.rank for s in nodes))]
    _order(ranks, before, after)
    _place(nodes, ranks, before, after)
    _clear_frames(nodes, ranks, groups)
    left = min(node.x - node.width / 2 for node in nodes)
    for node in nodes:
        node.x -= left
    return nodes, paths


def _rank(nodes: list[Node], arrows: Sequence[tuple[int, int]]) -> None:
    """Set the ranks: the longest path from an input; arrows are in the order of execution."""
    for start, end in sorted(arrows, key=lambda arrow: arrow[1]):
        nodes[end].rank = max(nodes[end].rank, nodes[start].rank + 1)
    for start in sorted({a for a, _ in arrows}, reverse=True):  # inputs are moved next to their first use
        if not any(end == start for _, end in arrows):
            nodes[start].rank = min(nodes[end].rank for a, end in arrows if a == start) - 1


def _order(ranks: list[list[int]], before: list[list[int]], after: list[list[int]]) -> None:
    """Sort each layer by the mean position of its neighbors, alternately downwards and upwards."""
    position = {i: k for row in ranks for k, i in enumerate(row)}
    for sweep in range(_SWEEPS):
        near = before if sweep % 2 == 0 else after
        for row in ranks if sweep % 2 == 0 else reversed(ranks):
            target = {i: sum(position[j] for j in near[i]) / len(near[i]) if near[i] else position[i] for i in row}
            row.sort(key=target.__getitem__)
            position.update({i: k for k, i in enumerate(row)})


def _place(nodes: list[Node], ranks: list[list[int]], before: list[list[int]], after: list[list[int]]) -> None:
    y = 0.0
    for row in ranks:
        height = max(nodes[i].height for i in row)
        x = 0.0
        for i in row:
            nodes[i].x, nodes[i].y = x + nodes[i].width / 2, y + height / 2
            nodes[i].height = height if nodes[i].bend else nodes[i].height  # a bend spans the layer
            x += nodes[i].width + _HORIZONTAL_GAP
        y += height + _VERTICAL_GAP
    for sweep in range(_SWEEPS):
        near = before if sweep % 2 == 0 else after
        for row in ranks if sweep % 2 == 0 else reversed(ranks):
            targets = [sum(nodes[j].x for j in near[i]) / len(near[i]) if near[i] else nodes[i].x for i in row]
            gaps = [(nodes[a].width + nodes[b].width) / 2 + _HORIZONTAL_GAP for a, b in pairwise(row)]
            for i, x in zip(row, _separate(targets, gaps), strict=True):
                nodes[i].x = x


def _clear_frames(nodes: list[Node], ranks: list[list[int]], groups: Sequence[tuple[str, ...]]) -> None:
    """Move boxes out of frames they do not belong to, the inner frames first."""
    names = {group[: k + 1] for group in groups for k in range(len(group))}
    deepest = max(map(len, names), default=0)
    for name in sorted(names, key=lambda name: (-len(name), name)):
        inside = {i for i, group in enumerate(groups) if group[: len(name)] == name}
        pad = _HORIZONTAL_GAP / 2 + 8.0 * (1 + deepest - len(name))
        left = min(nodes[i].x - nodes[i].width / 2 for i in inside) - pad
        right = max(nodes[i].x + nodes[i].width / 2 for i in inside) + pad
        span = [nodes[i].rank for i in inside]
        for row in ranks[min(span) : max(span) + 1]:
            members = [k for k, i in enumerate(row) if i in inside]
            middle = sum(nodes[i].x < (left + right) / 2 for i in row)
            first, last = (members[0], members[-1] + 1) if members else (middle, middle)
            before, after = row[:first], row[last:]
            pull = max([nodes[i].x + nodes[i].width / 2 - left for i in before], default=0.0)
            push = max([right - nodes[i].x + nodes[i].width / 2 for i in after], default=0.0)
            for i in before:
                nodes[i].x -= max(pull, 0.0)
            for i in after:
                nodes[i].x += max(push, 0.0)


def _separate(targets: list[float], gaps: list[float]) -> list[float]:
    """The positions nearest to the targets (least squares) with minimum gaps: pool adjacent violators."""
    offsets = [0.0]
    for gap in gaps:
        offsets.append(offsets[-1] + gap)
    blocks: list[list[float]] = []  # sum of targets, number of members
    for target, offset in zip(targets, offsets, strict=True):
        blocks.append([target - offset, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    means = [total / count for total, count in blocks for _ in range(int(count))]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]

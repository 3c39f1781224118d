"""Which of a program's unknown sizes are one and the same."""

from __future__ import annotations

from gazelle.core.errors import GazelleError
from gazelle.export.signature import Exportable
from gazelle.export.unknown_sizes import tries


def grouped(program: Exportable) -> dict[tuple[int, int], int]:
    """{(input, axis): number of its group}. The first axis of all inputs is the batch, group 0.

    Other sizes are each of their own where the program can be traced so, else those of the same axis are equal.
    """
    places = program.unknown
    batch = [place for place in places if place[1] == 0]
    own = {place: i + bool(batch) for i, place in enumerate(p for p in places if p[1])}
    alone = {**dict.fromkeys(batch, 0), **own}
    axes = sorted({axis for _, axis in places})
    shared = {place: axes.index(place[1]) for place in places}
    if shared == alone or not _runs(program, alone):
        return shared
    return alone


def _runs(program: Exportable, groups: dict[tuple[int, int], int]) -> bool:
    numbers = tries(len(set(groups.values())))[0]
    try:
        program.trace(lambda i, axis: numbers[groups[i, axis]])
    except (GazelleError, TypeError, ValueError):
        return False
    return True

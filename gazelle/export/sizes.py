"""Unknown sizes of exported programs, determined by tracing several times.

A program is lowered with a number for each unknown size, again for each of them with its double, and once with odd
numbers. Values that differ between these graphs are functions of the sizes; the last graph verifies them. Symbolic
sizes of JAX would need one trace, but layers that compare or loop over sizes fail on them (see `core/symbolic.py`).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from gazelle.core.errors import GazelleError
from gazelle.export.signature import Exportable

_FIRST = (720, 1680, 2640, 4080, 4560, 5520)  # with many divisors, for reshapes
_ODD = (49, 143, 221, 323, 437, 667)


@dataclasses.dataclass(frozen=True)
class Size:
    """Function of sizes:  constant + Σ_i factors_i size_i, or  constant Π_i size_i^powers_i  if there are powers.

    Attributes:
        constant: the constant.
        factors: one for each unknown size.
        powers: one for each unknown size.
    """

    constant: int
    factors: tuple[int, ...] = ()
    powers: tuple[int, ...] = ()

    def at(self, sizes: Sequence[int]) -> int:
        """The value for given sizes.

        >>> Size(2, factors=(3,)).at([10]), Size(2, powers=(1,)).at([10])
        (32, 20)
        """
        if self.powers:
            return self.constant * math.prod(size**power for size, power in zip(sizes, self.powers, strict=True))
        return self.constant + sum(factor * size for factor, size in zip(self.factors, sizes, strict=True))


def tries(count: int) -> list[list[int]]:
    """The numbers to lower a program with.

    Args:
        count: number of unknown sizes.

    >>> tries(1)
    [[720], [1440], [49]]
    """
    base = list(_FIRST[:count])
    return [base, *([2 * n if i == j else n for j, n in enumerate(base)] for i in range(count)), list(_ODD[:count])]


def size(values: Sequence[int]) -> Size | None:
    """The function of the sizes that has these values for the numbers of `tries`; None if there is none.

    Args:
        values: one value for each attempt.

    >>> size([722, 1442, 51])
    Size(constant=2, factors=(1,), powers=())
    """
    base, *rest = tries(len(values) - 2)
    first, doubled = values[0], values[1:-1]
    found = []
    if all((value - first) % n == 0 for value, n in zip(doubled, base, strict=True)):
        factors = tuple((value - first) // n for value, n in zip(doubled, base, strict=True))
        found.append(Size(first - sum(f * n for f, n in zip(factors, base, strict=True)), factors))
    if first and all(value % first == 0 and (value // first).bit_count() == 1 for value in doubled):
        powers = tuple((value // first).bit_length() - 1 for value in doubled)
        product = math.prod(n**power for n, power in zip(base, powers, strict=True))
        if first % product == 0:
            found.append(Size(first // product, powers=powers))
    return next((one for one in found if one.at(rest[-1]) == values[-1]), None)


def grouped(program: Exportable) -> dict[tuple[int, int], int]:
    """Group the unknown sizes that are equal. The first axis of all inputs is the batch, group 0.

    Other sizes are independent if the program can be traced so; otherwise those of the same axis are equal.

    Args:
        program: the program.

    Returns:
        {(input, axis): number of the group}.
    """
    unknown = program.unknown
    batch = [position for position in unknown if position[1] == 0]
    others = {position: i + bool(batch) for i, position in enumerate(p for p in unknown if p[1])}
    independent = {**dict.fromkeys(batch, 0), **others}
    axes = sorted({axis for _, axis in unknown})
    shared = {position: axes.index(position[1]) for position in unknown}
    if shared == independent or not _can_trace(program, independent):
        return shared
    return independent


def _can_trace(program: Exportable, groups: dict[tuple[int, int], int]) -> bool:
    numbers = tries(len(set(groups.values())))[0]
    try:
        program.trace(lambda i, axis: numbers[groups[i, axis]])
    except (GazelleError, TypeError, ValueError):
        return False
    return True

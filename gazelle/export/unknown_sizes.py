"""Sizes that are left open, found by tracing several times.

A program is lowered once with a number for each unknown size, once more for each of them with its double, and once with
odd numbers. What differs between these graphs is a function of the sizes; the last graph is the proof. JAX's symbolic
sizes would need one trace, but layers that compare or loop over sizes fail on them (as `core/symbolic.py` says).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

_FIRST = (720, 1680, 2640, 4080, 4560, 5520)  # many divisors, so that reshapes divide
_ODD = (49, 143, 221, 323, 437, 667)


@dataclasses.dataclass(frozen=True)
class Size:
    """constant + Σ factors[i] * size_i, or constant * Π size_i ** powers[i] where there are powers."""

    constant: int
    factors: tuple[int, ...] = ()
    powers: tuple[int, ...] = ()

    def at(self, sizes: Sequence[int]) -> int:
        """Its value for these sizes.

        >>> Size(2, factors=(3,)).at([10]), Size(2, powers=(1,)).at([10])
        (32, 20)
        """
        if self.powers:
            return self.constant * math.prod(size**power for size, power in zip(sizes, self.powers, strict=True))
        return self.constant + sum(factor * size for factor, size in zip(self.factors, sizes, strict=True))


def tries(count: int) -> list[list[int]]:
    """The sizes to lower a program with, for so many unknown ones.

    >>> tries(1)
    [[720], [1440], [49]]
    """
    base = list(_FIRST[:count])
    return [base, *([2 * n if i == j else n for j, n in enumerate(base)] for i in range(count)), list(_ODD[:count])]


def size(values: Sequence[int]) -> Size | None:
    """The function that has these values for the sizes of `tries`; None where there is none of its two kinds.

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
        whole = math.prod(n**power for n, power in zip(base, powers, strict=True))
        if first % whole == 0:
            found.append(Size(first // whole, powers=powers))
    return next((one for one in found if one.at(rest[-1]) == values[-1]), None)

"""The module `random`: the numbers that Python 2 drew, sets as populations, and `shuffle` with a source of numbers."""

import random as _random
from collections.abc import Callable, Collection, MutableSequence, Sequence
from math import ceil, log

from gazelle.core.types import Foreign

__all__ = _random.__all__


class Random(_random.Random):
    """A source of random numbers; integers come from `random()`."""

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        """An integer of range(start, stop, step)."""
        values = range(int(start)) if stop is None else range(int(start), int(stop), int(step))
        return self.choice(values)

    def choice(self, seq: Sequence[Foreign]) -> Foreign:  # type: ignore[override]
        """An element of a sequence."""
        return seq[int(self.random() * len(seq))]

    def shuffle(self, x: MutableSequence[Foreign], random: Callable[[], float] | None = None) -> None:
        """Put a list in a random order."""
        draw = self.random if random is None else random
        for i in reversed(range(1, len(x))):
            j = int(draw() * (i + 1))
            x[i], x[j] = x[j], x[i]

    def sample(self, population: Collection[Foreign], k: int) -> list[Foreign]:  # type: ignore[override]
        """k elements of a sequence or of a set."""
        values = list(population)
        n = len(values)
        if not 0 <= k <= n:
            raise ValueError(f"sample: k is {k}, and the population has {n} elements")
        if n > (21 if k <= 5 else 21 + 4 ** ceil(log(3 * k, 4))):  # few of many: those drawn before are drawn again
            drawn: dict[int, None] = {}
            while len(drawn) < k:
                drawn[int(self.random() * n)] = None
            return [values[j] for j in drawn]
        found = []
        for i in range(k):
            j = int(self.random() * (n - i))
            found.append(values[j])
            values[j] = values[n - i - 1]
        return found


_shared = Random()
_shared.random = _random.random  # type: ignore[method-assign]
randrange, randint, choice, shuffle, sample = (
    getattr(_shared, name) for name in ("randrange", "randint", "choice", "shuffle", "sample")
)


def __getattr__(name: str) -> Foreign:
    return getattr(_random, name)

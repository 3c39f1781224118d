"""The process-wide stream of seeds: what draws without a seed of its own takes the next one from here."""

from __future__ import annotations

import itertools
import random

import numpy as np

_root: int | None = None  # None: nobody set a seed, the operating system's entropy is taken at the first draw
_count = itertools.count()


def set_seed(seed: int) -> None:
    """Restart the stream: the same `seed` gives the same seeds in the same order.

    >>> set_seed(0); a = next_seed(); set_seed(0); a == next_seed()
    True
    """
    global _root, _count
    _root, _count = int(seed) % 2**64, itertools.count()


def set_random_seed(seed: int) -> None:
    """One seed for everything: gazelle's stream, Python's `random` and NumPy's global generator."""
    set_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


def next_seed() -> int:
    """The next seed of the stream, a number below 2^32."""
    global _root
    if _root is None:
        _root = int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
    return int(np.random.SeedSequence([_root, next(_count)]).generate_state(1)[0])

"""The process-wide stream of seeds: what draws without a seed of its own takes the next one from here."""

from __future__ import annotations

import contextlib
import itertools
import random
from collections.abc import Iterator
from contextvars import ContextVar

import numpy as np

from gazelle.core.errors import ArgumentError, message

_root: int | None = None  # None: nobody set a seed, the operating system's entropy is taken at the first draw
_count = itertools.count()
_still: ContextVar[bool] = ContextVar("gazelle_seeds_stand_still", default=False)


def set_seed(seed: int) -> None:
    """Restart the stream: the same `seed` gives the same seeds in the same order.

    >>> set_seed(0); a = next_seed(); set_seed(0); a == next_seed()
    True
    """
    global _root, _count
    _root, _count = int(seed) % 2**64, itertools.count()


def set_random_seed(seed: int) -> None:
    """One seed for everything: gazelle's stream, Python's `random` and NumPy's global generator.

    >>> set_random_seed(7)
    >>> first = gazelle.layers.Dense(2)(np.ones((1, 3)))
    >>> set_random_seed(7)
    >>> bool((gazelle.layers.Dense(2)(np.ones((1, 3))) == first).all())
    True
    """
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or seed < 0:
        raise ArgumentError(message("seed", expected="a whole number from 0 on", got=repr(seed)))
    set_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


def next_seed() -> int:
    """The next seed of the stream, a number below 2^32."""
    global _root
    if _still.get():
        return 0
    if _root is None:
        _root = int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
    return int(np.random.SeedSequence([_root, next(_count)]).generate_state(1)[0])


@contextlib.contextmanager
def untouched() -> Iterator[None]:
    """Inside, seeds are all 0 and the stream stands still: for what is made but never draws."""
    token = _still.set(True)
    try:
        yield
    finally:
        _still.reset(token)

"""A limit on the memory that the config of a file may take, for arguments of any name.

The integers of a config take effect where arrays are created. So everything that creates an array, a list or a loop
whose size an argument decides calls `spend`, `check` or `check_repetitions` first: variables (`core/variable.py`) and
the few tables of layers and metrics. Outside of a `with Budget(...)` block, where a program decides the sizes, these
functions have no effect.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextvars import ContextVar


class Budget:
    """A limit on the total size of the arrays created in a `with Budget(...)` block.

    Args:
        numbers: How many numbers all of them may hold together.
        error: Called with the shape of the array that exceeds the limit; returns the exception to raise.

    >>> with Budget(10, lambda shape: ShapeError(f"too large: {shape}")):
    ...     Variable(jnp.zeros, shape=(3, 4))
    Traceback (most recent call last):
    ...
    gazelle.core.errors.ShapeError: too large: (3, 4)
    """

    def __init__(self, numbers: int, error: Callable[[tuple[int, ...]], Exception]) -> None:
        self.left, self.error = numbers, error

    def __enter__(self) -> Budget:
        self._token = _budget.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _budget.reset(self._token)


_MAX_REPETITIONS = 2**14
_budget: ContextVar[Budget | None] = ContextVar("gazelle_budget", default=None)


def spend(shape: Sequence[int]) -> None:
    """Count an array that is about to be created and kept, and raise the error of the budget beyond its limit."""
    budget = _budget.get()
    if budget is not None:
        check(shape)
        budget.left -= math.prod(shape)


def check(shape: Sequence[int], weight: int = 1) -> None:
    """Raise the error of the budget if an array that is needed for a moment exceeds what is left.

    Args:
        shape: Shape of the array.
        weight: How many numbers one element is worth: several arrays of the shape, or an object of Python.
    """
    budget = _budget.get()
    if budget is not None and math.prod(max(int(size), 0) for size in shape) * weight > budget.left:
        raise budget.error(tuple(shape))


def check_repetitions(count: int) -> None:
    """Raise the error of the budget if a loop of Python, such as one over the slices of a window, takes too long.

    Args:
        count: How often operations are traced.
    """
    budget = _budget.get()
    if budget is not None and count > _MAX_REPETITIONS:
        raise budget.error((count,))

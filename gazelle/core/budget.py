"""A limit on the memory that the config of a file may take, for arguments of any name.

The sizes in a config take effect where arrays are created. Code that creates an array, a list or a loop whose size
depends on an argument calls `spend`, `check` or `check_repetitions` first: variables (`core/variable.py`) and the few
tables of layers and metrics. Outside of a `with Budget(...)` block the sizes come from the user's program, and these
functions have no effect.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextvars import ContextVar


class Budget:
    """A limit on the total size of the arrays created in a `with Budget(...)` block.

    Args:
        numbers: Maximum of the total number of elements.
        error: Called with the shape of the array that exceeds the limit; returns the exception to raise.

    >>> with Budget(10, lambda shape: ValueError(f"too large: {shape}")):
    ...     Variable(jnp.zeros, shape=(3, 4))
    Traceback (most recent call last):
    ...
    ValueError: too large: (3, 4)
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


def is_limited() -> bool:
    """Return whether a budget counts arrays: while a model is built from a file."""
    return _budget.get() is not None


def spend(shape: Sequence[int]) -> None:
    """Count an array that will be created and kept; raise the error of the budget if it exceeds the limit."""
    budget = _budget.get()
    if budget is not None:
        check(shape)
        budget.left -= math.prod(shape)


def check(shape: Sequence[int], weight: int = 1) -> None:
    """Raise the error of the budget if a temporary array exceeds the rest of the budget.

    Args:
        shape: Shape of the array.
        weight: Number of budget elements for each element: several arrays of the shape, or a Python object.
    """
    budget = _budget.get()
    if budget is not None and math.prod(max(int(size), 0) for size in shape) * weight > budget.left:
        raise budget.error(tuple(shape))


def check_repetitions(count: int) -> None:
    """Raise the error of the budget if a Python loop, such as one over the slices of a window, is too long.

    Args:
        count: Number of iterations, each of which traces operations.
    """
    budget = _budget.get()
    if budget is not None and count > _MAX_REPETITIONS:
        raise budget.error((count,))


def check_nested(values: object, itemsize: int | None = None) -> None:
    """Raise the error of the budget if nested lists are too large as a NumPy array.

    Args:
        values: Numbers or strings, or lists of them of any depth.
        itemsize: Bytes of an element; None for strings, which all take the space of the longest.
    """
    if _budget.get() is None:
        return
    count = longest = 0
    stack = [values]
    while stack:
        value = stack.pop()
        if isinstance(value, (list, tuple)):
            stack.extend(value)
        else:
            count, longest = count + 1, max(longest, len(value) if isinstance(value, (str, bytes)) else 1)
    check((count, longest if itemsize is None else -(-itemsize // 4)))

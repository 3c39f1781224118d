"""Values inside a with-block: of a context variable, or at the end of a list."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")


@contextlib.contextmanager
def assigned(variable: ContextVar[T], value: T) -> Iterator[None]:
    """Set a context variable in a with-block, and restore its value after it.

    >>> depth = ContextVar("depth", default=0)
    >>> with assigned(depth, 1):
    ...     depth.get()
    1
    >>> depth.get()
    0
    """
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


@contextlib.contextmanager
def pushed(stack: list[T], value: T) -> Iterator[T]:
    """Append a value to a list in a with-block, and remove it after it.

    >>> open_names = ["outer"]
    >>> with pushed(open_names, "inner") as name:
    ...     name, open_names
    ('inner', ['outer', 'inner'])
    >>> open_names
    ['outer']
    """
    stack.append(value)
    try:
        yield value
    finally:
        stack.pop()

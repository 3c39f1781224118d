"""Tables of names as text, which are shorter than with a line for each name; and the names that modules define."""

from __future__ import annotations

from types import ModuleType
from typing import Any


def listed(text: str) -> tuple[str, ...]:
    """The names in a text, separated by blanks.

    >>> listed("add sub")
    ('add', 'sub')
    """
    return tuple(text.split())


def pairs(text: str) -> dict[str, str]:
    """The table that a text holds, as `name=value`, separated by blanks.

    >>> pairs("sqr=square eq=equal")
    {'sqr': 'square', 'eq': 'equal'}
    """
    return dict(entry.split("=") for entry in text.split())


def defined(*modules: ModuleType) -> dict[str, Any]:
    """The public functions and classes that modules define."""
    found = ((module.__name__, item) for module in modules for item in vars(module).items())
    return {n: value for path, (n, value) in found if n[0] != "_" and getattr(value, "__module__", "") == path}

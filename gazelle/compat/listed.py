"""Tables of names as text: easier to read, and to extend, than a line for each name."""

from __future__ import annotations


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

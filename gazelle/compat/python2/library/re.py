"""The module `re`: `split` does not split at empty matches."""

import re
from re import Pattern

from gazelle.core.types import Foreign

__all__ = re.__all__


def split(pattern: str | Pattern[str], string: str, maxsplit: int = 0, flags: int = 0) -> list[str | None]:
    r"""The parts of a text between the matches of a pattern that are not empty, and the groups of these.

    >>> split(r"(\W+)?", "Bob went.")
    ['Bob', ' ', 'went', '.', '']
    """
    parts: list[str | None] = []
    start = 0
    for match in re.finditer(pattern, string, flags):
        if match.end() == match.start():
            continue
        parts += [string[start : match.start()], *match.groups()]
        start = match.end()
        maxsplit -= 1
        if not maxsplit:
            break
    return [*parts, string[start:]]


def __getattr__(name: str) -> Foreign:
    return getattr(re, name)

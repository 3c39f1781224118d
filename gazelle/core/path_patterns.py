"""Look-up in mappings from paths, or regular expressions that match whole paths: layouts and optimizers of weights."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from gazelle.core.errors import message, nearest
from gazelle.core.traceback import warn

_SHOWN = 8  # paths that a warning lists


def matching(patterns: Collection[str], *paths: str) -> list[str]:
    """Return the patterns for a thing with several paths: those that match the first path which any of them matches.

    A pattern that is equal to the path comes before regular expressions.

    >>> matching(["dense/.*", "model/dense/kernel"], "model/dense/kernel", "dense/kernel")
    ['model/dense/kernel']
    """
    for path in paths:
        found = [path] if path in patterns else [pattern for pattern in patterns if re.fullmatch(pattern, path)]
        if found:
            return found
    return []


def unused(patterns: Iterable[str], paths: Iterable[str]) -> list[str]:
    """Return the patterns that match none of the paths."""
    known = set(paths)
    return [p for p in patterns if p not in known and not any(re.fullmatch(p, path) for path in known)]


def warn_of_unused(what: str, pattern: str, selected: str, paths: Iterable[str]) -> None:
    """Warn of a pattern that matches no path, with the paths nearest to it.

    Args:
        what: where the pattern is.
        pattern: the pattern.
        selected: what it should select.
        paths: what it is compared with.
    """
    known = list(dict.fromkeys(paths))
    shown = nearest(pattern, known) or known[:_SHOWN]
    more = " ..." if len(known) > len(shown) else ""
    expected = f"a full match of one of {', '.join(map(repr, shown))}{more}"
    warn(message(f"{what}'s pattern {pattern!r} selects no {selected}", expected=expected))

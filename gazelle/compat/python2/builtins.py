"""Built-in functions of Python 2 that Python 3 does not have, or has with another meaning."""

from __future__ import annotations

import builtins
import io
import math
import sys
from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_UP, Decimal
from functools import cmp_to_key, reduce
from importlib import reload
from importlib.util import decode_source
from itertools import zip_longest
from sys import intern
from types import FrameType

from gazelle.core.types import Foreign

__all__ = [
    "cmp",
    "exec",
    "execfile",
    "file",
    "filter",
    "intern",
    "map",
    "open",
    "ord",
    "reduce",
    "reload",
    "round",
    "sorted",
]


def cmp(x: Foreign, y: Foreign) -> int:
    """-1, 0 or 1: x is less than, equal to, or greater than y; None is less than numbers, and they than the rest."""
    try:
        return int(x > y) - int(x < y)
    except TypeError:
        return cmp(_rank(x), _rank(y))


def _rank(x: Foreign) -> tuple[int, str]:
    return 0 if x is None else 1 if isinstance(x, int | float) else 2, type(x).__name__


def execfile(path: str, globals: Foreign = None, locals: Foreign = None) -> None:
    """Run a file in the names of the caller, or in those that are given."""
    with builtins.open(path, "rb") as stream:
        text = decode_source(stream.read())
    _run(text, path, sys._getframe(1), globals, locals)


def exec(source: Foreign, globals: Foreign = None, locals: Foreign = None) -> None:
    """Run a text in Python 2, or code."""
    _run(source, "<string>", sys._getframe(1), globals, locals)


def _run(source: Foreign, path: str, caller: FrameType, globals: Foreign, locals: Foreign) -> None:
    from gazelle.compat.python2.conversion import compiled  # it imports this module

    if globals is None:
        globals, locals = caller.f_globals, caller.f_locals
    code = compiled(source, path) if isinstance(source, str) else source
    builtins.exec(code, globals, globals if locals is None else locals)


def sorted(
    iterable: Iterable[Foreign],
    cmp: Callable[[Foreign, Foreign], int] | None = None,
    key: Callable[[Foreign], Foreign] | None = None,
    reverse: bool = False,
) -> list[Foreign]:
    """The elements in order, also by a function that compares two of them."""
    elements = list(iterable)
    try:
        return builtins.sorted(elements, key=ordering(cmp, key), reverse=reverse)
    except TypeError:  # elements of several kinds
        return builtins.sorted(elements, key=ordering(cmp or _any_order, key), reverse=reverse)


_any_order = cmp


def ordering(
    compare: Callable[[Foreign, Foreign], int] | None, key: Callable[[Foreign], Foreign] | None
) -> Callable[[Foreign], Foreign] | None:
    """The key of a function that compares two elements, or their keys."""
    if compare is None:
        return key
    by = cmp_to_key(compare)
    return by if key is None else lambda element: by(key(element))


def map(function: Callable[..., Foreign] | None, *sequences: Iterable[Foreign]) -> list[Foreign]:
    """The results of a function; a sequence that is shorter than another is continued with None.

    >>> map(None, [1, 2], [3])
    [(1, 3), (2, None)]
    """
    if len(sequences) == 1:
        return list(sequences[0] if function is None else builtins.map(function, sequences[0]))
    rows = zip_longest(*sequences)
    return list(rows) if function is None else [function(*row) for row in rows]


def filter(function: Callable[[Foreign], Foreign] | None, iterable: Iterable[Foreign]) -> Foreign:
    """The elements for which the function is true: text of text, a tuple of a tuple, else a list."""
    kept = builtins.filter(function, iterable)
    if isinstance(iterable, str):
        return "".join(kept)
    return tuple(kept) if isinstance(iterable, tuple) else list(kept)


def round(number: Foreign, ndigits: int = 0) -> Foreign:
    """A float, rounded; halves are rounded away from zero.

    >>> round(2.5), round(-0.5), round(7), round(3.14159, 2)
    (3.0, -1.0, 7.0, 3.14)
    """
    try:
        value = float(number)
    except (TypeError, ValueError):
        return builtins.round(number, ndigits)
    if not math.isfinite(value) or ndigits > 300:
        return value
    return float(Decimal(value).quantize(Decimal(1).scaleb(-ndigits), ROUND_HALF_UP)) if abs(value) < 1e15 else value


def ord(character: str | bytes | int) -> int:
    """The number of a character; one of what was read in binary mode is a number already."""
    return character if isinstance(character, int) else builtins.ord(character)


def open(file: Foreign, mode: str = "r", buffering: int = -1, **kwargs: Foreign) -> Foreign:
    """open(file, mode), where files in binary mode also take text, and files of text also contain other bytes."""
    mode = mode.replace("U", "") or "r"
    if "b" not in mode:
        return builtins.open(file, mode, buffering or 1, **{"errors": "surrogateescape", **kwargs})
    if mode.strip("b") == "r":
        return builtins.open(file, mode, buffering, **kwargs)
    raw = io.FileIO(file, mode.replace("b", ""), **kwargs)
    return _Changed(raw) if "+" in mode else _Written(raw)


file = open


def as_bytes(data: str | bytes) -> bytes:
    """The bytes that are written of a text, which may contain some that are no text."""
    return data.encode(errors="surrogateescape") if isinstance(data, str) else data


class _Written(io.BufferedWriter):
    def write(self, data: str | bytes) -> int:  # type: ignore[override]
        return super().write(as_bytes(data))


class _Changed(io.BufferedRandom):
    def write(self, data: str | bytes) -> int:  # type: ignore[override]
        return super().write(as_bytes(data))

"""Operations as Python 2 had them, for the programs that `conversion` converts."""

from __future__ import annotations

import io
import operator
import pickle
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from gazelle.core.types import Foreign


def _is_integer(value: Any) -> bool:
    if isinstance(value, int):
        return True
    dtype = getattr(value, "dtype", None)
    try:
        return dtype is not None and np.dtype(dtype).kind in "iub"
    except TypeError:
        return False


def divide(a: Foreign, b: Foreign) -> Foreign:
    """a / b, rounded down for integers and arrays of them.

    >>> divide(7, 2), divide(-7, 2), divide(7, 2.0)
    (3, -4, 3.5)
    """
    return operator.floordiv(a, b) if _is_integer(a) and _is_integer(b) else operator.truediv(a, b)


def divide_in_place(a: Foreign, b: Foreign) -> Foreign:
    """a /= b; an array keeps its dtype.

    >>> divide_in_place(np.array([7, 8]), 2)
    array([3, 4])
    """
    return operator.ifloordiv(a, b) if _is_integer(a) and _is_integer(b) else operator.itruediv(a, b)


def decode(text: Foreign, *args: Foreign, **kwargs: Foreign) -> Foreign:
    """text.decode(...), where strings are text already.

    >>> decode("a", "utf-8"), decode(b"a", "utf-8")
    ('a', 'a')
    """
    return text if isinstance(text, str) else text.decode(*args, **kwargs)


def open_file(file: Foreign, mode: str = "r", *args: Foreign, **kwargs: Foreign) -> Foreign:
    """open(file, mode), where files that are written in binary mode also take text."""
    opened: Any = open(file, mode.replace("U", ""), *args, **kwargs)  # noqa: SIM115  # the program closes it
    if isinstance(opened, io.BufferedWriter | io.BufferedRandom):
        write = opened.write
        opened.write = lambda data: write(data.encode() if isinstance(data, str) else data)  # type: ignore[method-assign]
    return opened


def lines_of(file: Iterable[str | bytes]) -> Iterator[str]:
    """The lines of a text or binary file as text, for `csv`."""
    return (line.decode() if isinstance(line, bytes) else line for line in file)


def load_pickle(file: Foreign) -> Foreign:
    """pickle.load(file), also of a file in text mode and of strings and arrays that Python 2 wrote."""
    return pickle.load(_binary(file), encoding="latin1")


def loads_pickle(data: Foreign) -> Foreign:
    """pickle.loads(data), also of strings and arrays that Python 2 wrote."""
    return pickle.loads(data.encode("latin1") if isinstance(data, str) else data, encoding="latin1")


def dump_pickle(value: Foreign, file: Foreign, protocol: int | None = None) -> None:
    """pickle.dump(value, file), also to a file in text mode."""
    pickle.dump(value, _binary(file), protocol)


def _binary(file: Any) -> Any:
    return getattr(file, "buffer", file)

"""Operators and methods as Python 2 had them, for the programs that `conversion` converts."""

from __future__ import annotations

import codecs
import operator
from typing import Any

import numpy as np

from gazelle.compat.python2.builtins import ordering
from gazelle.compat.python2.builtins import sorted as in_order
from gazelle.core.types import Foreign

#: encodings of bytes by bytes
_OF_BYTES = frozenset(("hex", "base64", "zip", "zlib", "bz2"))


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


def equals(a: Foreign, b: Foreign) -> Foreign:
    """a == b, also for bytes and text.

    >>> equals(b"a", "a"), equals(np.array([b"a", b"b"]), "a").tolist()
    (True, [True, False])
    """
    return operator.eq(*_alike(a, b))


def differs(a: Foreign, b: Foreign) -> Foreign:
    """a != b, also for bytes and text."""
    return operator.ne(*_alike(a, b))


def _alike(a: Foreign, b: Foreign) -> tuple[Foreign, Foreign]:
    if isinstance(a, str) and _are_bytes(b):
        return a.encode("latin1"), b
    return (a, b.encode("latin1")) if isinstance(b, str) and _are_bytes(a) else (a, b)


def _are_bytes(value: Foreign) -> bool:
    return isinstance(value, bytes) or (isinstance(value, np.ndarray) and value.dtype.kind == "S")


def decode(text: Foreign, *args: Foreign, **kwargs: Foreign) -> Foreign:
    """text.decode(...), where strings are text already.

    >>> decode("a", "utf-8"), decode(b"a", "utf-8"), decode("6162", "hex")
    ('a', 'a', 'ab')
    """
    if not isinstance(text, str):
        return text.decode(*args, **kwargs)
    if args and args[0] in _OF_BYTES:
        return codecs.decode(text.encode("latin1"), args[0]).decode("latin1")
    return text


def encode(text: Foreign, *args: Foreign, **kwargs: Foreign) -> Foreign:
    r"""text.encode(...): text, where its bytes would be those that a file of text has; else bytes.

    >>> encode("a", "ascii"), encode("a\xe9", "utf-8"), encode("\xe9", "latin1"), encode("ab", "hex")
    ('a', 'aé', b'\xe9', '6162')
    """
    if not isinstance(text, str):
        return text if isinstance(text, bytes) else text.encode(*args, **kwargs)
    if args and args[0] in _OF_BYTES:
        return codecs.encode(text.encode("latin1"), args[0]).decode("latin1")
    data = text.encode(*args, **kwargs)
    if data.isascii():
        return data.decode()
    return text if data == text.encode("utf-8", "replace") else data


def text(value: Foreign, *args: Foreign, **kwargs: Foreign) -> str:
    """unicode(value, encoding): strings are text already."""
    return value if isinstance(value, str) else str(value, *args, **kwargs)


def sort(values: Foreign, *args: Foreign, **kwargs: Foreign) -> Foreign:
    """values.sort(...), also by a function that compares two elements."""
    if type(values) is list and (args or "cmp" in kwargs):
        options = dict(zip(("cmp", "key", "reverse"), args, strict=False)) | kwargs
        return values.sort(key=ordering(options.get("cmp"), options.get("key")), reverse=options.get("reverse", False))
    if type(values) is list:  # of several kinds, too
        values[:] = in_order(values, **kwargs)
        return None
    return values.sort(*args, **kwargs)


def translate(text: Foreign, table: Foreign, deleted: str = "") -> Foreign:
    """text.translate(table, deleted)."""
    table = {} if table is None else table
    return text.translate({**table, **dict.fromkeys(map(ord, deleted))}) if deleted else text.translate(table)


def tostring(array: Foreign, *args: Foreign, **kwargs: Foreign) -> Foreign:
    """array.tostring(), which is `tobytes` now."""
    return array.tobytes(*args, **kwargs) if isinstance(array, np.ndarray | np.generic) else array.tostring(*args)


def ptp(array: Foreign, *args: Foreign, **kwargs: Foreign) -> Foreign:
    """array.ptp(), which is a function of NumPy now."""
    return np.ptp(array, *args, **kwargs) if isinstance(array, np.ndarray | np.generic) else array.ptp(*args, **kwargs)


def itemset(array: Foreign, *args: Foreign) -> None:
    """array.itemset(value) or array.itemset(index, value), which is an assignment now."""
    if not isinstance(array, np.ndarray):
        return array.itemset(*args)
    *index, value = args
    if len(index) == 1 and isinstance(index[0], int | np.integer):
        array.flat[index[0]] = value
    else:
        array[index[0] if index and isinstance(index[0], tuple) else tuple(index)] = value
    return None


def newbyteorder(array: Foreign, *args: Foreign) -> Foreign:
    """array.newbyteorder(), which only dtypes have now."""
    is_array = isinstance(array, np.ndarray)
    return array.view(array.dtype.newbyteorder(*args)) if is_array else array.newbyteorder(*args)


def caught(error: BaseException) -> BaseException:
    """An exception, with its `message`."""
    if not hasattr(error, "message"):
        error.message = error.args[0] if len(error.args) == 1 else ""  # type: ignore[attr-defined]
    return error

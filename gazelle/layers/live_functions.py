"""The functions that this process has given to Lambda layers, by a fingerprint of their code.

A file holds the fingerprint, never the code: a program that saves a model and loads it again finds its own function.
"""

from __future__ import annotations

import hashlib
import types
import weakref
from collections.abc import Callable, Mapping
from typing import Any

ARGUMENTS = ("function", "output_shape", "mask")  # of Lambda that may be functions

_MOST = 256  # fingerprints that are kept
_functions: dict[str, dict[str, Callable[[], Any]]] = {}  # fingerprint -> {name of the layer: getter of the function}


def fingerprint(function: object) -> str | None:
    """Return a hash of the code of a function; None for objects that have none.

    Example:
        >>> fingerprint(lambda x: x + 1) == fingerprint(lambda x: x + 1) != fingerprint(lambda x: x + 2)
        True
    """
    code = getattr(function, "__code__", None)
    if not isinstance(code, types.CodeType):
        return None
    return hashlib.sha256(repr(_parts(code)).encode()).hexdigest()[:32]


def _parts(code: types.CodeType) -> tuple[Any, ...]:
    constants = [_parts(c) if isinstance(c, types.CodeType) else (type(c).__name__, repr(c)) for c in code.co_consts]
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_argcount, code.co_kwonlyargcount, code.co_flags
    return code.co_name, code.co_code, constants, names


def register(layer: str, function: object) -> None:
    """Note that a layer of this name has this function. What a closure holds is not kept alive."""
    key = fingerprint(function)
    if key is None:
        return
    known = _functions.pop(key, {})
    known.pop(layer, None)
    known[layer] = weakref.ref(function) if getattr(function, "__closure__", None) else lambda: function
    _functions[key] = known
    while len(_functions) > _MOST:
        del _functions[next(iter(_functions))]


def find(layer: object, function: object) -> Callable[..., Any] | None:
    """Return the function that a config describes; None if this process has none of this code, or several.

    Args:
        layer: name of the layer in the config.
        function: the config of its function.
    """
    key = function.get("fingerprint") if isinstance(function, Mapping) else None
    known = _functions.get(key, {}) if isinstance(key, str) else {}
    if isinstance(layer, str) and layer in known:
        return known[layer]()
    found = {id(f): f for get in known.values() if (f := get()) is not None}
    alone = len({_bound(f) for f in found.values()}) == 1
    return next(iter(found.values())) if alone else None


def _bound(function: Any) -> tuple[Any, ...]:
    """What distinguishes functions of equal code."""
    cells = tuple(id(cell.cell_contents) for cell in function.__closure__ or ())
    return cells, repr(function.__defaults__), repr(function.__kwdefaults__), id(function.__globals__)

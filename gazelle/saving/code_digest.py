"""Names of functions and classes; those of the user get a checksum of their code."""

from __future__ import annotations

import dis
import hashlib
import zlib
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

import numpy as np

_LIBRARIES = ("gazelle.", "jax.", "jaxlib.", "numpy.", "builtins.")
_DEPTH = 5  # of functions that call each other


def class_name(cls: type) -> str:
    """The name of a class, and for one of the user a checksum of the code of its methods.

    Args:
        cls: the class.

    Returns:
        The name, such as `Dense` or `Mine (code 1a2b3c4d)`.
    """
    own = [base for base in cls.__mro__ if not f"{base.__module__}.".startswith(_LIBRARIES)]
    if not own:
        return cls.__name__
    parts = []
    for base in own:
        for name, value in sorted(vars(base).items()):
            function = getattr(value, "fget", getattr(value, "__func__", value))
            function = getattr(function, "__wrapped__", function)  # the constructor, which records its arguments
            if isinstance(function, FunctionType):
                parts.append(f"{name}{_text_of_function(function)}")
    return f"{cls.__name__} (code {_digest(parts)})"


def function_name(function: FunctionType) -> str:
    """The name of a function, and for one of the user a checksum of its code.

    Defaults, closures and global variables are part of it if they are numbers, strings, arrays or functions.

    Args:
        function: the function.

    Returns:
        The name, such as `relu` or `mine (code 1a2b3c4d)`.
    """
    if f"{function.__module__}.".startswith(_LIBRARIES):
        return function.__name__
    return f"{function.__name__} (code {_digest([_text_of_function(function)])})"


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:8]


def _text_of_function(function: FunctionType, depth: int = 0) -> str:
    """Text that is equal for equal code with equal values."""
    parts = [_text_of_constant(function.__code__)]
    for value in _values_of(function):
        for part in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(part, FunctionType):
                if depth < _DEPTH and not f"{part.__module__}.".startswith(_LIBRARIES):
                    parts.append(_text_of_function(part, depth + 1))
            elif isinstance(part, (bool, int, float, str, bytes, type(None))):
                parts.append(repr(part))
            elif isinstance(part, np.ndarray) and part.dtype != object:
                parts.append(f"{zlib.crc32(np.ascontiguousarray(part).reshape(-1).view(np.uint8))}")
    return "\0".join(parts)


def _values_of(function: FunctionType) -> Iterator[Any]:
    """Defaults, closures and the global variables that a function reads."""
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    for name in sorted(set(_global_names(function.__code__))):
        if name in function.__globals__:
            yield function.__globals__[name]


def _global_names(code: CodeType) -> Iterator[str]:
    for step in dis.get_instructions(code):
        if step.opname == "LOAD_GLOBAL":
            yield step.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _global_names(constant)


def _text_of_constant(constant: Any) -> str:
    """A constant of compiled code as text that is equal in every process."""
    if isinstance(constant, CodeType):
        inner = "\0".join(map(_text_of_constant, constant.co_consts))
        return f"{constant.co_code.hex()}{constant.co_names}{constant.co_varnames}{constant.co_freevars}{inner}"
    if isinstance(constant, frozenset):
        return str(sorted(map(_text_of_constant, constant)))
    return repr(constant)

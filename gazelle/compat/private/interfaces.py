"""`keras.legacy.interfaces`: decorators that accepted arguments of Keras 1; here every call accepts them anyway."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, TypeVar

_F = TypeVar("_F")


def generate_legacy_interface(*_: Any, **__: Any) -> Callable[[_F], _F]:
    """Return a decorator that returns its function unchanged."""
    return _unchanged


generate_legacy_method_interface = generate_legacy_interface


def _unchanged(function: _F) -> _F:
    return function


def _preprocessor(args: Any, kwargs: Any) -> tuple[Any, Any, list[str]]:
    """Arguments of Keras 1 as they are, and no names of them."""
    return args, kwargs, []


def __getattr__(name: str) -> Any:
    if name.startswith("legacy_") and name.endswith("_support"):
        return _unchanged
    if name.endswith(("_preprocessor", "_preprocessing")):
        return _preprocessor
    if name == "interfaces":
        return importlib.import_module(__name__)
    if name == "layers":
        return importlib.import_module("gazelle.layers")
    raise AttributeError(f"keras.legacy has no {name!r}", name=name)

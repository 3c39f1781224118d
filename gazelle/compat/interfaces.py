"""`keras.legacy.interfaces`: decorators for words older than those of Keras 2; every call here understands both."""

from __future__ import annotations

import importlib
from typing import Any


def generate_legacy_interface(*_: Any, **__: Any) -> Any:
    """A decorator that leaves a function as it is."""
    return _as_it_is


def _as_it_is(function: Any) -> Any:
    return function


def __getattr__(name: str) -> Any:
    if name.startswith("legacy_") and name.endswith("_support"):
        return _as_it_is
    if name == "interfaces":
        return importlib.import_module(__name__)
    if name == "layers":
        return importlib.import_module("gazelle.layers")
    raise AttributeError(f"keras.legacy has no {name!r}", name=name)

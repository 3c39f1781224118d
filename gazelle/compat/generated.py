"""Where classes and functions of programs are pickled from: `layers.core.Dense` below it is the one for programs.

Pickles, also those of cloudpickle, store the names `gazelle.compat.generated` and `layers.core.Dense`.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any


class Path:
    """A module of gazelle, whose attributes are the classes and functions for programs."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path, (self._path,)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return find(self._path, name)


def find(path: str, name: str) -> Any:
    """The class or function of a module, as programs see it; or a module inside of it."""
    from gazelle.compat import namespaces

    module = importlib.import_module(path)
    if hasattr(module, "__path__") and importlib.util.find_spec(f"{path}.{name}") is not None:
        return Path(f"{path}.{name}")  # before a class or function of the same name, which is in another module
    return namespaces.converted(getattr(module, name))


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    return find("gazelle", name)

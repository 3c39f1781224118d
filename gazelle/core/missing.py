"""What a room says of a name that it does not have: the nearest names, or why Keras' name is left out."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from gazelle.core import era
from gazelle.core.errors import GazelleError, nearest

#: names of Keras that gazelle leaves out
LEFT_OUT = (
    "AWQConfig",
    "AWQDTypePolicy",
    "Float8QuantizationConfig",
    "GPTQConfig",
    "GPTQDTypePolicy",
    "QuantizedFloat8DTypePolicy",
)


class MissingNameError(GazelleError, AttributeError):
    """A name that a module does not have."""


def missing(module: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module: gazelle.layers has no 'Dence'; did you mean 'Dense'?"""

    def look(name: str) -> Any:
        if name.startswith("_") or _is_file(module, name):
            raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name, obj=sys.modules[module])
        old = era.ask("name", module, name)
        if old is not era.NOTHING:
            return old
        if name in LEFT_OUT:
            raise MissingNameError(f"{module} leaves {name!r} out: of the ways of quantizing there are int8 and int4.")
        known = vars(sys.modules[module])
        near = nearest(name, known.get("__all__") or [n for n in known if n[0] != "_"])
        hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else "."
        raise MissingNameError(f"{module} has no {name!r}{hint}", name=name)  # without it Python adds its own guess

    return look


def _is_file(module: str, name: str) -> bool:
    """Whether it is a file of the room that is not loaded: the import system asks before it loads one."""
    path = f"{module}.{name}"
    loaded = path in sys.modules or not hasattr(sys.modules[module], "__path__")
    return not loaded and importlib.util.find_spec(path) is not None


class _Package(ModuleType):
    """A package whose rooms say what they lack: the import system sets each as an attribute once it is there."""

    def __setattr__(self, name: str, value: Any) -> None:
        own = isinstance(value, ModuleType) and value.__name__ == f"{self.__name__}.{name}"
        if isinstance(value, ModuleType) and not own and importlib.util.find_spec(f"{self.__name__}.{name}"):
            return  # `import keras.engine` gives what that was once; our room of this name stays
        if own and (name in self.__all__ or name == "engine"):
            for module in (value, *_files(value)):
                vars(module).setdefault("__getattr__", missing(module.__name__))
            value.__class__ = _Room
        super().__setattr__(name, value)


class _Room(ModuleType):
    """A room keeps its files: `import keras.layers.core` must not leave what that meant once in place of core.py.

    In an earlier era `from keras.layers import *` gives the names of then, too.
    """

    @property
    def __all__(self) -> Any:
        if "__all__" not in vars(self):
            raise AttributeError(f"module {self.__name__!r} has no attribute '__all__'", name="__all__", obj=self)
        own, old = vars(self)["__all__"], era.ask("names", self.__name__) if era.number() < 3 else ()
        return [*own, *(name for name in old if name not in own)]

    def __setattr__(self, name: str, value: Any) -> None:
        if not isinstance(value, ModuleType) or value.__name__ == f"{self.__name__}.{name}":
            super().__setattr__(name, value)


def _files(namespace: ModuleType) -> list[ModuleType]:
    """The modules of a room that are loaded."""
    start = f"{namespace.__name__}."
    return [m for m in vars(namespace).values() if isinstance(m, ModuleType) and m.__name__.startswith(start)]


def install(package: str) -> None:
    """Give every public room of the package this `__getattr__`, unless it has its own."""
    sys.modules[package].__class__ = _Package

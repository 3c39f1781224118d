"""The modules of `keras` for programs: `keras.layers` has the names of `gazelle.layers` and those of earlier versions.

Classes are replaced by their generated subclasses (`classes`), functions by their wrappers (`functions`).
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import jax
import numpy as np

from gazelle.compat import era, functions, old_names, unused_imports
from gazelle.compat.classes import compat_class, is_core
from gazelle.compat.era import NOTHING
from gazelle.compat.types import NamedObject

#: era -> the releases that `__version__` reports: of the package `keras`, of TensorFlow with its `tf.keras`
VERSIONS = {1: ("1.2.2", "2.15.0"), 2: ("2.3.1", "2.15.0"), 3: ("3.15.1", "2.21.0")}


def version(name: str) -> str:
    """`__version__` of a module: "keras", "tensorflow", "tensorflow.keras", "tf_keras" or "keras_core"."""
    keras, tensorflow = VERSIONS[era.number()]
    if name == "tensorflow":
        return era.release().tensorflow or tensorflow
    if name == "tf_keras":  # Keras 2 under another name, whose releases have the numbers of TensorFlow's
        return tensorflow
    is_package = era.number() == 3 or (era.standalone() and name == "keras")
    return (era.release().keras or keras) if is_package else tensorflow


class Namespace(ModuleType):
    """A module of `keras`; `path` is the module of gazelle that it represents.

    >>> Namespace("keras", "gazelle").layers.Dense(2).units
    2
    """

    is_facade = True

    def __init__(self, name: str, path: str) -> None:
        object.__setattr__(self, "_real", importlib.import_module(path))
        super().__init__(name, self._real.__doc__)
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        path = self._real.__name__
        if path == "gazelle" and name == "version" and era.number() < 3 and self.__name__.startswith("tensorflow"):
            raise AttributeError("tf.keras has no version() before Keras 3", name=name, obj=self)  # packages look it up
        if path == "gazelle" and name in ("__version__", "version"):
            return version(self.__name__) if name == "__version__" else lambda: version(self.__name__)
        if path == "gazelle" and name == "__file__":  # of the package
            return self._real.__file__
        if path == "gazelle" and name == "src":
            return importlib.import_module(f"{self.__name__}.src")
        if name == "__all__":  # of `from keras.layers import *`
            later, there = old_names.later_names(path), era.calling_frame().f_globals
            return [n for n in self._public_names() if n not in later or n not in there]
        if (
            name.startswith("__")
            and name != "__internal__"
            and not (name == "__version__" and name in vars(self._real))
        ):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}", name=name, obj=self)
        found = old_names.look_up(path, name)
        if found is NOTHING and path == "gazelle.backend" and "keras_core" in sys.modules:
            source = importlib.import_module("gazelle.compat.private.keras_src").module("keras.src.backend")
            found = getattr(source, name, NOTHING)  # keras_core showed all of its backend
        if found is NOTHING and not hasattr(self._real, name):
            found = unused_imports.stand_in(name)
        if found is NOTHING:
            found = getattr(self._real, name)  # raises an error with the nearest names
        return converted(found)

    def _public_names(self) -> list[str]:
        real = self._real
        listed: list[str] | None = getattr(real, "__all__", None)
        if listed is None:  # its own classes and functions
            public = ((n, v) for n, v in vars(real).items() if not n.startswith("_"))
            listed = [n for n, v in public if getattr(v, "__module__", "") == real.__name__]
        if era.number() == 3 and real.__name__ != "gazelle.backend":
            return listed
        names = [*listed, *(n for n in old_names.legacy_names(real.__name__) if n not in listed)]
        return [n for n in names if n != "version" or not self.__name__.startswith("tensorflow")]

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        """All names, as `vars(keras.activations)` has them."""
        own: dict[str, Any] = super().__dict__
        return {name: getattr(self, name) for name in dir(self)} | own

    def __setattr__(self, name: str, value: Any) -> None:
        if not isinstance(value, ModuleType):  # the import system assigns submodules, which `__getattr__` finds anyway
            super().__setattr__(name, value)

    def __reduce__(self) -> tuple[Any, ...]:  # modules that functions of a program use are pickled with them
        path = self._real.__name__
        return (root, (self.__name__,)) if path == "gazelle" else (namespace, (path,))

    def __dir__(self) -> list[str]:
        further = ["__version__"] if self._real.__name__ == "gazelle" else self._public_names()
        return sorted({*dir(self._real), *further})


@functools.cache
def namespace(path: str) -> Namespace:
    """The module of `keras` for a module of gazelle."""
    return Namespace(f"keras{path.removeprefix('gazelle')}", path)


def _numpy(array: jax.Array) -> np.ndarray[Any, Any]:
    """The method `numpy` of arrays: a copy that programs may change, as that of TensorFlow."""
    return np.array(array)


@functools.cache
def root(name: str) -> Namespace:
    """The module `keras` under one of its names, with the version of that package.

    From then on arrays have the method `numpy`, as those of Keras on TensorFlow, its default, and on PyTorch.
    """
    jax.Array.numpy = _numpy  # type: ignore[attr-defined]
    return Namespace(name, "gazelle")


def names_of(path: str) -> Callable[[str], NamedObject]:
    """`__getattr__` of a module that also has all names of a module of `keras`."""
    return lambda name: getattr(namespace(path), name)


def converted(value: Any) -> Any:
    """An object of gazelle as programs see it: a namespace, a generated class, a function that accepts both."""
    if isinstance(value, ModuleType):
        mine = value.__name__.startswith("gazelle") and not value.__name__.startswith("gazelle.compat.tensorflow")
        return namespace(value.__name__) if mine and not isinstance(value, Namespace) else value
    if isinstance(value, type):
        return compat_class(value) if is_core(value) else value
    return functions.wrapped(value)

"""Arguments of constructors, methods and properties that classes had when a program was written: only it finds them."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from types import FrameType, ModuleType
from typing import Any

#: module -> class -> former argument -> its name now, or None: it has no effect on the results
_ARGUMENTS: Mapping[str, Mapping[str, Mapping[str, str | None]]] = {
    "sklearn.cluster": {"KMeans": {"n_jobs": None, "precompute_distances": None}},
    "sklearn.manifold": {"TSNE": {"n_iter": "max_iter"}},
    "sklearn.preprocessing": {"OneHotEncoder": {"sparse": "sparse_output"}},
}
#: module -> class -> former method or property -> function of the object
_METHODS: Mapping[str, Mapping[str, Mapping[str, Callable[[Any], Any]]]] = {
    "sklearn.feature_extraction.text": {
        "CountVectorizer": {"get_feature_names": lambda self: self.get_feature_names_out().tolist()}
    },
    "threading": {"Thread": {"isAlive": lambda self: self.is_alive()}},
}
_PROPERTIES: Mapping[str, Mapping[str, Mapping[str, Callable[[Any], Any]]]] = {
    "h5py": {"Dataset": {"value": lambda self: self[()]}}
}
MODULES = _ARGUMENTS.keys() | _METHODS.keys() | _PROPERTIES.keys()
#: (class, name, what was there before)
_changed: list[tuple[type, str, Any]] = []

_IsOfProgram = Callable[[FrameType], bool]


def provide(module: ModuleType, is_of_program: _IsOfProgram) -> None:
    """Give the classes of a module what they had, for the frames for which the function is true."""
    name = module.__name__
    for kind, renamed in _ARGUMENTS.get(name, {}).items():
        owner = getattr(module, kind)
        _set(owner, "__init__", _taking(owner.__init__, renamed, is_of_program))
    for table, called in ((_METHODS, True), (_PROPERTIES, False)):
        for kind, members in table.get(name, {}).items():
            for member, function in members.items():
                if not hasattr(getattr(module, kind), member):
                    _set(getattr(module, kind), member, _Member(member, function, called, is_of_program))


def remove() -> None:
    """Undo all calls of `provide`."""
    while _changed:
        owner, name, before = _changed.pop()
        if before is None:
            delattr(owner, name)
        else:
            setattr(owner, name, before)


def _set(owner: type, name: str, value: Any) -> None:
    _changed.append((owner, name, vars(owner).get(name)))
    setattr(owner, name, value)


def _taking(
    function: Callable[..., None], renamed: Mapping[str, str | None], is_of_program: _IsOfProgram
) -> Callable[..., None]:
    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> None:
        if not renamed.keys().isdisjoint(kwargs) and is_of_program(sys._getframe(1)):
            try:
                return function(*args, **kwargs)
            except TypeError:
                names = {key: renamed.get(key, key) for key in kwargs}
                kwargs = {name: kwargs[key] for key, name in names.items() if name is not None}
        return function(*args, **kwargs)

    return called


class _Member:
    """A method or a property, for the program only."""

    def __init__(self, name: str, function: Callable[[Any], Any], is_method: bool, is_of_program: _IsOfProgram) -> None:
        self._name, self._function, self._is_method, self._is_of_program = name, function, is_method, is_of_program

    def __get__(self, instance: object, owner: type) -> Any:
        if instance is None or not self._is_of_program(sys._getframe(1)):
            raise AttributeError(f"{owner.__name__!r} has no attribute {self._name!r}", name=self._name, obj=instance)
        return functools.partial(self._function, instance) if self._is_method else self._function(instance)

"""Methods that a program replaces, on one object (`layer.call = f`) or in a class (`MyLayer.call = f`).

A compiled program contains the methods that it was traced with. A `MethodSnapshot` stores them, so that the owner of
the program can check at little cost whether they are still the same.
"""

from __future__ import annotations

import inspect
import operator
import sys
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType
from typing import Any

#: methods of base classes that programs are traced from, besides those that a class itself defines
_TRACED = (
    "__call__",
    "call",
    "compute_mask",
    "train_step",
    "test_step",
    "predict_step",
    "compute_loss",
    "compute_metrics",
    "update_state",
    "result",
    "reset_state",
    "update",
    "update_step",
    "rule",
    "apply",
    "apply_gradients",
)
_OWN = "_replaced_by_itself"  # attribute: names of methods that the object's own methods replaced
_changes = 0  # how often a method was replaced or restored on an object


def is_method(cls: type, name: str) -> bool:
    """Return whether a class has a method of this name, so that an attribute of an object would hide it."""
    return callable(getattr(cls, name, None))


def note_change(thing: object, name: str) -> None:
    """Count a replaced or restored method; for `__setattr__` and `__delattr__` of classes with traced methods.

    Args:
        thing: the object.
        name: the attribute that was set or deleted.
    """
    global _changes
    if is_method(type(thing), name):
        _changes += 1
        frame = sys._getframe(2)
        while frame.f_code.co_name in ("__setattr__", "__delattr__") and frame.f_back is not None:
            frame = frame.f_back
        if _is_own_method(thing, frame):
            thing.__dict__.setdefault(_OWN, set()).add(name)


def _is_own_method(thing: object, frame: Any) -> bool:
    """Whether the code of a frame is a method of the object's class: another object does the same."""
    name = frame.f_code.co_name
    methods = [inspect.unwrap(vars(base)[name]) for base in type(thing).__mro__ if callable(vars(base).get(name))]
    return any(getattr(method, "__code__", None) is frame.f_code for method in methods)


def replaced(thing: object) -> dict[str, Callable[..., Any]]:
    """Return {name: function} of the methods that attributes of an object hide."""
    cls = type(thing)
    return {name: value for name, value in vars(thing).items() if callable(value) and is_method(cls, name)}


def replaced_from_outside(thing: object) -> list[str]:
    """Return the names of methods that the object's own methods, such as `__init__`, did not replace."""
    own = vars(thing).get(_OWN, ())
    return [name for name in replaced(thing) if name not in own]


def overrides(thing: object, base: type, name: str) -> bool:
    """Return whether an object has a method of its own instead of that of a base class, by its class or an attribute.

    >>> layer = layers.Dense(2)
    >>> overrides(layer, layers.Layer, "call"), overrides(layer, layers.Dense, "call")
    (True, False)
    >>> layer.call = lambda x: x
    >>> overrides(layer, layers.Dense, "call")
    True
    """
    return name in vars(thing) or getattr(type(thing), name) is not getattr(base, name)


def connected(roots: Iterable[object]) -> list[Any]:
    """Return the objects with traced methods among `roots` and in their attributes, at any depth, each once.

    Args:
        roots: layers, losses, metrics, optimizers; anything else is left out.
    """
    found: dict[int, Any] = {}
    containers: dict[int, Any] = {}  # one may contain itself
    waiting = [*roots]
    while waiting:
        value = waiting.pop()
        if isinstance(value, (list, tuple, set, dict)):
            if id(value) not in containers:
                containers[id(value)] = value
                waiting.extend(value.values() if isinstance(value, dict) else value)  # subclasses may define `+`
        elif getattr(type(value), "_namespace", None) is not None and id(value) not in found:
            found[id(value)] = value
            waiting += [part for key, part in vars(value).items() if key != "_config"]
    return list(found.values())


def is_own_code(function: Callable[..., Any]) -> bool:
    """Return whether a function or method is gazelle's, not one that wraps it or replaces it."""
    function = getattr(function, "__func__", function)
    if isinstance(function, FunctionType):  # whose `__module__` functools.wraps copies
        return str(function.__globals__["__name__"]).startswith("gazelle.")
    return (getattr(function, "__module__", None) or "").startswith("gazelle.")


def are_original(classes: Iterable[type]) -> bool:
    """Return whether all methods that gazelle's classes among these and their bases have are gazelle's own."""
    bases = {base for cls in classes for base in cls.__mro__ if base.__module__.startswith("gazelle.")}
    for base in bases:
        for value in vars(base).values():
            if isinstance(value, FunctionType):
                module = value.__globals__["__name__"]
            elif callable(value) and not isinstance(value, (type, staticmethod)):
                module = getattr(value, "__module__", None) or ""
            else:
                continue
            if not module.startswith("gazelle."):
                return False
    return True


class MethodSnapshot:
    """The methods of objects at the time when a program is traced from them.

    Args:
        things: the objects.
    """

    def __init__(self, things: Iterable[Any]) -> None:
        self.things: list[Any] = []
        self._classes: list[tuple[type, Callable[[Any], Any]]] = []
        self._methods: list[Any] = []
        self.add(things)

    def add(self, things: Iterable[Any]) -> None:
        """Add further objects with the methods that they have now."""
        known_things = set(map(id, self.things))
        self.things += [thing for thing in things if id(thing) not in known_things]
        self._changes = _changes
        self._replaced = [*self._all_replaced()]
        known = {cls for cls, _ in self._classes}
        for cls in {type(thing): None for thing in self.things}:
            if cls not in known:
                getter = operator.attrgetter(*_traced_names(cls))
                self._classes.append((cls, getter))
                self._methods.append(getter(cls))

    def replaced(self) -> list[tuple[Any, str]]:
        """Return (object, name) of the methods that attributes of objects hide."""
        return [(self.things[index], name) for index, name, _ in self._replaced]

    def is_current(self) -> bool:
        """Return whether all objects have the same methods as then."""
        try:
            if [getter(cls) for cls, getter in self._classes] != self._methods:
                return False
        except AttributeError:  # a method was deleted from its class
            return False
        if self._changes != _changes:
            if [*self._all_replaced()] != self._replaced:
                return False
            self._changes = _changes
        return True

    def _all_replaced(self) -> Iterator[tuple[int, str, Any]]:
        for index, thing in enumerate(self.things):
            for name, function in replaced(thing).items():
                yield index, name, function


def _traced_names(cls: type) -> list[str]:
    """Names of the methods of a class that may be part of a program."""
    own = [base for base in cls.__mro__ if base is cls or not base.__module__.startswith("gazelle.")]
    names = {
        name
        for base in own
        if base is not object
        for name, value in vars(base).items()
        if not name.startswith("__") and (callable(value) or isinstance(value, classmethod))
    }
    return sorted({*names, *[name for name in _TRACED if hasattr(cls, name)]})

"""Whose meanings hold in this process, and the one hook by which words of earlier Keras are understood.

Eras: 1 is Keras up to 1.2, 2 is Keras 2 and tf.keras, 3 is today. The words of the earlier ones stand in a room that is
plugged in from outside, is loaded when somebody writes what today's signatures do not know, and may be missing.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any

from gazelle.core.errors import ArgumentError, GazelleError, message

#: what `ask` gives where nobody knows an answer
NOTHING: Any = type("Nothing", (), {"__repr__": lambda self: "NOTHING"})()
#: methods whose arguments had other names or meanings once
METHODS = (
    "add",
    "add_loss",
    "add_metric",
    "add_weight",
    "build",
    "compile",
    "evaluate",
    "fit",
    "get_layer",
    "load_weights",
    "predict",
    "predict_on_batch",
    "save",
    "save_weights",
    "set_weights",
    "summary",
    "test_on_batch",
    "to_json",
    "train_on_batch",
)

_number, _standalone = 3, True
_load: Callable[[], Any] | None = None
_namespace: Any = None
_settable: Collection[str] = ()
_private: Collection[str] = ()


def number() -> int:
    """1, 2 or 3: the era whose defaults and meanings hold in this process."""
    return _number


def standalone() -> bool:
    """Whether the program speaks to the package `keras`; False: to `tensorflow.keras`, which meant some things
    otherwise in era 2."""
    return _standalone


def set_number(number: int, standalone: bool = True) -> None:
    """Choose the era, and whose dialect of it."""
    global _number, _standalone
    if number not in (1, 2, 3):
        raise ArgumentError(message("The era of a program", expected="1, 2 or 3", got=repr(number)))
    _number, _standalone = number, standalone


def plug(load: Callable[[], Any] | None, settable: Collection[str] = (), private: Collection[str] = ()) -> None:
    """Say how the room of older words is loaded (None: there is none), which attributes are set in old ways, and which
    that begin with _ were read."""
    global _load, _namespace, _settable, _private
    _load, _namespace, _settable, _private = load, None, frozenset(settable), frozenset(private)


def attribute(thing: Any, name: str) -> Any:
    """What an attribute that `thing` lacks was once, or NOTHING."""
    return NOTHING if name.startswith("_") and name not in _private else ask("attribute", thing, name)


def ask(question: str, *about: Any) -> Any:
    """What the room answers to a question about something. NOTHING: no room, or no answer."""
    global _namespace
    if _namespace is None:
        if _load is None:
            return NOTHING
        _namespace = _load()
    return _namespace.attribute(*about) if question == "attribute" else _namespace.answer(question, *about)


def shown(question: str, thing: Any, value: Any) -> Any:
    """`value`, or in an earlier era the room's form of it."""
    answer = ask(question, thing, value) if _number < 3 else NOTHING
    return value if answer is NOTHING else answer


def settable(name: str) -> bool:
    """Whether the room has something to say when an attribute of this name is set."""
    return name in _settable


def arguments(owner: Any, method: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], thing: Any = None) -> Any:
    """(args, kwargs) of a call in today's words; as they are where the room knows nothing of it.

    owner: the class whose constructor (method "__init__") or method is called, or the module of a function.
    thing: the object, where there is one; the room may make another kind of it before its constructor runs.
    """
    answer = ask("arguments", owner, method, args, dict(kwargs), thing)
    return (args, kwargs) if answer is NOTHING else answer


def called_by_gazelle(depth: int) -> bool:
    """Whether the code so many calls above the function that asks is gazelle's own, which speaks today's words."""
    return str(sys._getframe(depth + 1).f_globals.get("__name__", "")).startswith("gazelle.")


def listening(function: Callable[..., Any]) -> Any:
    """The method or function, asking the room where it is called with words it does not know, and always in an earlier
    era."""
    parameters = inspect.signature(function).parameters
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    known = frozenset(p.name for p in parameters.values() if p.kind in named)
    rest = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters.values())
    most = 1 << 30 if rest else len(known)
    bound = "self" in parameters
    if rest and not known - {"self"}:  # it hands everything on, and is asked there
        return function

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        old = _number < 3 and not called_by_gazelle(1)
        if old or len(args) > most or not kwargs.keys() <= known:
            thing, args = (args[0], args[1:]) if bound else (None, args)
            owner = type(thing) if bound else function.__module__
            args, kwargs = arguments(owner, function.__name__, args, kwargs, thing)
            args = (thing, *args) if bound else args
        try:
            return function(*args, **kwargs)
        except GazelleError as error:
            from gazelle.core.traceback import shorten  # which asks for settings, and they for the era

            shorten(error)
            raise

    return wrapped

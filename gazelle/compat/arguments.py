"""The arguments of a call to a constructor, a method or a function, in today's words.

First those by position get the names that they had, then names become today's, then values; what has no counterpart
of its own is worked out by a rule for the class or method (`rules`); at last come the defaults of the era.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any

from gazelle.compat import defaults, era, positional_arguments, renamed_arguments, rules
from gazelle.compat.classes import core_class
from gazelle.core.errors import ArgumentError, message

_IN_ROW = {
    "Conv1D": 2,
    "Conv2D": 3,
    "Conv3D": 4,
    "SeparableConv2D": 3,
    "Conv2DTranspose": 3,
    "LocallyConnected2D": 3,
    "ConvLSTM2D": 3,
}


def arguments(owner: Any, method: str, args: tuple[Any, ...], kwargs: dict[str, Any], thing: Any = None) -> Any:
    """(args, kwargs) of a call to `owner.method` as today's signature has them."""
    kinds = [owner] if isinstance(owner, str) else [c.__name__ for c in owner.__mro__ if _is_ours(c)]
    if isinstance(owner, str):  # a function of a module
        kinds, method = [method], "__init__"
    names = _names(kinds, method, args, kwargs)
    if names is not None:
        if len(args) > len(names):
            raise ArgumentError(
                message(
                    f"{kinds[0]}.{method}",
                    expected=f"at most {len(names)} arguments by position: {', '.join(names)}",
                    got=len(args),
                )
            )
        kwargs, args = {**dict(zip(names, args, strict=False)), **kwargs}, ()
    elif era.number() < 3:
        places = defaults.places(owner, method)
        args = (
            tuple(renamed_arguments.value(n, a, era.number()) for n, a in zip(places, args, strict=False))
            + args[len(places) :]
        )
    today: dict[str, Any] = {}
    for name, given in kwargs.items():
        if name in renamed_arguments.REFUSED and given is not None:
            raise ArgumentError(
                message(
                    f"Argument {name} of {kinds[0]}.{method} is known, and not supported",
                    hint=renamed_arguments.REFUSED[name],
                )
            )
        new = renamed_arguments.renamed(kinds, method, name)
        if new and name not in renamed_arguments.REFUSED:
            today[new] = renamed_arguments.value(new, given, era.number())
    for key in _keys(kinds, method):
        if key in rules.RULES:
            args, today = rules.RULES[key](thing, args, today)
    if era.number() < 3:
        for key in _keys(kinds, method):
            for name, given in defaults.of(key).items():
                if name not in today and len(args) <= defaults.place(owner, method, name):
                    today[name] = renamed_arguments.value(name, given, era.number())
    return args, today


def of_constructor(thing: Any, args: tuple[Any, ...], kwargs: dict[str, Any], by_gazelle: bool) -> Any:
    """(args, kwargs) of a constructor as today's signature has them; gazelle's own code calls it with today's."""
    core = core_class(type(thing))
    if (era.number() == 3 or by_gazelle) and _fit_constructor(core, args, kwargs):
        return args, kwargs
    return arguments(core, "__init__", args, kwargs, thing)


def of_method(thing: Any, method: str, args: tuple[Any, ...], kwargs: dict[str, Any], by_gazelle: bool) -> Any:
    """(args, kwargs) of a method as today's signature has them."""
    core = core_class(type(thing))
    if (era.number() == 3 or by_gazelle) and _fit_function(getattr(core, method), len(args) + 1, kwargs):
        return args, kwargs
    return arguments(core, method, args, kwargs, thing)


def of_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """(args, kwargs) of a function of a namespace as today's signature has them."""
    if era.number() == 3 and _fit_function(function, len(args), kwargs):
        return args, kwargs
    return arguments(function.__module__, function.__name__, args, kwargs)


def _fit_function(function: Any, count: int, kwargs: dict[str, Any]) -> bool:
    known, most = _parameters(function)
    if not known - {"self"} and most > count:  # it hands all arguments on
        return True
    return count <= most and kwargs.keys() <= known


@functools.cache
def _parameters(function: Any) -> tuple[frozenset[str], int]:
    """The names of the arguments that a function takes, and how many it takes by position."""
    parameters = inspect.signature(function).parameters
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    known = frozenset(p.name for p in parameters.values() if p.kind in named)
    rest = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters.values())
    return known, 1 << 30 if rest else len(known)


def _fit_constructor(core: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    if not kwargs.keys() <= _keywords(core):
        return False
    try:
        inspect.signature(core.__init__).bind(None, *args, **kwargs)  # type: ignore[misc]
    except TypeError:
        return False
    return True


@functools.cache
def _keywords(cls: type) -> frozenset[str]:
    """What a constructor takes by name: its own arguments and, as long as there are **kwargs, its parents'."""
    names: set[str] = set()
    for each in cls.__mro__:
        if "__init__" in each.__dict__ and each is not object:
            parameters = inspect.signature(each.__dict__["__init__"]).parameters
            names.update(parameters)
            if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
                break
    return frozenset(names)


def _is_ours(cls: type) -> bool:
    return cls.__module__.startswith("gazelle.")


def _keys(kinds: list[str], method: str) -> list[str]:
    return [kind if method == "__init__" else f"{kind}.{method}" for kind in kinds]


def _names(kinds: list[str], method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[str] | None:
    """The names that the arguments by position had; None: they are today's."""
    if not args:
        return None
    number = era.number()
    certain = any(renamed_arguments.is_old(kinds, method, name) for name in kwargs)
    row = next((_IN_ROW[kind] for kind in kinds if kind in _IN_ROW), 99)
    in_row = len(args) >= row and all(isinstance(a, int) for a in args[:row])
    tables: list[dict[str, str]] = []
    if len(args) > 1 and all(type(a) is int for a in args[:2]):
        tables.append(positional_arguments.ZERO)
    if number == 1 or certain or (number == 2 and era.standalone() and in_row and row > 2):
        tables.append(positional_arguments.FIRST)
    if number == 2:
        tables = [
            *([positional_arguments.STANDALONE] if era.standalone() else []),
            positional_arguments.SECOND,
            *tables,
        ]
    for table in tables:
        for key in _keys(kinds, method):
            if key in table:
                names = table[key].split()
                return names if _fit(names, args, in_row or row == 99) else None
    return None


def _fit(names: list[str], args: tuple[Any, ...], in_row: bool) -> bool:
    """Whether the values can mean what stood there then: no activation for `init`, no pair for `nb_row`."""
    if (not in_row and "nb_row" in names) or (names[0] == "name" and not isinstance(args[0], str | None)):
        return False
    return not any(name == "init" and renamed_arguments.is_activation(a) for name, a in zip(names, args, strict=False))

"""The arguments of a call to a constructor, a method or a function, in today's words.

First those by position get the names that they had, then names become today's, then values; what has no counterpart
of its own is worked out by a rule for the class or method (`rules`); at last come the defaults of the era.
"""

from __future__ import annotations

from typing import Any

from gazelle.compat import defaults, positional_arguments, renamed_arguments, rules
from gazelle.core import era
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

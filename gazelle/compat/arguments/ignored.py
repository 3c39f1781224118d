"""Arguments of earlier versions that a function does not read: those without an effect, and those with one value only.

`tests/compat/test_ignored_arguments.py` compares them with the parameters that functions of this package do not read.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable
from inspect import Parameter
from typing import Any, TypeVar

from gazelle.compat.types import Option
from gazelle.core.errors import ArgumentError, message

_F = TypeVar("_F", bound=Callable[..., Any])
_BY_POSITION, _BY_NAME = Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY


def ignores(arguments: str, what: str = "") -> Callable[[_F], _F]:
    """Let a function take arguments that it does not read. A decorator.

    Args:
        arguments: names, separated by blanks. "name" has no effect. "name=value" accepts this value, or None;
            another one is an error. Those that the function does not have follow its own, or have their position in
            the signature: "name@1", "name@1=value".
        what: the function in errors; by default its name.

    >>> double = ignores("name times=2")(lambda x: 2 * x)
    >>> double(3, "doubled"), double(3, times=2)
    (6, 6)
    >>> ignores("name@0")(lambda x=1: 2 * x)("doubled", 3)
    6
    """
    pairs = [text.partition("=") for text in arguments.split()]
    named = [(*left.partition("@")[::2], ast.literal_eval(value) if equals else None) for left, equals, value in pairs]
    accepted = {name: value for (name, _, value), (_, equals, _) in zip(named, pairs, strict=True) if equals}

    def decorate(function: Any) -> Any:
        parameters = inspect.signature(function).parameters
        extra = frozenset(name for name, _, _ in named if name not in parameters)
        positional = [p for p in parameters.values() if p.kind is _BY_POSITION]
        follow = len(positional) == len(parameters)  # those without a position
        added = [
            Parameter(n, _BY_POSITION if at or follow else _BY_NAME, default=v) for n, at, v in named if n in extra
        ]
        positions = {name: int(at) for name, at, _ in named if at}
        signature = [*positional, *(one for one in added if one.name not in positions)]
        for one in sorted((one for one in added if one.name in positions), key=lambda one: positions[one.name]):
            signature.insert(positions[one.name], one)
        order = [one.name for one in signature if one.kind is _BY_POSITION]
        read = next((i for i, name in enumerate(order) if name in extra or name in accepted), len(order))
        subject = what or function.__qualname__.rpartition("<locals>.")[2]

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            if len(args) > read or kwargs:
                for name, value in (*zip(order, args, strict=False), *kwargs.items()):
                    if name in accepted and value is not None:
                        check(name, value, accepted[name], subject)
                kwargs = {name: value for name, value in kwargs.items() if name not in extra}
                rest = args[len(order) :]
                args = (*(value for name, value in zip(order, args, strict=False) if name not in extra), *rest)
            return function(*args, **kwargs)

        others = [one for one in parameters.values() if one.kind is not _BY_POSITION]
        vars(called)["__signature__"] = inspect.Signature(
            sorted([*signature, *others], key=lambda parameter: parameter.kind)
        )
        return called

    return decorate


def check(name: str, value: Option, accepted: Option, subject: str) -> None:
    """Raise an error for an argument with another value than the accepted one."""
    try:
        is_accepted = bool(value == accepted)
    except (TypeError, ValueError):  # an array, or one that is traced
        is_accepted = False
    if not is_accepted:
        raise ArgumentError(message(f"{name} of {subject}", expected=repr(accepted), got=repr(value)))


def methods_ignore(arguments: str) -> Callable[[type[Any]], type[Any]]:
    """Let the public methods and the constructor of a class take these arguments, which they do not read. A decorator.

    >>> methods_ignore("name")(type("A", (), {"double": lambda self, x: 2 * x}))().double(2, name="y")
    4
    """

    def decorate(cls: type[Any]) -> type[Any]:
        for name, method in list(vars(cls).items()):
            plain = method.__func__ if isinstance(method, classmethod) else method
            if inspect.isfunction(plain) and (name == "__init__" or not name.startswith("_")):
                taking = ignores(arguments)(plain)
                setattr(cls, name, classmethod(taking) if isinstance(method, classmethod) else taking)
        return cls

    return decorate

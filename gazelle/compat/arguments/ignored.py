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
_BY_POSITION = Parameter.POSITIONAL_OR_KEYWORD


def ignores(arguments: str, what: str = "") -> Callable[[_F], _F]:
    """Let a function take arguments that it does not read. A decorator.

    Args:
        arguments: names, separated by blanks. "name" has no effect. "name=value" accepts this value, or None;
            another one is an error. Those that the function does not have follow its own.
        what: the function in errors; by default its name.

    >>> double = ignores("name times=2")(lambda x: 2 * x)
    >>> double(3, "doubled"), double(3, times=2)
    (6, 6)
    """
    pairs = [text.partition("=") for text in arguments.split()]
    names = [name for name, _, _ in pairs]
    accepted = {name: ast.literal_eval(value) for name, equals, value in pairs if equals}

    def decorate(function: Any) -> Any:
        parameters = inspect.signature(function).parameters
        extra = frozenset(name for name in names if name not in parameters)
        positional = [p.name for p in parameters.values() if p.kind is _BY_POSITION]
        takes_more = any(p.kind is Parameter.VAR_POSITIONAL for p in parameters.values())
        by_position = not takes_more and len(positional) == len(parameters)
        own = len(positional)
        order = positional + [name for name in names if name in extra] if by_position else positional
        read = next((i for i, name in enumerate(order) if name in extra or name in accepted), len(order))
        subject = what or function.__qualname__.rpartition("<locals>.")[2]

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            if len(args) > read or kwargs:
                for name, value in (*zip(order, args, strict=False), *kwargs.items()):
                    if name in accepted and value is not None:
                        check(name, value, accepted[name], subject)
                kwargs = {name: value for name, value in kwargs.items() if name not in extra}
                args = args[:own] if by_position and len(args) <= len(order) else args
            return function(*args, **kwargs)

        kind = _BY_POSITION if by_position else Parameter.KEYWORD_ONLY
        added = [Parameter(name, kind, default=accepted.get(name)) for name in names if name in extra]
        vars(called)["__signature__"] = inspect.Signature(
            sorted([*parameters.values(), *added], key=lambda parameter: parameter.kind)
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

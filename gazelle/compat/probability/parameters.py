"""Constructors of layers that have many parameters in common."""

from __future__ import annotations

import functools
from collections.abc import Callable
from inspect import Parameter, Signature, signature
from typing import Any

from gazelle.compat.types import Function, Option

#: the default of a parameter without one
REQUIRED = Parameter.empty


def has_parameters(**defaults: Option) -> Callable[[Function], Function]:
    """Let a constructor have these parameters, in this order, and those of `Layer`. A decorator.

    It receives those of them that it names, and the ones of `Layer`; all are attributes.
    """
    given = {"self": REQUIRED, **defaults}
    parameters = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=value) for name, value in given.items()]

    def decorate(init: Function) -> Function:
        own = signature(init).parameters

        @functools.wraps(init)
        def __init__(self: Any, **arguments: Any) -> None:  # noqa: N807 - it becomes the constructor
            init(self, **{name: v for name, v in arguments.items() if name in own or name not in defaults})

        vars(__init__)["__signature__"] = Signature([*parameters, Parameter("kwargs", Parameter.VAR_KEYWORD)])
        return __init__

    return decorate

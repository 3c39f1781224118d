"""Factory of the ops that call one function of `jax.numpy` with Keras' argument names.

A prototype gives the arguments, their types and the docstring of a family; each op adds a name, a summary and an
example. Type checkers see the prototype's signature.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import jax.numpy as jnp

from gazelle.core import budget
from gazelle.ops.base import ARRAY, ARRAYS, array, arrays, op
from gazelle.ops.max_min import EXTREMES, extreme, larger, magnitude, root, smaller

P = ParamSpec("P")
R = TypeVar("R")

#: Keras' name -> the name in `jax.numpy`, where they differ
_NAMES = {"bitwise_left_shift": "left_shift", "bitwise_right_shift": "right_shift"}


#: functions whose derivatives at some numbers are a convention
_BY_CONVENTION = {"absolute": magnitude, "maximum": larger, "minimum": smaller, "sqrt": root}


def numpy_op(
    prototype: Callable[P, R], name: str, summary: str, arguments: str = "", printed: str = ""
) -> Callable[P, R]:
    """Make an op of the function of `jax.numpy` called `name`.

    Args:
        prototype: A function without a body: its signature and docstring, whose first line is `{summary}.`.
        name: Name of the op.
        summary: First sentence of the docstring.
        arguments: Arguments of an example call, as source code.
        printed: What the example prints.

    Returns:
        The op. It passes arrays by position and all other arguments by keyword.
    """
    target = getattr(jnp, _NAMES.get(name, name))
    target = extreme(target) if name in EXTREMES else _BY_CONVENTION.get(name, target)
    signature = inspect.signature(prototype)
    positional = [p for p in signature.parameters if p in ARRAY or p in ARRAYS or p in ("q", "start", "stop")]

    of_one_axis = prototype.__annotations__.get("axis") == "int | None"

    def function(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        options = bound.arguments
        values = [(arrays if p in ARRAYS else array)(options.pop(p)) for p in positional]
        if isinstance(options.get("axis"), list):
            options["axis"] = tuple(options["axis"])
        if of_one_axis and isinstance(options["axis"], tuple) and len(options["axis"]) == 1:
            options["axis"] = options["axis"][0]
        if isinstance(count := options.get("indices_or_sections"), int):
            budget.check_repetitions(count)
        return target(*values, **options)

    function.__name__ = function.__qualname__ = name
    function.__module__ = prototype.__module__
    function.__doc__ = _docstring(prototype, name, summary, arguments, printed)
    function.__annotations__ = dict(prototype.__annotations__)
    function.__signature__ = signature
    return op(function)


def _docstring(prototype: Callable[..., Any], name: str, summary: str, arguments: str, printed: str) -> str:
    text = inspect.cleandoc(prototype.__doc__ or "").format(summary=summary.removesuffix("."))
    if arguments:
        example = [f">>> print(gazelle.ops.{name}({arguments}))", *printed.split("\n")]
        text += "\n\nExample:\n" + "\n".join(f"    {line}" for line in example)
    return text

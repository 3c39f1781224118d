"""Objects that wrap an array and define operations of their own, such as tensors of another library."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import Any

import jax


class TensorWrapper:
    """Base class of wrappers: ops with a wrapped argument are called through `dispatch` of its class.

    Example:
        >>> class Loud(TensorWrapper):
        ...     @classmethod
        ...     def dispatch(cls, function, args, kwargs):
        ...         return f"{function.__name__}!"
        >>> gazelle.ops.exp(Loud())
        'exp!'
    """

    @classmethod
    def dispatch(cls, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Return function(*args, **kwargs), where at least one argument is wrapped."""
        raise NotImplementedError


#: the class whose `dispatch` records what user code computes with variables; None if nothing is recorded
recorder: ContextVar[type[TensorWrapper] | None] = ContextVar("gazelle_recorder", default=None)


def recorder_of_caller() -> type[TensorWrapper] | None:
    """The recorder, if the function that calls this one was called by user code: gazelle's own code is not recorded."""
    kind = recorder.get()
    if kind is None or str(sys._getframe(2).f_globals.get("__name__", "")).startswith("gazelle."):
        return None
    return kind


def array_in(value: Any) -> Any:
    """The array in a wrapper that is a pytree; other values unchanged."""
    if not isinstance(value, TensorWrapper):
        return value
    arrays = jax.tree.leaves(value)
    return arrays[0] if len(arrays) == 1 else value


def wrapper_class(values: Iterable[Any]) -> type[TensorWrapper] | None:
    """Return the class of the first wrapped value, in nested lists and dicts too; None if there is none."""
    for value in values:
        if isinstance(value, TensorWrapper):
            return type(value)
        if isinstance(value, list | tuple | dict):
            found = wrapper_class(value.values() if isinstance(value, dict) else value)
            if found is not None:
                return found
    return None

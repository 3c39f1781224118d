"""Values that stand around an array and have manners of their own: tensors of another library's programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any


class TensorWrapper:
    """What is called on one is called through its class, which unpacks arguments and packs results.

    >>> class Loud(TensorWrapper):
    ...     @classmethod
    ...     def dispatch(cls, function, args, kwargs):
    ...         return f"{function.__name__}!"
    >>> gazelle.ops.exp(Loud())
    'exp!'
    """

    @classmethod
    def dispatch(cls, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """What `function(*args, **kwargs)` gives, where one of the arguments is boxed."""
        raise NotImplementedError


def wrapper_class(values: Iterable[Any]) -> type[TensorWrapper] | None:
    """The class of the first boxed value among these and the lists in them; None if there is none."""
    for value in values:
        if isinstance(value, TensorWrapper):
            return type(value)
        if isinstance(value, list | tuple | dict):
            found = wrapper_class(value.values() if isinstance(value, dict) else value)
            if found is not None:
                return found
    return None

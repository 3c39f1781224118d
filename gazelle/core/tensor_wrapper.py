"""Objects that wrap an array and define operations of their own, such as tensors of another library."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import jax

if TYPE_CHECKING:
    from gazelle.core.types import Tree


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
    def dispatch(cls, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tree:
        """Return function(*args, **kwargs), where at least one argument is wrapped."""
        raise NotImplementedError


#: class of tensors of another library -> the wrapper that ops on its objects are called through
tensor_classes: dict[type, type[TensorWrapper]] = {}


def take_for_wrapper(kind: type, wrapper: type[TensorWrapper]) -> None:
    """Call ops on objects of a class of another library through `dispatch` of a wrapper.

    Args:
        kind: the class.
        wrapper: the wrapper.

    Example:
        >>> import fractions
        >>> class Plain(TensorWrapper):
        ...     @classmethod
        ...     def dispatch(cls, function, args, kwargs):
        ...         return function(*map(float, args), **kwargs)
        >>> take_for_wrapper(fractions.Fraction, Plain)
        >>> float(gazelle.ops.square(fractions.Fraction(1, 2)))
        0.25
        >>> tensor_classes.clear()
    """
    tensor_classes[kind] = wrapper


def array_in(value: Tree) -> Tree:
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
        if type(value) in tensor_classes:
            return tensor_classes[type(value)]
        if isinstance(value, list | tuple | dict):
            found = wrapper_class(value.values() if isinstance(value, dict) else value)
            if found is not None:
                return found
    return None

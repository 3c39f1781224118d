"""Operations on strings, which NumPy computes on the host: those that move elements and those that compare them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

#: operations that are NumPy's functions of the same name and arguments
_OF_NUMPY = (
    "broadcast_to",
    "copy",
    "equal",
    "expand_dims",
    "flip",
    "moveaxis",
    "ndim",
    "not_equal",
    "ravel",
    "repeat",
    "reshape",
    "roll",
    "size",
    "squeeze",
    "swapaxes",
    "take",
    "tile",
    "transpose",
    "where",
)
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in _OF_NUMPY},
    "array": lambda x, *_: x,
    "concatenate": lambda xs, axis=0: np.concatenate(list(xs), axis),
    "convert_to_tensor": lambda x, *_: x,
    "flatten": np.ravel,
    "get_item": lambda x, key: x[key],
    "identity": lambda x: x,
    "stack": lambda x, axis=0: np.stack(list(x), axis),
    "unstack": lambda x, num=None, axis=0: list(np.moveaxis(x, axis, 0)),
}


def is_text(value: object) -> bool:
    """Whether a value is a string, or an array or a list of strings."""
    if isinstance(value, list | tuple):
        return any(map(is_text, value))
    if isinstance(value, np.ndarray) and value.dtype == object:
        return value.size > 0 and isinstance(value.flat[0], str | bytes)
    return isinstance(value, str | bytes) or (isinstance(value, np.ndarray) and value.dtype.kind in "US")


def compute(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> object:
    """The result of an operation on strings; NotImplemented if no argument is text or it is not one for strings."""
    on_text = _FUNCTIONS.get(function.__name__)
    if on_text is None or not any(map(is_text, (*args, *kwargs.values()))):
        return NotImplemented
    given = inspect.signature(function).bind(*args, **kwargs)
    return on_text(*(_as_array(value) if is_text(value) else value for value in given.args))


def _as_array(value: Any) -> Any:
    if isinstance(value, list | tuple) and any(isinstance(part, np.ndarray) for part in value):
        return list(value)
    return np.asarray(value)

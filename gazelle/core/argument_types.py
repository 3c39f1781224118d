"""Types and ranges of constructor arguments, converted to those of Python and checked: one place for all classes.

A constructor checks its arguments itself where it checks more than a type, and its message is then the better one: this
check runs after it. It reports what a constructor would store without a look and fail with later, or compute with.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any, TypeVar

import numpy as np

from gazelle.core.errors import ArgumentTypeError, GazelleError, message

Function = TypeVar("Function", bound=Callable[..., Any])
_EXPECTED = {
    "int": "an integer",
    "float": "a number",
    "str": "text",
    "Sequence[int]": "a list of integers",
    "Sequence[float]": "a list of numbers",
    "Sequence[int | None]": "a list of integers or None",
}
_CONTAINERS = (str, bytes, list, tuple, dict, set)
_SCALARS = (np.number, np.bool_, np.str_)
_COMMON = frozenset({int, float, str, bool, type(None), dict})  # most arguments, nothing to do
#: least values of numbers that mean the same in every class
_LEAST = {
    "batch_size": 1,
    "bins": 1,
    "chain_depth": 1,
    "class_id": 0,
    "cooldown": 0,
    "embeddings_freq": 0,
    "fft_length": 1,
    "frame_length": 1,
    "height": 1,
    "histogram_freq": 0,
    "image_size": 1,
    "k": 1,
    "max_number": 1,
    "max_length": 1,
    "max_to_keep": 1,
    "maxlen": 0,
    "ns_steps": 1,
    "num_chains": 1,
    "num_classes": 1,
    "num_labels": 1,
    "num_mel_bins": 1,
    "num_ops": 0,
    "projection_dim": 1,
    "sampling_rate": 1,
    "sequence_length": 1,
    "sequence_stride": 1,
    "start_from_epoch": 0,
    "top_k": 1,
    "vocabulary_size": 0,
    "warmup_steps": 0,
    "width": 1,
}
_FRACTIONS = ("cooldown", "start_from_epoch", "warmup_steps")  # those of them that need not be whole
#: bounds of numbers that do
_RANGES = {"label_smoothing": (0.0, 1.0)}
#: annotations that mean the same as one of `_EXPECTED`
_SAME = {"Iterable[int]": "Sequence[int]", "tuple[int, ...]": "Sequence[int]"}
_NAN_FITS = ("value",)  # parameters for which NaN is a number like others
_UNCHECKED = ("None", "Array")  # arrays are accepted where numbers are


@functools.cache
def _checked(function: Callable[..., Any]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(name, types) of the parameters whose types are all among those of `_EXPECTED`."""
    found = []
    for name, parameter in inspect.signature(function).parameters.items():
        annotation = parameter.annotation
        text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
        kinds = [_SAME.get(kind, kind) for kind in re.split(r" \| (?![^\[]*\])", text)]
        types = [kind for kind in kinds if kind not in _UNCHECKED]
        if types and _EXPECTED.keys() >= set(types):
            found.append((name, tuple(types)))
    return tuple(found)


@functools.cache
def _listed(function: Callable[..., Any]) -> frozenset[str]:
    """Names of the parameters that take a list of numbers, for example `int | Sequence[int]`."""
    parameters = inspect.signature(function).parameters.items()
    return frozenset(
        n for n, p in parameters if re.search(r"(Sequence|Iterable|tuple)\[(int|float)", str(p.annotation))
    )


@functools.cache
def _integers(function: Callable[..., Any]) -> frozenset[str]:
    """Names of the parameters that take one integer."""
    parameters = inspect.signature(function).parameters.items()
    return frozenset(n for n, p in parameters if str(p.annotation) in ("int", "int | None"))


def plain_values(function: Callable[..., Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments with numbers of Python instead of NumPy's scalars and arrays without axes, also in lists.

    A constructor then needs to know the types of Python only, and the config of an object holds what JSON can hold.

    Args:
        function: the constructor; an array becomes a list where its annotation requires a list of numbers.
        arguments: the arguments by name.
    """
    for name, value in arguments.items():
        if type(value) in _COMMON:
            continue
        if (
            isinstance(value, np.ndarray)
            and value.ndim == 1
            and value.dtype.kind in "iuf"
            and name in _listed(function)
        ):
            arguments[name] = value.tolist()
        elif isinstance(value, (np.generic, np.ndarray, list, tuple)):
            arguments[name] = _plain(value)
        elif hasattr(type(value), "__index__") and name in _integers(
            function
        ):  # a tensor of another library, such as JAX
            with contextlib.suppress(TypeError, ValueError):
                arguments[name] = operator.index(value)
    return arguments


def _plain(value: Any) -> Any:
    if isinstance(value, _SCALARS) or (
        isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "biufU"
    ):
        return value.item()
    if type(value) in (list, tuple) and any(isinstance(one, (*_SCALARS, list, tuple)) for one in value):
        return type(value)(_plain(one) if isinstance(one, (*_SCALARS, list, tuple)) else one for one in value)
    return value


def check_types(owner: type | FunctionType, function: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    """Raise an error for an argument of another type than its parameter, text for a number, NaN, or out of range.

    Numbers of other libraries, tensors and variables are accepted where a number is expected.

    Args:
        owner: the class whose constructor was called, or the function, for the message.
        function: the constructor or function, whose annotations state the types.
        arguments: the arguments by name.

    Raises:
        ArgumentTypeError: an argument has another type; the message names it, and its value.
    """
    for name, types in _checked(function):
        value = arguments.get(name)
        if value is None:  # where a constructor accepts it, not every annotation states it
            continue
        known: type = type(value)
        least = _LEAST.get(name) if types[0] == "int" or name in _FRACTIONS else None
        low, high = _RANGES.get(name, (-math.inf, math.inf))
        if least is not None and isinstance(value, (int, float)) and value < least:
            expected = f"{_EXPECTED[types[0]]} of at least {least}"
        elif high != math.inf and isinstance(value, (int, float)) and not low <= value <= high:
            expected = f"a number from {low:g} to {high:g}"
        elif types[0] in _PLAIN.get(known, ()) or _fits(value, types) or (name in _NAN_FITS and known is float):
            continue
        else:
            expected = " or ".join([_EXPECTED[kind] for kind in types])
        error = ArgumentTypeError(message(f"{name} of {owner.__name__}", expected=expected, got=repr(value)))
        error._by_annotation = True  # type: ignore[attr-defined]
        raise error


def is_clear(error: Exception) -> bool:
    """Return whether an error of a constructor names what the user wrote: `check_types` of a base class does not."""
    return isinstance(error, GazelleError) and not hasattr(error, "_by_annotation")


#: type of a value -> types of parameters that any such value fits
_PLAIN: dict[type, tuple[str, ...]] = {int: ("int", "float"), bool: ("int", "float"), str: ("str",)}


def _fits(value: object, types: Sequence[str]) -> bool:
    for kind in types:
        if kind.startswith("Sequence"):
            if isinstance(value, (list, tuple)):
                element = ["int" if "int" in kind else "float"]
                fits = all((one is None and "None" in kind) or _fits(one, element) for one in value)
            else:
                fits = not isinstance(value, (int, float, *_CONTAINERS)) and value is not None
        elif kind == "str":
            fits = isinstance(value, str)
        elif isinstance(value, float):
            fits = not math.isnan(value) and (kind == "float" or value.is_integer())
        else:
            fits = value is not None and not isinstance(value, _CONTAINERS)
        if fits:
            return True
    return False


def checks_types(init: Callable[..., None]) -> Callable[..., None]:
    """Return a constructor that also converts its arguments and checks their types.

    Args:
        init: the constructor.
    """
    parameters = [*inspect.signature(init).parameters.values()][1:]
    positional = [p.name for p in parameters if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]

    @functools.wraps(init)
    def wrapped(self: object, *args: Any, **kwargs: Any) -> None:
        if not args and not kwargs:
            init(self)
            return
        first = plain_values(init, dict(zip(positional, args, strict=False)))
        args, kwargs = (*first.values(), *args[len(first) :]), plain_values(init, kwargs)
        given = {**first, **kwargs}
        try:
            init(self, *args, **kwargs)
        except Exception as error:
            if not is_clear(error):
                check_types(type(self), init, given)
            raise
        check_types(type(self), init, given)

    return wrapped


def checks_arguments(function: Function) -> Function:
    """Return a function that also checks the types of its arguments, where it does not report them itself.

    Args:
        function: the function.
    """
    assert isinstance(function, FunctionType)
    names = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        try:
            result = function(*args, **kwargs)
        except Exception as error:
            if not isinstance(error, GazelleError):
                check_types(function, function, given)
            raise
        check_types(function, function, given)
        return result

    return wrapped  # type: ignore[return-value]

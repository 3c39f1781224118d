"""Checks of user-defined loss and metric functions: their signature and their result."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from gazelle.core import tracing
from gazelle.core.errors import ArgumentError, message
from gazelle.core.traceback import tracer_error

if TYPE_CHECKING:
    from gazelle.core.types import Array


def check_arguments(kind: str, function: Callable[..., Any], kwargs: Mapping[str, Any]) -> None:
    """Raise ArgumentError if a function cannot be called with (y_true, y_pred, **kwargs)."""
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):  # functions written in C have no signature
        return
    try:
        signature.bind(None, None, **kwargs)
    except TypeError as error:
        raise ArgumentError(
            message(
                f"The {kind} function '{_name(function)}'",
                expected="a function of (y_true, y_pred)",
                got=f"{_name(function)}{signature}: {error}",
            )
        ) from error


def call(kind: str, function: Callable[..., Array], y_true: Array, y_pred: Array, kwargs: Mapping[str, Any]) -> Array:
    """Return function(y_true, y_pred, **kwargs); errors get a note with the shapes, and the result must be an array."""
    try:
        values = tracing.known_value(function(y_true, y_pred, **kwargs))
    except Exception as error:
        shapes = " and ".join(
            f"{name} {getattr(v, 'shape', '')}" for name, v in (("y_true", y_true), ("y_pred", y_pred))
        )
        explained = tracer_error(f"The {kind} function '{_name(function)}' failed", error)
        if explained is not None:
            raise explained.with_traceback(error.__traceback__) from error
        error.add_note(f"Raised by the {kind} function '{_name(function)}' for {shapes}.")
        raise
    if kind == "metric" and isinstance(values, (int, float)):  # such as the value of a global variable
        return jnp.float32(values)
    if values is None or isinstance(values, (str, bytes, bool, int, float)):
        hint = "Add a return statement." if values is None else ""
        raise ArgumentError(
            message(
                f"The {kind} function '{_name(function)}'",
                expected="one value per sample, computed from y_pred",
                got=repr(values),
                hint=hint,
            )
        )
    return values


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))

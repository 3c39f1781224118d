"""Functions of the user's as losses and metrics: what they must take and give."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from gazelle.core.config import ArgumentTypeError
from gazelle.core.errors import ArgumentError, message
from gazelle.core.traceback import explain_tracer_error


def check_arguments(kind: str, function: Any, more: Mapping[str, Any]) -> None:
    """An error for a function that cannot be called with (y_true, y_pred)."""
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):  # a function of C tells none
        return
    try:
        signature.bind(None, None, **more)
    except TypeError as error:
        raise ArgumentError(
            message(
                f"The {kind} function '{_name(function)}'",
                expected="a function of (y_true, y_pred)",
                got=f"{_name(function)}{signature}: {error}",
            )
        ) from error


def call(kind: str, function: Any, y_true: Any, y_pred: Any, more: Mapping[str, Any]) -> Any:
    """function(y_true, y_pred, **more): what it raises says in a note where, and what it gives has to be an array."""
    try:
        values = function(y_true, y_pred, **more)
    except Exception as error:
        shapes = " and ".join(
            f"{name} {getattr(v, 'shape', '')}" for name, v in (("y_true", y_true), ("y_pred", y_pred))
        )
        asked = explain_tracer_error(error)
        if asked is not None:
            text = f"The {kind} function '{_name(function)}' failed: " + "\n".join(asked)
            raise ArgumentTypeError(text).with_traceback(error.__traceback__) from error
        error.add_note(f"Raised by the {kind} function '{_name(function)}' for {shapes}.")
        raise
    if values is None or isinstance(values, (str, bytes, bool, int, float)):
        hint = "Return what was computed." if values is None else ""
        raise ArgumentError(
            message(
                f"The {kind} function '{_name(function)}'",
                expected="one value a sample, computed from y_pred",
                got=repr(values),
                hint=hint,
            )
        )
    return values


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))

"""Tracebacks of gazelle's errors without the lines inside gazelle and JAX."""

from __future__ import annotations

import functools
import inspect
import sys
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from gazelle.core.errors import ArgumentTypeError, GazelleError, unknown
from gazelle.core.outdated import argument_hint
from gazelle.core.printable import printable

Function = TypeVar("Function", bound=Callable[..., Any])
_JAX = find_spec("jax")  # not imported by `import gazelle`
INSIDE = (str(Path(__file__).parents[1]), str(Path(_JAX.origin).parent) if _JAX and _JAX.origin else "jax")


def filtered(function: Function) -> Function:
    """Shorten the traceback of a `GazelleError` that leaves `function`. Other errors are bugs and keep every line."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except GazelleError as error:
            shorten(error)
            raise
        except TypeError:
            explained = _bad_call(function, args, kwargs)
            if explained is None:
                raise
        shorten(explained)
        raise explained

    return wrapped  # type: ignore[return-value]


def _bad_call(function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> ArgumentTypeError | None:
    """The error for arguments that do not fit a signature, with similar names; None if they fit."""
    signature = inspect.signature(function)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        known = [name for name in signature.parameters if name != "self"]
        wrong = [name for name in kwargs if name not in known]
        kind = f"{type(args[0]).__name__}." if "self" in signature.parameters and args else ""
        label = f"{kind}{function.__name__}"
        if not wrong:
            return ArgumentTypeError(f"{label}(...): {error}.\nIt takes {', '.join(known)}.")
        return ArgumentTypeError(str(unknown(f"argument of {label}", wrong[0], known, argument_hint(wrong[0], known))))
    return None


def shorten(error: GazelleError) -> None:
    """Remove frames of gazelle and JAX, JAX's note about frames, and a cause raised by JAX or gazelle."""
    from gazelle.core import settings

    if not settings.is_traceback_filtering_enabled():
        return
    cause = error.__cause__
    if cause is not None:
        if _last(cause.__traceback__).startswith(INSIDE):
            error.__cause__, error.__suppress_context__ = None, True
        else:
            cause.__traceback__ = user_frames(cause.__traceback__)
    error.__traceback__ = user_frames(error.__traceback__)
    if hasattr(error, "__notes__"):
        error.__notes__ = [note for note in error.__notes__ if "JAX has removed" not in note]


def _last(traceback: TracebackType | None) -> str:
    """The file in which an error was raised."""
    file = ""
    while traceback is not None:
        file, traceback = traceback.tb_frame.f_code.co_filename, traceback.tb_next
    return file


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn with the line of user code that led here, at any call depth inside gazelle."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(INSIDE):
        frame, level = frame.f_back, level + 1
    warnings.warn(printable(text, keep="\n\t"), category, stacklevel=level)


def explain_tracer_error(error: Exception) -> tuple[str, str] | None:
    """Return (problem, hint) for an error about values that are unknown while a model is compiled; None for others."""
    import jax

    if isinstance(error, jax.errors.ConcretizationTypeError):
        hint = "Values are unknown while the model is compiled: use ops.where, ops.cond, or sizes from x.shape."
        return "Python needed the value of a tensor (if, while, int, float)", hint
    if isinstance(error, jax.errors.TracerArrayConversionError):
        hint = "Values are unknown while the model is compiled: use gazelle.ops or jax.numpy."
        return "NumPy needed the values of a tensor", hint
    return None


def user_frames(traceback: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of gazelle and JAX."""
    frames = []
    while traceback is not None:
        if not traceback.tb_frame.f_code.co_filename.startswith(INSIDE):
            frames.append(traceback)
        traceback = traceback.tb_next
    out: TracebackType | None = None
    for frame in reversed(frames):
        out = TracebackType(out, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return out

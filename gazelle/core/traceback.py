"""Tracebacks with the lines of the program alone, without those inside gazelle, JAX and the libraries they call."""

from __future__ import annotations

import functools
import inspect
import opcode
import os
import sys
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any, TypeVar

from gazelle.core import language
from gazelle.core.errors import ArgumentTypeError, GazelleError, MissingAttributeError
from gazelle.core.outdated import unknown_argument
from gazelle.core.printable import printable, singular

Function = TypeVar("Function", bound=Callable[..., Any])
_JAX = find_spec("jax")  # not imported by `import gazelle`
_OWN = str(Path(__file__).parents[1]) + os.sep
INSIDE = (_OWN, str(Path(_JAX.origin).parent) + os.sep if _JAX and _JAX.origin else "jax")
_STANDARD_LIBRARY = (os.path.dirname(os.__file__) + os.sep, "<frozen ")

#: functions that run a program, such as that of `gazelle run`: frames outside of them are not the program's
entries: set[CodeType] = set()


def filtered(function: Function) -> Function:
    """Shorten the traceback of a `GazelleError`, or of an error of the program's own code, that leaves `function`.

    Another error that is raised inside is a bug or unchecked: it keeps its frames until it is shown (`show_short`).
    """

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            own = isinstance(error, GazelleError)
            explained = _bad_call(function, args, kwargs) if isinstance(error, TypeError) and not own else None
            if explained is None:
                if own or not raised_inside(error.__traceback__):
                    shorten(error)
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
        return unknown_argument(label, wrong[0], known)
    return None


def shorten(error: BaseException) -> None:
    """Remove frames that are not the program's, JAX's note about frames, and errors inside that led to this one."""
    from gazelle.core import settings

    if not settings.is_traceback_filtering_enabled():
        return
    queue, seen = [error], set()
    while queue:
        error = queue.pop()
        seen.add(id(error))
        cause, context = error.__cause__, error.__context__
        if cause is not None and (_is_internal(cause) or str(cause) in str(error)):
            error.__cause__, error.__suppress_context__ = None, True
        elif (
            cause is None
            and context is not None
            and raised_inside(error.__traceback__)
            and raised_inside(context.__traceback__)
        ):
            error.__suppress_context__ = True
        queue += [e for e in (error.__cause__, error.__context__) if e is not None and id(e) not in seen]
        error.__traceback__ = user_frames(error.__traceback__)
        if hasattr(error, "__notes__"):
            error.__notes__ = [note for note in error.__notes__ if "JAX has removed" not in note]


def show_short() -> None:
    """Show uncaught errors with the program's frames alone, in scripts and in IPython and its notebooks."""
    before = sys.excepthook
    if not getattr(before, "_is_short", False):

        def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
            if kind is KeyboardInterrupt and hasattr(error, "_render_traceback_"):  # `show_one_line`
                start = "\r" if sys.stderr.isatty() else ""  # over the ^C of the terminal
                sys.stderr.write(f"{start}{error}\n")
            else:
                _shorten_shown(error)
                before(kind, error, error.__traceback__)

        hook._is_short = True  # type: ignore[attr-defined]
        sys.excepthook = hook
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None and hasattr(module, "get_ipython") else None
    if shell is not None and not getattr(shell, "custom_exceptions", ()):

        def show(shell: Any, kind: Any, error: BaseException, trace: Any, tb_offset: int | None = None) -> None:
            _shorten_shown(error)
            shell.showtraceback((kind, error, error.__traceback__), tb_offset=tb_offset)

        shell.set_custom_exc((Exception, KeyboardInterrupt), show)


def show_one_line(error: KeyboardInterrupt, text: str) -> None:
    """Set the line that is shown for this error instead of a traceback, if the program does not catch it."""
    error.args = (text,)
    error._render_traceback_ = functools.partial(list, [text])  # type: ignore[attr-defined]  # for IPython
    show_short()


def _shorten_shown(error: BaseException) -> None:
    """`shorten`, with a note that states where an error of another library or a bug was raised."""
    from gazelle.core import settings

    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    if not settings.is_traceback_filtering_enabled():
        return
    if not any(frame.tb_frame.f_code.co_filename.startswith(_OWN) for frame in frames):
        return
    known = isinstance(error, GazelleError) or not isinstance(error, Exception) or _raises(frames[-1])
    if not known and raised_inside(error.__traceback__):
        place = f"{_short_path(frames[-1].tb_frame.f_code.co_filename)}, line {frames[-1].tb_lineno}"
        error.add_note(f"Raised in {place}; GAZELLE_FULL_TRACEBACK=1 shows the lines that are hidden.")
    shorten(error)


def _raises(frame: TracebackType) -> bool:
    """Whether the line is a `raise` statement of gazelle, whose text explains the error."""
    code = frame.tb_frame.f_code
    return code.co_filename.startswith(_OWN) and code.co_code[frame.tb_lasti] == opcode.opmap["RAISE_VARARGS"]


def _short_path(file: str) -> str:
    """The path from the folder of the package."""
    parts = Path(file).parts
    packages = [i for i, part in enumerate(parts) if part in ("site-packages", "dist-packages")]
    return "/".join(parts[packages[-1] + 1 :] if packages else parts[-3:])


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn with the line of user code that led here, at any call depth inside gazelle."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith((*INSIDE, "<frozen")):
        frame, level = frame.f_back, level + 1
    warnings.warn(singular(printable(language.translated(text), keep="\n\t")), category, stacklevel=level)


def tracer_error(what: str, error: Exception) -> GazelleError | None:
    """Return an explained error for one about values that are unknown while a model is compiled; None for others.

    Args:
        what: What failed, the first part of the text.
        error: The error of JAX.
    """
    reason = _reason_of_tracer_error(error)
    if reason is None:
        return None
    kind = MissingAttributeError if isinstance(error, AttributeError) else ArgumentTypeError
    return kind(f"{what}: {reason[0]}\n{reason[1]}")


def _reason_of_tracer_error(error: Exception) -> tuple[str, str] | None:
    import jax

    if isinstance(error, jax.errors.ConcretizationTypeError):
        hint = "Values are unknown while the model is compiled: use ops.where, ops.cond, or sizes from x.shape."
        return "Python needed the value of a tensor (if, while, int, float)", hint
    if isinstance(error, jax.errors.TracerArrayConversionError):
        hint = "Values are unknown while the model is compiled: use gazelle.ops or jax.numpy."
        return "NumPy needed the values of a tensor", hint
    if isinstance(error, AttributeError) and isinstance(error.obj, jax.core.Tracer):
        hint = "Values are unknown while the model is compiled: use gazelle.ops or jax.numpy."
        return f"a tensor has no attribute {error.name!r}", hint
    return None


def user_frames(traceback: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of gazelle and JAX, and of libraries that they call."""
    out: TracebackType | None = None
    for frame in reversed(_split(traceback)[0]):
        out = TracebackType(out, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return out


def _is_internal(cause: BaseException) -> bool:
    """Whether a cause was raised and caught inside: no line of the program led to it, or none that it shows alone."""
    kept, inside = _split(cause.__traceback__)
    return inside or (not kept and cause.__traceback__ is not None)


def raised_inside(trace: TracebackType | None) -> bool:
    """Return whether an error was raised by gazelle, JAX, or a library that they called, not by code of the program."""
    return _split(trace)[1]


def _split(traceback: TracebackType | None) -> tuple[list[TracebackType], bool]:
    """The frames of the program, and whether the last frame is none of them.

    Libraries that the program calls itself count as the program.
    """
    kept: list[TracebackType] = []
    inside = False
    while traceback is not None:
        code = traceback.tb_frame.f_code
        file = code.co_filename
        if code in entries:
            kept.clear()
            inside = False
        elif file.startswith(INSIDE) or (inside and _is_library(file)) or file.startswith("<frozen importlib"):
            inside = True
        else:
            inside = False
            kept.append(traceback)
        traceback = traceback.tb_next
    return kept, inside


def _is_library(file: str) -> bool:
    return file.startswith(_STANDARD_LIBRARY) or "site-packages" in file or "dist-packages" in file

"""Ctrl-C, SIGTERM and SIGHUP during training: never between a step and the storing of its result."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from gazelle.core.traceback import show_one_line

#: signals that end a program, and their default handlers
_DEFAULTS: dict[int, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
if hasattr(signal, "SIGHUP"):  # the terminal was closed
    _DEFAULTS[signal.SIGHUP] = signal.SIG_DFL


class Terminated(SystemExit):
    """SIGTERM or SIGHUP.

    Attributes:
        reported: whether the line for the user was printed.
    """

    reported = False


class Interrupt:
    """Delays signals between `hold` and `release`; elsewhere they raise at once.

    A second signal during a delay raises if `breakable()` returns True: nothing would be lost at this moment. SIGTERM
    raises the SystemExit 143 and SIGHUP 129, so that `finally` blocks run.

    Args:
        breakable: whether a second signal may raise now.
        several: delay signals until `raise_signal`, as several processes stop at the same step.
    """

    def __init__(self, breakable: Callable[[], bool] = lambda: True, several: bool = False) -> None:
        self._breakable, self._several = breakable, several
        self._holding = False
        self.number = 0  # of the first signal that this process received
        self._pending: BaseException | None = None
        self._raised: BaseException | None = None  # since the last `release`
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number, default in _DEFAULTS.items():
                if signal.getsignal(number) is default:  # a handler of the program stays
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if isinstance(error, Exception) and self._raised is not None:  # a cache of JAX raised another one
            raise self._raised from error
        self._several = False
        if error is None or isinstance(error, Exception):  # a pending signal is not lost
            self.release()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        error = _error_of(number)
        self.number = self.number or number
        delayed = (self._holding or self._several) and (self._pending is None or not self._breakable())
        if delayed or _is_unraisable(frame):
            self._pending = self._pending or error
        else:
            self._raised = error
            raise error

    def hold(self) -> None:
        """Delay signals from here on."""
        self._holding = True

    def release(self) -> None:
        """Let signals raise again; a pending one raises now."""
        self._holding, self._raised = False, None
        if self._pending is not None and not self._several:
            self._raised, self._pending = self._pending, None
            raise self._raised

    def raise_signal(self, number: int) -> None:
        """Raise as a signal does that one of several processes received."""
        self._pending = None
        self._raised = _error_of(number)
        raise self._raised


def _error_of(number: int) -> BaseException:
    return KeyboardInterrupt() if number == signal.SIGINT else Terminated(128 + number)


def _is_unraisable(frame: FrameType | None) -> bool:
    """Whether Python would only print an exception here: in a finalizer, or in a callback of the garbage collector."""
    while frame is not None and frame.f_code.co_name not in ("__del__", "_xla_gc_callback"):
        frame = frame.f_back
    return frame is not None


def explain(error: KeyboardInterrupt | Terminated, text: str) -> None:
    """Report the end of a training by Ctrl-C or a signal in one line instead of a traceback.

    A KeyboardInterrupt gets the line as its text. Where the program does not catch it, the line is all that is printed,
    in a terminal and in a notebook, and the process ends by SIGINT as usual. An error that has a text is unchanged.

    Args:
        error: what ends the training.
        text: the line.
    """
    if isinstance(error, Terminated):
        if not error.reported:
            error.reported = True
            with contextlib.suppress(OSError, ValueError, AttributeError):  # the terminal may be closed
                sys.stderr.write(f"{text}\n")
    elif not error.args:
        show_one_line(error, text)

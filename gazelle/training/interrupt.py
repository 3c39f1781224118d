"""Ctrl-C, SIGTERM and SIGHUP during training: never between a step and the keeping of its result."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

#: signals that end a program, and what they do where the program has not said otherwise
_USUAL: dict[int, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
if hasattr(signal, "SIGHUP"):  # the terminal was closed
    _USUAL[signal.SIGHUP] = signal.SIG_DFL


class Interrupt:
    """Between `hold` and `release` a signal waits; elsewhere it raises at once.

    A second one that comes meanwhile raises after all where `breakable()`: nothing would be lost by it at this moment.
    SIGTERM raises SystemExit(143), SIGHUP SystemExit(129): the program ends as it would, after `finally` has run.
    """

    def __init__(self, breakable: Callable[[], bool] = lambda: True) -> None:
        self._breakable = breakable
        self._held = False
        self._pending: BaseException | None = None
        self._raised: BaseException | None = None  # since the last `release`
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number, usual in _USUAL.items():
                if signal.getsignal(number) is usual:  # a program's own handler stays
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if isinstance(error, Exception) and self._raised is not None:  # a cache of JAX makes another error of a signal
            raise self._raised from error
        if error is None or isinstance(error, Exception):  # one that still waits is not forgotten
            self.release()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        error = KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)
        waits = self._held and (self._pending is None or not self._breakable())
        if waits or _unheard(frame):
            self._pending = self._pending or error
        else:
            self._raised = error
            raise error

    def hold(self) -> None:
        """From here on signals wait."""
        self._held = True

    def release(self) -> None:
        """Signals may raise again; one that waited raises now."""
        self._held, self._raised = False, None
        if self._pending is not None:
            self._raised, self._pending = self._pending, None
            raise self._raised


def _unheard(frame: FrameType | None) -> bool:
    """Whether Python would only print what is raised here: in a finalizer, or in what JAX collects."""
    while frame is not None and frame.f_code.co_name not in ("__del__", "_xla_gc_callback"):
        frame = frame.f_back
    return frame is not None

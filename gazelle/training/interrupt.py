"""Ctrl-C and SIGTERM during training: never between a step and the keeping of its result."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interrupt:
    """Between `hold` and `release` a signal waits; elsewhere it raises at once. SIGTERM raises SystemExit(143)."""

    def __init__(self) -> None:
        self._held = False
        self._pending: BaseException | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
                if signal.getsignal(number) is usual:  # a program's own handler stays
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        error = KeyboardInterrupt() if number == signal.SIGINT else SystemExit(143)
        if self._held and self._pending is None:
            self._pending = error
        else:
            raise error  # also the second Ctrl-C, when the first one still waits

    def hold(self) -> None:
        """From here on signals wait."""
        self._held = True

    def release(self) -> None:
        """Signals may raise again; one that waited raises now."""
        self._held = False
        if self._pending is not None:
            error, self._pending = self._pending, None
            raise error

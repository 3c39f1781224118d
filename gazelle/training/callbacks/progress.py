"""The display of fit, evaluate and predict."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from gazelle.core.errors import ArgumentError, message
from gazelle.training.callbacks import output_device
from gazelle.training.callbacks.base import Callback
from gazelle.training.callbacks.progress_line import Line

_INTERVAL = 0.1  # seconds between two looks at a changing line


class Progress(Callback):
    """Shows how far a run is. The loop tells it: it listens to no batches, so it costs no time per batch.

    `start`, `advance` and `finish` frame a pass over the data; `epoch_begin` and `epoch_end` are the same for an epoch
    of `fit`. A pass may start within another one (validation): only the outer one leaves a line.

    Args:
        verbose: 0 shows nothing; 1 or "auto" a changing line on a screen and one plain line per epoch in a pipe;
            2 one plain line per epoch everywhere.

    >>> show = Progress(verbose=2)
    >>> show.epoch_begin(0, 3, steps=10)
    >>> show.advance(10, 10, {"loss": 0.5})
    >>> show.epoch_end({"loss": 0.5})  # doctest: +ELLIPSIS
    Epoch 1/3 - 10/10 - 0s - ...s/step - loss: 0.5000
    """

    def __init__(self, verbose: Any = "auto") -> None:
        if verbose not in ("auto", 0, 1, 2):
            raise ArgumentError(message("verbose", expected="'auto', 0, 1 or 2", got=repr(verbose)))
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self._lines: list[Line] = []
        self._screen: output_device.Pipe = output_device.find(2)
        self._drawn = -1.0  # when the screen last changed

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()  # whatever happened: the cursor is visible again

    def epoch_begin(self, epoch: int, epochs: int, steps: int | None) -> None:
        self.start(f"Epoch {epoch + 1:>{len(str(epochs))}}/{epochs}", steps)

    def epoch_end(self, logs: Mapping[str, Any] | None = None) -> None:
        self.finish(logs)

    def start(self, title: str, steps: int | None = None) -> None:
        """A pass of `steps` steps begins; None: nobody knows how many."""
        if self.verbose:
            if not self._lines:
                self._screen = output_device.find(self.verbose)
            self._lines.append(Line(title, steps))
            self._draw()

    def advance(self, done: int, total: int | None = None, logs: Mapping[str, Any] | None = None) -> None:
        """`done` steps of `total` are over; `logs` may still be arrays on the device."""
        if self._lines:
            self._lines[-1].report(done, total, logs or {})
            self._draw()

    def finish(self, logs: Mapping[str, Any] | None = None) -> None:
        """The pass is over; its line stays."""
        if not self._lines:
            return
        line = self._lines.pop()
        line.ended = time.perf_counter()
        line.total = line.total or line.done or None
        line.logs = line.logs if logs is None else logs
        if not self._lines:
            self._screen.keep(line)
            self._drawn = line.ended

    def note(self, text: str) -> None:
        """Say something on a line of its own, where anything is shown at all."""
        if self.verbose:
            self._screen.clear()
            self._screen.write(text + "\n")

    def clear(self) -> None:
        """Take the changing line away, so that others may print; the next `advance` brings it back."""
        self._screen.clear()

    def close(self) -> None:
        """Leave the screen in order, also when the run broke off."""
        self._screen.clear()
        self._lines.clear()

    def _draw(self) -> None:
        now = time.perf_counter()
        if now - self._drawn >= _INTERVAL:
            self._drawn = now
            self._screen.draw(self._lines[-1])

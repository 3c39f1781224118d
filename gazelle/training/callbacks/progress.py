"""The progress display of fit, evaluate and predict."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from gazelle.core.errors import ArgumentError, message
from gazelle.engine import processes
from gazelle.training.callbacks import progress_output
from gazelle.training.callbacks.base import Callback
from gazelle.training.callbacks.progress_line import ProgressLine

_INTERVAL = 0.1  # seconds between two updates of a changing line


class Progress(Callback):
    """Progress display. The loop calls it directly: it has no batch events and costs no time per batch.

    Of several connected processes only the main one shows it.

    `start`, `advance` and `finish` frame a pass over the data; `epoch_begin` and `epoch_end` are the same for an epoch
    of `fit`. A pass may start within another one (validation); only the outer one leaves a line.

    Args:
        verbose: 0 shows nothing; 1 or "auto" a changing line on a terminal and one plain line per epoch in a pipe;
            2 one plain line per epoch everywhere.

    Raises:
        ArgumentError: another value of `verbose`.

    >>> show = Progress(verbose=2)
    >>> show.epoch_begin(0, 3, steps=10)
    >>> show.advance(10, 10, {"loss": 0.5})
    >>> show.epoch_end({"loss": 0.5})  # doctest: +ELLIPSIS
    Epoch 1/3 - 10/10 - 0s - ...s/step - loss: 0.5000
    """

    def __init__(self, verbose: int | str = "auto") -> None:
        if verbose not in ("auto", 0, 1, 2):
            raise ArgumentError(message("verbose", expected="'auto', 0, 1 or 2", got=repr(verbose)))
        self.verbose = 0 if not processes.is_main() else 1 if verbose == "auto" else int(verbose)
        self._lines: list[ProgressLine] = []
        self._output = progress_output.choose_output(2)
        self._drawn = -1.0  # time of the last update

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()  # after an error too: the cursor becomes visible again

    def epoch_begin(self, epoch: int, epochs: int, steps: int | None, done: int = 0) -> None:
        """Start an epoch.

        Args:
            epoch: its number, from 0.
            epochs: the number of epochs.
            steps: steps in an epoch; None if unknown.
            done: steps that are done already, in an epoch that is resumed.
        """
        self.start(f"Epoch {epoch + 1:>{len(str(epochs))}}/{epochs}", steps, done)

    def epoch_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """End an epoch; its line stays.

        Args:
            logs: the final logs; those of the last `advance` if None.
        """
        self.finish(logs)

    def start(self, title: str, steps: int | None = None, done: int = 0) -> None:
        """Start a pass.

        Args:
            title: the beginning of the line.
            steps: steps in the pass; None if unknown.
            done: steps that are done already.
        """
        if self.verbose:
            if not self._lines:
                self._output = progress_output.choose_output(self.verbose)
            self._lines.append(ProgressLine(title, steps, done, start=done))
            self._draw()

    def advance(self, done: int, total: int | None = None, logs: Mapping[str, Any] | None = None) -> None:
        """Report progress.

        Args:
            done: steps that are done.
            total: steps in the pass; None if unknown.
            logs: names and numbers; the numbers may be arrays on the device, which are read when they are shown.
        """
        if self._lines:
            self._lines[-1].report(done, total, logs or {})
            self._draw()

    def finish(self, logs: Mapping[str, Any] | None = None) -> None:
        """End a pass; its line stays.

        Args:
            logs: the final logs; those of the last `advance` if None.
        """
        if not self._lines:
            return
        line = self._lines.pop()
        line.ended = time.perf_counter()
        line.total = line.total or line.done or None
        line.logs = line.logs if logs is None else logs
        if not self._lines:
            self._output.print(line)
            self._drawn = line.ended

    def position(self) -> str:
        """What is done of the pass that runs, as the end of a sentence.

        Returns:
            Such as " after 3 of 8 batches"; "" where nothing is displayed.
        """
        line = self._lines[-1] if self._lines else None
        if line is None or not line.done:
            return ""
        return f" after {line.done} batches" if line.total is None else f" after {line.done} of {line.total} batches"

    def note(self, text: str) -> None:
        """Print a line of text unless `verbose` is 0.

        Args:
            text: the text.
        """
        if self.verbose:
            self._output.clear()
            self._output.write(text + "\n")

    def clear(self) -> None:
        """Remove the changing line so that other code may print; the next `advance` shows it again."""
        self._output.clear()

    def close(self) -> None:
        """Remove the changing line and forget running passes."""
        self._output.clear()
        self._lines.clear()

    def _draw(self) -> None:
        now = time.perf_counter()
        if now - self._drawn >= _INTERVAL:
            self._drawn = now
            self._output.draw(self._lines[-1])


class ProgbarLogger(Progress):
    """The progress display under its name in Keras; it uses the argument `verbose` of `fit`.

    >>> ProgbarLogger().verbose
    1
    """

    def __init__(self) -> None:
        super().__init__("auto")

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        verbose = (params or {}).get("verbose", self.verbose)
        self.verbose = 0 if not processes.is_main() else 1 if verbose == "auto" else int(verbose)

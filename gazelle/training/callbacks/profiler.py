"""The callback that records a trace of some training steps with JAX's profiler."""

from __future__ import annotations

import os
from typing import Any

from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import PathLike
from gazelle.training.callbacks.base import Callback


class Profiler(Callback):
    """Records what the CPU and the device do in some batches of `fit`, with the profiler of JAX.

    The trace is written to `folder/plugins/profile/<time>/`: its `perfetto_trace.json.gz` opens in the trace viewer of
    Perfetto, its `.xplane.pb` in TensorBoard with the profile plugin. The first batches, which compile, are best left
    out. The callback has batch events, so each step is run by itself.

    Args:
        folder: the folder for the trace.
        start: the number of the first batch that is recorded, counted from 0 over all epochs.
        steps: how many batches are recorded.

    Attributes:
        trace: the path of the written `perfetto_trace.json.gz`; None before.

    Raises:
        ArgumentError: `start` is below 0, or `steps` is not above 0.

    >>> Profiler("trace", start=20, steps=5).steps
    5
    """

    writes_files = True

    def __init__(self, folder: PathLike = "profile", start: int = 10, steps: int = 10) -> None:
        if start < 0 or steps < 1:
            got = f"start={start}, steps={steps}"
            raise ArgumentError(message("Profiler", expected="start of at least 0 and steps above 0", got=got))
        self.folder, self.start, self.steps = os.fspath(folder), start, steps
        self.trace: str | None = None
        self._seen, self._running = 0, False

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._seen = 0

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._seen == self.start:
            import jax

            jax.profiler.start_trace(self.folder, create_perfetto_trace=True)
            self._running = True

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._seen += 1
        if self._seen == self.start + self.steps:
            self._stop()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._stop()

    def _stop(self) -> None:
        if not self._running:
            return
        import jax

        jax.profiler.stop_trace()
        self._running = False
        found = [
            os.path.join(folder, "perfetto_trace.json.gz")
            for folder, _, files in os.walk(self.folder)
            if "perfetto_trace.json.gz" in files
        ]
        self.trace = max(found, key=os.path.getmtime, default=None)

"""Adaptive number of steps per call, prefetching of chunks, and conversion of logs."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from gazelle import data
from gazelle.core import conventions
from gazelle.metrics.name_aliases import Logs
from gazelle.training.trainer import Trainer

_TICK = 0.1  # seconds between updates of the progress display, checks for Ctrl-C and autosaves


class StepsPerCall:
    """The number of steps per call of a program, chosen so that a call takes about `_TICK` seconds."""

    def __init__(self) -> None:
        self.steps = 1

    def adapt(self, steps: int, seconds: float) -> None:
        """Adapt to the duration of a call; the first calls, which compile, have a short effect.

        Args:
            steps: number of steps.
            seconds: duration of the call; of several processes, which run the same programs, the longest one.
        """
        wanted = steps * _TICK / max(seconds, 1e-6)
        self.steps = int(min(max(wanted, 1), self.steps * 8))


class StepGroups:
    """The steps between two batch events: `steps_per_execution` of them, as in Keras.

    Args:
        mode: "train", "test" or "predict".
        size: the number of steps.
    """

    def __init__(self, mode: str, size: int) -> None:
        self.size, self._open = size, False
        self._begin, self._end = f"on_{mode}_batch_begin", f"on_{mode}_batch_end"

    def begin(self, events: object, done: int) -> int:
        """Report the begin of a group to the callbacks, unless it has begun in the last chunk.

        Args:
            events: the callbacks.
            done: finished steps of the epoch.

        Returns:
            The number of steps left of the group.
        """
        if not self._open:
            self._open = True
            getattr(events, self._begin)(done - done % self.size, Logs())
        return self.size - done % self.size

    def end(self, events: object, done: int, logs: Callable[[], Logs], last: bool = False) -> None:
        """Report the end of a group, if it is complete or the last one.

        The index is that of the last step of a complete group, unless `conventions.groups_end_at_last_step`.

        Args:
            events: the callbacks.
            done: finished steps of the epoch.
            logs: called for the logs.
            last: whether no step follows.
        """
        if self._open and (last or done % self.size == 0):
            self._open = False
            missing = 0 if conventions.active.groups_end_at_last_step else -done % self.size
            getattr(events, self._end)(done - 1 + missing, logs())


def ordered(trainer: Trainer, logs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Logs with the loss first: a compiled program returns dicts in alphabetical order, which Keras 3 leaves."""
    if len(logs) == 1:
        return logs
    if conventions.active.logs_are_sorted:
        return dict(sorted(logs.items()))
    return {name: logs[name] for name in dict.fromkeys([*trainer.metrics.names, *logs]) if name in logs}


def host_logs(trainer: Trainer, logs: Mapping[str, Any]) -> Logs:
    """Logs as Python numbers."""
    numbers = {name: np.asarray(value) for name, value in ordered(trainer, logs).items()}
    return Logs({name: value if value.ndim else float(value) for name, value in numbers.items()})


class Prefetched:
    """The chunks of a pass; the next one is fetched while the device still computes.

    A program on a CPU runs in the thread that calls it. Arrays are gathered by another thread meanwhile; batches of
    streams arrive in threads of their own.

    Args:
        source: the data.
        epoch: the epoch.
        done: its finished steps.
    """

    def __init__(self, source: data.Source, epoch: int, done: int = 0) -> None:
        self._chunks = source.chunks(epoch, done)
        self._gathers = isinstance(source, data.ArraySource)
        self._left = (source.steps or 0) - done  # steps of this chunk and the following ones
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._next = next(self._chunks, None)

    def __iter__(self) -> Iterator[data.Chunk]:
        while self._next is not None:
            chunk, self._next = self._next, None
            self._left -= chunk.stop
            yield chunk
            self.fetch()

    def gather(self) -> None:
        """Let a thread gather the next chunk, if there is one."""
        if self._gathers and self._left > 0 and self._next is None:
            run = contextvars.copy_context().run
            self._thread = threading.Thread(target=run, args=(self._gather,), name="gazelle gathers data", daemon=True)
            self._thread.start()

    def _gather(self) -> None:
        try:
            self._next = next(self._chunks, None)
        except BaseException as error:  # raised again by `fetch`
            self._error = error

    def fetch(self) -> None:
        """Fetch the next chunk."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            if self._error is not None:
                raise self._error
        elif self._next is None:
            self._next = next(self._chunks, None)

"""A progress bar for custom loops."""

from __future__ import annotations

import time
from collections.abc import Iterable

import numpy as np

from gazelle.core.errors import ArgumentError, message
from gazelle.core.printable import printable
from gazelle.core.types import ArrayLike
from gazelle.training.callbacks.progress_line import duration, number, speed
from gazelle.training.callbacks.progress_output import is_terminal


class Progbar:
    """Progress bar of a loop, with means of metrics.

    Args:
        target: number of steps; None if unknown.
        width: columns of the bar.
        verbose: 0 silent, 1 a bar, 2 one line at the end.
        interval: minimum time between two updates in seconds.
        stateful_metrics: names of metrics shown as they are; of others the mean over the steps is shown.
        stateless_metrics: alternatively, names of metrics of which the mean is shown; others are shown as they are.
        unit_name: the name of a step.

    Raises:
        ArgumentError: both `stateful_metrics` and `stateless_metrics` are given.

    >>> bar = Progbar(2, verbose=2)
    >>> bar.add(1, [("loss", 3.0)])
    >>> bar.add(1, [("loss", 1.0)])
    2/2 - 0s - .../step - loss: 1.0000
    """

    shows_last_values = True  # at the end, instead of means

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ArgumentError(message("Progbar", expected="stateful_metrics or stateless_metrics", got="both"))
        self.target, self.width, self.verbose, self.interval = target, width, verbose, interval
        self.unit_name = unit_name
        self._stateful = set(stateful_metrics or ())
        self._stateless = None if stateless_metrics is None else set(stateless_metrics)
        self._sums: dict[str, tuple[float, int]] = {}
        self._seen, self._began, self._shown, self._columns = 0, time.perf_counter(), -1.0, 0

    def update(
        self, current: int, values: Iterable[tuple[str, ArrayLike]] | None = None, finalize: bool | None = None
    ) -> None:
        """Show the progress.

        Args:
            current: steps that are done.
            values: pairs (name, value) of metrics; those of the last step are shown as they are.
            finalize: whether this is the last step; by default it depends on `target`.
        """
        ended = (self.target is not None and current >= self.target) if finalize is None else finalize
        steps = max(current - self._seen, 1)
        for name, value in values or ():
            mean = float(np.mean(np.asarray(value)))
            averaged = name not in self._stateful if self._stateless is None else name in self._stateless
            averaged = averaged and not (ended and self.shows_last_values)
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total + mean * steps, count + steps) if averaged else (mean, 1)
        self._seen = current
        now = time.perf_counter()
        if self.verbose == 2 and ended:
            print(self._line(now, ended))
        elif self.verbose == 1 and (ended or now - self._shown >= self.interval):
            self._show(self._line(now, ended), ended)
            self._shown = now

    def add(self, n: int, values: Iterable[tuple[str, ArrayLike]] | None = None) -> None:
        """Show the progress after `n` more steps.

        Args:
            n: number of steps.
            values: pairs (name, value) of metrics.
        """
        self.update(self._seen + n, values)

    def _show(self, line: str, ended: bool) -> None:
        if self.target:
            full = min(self.width, self.width * self._seen // self.target)
            count, _, rest = line.partition(" - ")
            line = f"{count} {'━' * full}{'─' * (self.width - full)} {rest}"
        if is_terminal():
            print(f"\r{line:<{self._columns}}", end="\n" if ended else "", flush=True)
            self._columns = len(line)
        else:
            print(line, flush=True)

    def _line(self, now: float, ended: bool) -> str:
        elapsed = now - self._began
        per_step = elapsed / self._seen if self._seen else 0.0
        clock = elapsed if ended or not self.target else per_step * (self.target - self._seen)
        count = f"{self._seen}/{self.target if self.target is not None else 'Unknown'}"
        metrics = [f"{printable(name)}: {number(total / max(steps, 1))}" for name, (total, steps) in self._sums.items()]
        return " - ".join([count, duration(clock), f"{speed(per_step)}/{self.unit_name}", *metrics])

"""A bar of progress for loops that users write themselves."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from gazelle.core.errors import ArgumentError, message


class Progbar:
    """How far a loop is, with the means of numbers.

    Args:
        target: number of steps; None where it is not known.
        width: columns of the bar.
        verbose: 0 silent, 1 a bar, 2 one line at the end.
        interval: seconds between two pictures.
        stateful_metrics: names whose numbers are shown as they are; of others the mean over the steps is shown.
        stateless_metrics: instead: names of which the mean is shown, and of no others.
        unit_name: the word for a step.

    >>> bar = Progbar(2, verbose=2)
    >>> bar.add(1, [("loss", 3.0)])
    >>> bar.add(1, [("loss", 1.0)])
    2/2 - 0s - .../step - loss: 1.0000
    """

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

    def update(self, current: int, values: Any = None, finalize: bool | None = None) -> None:
        """`current` steps are done; `values` are pairs (name, number). Those of the last step are shown as they are."""
        ended = (self.target is not None and current >= self.target) if finalize is None else finalize
        steps = max(current - self._seen, 1)
        for name, value in values or ():
            number = float(np.mean(value))
            averaged = name not in self._stateful if self._stateless is None else name in self._stateless
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total + number * steps, count + steps) if averaged and not ended else (number, 1)
        self._seen = current
        now = time.perf_counter()
        if self.verbose == 2 and ended:
            print(self._line(now, ended))
        elif self.verbose == 1 and (ended or now - self._shown >= self.interval):
            self._show(self._line(now, ended), ended)
            self._shown = now

    def add(self, n: int, values: Any = None) -> None:
        """`n` more steps are done."""
        self.update(self._seen + n, values)

    def _show(self, line: str, ended: bool) -> None:
        if self.target:
            full = min(self.width, self.width * self._seen // self.target)
            count, _, rest = line.partition(" - ")
            line = f"{count} {'━' * full}{'─' * (self.width - full)} {rest}"
        if sys.stdout.isatty():
            print(f"\r{line:<{self._columns}}", end="\n" if ended else "", flush=True)
            self._columns = len(line)
        else:
            print(line, flush=True)

    def _line(self, now: float, ended: bool) -> str:
        passed = now - self._began
        each = passed / self._seen if self._seen else 0.0
        clock = passed if ended or not self.target else each * (self.target - self._seen)
        count = f"{self._seen}/{self.target if self.target is not None else 'Unknown'}"
        unit = next(
            (f"{each * by:.0f}{name}" for by, name in ((1, "s"), (1e3, "ms")) if each * by >= 1), f"{each * 1e6:.0f}us"
        )
        means = {name: total / max(number, 1) for name, (total, number) in self._sums.items()}
        shown = [f"{name}: {mean:.4f}" if abs(mean) > 1e-3 else f"{name}: {mean:.4e}" for name, mean in means.items()]
        return " - ".join([count, f"{clock:.0f}s", f"{unit}/{self.unit_name}", *shown])

"""One line of progress as text: title, bar, count, time, and the metrics so far."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core.printable import printable

if TYPE_CHECKING:
    from gazelle.core.types import ArrayLike

_BAR = 20  # columns
_STYLES = {"bold": "1", "green": "32", "grey": "90"}


@dataclasses.dataclass
class ProgressLine:
    """State of one pass over the data.

    Attributes:
        title: the beginning of the line.
        total: number of steps; None if unknown.
        done: steps that are done.
        logs: names and values of metrics.
        began: time of the start.
        first: steps and time of the first report.
        last: time of the last report.
        ended: time of the end; None while the pass runs.
        start: steps that were done before, in the run that is resumed.
    """

    title: str
    total: int | None
    done: int = 0
    logs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    began: float = dataclasses.field(default_factory=lambda: time.perf_counter())
    first: tuple[int, float] | None = None
    last: float = 0.0
    ended: float | None = None
    start: int = 0

    def report(self, done: int, total: int | None, logs: Mapping[str, Any]) -> None:
        """Update the number of steps and the metrics."""
        self.done, self.total, self.logs, self.last = done, total, logs, time.perf_counter()
        if self.first is None:
            self.first = (done, self.last)

    @property
    def per_step(self) -> float:
        """Seconds per step; the first report, which includes compilation, is excluded after the second one."""
        if self.first is not None and self.done > self.first[0]:
            return (self.last - self.first[1]) / (self.done - self.first[0])
        return (self.last - self.began) / max(self.done - self.start, 1)

    def parts(self) -> list[str]:
        """Title, count, time and speed."""
        running = self.ended is None
        total = self.total if self.total is not None else ("?" if running else self.done)
        clock = duration((self.ended or time.perf_counter()) - self.began)
        if running and self.total is not None and self.start < self.done < self.total:
            clock = f"ETA {duration(self.per_step * (self.total - self.done))}"
        count = f"{self.done:>{len(str(total))}}/{total}"
        return [self.title, count, clock, *([f"{speed(self.per_step)}/step"] if self.done > self.start else [])]

    def metrics(self) -> list[str]:
        """The metrics as "name: value"."""
        return [f"{printable(name)}: {number(value)}" for name, value in self.logs.items()]

    def plain(self) -> str:
        """The complete line without a bar, for pipes and files."""
        return " - ".join([*self.parts(), *self.metrics()])

    def fit(self, width: int, color: bool, block: str = "━") -> str:
        """The most complete form that fits; after the end of the pass several lines if necessary.

        Args:
            width: number of columns.
            color: use ANSI colors.
            block: the character of the bar.
        """
        parts, metrics = self.parts(), self.metrics()
        tail = "".join(f" - {metric}" for metric in metrics)
        for length in range(_BAR if self.total else 0, 4, -1):
            if len(" ".join(parts)) + 1 + length + len(tail) <= width:
                return self._with_bar(parts, length, color, block) + tail
        shorter = (parts, [parts[0], *parts[2:]], [parts[0], parts[2]])
        for some in shorter if self.ended is not None else (parts, parts[:3], parts[:2]):
            if len(" ".join(some) + tail) <= width:
                return " ".join(some) + tail
        return _wrap(parts, metrics, width) if self.ended is not None else _truncate(" ".join(parts[:2]) + tail, width)

    def _with_bar(self, parts: list[str], length: int, color: bool, block: str) -> str:
        def style(text: str, name: str) -> str:
            return f"\x1b[{_STYLES[name]}m{text}\x1b[0m" if color and text else text

        assert self.total is not None
        full = min(length, int(length * self.done / max(self.total, 1)))
        rest = (block if color else "-" if block == "=" else "╌") * (length - full)
        bar = style(block * full, "green") + style(rest, "grey")
        return " ".join([parts[0], bar, style(parts[1], "bold"), *parts[2:]])


def _wrap(parts: list[str], metrics: list[str], width: int) -> str:
    lines = [" ".join(parts)[:width]]
    for text in metrics:
        if len(lines[-1]) + 3 + len(text) <= width:
            lines[-1] += f" - {text}"
        else:
            lines.append(f"  - {text}")
    return "\n".join(lines)


def _truncate(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 0)].rstrip() + "…"


def number(value: ArrayLike | str | None) -> str:
    """Format the value of a metric as Keras does: 0.4312, or 4.3120e-04 for small values. Text remains text."""
    if value is None or isinstance(value, str):
        return str(value)
    mean = float(np.mean(np.asarray(value)))
    return f"{mean:.4f}" if abs(mean) > 1e-3 or mean != mean else f"{mean:.4e}"


def duration(seconds: float) -> str:
    """Format a duration: 5s, 1:15 or 1:01:40."""
    whole = int(seconds)
    if whole > 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}" if whole > 60 else f"{seconds:.0f}s"


def speed(seconds: float) -> str:
    """Format the time of a step: 5s, 200ms or 20us."""
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"

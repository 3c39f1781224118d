"""One line of progress as text: what is running, how far it is, how long it takes, and the numbers so far."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

_BAR = 20  # columns
_STYLES = {"bold": "1", "green": "32", "grey": "90"}


@dataclasses.dataclass
class Line:
    """The state of one pass over the data."""

    title: str
    total: int | None
    done: int = 0
    logs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    began: float = dataclasses.field(default_factory=lambda: time.perf_counter())
    first: tuple[int, float] | None = None  # the first report: steps and moment
    last: float = 0.0  # the moment of the last report
    ended: float | None = None

    def report(self, done: int, total: int | None, logs: Mapping[str, Any]) -> None:
        self.done, self.total, self.logs, self.last = done, total, logs, time.perf_counter()
        if self.first is None:
            self.first = (done, self.last)

    @property
    def per_step(self) -> float:
        """Seconds a step takes; the first report, which compiles, is left out as soon as there is another."""
        if self.first is not None and self.done > self.first[0]:
            return (self.last - self.first[1]) / (self.done - self.first[0])
        return (self.last - self.began) / max(self.done, 1)

    def pieces(self) -> list[str]:
        """Title, count, time and speed."""
        running = self.ended is None
        total = self.total if self.total is not None else ("?" if running else self.done)
        clock = duration((self.ended or time.perf_counter()) - self.began)
        if running and self.total is not None and 0 < self.done < self.total:
            clock = f"ETA {duration(self.per_step * (self.total - self.done))}"
        count = f"{self.done:>{len(str(total))}}/{total}"
        return [self.title, count, clock, *([f"{speed(self.per_step)}/step"] if self.done else [])]

    def numbers(self) -> list[str]:
        return [f"{name}: {number(value)}" for name, value in self.logs.items()]

    def plain(self) -> str:
        """For pipes and files: no bar, nothing left out."""
        return " - ".join([*self.pieces(), *self.numbers()])

    def fitted(self, width: int, paint: bool, block: str = "━") -> str:
        """For a screen `width` columns wide: the fullest form that fits, or several lines once it has ended."""
        pieces, numbers = self.pieces(), self.numbers()
        tail = "".join(f" - {n}" for n in numbers)
        for length in range(_BAR if self.total else 0, 4, -1):
            if len(" ".join(pieces)) + 1 + length + len(tail) <= width:
                return self._joined(pieces, length, paint, block) + tail
        shorter = (pieces, [pieces[0], *pieces[2:]], [pieces[0], pieces[2]])
        for some in shorter if self.ended is not None else (pieces, pieces[:3], pieces[:2]):
            if len(" ".join(some) + tail) <= width:
                return " ".join(some) + tail
        return _wrapped(pieces, numbers, width) if self.ended is not None else _cut(" ".join(pieces[:2]) + tail, width)

    def _joined(self, pieces: list[str], length: int, paint: bool, block: str) -> str:
        def style(text: str, name: str) -> str:
            return f"\x1b[{_STYLES[name]}m{text}\x1b[0m" if paint and text else text

        assert self.total is not None
        full = min(length, int(length * self.done / max(self.total, 1)))
        rest = (block if paint else "-" if block == "=" else "╌") * (length - full)
        bar = style(block * full, "green") + style(rest, "grey")
        return " ".join([pieces[0], bar, style(pieces[1], "bold"), *pieces[2:]])


def _wrapped(pieces: list[str], numbers: list[str], width: int) -> str:
    lines = [" ".join(pieces)[:width]]
    for text in numbers:
        if len(lines[-1]) + 3 + len(text) <= width:
            lines[-1] += f" - {text}"
        else:
            lines.append(f"  - {text}")
    return "\n".join(lines)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 0)].rstrip() + "…"


def number(value: Any) -> str:
    """As Keras prints the values of metrics: 0.4312, and 4.3120e-04 where that would lose digits."""
    mean = float(np.mean(np.asarray(value)))
    return f"{mean:.4f}" if abs(mean) > 1e-3 or mean != mean else f"{mean:.4e}"


def duration(seconds: float) -> str:
    whole = int(seconds)
    if whole > 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}" if whole > 60 else f"{seconds:.0f}s"


def speed(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"

"""Measured quantities and their statistics: medians, spreads, paired ratios, ranges of flat and linear cost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from peers import PEERS


class Figure(NamedTuple):
    """A measured quantity: its name, a short name, its unit, factor from the worker's unit, whether less is better."""

    title: str
    short: str
    unit: str
    factor: float = 1.0
    less: bool = True


FIGURES = {
    "step": Figure("time of a step in fit", "step", "ms", 1e3),
    "cold": Figure("process start to end of first epoch, no compilation cache", "first epoch, cold", "s"),
    "warm": Figure("process start to end of first epoch, with the cache of an earlier run", "first epoch, warm", "s"),
    "import": Figure("process start to end of import", "import", "s"),
    "predict": Figure("predict, throughput", "predict", "samples/ms", 1e-3, less=False),
    "latency": Figure("predict of one sample", "predict one", "ms", 1e3),
    "evaluate": Figure("evaluate, time of a batch", "evaluate", "ms", 1e3),
    "iteration": Figure("one iteration of a user-defined loop", "loop", "ms", 1e3),
    "memory": Figure("peak memory of the process in fit", "peak memory", "MiB", 1 / 2**20),
}
ONCE = ("import",)  # does not depend on the network: one row for all networks

Values = dict[str, dict[str, dict[str, list[float | None]]]]  # figure -> workload -> peer -> one number a round


class Spread(NamedTuple):
    """Median, minimum and maximum of the rounds."""

    middle: float
    least: float
    most: float

    @property
    def fraction(self) -> float:
        """Half of the range as a fraction of the median."""
        return (self.most - self.least) / 2 / self.middle


def spread(values: Iterable[float | None]) -> Spread | None:
    """Spread over the rounds with a result; None if there is none."""
    known = sorted(v for v in values if v is not None)
    if not known:
        return None
    middle = len(known) // 2
    median = known[middle] if len(known) % 2 else (known[middle - 1] + known[middle]) / 2
    return Spread(median, known[0], known[-1])


def paired(ours: list[float | None], theirs: list[float | None], less: bool = True) -> Spread | None:
    """Ratio per round: a slow period affects both values and cancels."""
    pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if a is not None and b is not None]
    return spread((b / a if less else a / b) for a, b in pairs)


def best_keras(row: dict[str, list[float | None]], less: bool = True) -> str | None:
    """The backend of Keras with the best median."""
    medians = {p: seen.middle for p in row if PEERS[p].keras and (seen := spread(row[p])) is not None}
    if not medians:
        return None
    return (min if less else max)(medians, key=medians.__getitem__)


def ratio(row: dict[str, list[float | None]], less: bool = True) -> Spread | None:
    """Speedup of gazelle over the best backend of Keras."""
    best = best_keras(row, less)
    return paired(row["gazelle"], row[best], less) if best is not None and "gazelle" in row else None


def flat_until(sizes: list[float], times: list[float], factor: float = 2.0) -> float:
    """The end of the flat range: the last size before the time exceeds `factor` times the minimum so far."""
    for number, time in enumerate(times):
        if time > factor * min(times[: number + 1]):
            return sizes[number - 1]
    return sizes[-1]


def linear_until(sizes: list[float], times: list[float], factor: float = 1.5) -> float:
    """The end of the linear range: the same for the time divided by the size."""
    return flat_until(sizes, [time / size for time, size in zip(times, sizes, strict=True)], factor)

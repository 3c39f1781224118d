"""How far to go at once, and what to do meanwhile: what the loops share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from gazelle import data
from gazelle.metrics.name_aliases import Logs
from gazelle.training.trainer import Trainer

_TICK = 0.1  # seconds between two looks at the progress, at Ctrl-C and at the clock of the keeper


class StepsPerCall:
    """How many steps to go at once, so that about `_TICK` seconds pass."""

    def __init__(self) -> None:
        self.steps = 1

    def took(self, steps: int, seconds: float) -> None:
        """Learn from a call; the first ones, which compile, only slow it down for a moment."""
        wanted = steps * _TICK / max(seconds, 1e-6)
        self.steps = int(min(max(wanted, 1), self.steps * 8))


def ordered(trainer: Trainer, logs: dict[str, Any]) -> dict[str, Any]:
    """Logs with the loss first: a compiled program gives dicts back in alphabetical order."""
    return {name: logs[name] for name in dict.fromkeys([*trainer.metrics.names, *logs]) if name in logs}


def host_logs(trainer: Trainer, logs: Any) -> Logs:
    """Logs as Python numbers."""
    numbers = ordered(trainer, jax.device_get(logs))
    return Logs({k: float(v) if np.ndim(v) == 0 else np.asarray(v) for k, v in numbers.items()})


class Lookahead:
    """The chunks of a pass, the next one fetched while the device still computes."""

    def __init__(self, chunks: Iterator[data.Chunk]) -> None:
        self._chunks, self._next = chunks, next(chunks, None)

    def __iter__(self) -> Iterator[data.Chunk]:
        while self._next is not None:
            chunk, self._next = self._next, None
            yield chunk
            self.fetch()

    def fetch(self) -> None:
        if self._next is None:
            self._next = next(self._chunks, None)

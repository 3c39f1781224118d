"""Counting of batches for callbacks that act after a number of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gazelle.core.errors import ArgumentError, message


class BatchCounter:
    """Counter of batches for callbacks that act every `every` batches; batch numbers restart in each epoch.

    Args:
        save_freq: 'epoch', or a number of batches.
        owner: name of the callback in errors.

    Attributes:
        every: the number of batches; None for 'epoch'.
        total: batches counted so far.

    Raises:
        ArgumentError: `save_freq` is neither.
    """

    def __init__(self, save_freq: str | int, owner: str) -> None:
        by_batches = isinstance(save_freq, int) and not isinstance(save_freq, bool) and save_freq > 0
        if save_freq != "epoch" and not by_batches:
            got = repr(save_freq)
            raise ArgumentError(message(f"{owner}'s save_freq", expected="'epoch' or a number > 0", got=got))
        self.every = int(save_freq) if by_batches else None
        self.total = self._pending = 0
        self._last: int | None = None  # number of the last batch in its epoch

    def update(self, batch: int) -> bool:
        """Count up to a batch; events may skip batches.

        Args:
            batch: number of the batch in its epoch, from 0.

        Returns:
            Whether `every` batches have passed since this was last true.
        """
        first_of_epoch = self._last is None or batch <= self._last
        new = batch + 1 if first_of_epoch or self._last is None else batch - self._last
        self._last, self._pending, self.total = batch, self._pending + new, self.total + new
        if self.every is None or self._pending < self.every:
            return False
        self._pending = 0
        return True

    def state(self) -> dict[str, Any]:
        """The counts by name."""
        return {"counted": [self.total, self._pending, self._last]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what `state()` returned."""
        if "counted" in state:
            self.total, self._pending, self._last = state["counted"]

"""A source gives the batches of an epoch as chunks: a few steps at a time, stacked and on the device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import jax
import numpy as np

from gazelle import engine
from gazelle.core import settings
from gazelle.data.arrays import check_lengths, narrow
from gazelle.data.chunks import LARGE, Block, Chunk, bytes_of, filled, gather, steps_of_chunk

ALL = 2**31  # a batch size that takes all samples at once
BATCH = 32  # samples in a batch where nobody says it


class Source(Protocol):
    """What the loop asks of data."""

    steps: int | None  # batches in an epoch, None until the first epoch has shown it
    sample: Any  # (x, y, weight) of a first batch, for shapes
    exhausted: bool  # no further epoch can be had
    waited: float  # seconds that the last epoch waited for data

    def chunks(self, epoch: int, skip: int = 0) -> Iterator[Chunk]:
        """The chunks of an epoch without its first `skip` steps."""
        ...

    def blocks(self, most: int, fill: bool) -> Iterator[Block]:
        """x in order, up to `most` batches at once; `fill`: whether a short batch may be filled up."""
        ...

    def state(self, epoch: int, done: int) -> Any:
        """What `restore` needs to go on after `done` steps of an epoch: what JSON can hold."""
        ...

    def restore(self, seed: int, epoch: int, state: Any) -> None:
        """Be where a source of the same data was; `chunks(epoch, skip)` then goes on."""
        ...


class ArraySource:
    """Samples in memory, or mapped into it. Their order in an epoch is a function of (seed, epoch)."""

    exhausted = False
    waited = 0.0

    def __init__(self, data: Any, batch_size: int | None, shuffle: Any, seed: int, steps: int | None) -> None:
        self.data, self.shuffle, self.seed = data, shuffle, seed
        self.count = check_lengths(dict(zip(("x", "y", "sample_weight"), data, strict=True)))
        self._asked = batch_size or BATCH
        self.batch_size = min(self._asked, self.count)
        self.whole = -(-self.count // self.batch_size)  # batches in one pass over the samples
        self.steps: int | None = settings.apply_limit("steps", steps or self.whole)
        self.sample = jax.tree.map(lambda a: a[: self.batch_size], data)
        self._placed: Any = None

    def _pass(self, number: int) -> np.ndarray[Any, Any]:
        """The rows of one pass over the samples, in order."""
        random = np.random.Generator(np.random.Philox(key=[self.seed, number]))
        if self.shuffle == "batch":
            full = self.count - self.count % self.batch_size
            blocks = random.permutation(full // self.batch_size)[:, None] * self.batch_size
            return np.concatenate([(blocks + np.arange(self.batch_size)).ravel(), np.arange(full, self.count)])
        return random.permutation(self.count) if self.shuffle else np.arange(self.count)

    def chunks(self, epoch: int, skip: int = 0) -> Iterator[Chunk]:
        assert self.steps is not None
        size, full = self.batch_size, self.count // self.batch_size
        length = steps_of_chunk(bytes_of(self.sample), min(full, self.steps))
        first, last = epoch * self.steps + skip, (epoch + 1) * self.steps  # steps_per_epoch goes on where it stopped
        while first < last:
            number, offset = divmod(first, self.whole)
            upto = min(self.whole, offset + last - first)
            order = self._pass(number)
            for start in range(offset, min(upto, full), length):
                stop = min(start + length, upto, full)
                yield self._chunk(order[start * size : stop * size].reshape(-1, size), length)
            if upto > full:  # the short last batch
                yield self._chunk(order[full * size :][None], 1)
            first += upto - offset

    def _chunk(self, rows: Any, steps: int) -> Chunk:
        if self._placed is None and engine.fits_on_device(bytes_of(self.data)):
            self._placed = engine.to_device(self.data)
        if self._placed is None:
            return Chunk(gather(self.data, rows, steps), len(rows), rows)
        filled = np.zeros((steps, rows.shape[1]), np.int32)
        filled[: len(rows)] = rows
        return Chunk(engine.gather_rows(self._placed, filled), len(rows), rows)

    def state(self, epoch: int, done: int) -> Any:
        return None

    def restore(self, seed: int, epoch: int, state: Any) -> None:
        self.seed = seed

    def blocks(self, most: int, fill: bool) -> Iterator[Block]:
        assert self.steps is not None
        size, x = self.batch_size, self.data[0]
        if bytes_of(self.sample[0]) * most > LARGE:
            most = 1
        last, start = min(self.count, self.steps * size), 0
        while start < last:
            steps = most if start + most * size <= last else 1
            stop = min(start + steps * size, last)
            part = jax.tree.map(lambda array, a=start, b=stop: array[a:b], x)
            yield block(part, steps, self._asked if fill and steps == 1 else 0)
            start = stop


def block(rows: Any, steps: int = 1, fill: int = 0) -> Block:
    """Samples as `steps` batches; fill: up to how many samples zeros may be added to a single one."""
    part = jax.tree.map(lambda array: np.asarray(array, narrow(array.dtype)), rows)
    count = jax.tree.leaves(part)[0].shape[0]
    part = filled(part, fill) if fill else part
    return Block(jax.tree.map(lambda array: array.reshape(steps, -1, *array.shape[1:]), part), steps, count)

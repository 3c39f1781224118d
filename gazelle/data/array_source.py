"""The source of samples in memory or files, whose order is a function of (seed, epoch)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from gazelle import engine
from gazelle.core import conventions, settings
from gazelle.core.errors import message
from gazelle.core.traceback import warn
from gazelle.data import batching
from gazelle.data.arrays import check_lengths
from gazelle.data.batching import bytes_of, gather
from gazelle.data.rows import LazyRows
from gazelle.data.source import BATCH, Block, Chunk

if TYPE_CHECKING:
    from gazelle.core.types import Serialized, Tree

_TOGETHER = 4  # chunks of random samples that are read together where nearly the whole file is read for them


class ArraySource:
    """Source of samples in memory or files; their order is a function of (seed, epoch).

    With `steps`, an epoch begins where the last one stopped. It ends with the pass at the latest, or, if
    `conventions.epochs_cross_passes`, with the last of as many passes as there are epochs.

    Args:
        data: (x, y, weight), structures of arrays or `LazyRows`.
        batch_size: samples in a batch; by default `steps` of them cover the samples, or 32.
        shuffle: permute the samples in each epoch; "batch" permutes batches of consecutive samples.
        seed: the seed of the permutations.
        steps: batches in an epoch; None for one pass over the samples.
    """

    names: tuple[str, ...] = ("x", "y", "sample_weight")

    exhausted = False  # whether the passes ended before the epochs
    waited = 0.0

    def __init__(
        self, data: tuple[Tree, Tree, Tree], batch_size: int | None, shuffle: bool | str, seed: int, steps: int | None
    ) -> None:
        self.data, self.shuffle, self.seed = data, shuffle, seed
        self.count = check_lengths(dict(zip(("x", "y", "sample_weight"), data, strict=True)))
        self._requested_size = batch_size or (-(-self.count // steps) if steps else BATCH)
        self.batch_size = min(self._requested_size, self.count)
        self.steps_of_pass = -(-self.count // self.batch_size)  # batches in one pass over the samples
        self._stride = steps or self.steps_of_pass  # from the start of an epoch to that of the next
        self.steps: int | None = settings.apply_limit("steps", self._stride)
        self.sample = jax.tree.map(lambda a: a[: self.batch_size], data)
        self.lazy = any(isinstance(leaf, LazyRows) for leaf in jax.tree.leaves(data))
        self.advice = " shuffle='batch' reads neighbours together." if self.lazy and shuffle is True else ""
        self.inspect: dict[str, Callable[[Any], None]] = {}
        self._first_epoch, self._passes = 0, 1
        self._placed: Any = None
        self._warned = False

    def begin_at(self, epoch: int, epochs: int) -> None:
        """Set the first epoch, which begins with the first batch, and how many follow with it."""
        self._first_epoch, self._passes = epoch, max(epochs, 1)

    def _pass(self, number: int) -> np.ndarray[Any, Any]:
        """The indices of the samples in one pass."""
        return order_of_pass(self.seed, number, self.count, self.batch_size, self.shuffle)

    def chunks(self, epoch: int, skip: int = 0) -> Iterator[Chunk]:
        assert self.steps is not None
        before, self.waited = epoch - self._first_epoch, 0.0
        if conventions.active.epochs_cross_passes:
            begin, total = before * self._stride, self._passes * self.steps_of_pass
        else:
            number, place = divmod(before, -(-self.steps_of_pass // self._stride))
            begin, total = number * self.steps_of_pass + place * self._stride, (number + 1) * self.steps_of_pass
        last = min(begin + self.steps, total)
        if last - begin < self.steps:
            self._warn_short(last - begin)
            self.exhausted = conventions.active.epochs_cross_passes
        size, full = self.batch_size, self.count // self.batch_size
        length = batching.steps_of_chunk(bytes_of(self.sample), min(full, self.steps))
        leaves = jax.tree.leaves(self.data) if self.lazy and self.shuffle is True else []
        reach = length * (_TOGETHER if any(getattr(leaf, "by_slices", False) for leaf in leaves) else 1)
        position = begin + skip
        while position < last:
            number, place = divmod(position, self.steps_of_pass)
            end = min(last - position + place, self.steps_of_pass)
            order = self._pass(self._first_epoch + number)
            for start in range(place, min(end, full), reach):
                stop = min(start + reach, end, full)
                yield from self._chunks(order[start * size : stop * size].reshape(-1, size), length)
            if end > full:  # the short last batch
                yield from self._chunks(order[full * size :][None], 1)
            position += end - place

    def _warn_short(self, steps: int) -> None:
        """Warn that an epoch has fewer steps than requested, as the pass over the samples ends."""
        if self._warned:
            return
        self._warned = True
        warn(
            message(
                "The data ran out before the end of an epoch, which stopped there",
                expected=f"{self.steps} batches of {self.batch_size} samples",
                got=f"{steps} from the {self.count} samples of {self.names[0]}",
                hint="Lower the number of steps, or omit it: an epoch then uses every sample once.",
            )
        )

    def _chunks(self, rows: Any, steps: int) -> Iterator[Chunk]:
        """Chunks of `steps` steps, whose samples are read together."""
        if self._placed is None and not self.lazy and engine.fits_on_device(bytes_of(self.data)):
            self._placed = engine.to_device(self.data)
        if self._placed is not None:
            padded = np.zeros((steps, rows.shape[1]), np.int32)
            padded[: len(rows)] = rows
            yield Chunk(engine.gather_rows(self._placed, padded), len(rows), rows)
            return
        began = time.perf_counter()
        arrays = gather(self.data, rows[:, engine.own_rows(rows.shape[1])], -(-len(rows) // steps) * steps)
        if self.lazy:
            self._inspect(jax.tree.map(lambda a: batching.rows_of(a[: len(rows)]), arrays))
            self.waited += time.perf_counter() - began
        for start in range(0, len(rows), steps):
            some = rows[start : start + steps]
            part = arrays if len(rows) <= steps else jax.tree.map(lambda a, s=start: a[s : s + steps], arrays)
            yield Chunk(engine.batches_to_device(part, rows.shape[1]), len(some), some)

    def _inspect(self, batch: Any) -> None:
        """Check rows that were read just now; those in memory were checked before."""
        for check in self.inspect.values():
            check(batch)

    def state(self, epoch: int, done: int) -> Serialized:
        return None

    def restore(self, seed: int, epoch: int, state: Serialized) -> None:
        self.seed = seed

    def close(self) -> None:
        pass

    def blocks(self, most: int, fill: bool) -> Iterator[Block]:
        assert self.steps is not None
        size, x = self.batch_size, self.data[0]
        if bytes_of(self.sample[0]) * most > batching.MAX_CHUNK:
            most = 1
        if self.steps > self.steps_of_pass:
            self._warn_short(self.steps_of_pass)
        last, start = min(self.count, self.steps * size), 0
        while start < last:
            steps = most if start + most * size <= last else 1
            stop = min(start + steps * size, last)
            padded = self._requested_size if fill and steps == 1 else 0
            width = batching.padded_size(stop - start, padded) // steps
            own = engine.own_rows(width)
            if own == slice(0, width):
                part = jax.tree.map(lambda array, a=start, b=stop: array[a:b], x)
                found = batching.block(part, steps, padded)
            else:  # other processes read the rest; the last sample is the padding
                rows = np.minimum(np.arange(start, start + steps * width), stop - 1).reshape(steps, width)[:, own]
                part = gather(x, rows, steps)
                found = Block(part, steps, stop - start, width)
                part = jax.tree.map(batching.rows_of, part)
            if self.lazy:
                self._inspect((part, None, None))
            yield found
            start = stop


def order_of_pass(seed: int, number: int, count: int, batch_size: int, shuffle: bool | str) -> np.ndarray[Any, Any]:
    """The indices of the samples in a pass, a function of (seed, number of the pass).

    Args:
        seed: the seed.
        number: the number of the pass.
        count: number of samples.
        batch_size: samples in a batch.
        shuffle: permute the samples; "batch" permutes batches of consecutive samples.
    """
    if not shuffle:
        return np.arange(count)
    random = np.random.Generator(np.random.Philox(key=[seed, number]))
    if shuffle == "batch":
        full = count - count % batch_size
        blocks = random.permutation(full // batch_size)[:, None] * batch_size
        return np.concatenate([(blocks + np.arange(batch_size)).ravel(), np.arange(full, count)])
    return random.permutation(count)

"""Sources yield the batches of an epoch in chunks: several steps, stacked and on the device.

Chunks have few different sizes, so that one compiled program serves any number of samples.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import jax
import numpy as np

from gazelle import engine
from gazelle.core import settings
from gazelle.core.errors import DataError, message
from gazelle.core.traceback import warn
from gazelle.data.arrays import check_lengths
from gazelle.data.rows import LazyRows, narrow, rows_of_array

if TYPE_CHECKING:
    from gazelle.core.types import Serialized, Tree

ALL = 2**31  # the batch size for all samples at once
BATCH = 32  # the default batch size
MAX_CHUNK = 32 * 2**20  # bytes of a chunk, unless a single batch is larger
_TOGETHER = 4  # chunks of random samples that are read together where nearly the whole file is read for them
_STREAM = ((64 * 2**10, 16), (2**20, 4))  # maximum bytes of a batch -> batches in a chunk, where they arrive one by one


@dataclasses.dataclass
class Chunk:
    """Some steps of an epoch.

    Attributes:
        arrays: (x, y, weight), structures of arrays (steps, batch, ...).
        stop: steps 0 ... stop - 1 contain samples; the others are padding.
        rows: (steps, batch) indices of the samples; None if they have none.
    """

    arrays: Any
    stop: int
    rows: Any = None


@dataclasses.dataclass
class Block:
    """Samples for prediction.

    Attributes:
        arrays: x, a structure of arrays (steps, batch, ...).
        stop: number of steps.
        count: number of samples; the others are padding.
        batch: samples in a batch, if `arrays` has only those that this process computes.
    """

    arrays: Any
    stop: int
    count: int
    batch: int | None = None


class Source(Protocol):
    """Interface of data for the training loop.

    Attributes:
        steps: batches in an epoch; None until the first epoch has ended.
        sample: (x, y, weight) of a first batch, for shapes.
        seed: seed of the order of the samples.
        exhausted: whether there is no further epoch.
        waited: seconds that the last epoch waited for data.
        names: names of x, y and sample_weight in errors.
        advice: what makes slow data faster, as a sentence.
        inspect: functions by name that are called with batches (x, y, weight) on the host, and may raise.
    """

    steps: int | None
    sample: Any
    seed: int
    exhausted: bool
    waited: float
    names: tuple[str, ...]
    advice: str
    inspect: dict[str, Callable[[Any], None]]

    def chunks(self, epoch: int, skip: int = 0) -> Iterator[Chunk]:
        """The chunks of an epoch without its first `skip` steps."""
        ...

    def blocks(self, most: int, fill: bool) -> Iterator[Block]:
        """x in order, up to `most` batches at once; `fill`: whether a short batch may be padded."""
        ...

    def state(self, epoch: int, done: int) -> Serialized:
        """The values, as JSON can hold them, that `restore` needs after `done` steps of an epoch."""
        ...

    def restore(self, seed: int, epoch: int, state: Serialized) -> None:
        """Restore the position of another source of the same data; `chunks(epoch, skip)` then continues."""
        ...

    def close(self) -> None:
        """End the workers of the data."""
        ...


class ArraySource:
    """Source of samples in memory or files; their order is a function of (seed, epoch).

    With `steps`, an epoch begins where the last one stopped, and ends with the pass at the latest.

    Args:
        data: (x, y, weight), structures of arrays or `LazyRows`.
        batch_size: samples in a batch; by default `steps` of them cover the samples, or 32.
        shuffle: permute the samples in each epoch; "batch" permutes batches of consecutive samples.
        seed: the seed of the permutations.
        steps: batches in an epoch; None for one pass over the samples.
    """

    names: tuple[str, ...] = ("x", "y", "sample_weight")

    exhausted = False
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
        self._placed: Any = None
        self._warned = False

    def _pass(self, number: int) -> np.ndarray[Any, Any]:
        """The indices of the samples in one pass."""
        return order_of_pass(self.seed, number, self.count, self.batch_size, self.shuffle)

    def chunks(self, epoch: int, skip: int = 0) -> Iterator[Chunk]:
        assert self.steps is not None
        size, full = self.batch_size, self.count // self.batch_size
        length = steps_of_chunk(bytes_of(self.sample), min(full, self.steps))
        number, place = divmod(epoch, -(-self.steps_of_pass // self._stride))
        begin = place * self._stride
        last = min(begin + self.steps, self.steps_of_pass)
        if last - begin < self.steps:
            self._warn_short(last - begin)
        order, self.waited = self._pass(number), 0.0
        leaves = jax.tree.leaves(self.data) if self.lazy and self.shuffle is True else []
        reach = length * (_TOGETHER if any(getattr(leaf, "by_slices", False) for leaf in leaves) else 1)
        for start in range(begin + skip, min(last, full), reach):
            stop = min(start + reach, last, full)
            yield from self._chunks(order[start * size : stop * size].reshape(-1, size), length)
        if last > full and begin + skip < last:  # the short last batch
            yield from self._chunks(order[full * size :][None], 1)

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
            self._inspect(jax.tree.map(lambda a: a[: len(rows)].reshape(-1, *a.shape[2:]), arrays))
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
        if bytes_of(self.sample[0]) * most > MAX_CHUNK:
            most = 1
        if self.steps > self.steps_of_pass:
            self._warn_short(self.steps_of_pass)
        last, start = min(self.count, self.steps * size), 0
        while start < last:
            steps = most if start + most * size <= last else 1
            stop = min(start + steps * size, last)
            padded = self._requested_size if fill and steps == 1 else 0
            width = _padded(stop - start, padded) // steps
            own = engine.own_rows(width)
            if own == slice(0, width):
                part = jax.tree.map(lambda array, a=start, b=stop: array[a:b], x)
                found = block(part, steps, padded)
            else:  # other processes read the rest; the last sample is the padding
                rows = np.minimum(np.arange(start, start + steps * width), stop - 1).reshape(steps, width)[:, own]
                part = gather(x, rows, steps)
                found = Block(part, steps, stop - start, width)
                part = jax.tree.map(lambda array: array.reshape(-1, *array.shape[2:]), part)
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


def block(rows: Tree, steps: int = 1, fill: int = 0) -> Block:
    """Samples as `steps` batches.

    Args:
        rows: a structure of arrays.
        steps: number of batches.
        fill: pad a single batch up to this number of samples at most; 0 for no padding.
    """
    part = jax.tree.map(lambda array: np.asarray(array, narrow(array.dtype)), rows)
    count = jax.tree.leaves(part)[0].shape[0]
    part = pad_batch(part, fill) if fill else part
    return Block(jax.tree.map(lambda array: array.reshape(steps, -1, *array.shape[1:]), part), steps, count)


def steps_of_chunk(batch_bytes: int, count: int) -> int:
    """The number of steps in a chunk: a power of 4, so that there are few sizes, at least `count` if memory allows."""
    steps = 1
    while steps < count and steps * 4 * batch_bytes <= MAX_CHUNK:
        steps *= 4
    return steps


def steps_of_stream(batch_bytes: int) -> int:
    """The maximum number of stacked batches where they arrive one by one: it pays off for small ones."""
    return next((steps for size, steps in _STREAM if batch_bytes <= size), 1)


def gather(data: Tree, rows: np.ndarray[Any, Any], steps: int) -> Tree:
    """The samples of `rows` (k <= steps, batch) as arrays (steps, batch, ...) on the host."""
    return jax.tree.map(lambda array: _gather(array, rows, steps), data)


def _gather(array: Any, rows: Any, steps: int) -> Any:
    count, batch = rows.shape
    dtype, tail = narrow(array.dtype), array.shape[1:]
    flat = rows.reshape(-1)
    if isinstance(array, LazyRows):
        out = engine.buffer((steps, batch, *tail), dtype)
        array.read(flat, out[:count].reshape(count * batch, *tail))
        return out
    array = np.asarray(array)
    consecutive = len(flat) < 2 or bool((np.diff(flat) == 1).all())
    part = array[flat[0] : flat[0] + len(flat)] if consecutive else None
    if part is not None and count == steps and array.dtype == dtype:
        return part.reshape(steps, batch, *tail)
    out = engine.buffer((steps, batch, *tail), dtype)
    if part is not None:
        out[:count] = part.reshape(count, batch, *tail)
    elif array.dtype == dtype and array.flags.c_contiguous:  # of another array, `take` copies the whole
        np.take(array, flat, axis=0, out=out[:count].reshape(count * batch, *tail), mode="clip")
    else:
        for where, values in rows_of_array(array, flat):
            out[:count].reshape(count * batch, *tail)[where] = values
    return out


def stack(batches: list[Any], steps: int, readers: int = 1) -> Tree:
    """Batches of equal shape as arrays (steps, batch, ...) on the device, of which each reader has its own part."""
    rows = jax.tree.leaves(batches[0])[0].shape[0]
    size = rows * readers
    own = engine.own_rows(size)
    if readers > 1:
        if own.stop - own.start != rows:
            raise DataError(
                message(
                    "A batch of a process that reads its own part (auto_shard_dataset=False)",
                    expected="samples that divide by its devices, as many in each process",
                    got=rows,
                    hint="Drop a short last batch.",
                )
            )
    elif own != slice(0, size):
        batches = [jax.tree.map(lambda array: array[own], batch) for batch in batches]
    if steps == 1:
        return engine.batches_to_device(jax.tree.map(lambda array: array[None], batches[0]), size)

    def one(*arrays: Any) -> Any:
        out = engine.buffer((steps, *arrays[0].shape), arrays[0].dtype)
        for index, array in enumerate(arrays):
            out[index] = array
        return out

    return engine.batches_to_device(jax.tree.map(one, *batches), size)


def bytes_of(tree: Tree) -> int:
    """The size of all arrays in a structure."""
    return sum(int(np.prod(leaf.shape)) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def _padded(count: int, most: int) -> int:
    """The size of a batch that is padded up to `most` samples; 0 for no padding."""
    return min(most, 1 << (count - 1).bit_length()) if most else count


def pad_batch(batch: Tree, most: int) -> Tree:
    """Pad a batch of fewer than `most` samples with zeros to the next power of 2, so that there are few sizes."""
    count = jax.tree.leaves(batch)[0].shape[0]
    size = _padded(count, most)

    def one(array: Any) -> Any:
        return np.concatenate([array, np.zeros((size - count, *array.shape[1:]), array.dtype)])

    return batch if size == count else jax.tree.map(one, batch)

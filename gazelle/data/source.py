"""A source gives the batches of an epoch as segments: arrays on the device and which rows make which batch."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import jax
import numpy as np

from gazelle.core.errors import ArgumentError, DataError, message
from gazelle.data.arrays import as_arrays, check_lengths
from gazelle.data.weights import class_weights

Segment = tuple[Any, np.ndarray[Any, Any]]  # (x, y, weight) and order (steps, batch)


class Source(Protocol):
    """What the loop asks of data."""

    steps: int | None  # batches in an epoch, None until the first epoch has shown it
    sample: Any  # (x, y, weight) of a first batch, for shapes

    def segments(self, epoch: int) -> Iterator[Segment]: ...

    def batches(self) -> Iterator[Any]: ...


class ArraySource:
    """Samples in memory. Their order in an epoch is a function of (seed, epoch)."""

    def __init__(self, data: Any, batch_size: int | None, shuffle: Any, seed: int, steps: int | None) -> None:
        self.data, self.batch_size, self.shuffle, self.seed = data, batch_size or 32, shuffle, seed
        self.count = check_lengths(dict(zip(("x", "y", "sample_weight"), data, strict=True)))
        self.batch_size = min(self.batch_size, self.count)
        self.whole = -(-self.count // self.batch_size)  # batches in one pass over the samples
        self.steps: int | None = steps or self.whole
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

    def segments(self, epoch: int) -> Iterator[Segment]:
        if self._placed is None:
            self._placed = jax.tree.map(jax.numpy.asarray, self.data)
        assert self.steps is not None
        first, last = epoch * self.steps, (epoch + 1) * self.steps  # steps_per_epoch goes on where it stopped
        while first < last:
            number, offset = divmod(first, self.whole)
            upto = min(self.whole, offset + last - first)
            rows = self._pass(number).astype(np.int32)
            full = min(upto, self.count // self.batch_size)
            if full > offset:
                order = rows[offset * self.batch_size : full * self.batch_size]
                yield self._placed, order.reshape(-1, self.batch_size)
            if upto > full:  # the short last batch
                yield self._placed, rows[full * self.batch_size :][None]
            first += upto - offset

    def batches(self) -> Iterator[Any]:
        """x of one batch after the other, in order and still on the host."""
        assert self.steps is not None
        for start in range(0, min(self.count, self.steps * self.batch_size), self.batch_size):
            yield jax.tree.map(lambda a, start=start: a[start : start + self.batch_size], self.data[0])


class StreamSource:
    """Batches that arrive one by one: a generator, or a dataset of any library that can be iterated."""

    def __init__(self, batches: Callable[[int], Iterator[Any]], steps: int | None, endless: bool, cast: Any) -> None:
        self._batches, self.steps, self._endless, self._cast = batches, steps, endless, cast
        self._iterator: Iterator[Any] | None = None
        self._ahead: list[Any] = []
        self.sample = self._next(0)
        self._ahead.append(self.sample)

    def _next(self, epoch: int) -> Any:
        if self._ahead:
            return self._ahead.pop()
        if self._iterator is None:
            self._iterator = self._batches(epoch)
        return self._cast(next(self._iterator))

    def segments(self, epoch: int) -> Iterator[Segment]:
        done = 0
        while self.steps is None or done < self.steps:
            try:
                batch = self._next(epoch)
            except StopIteration:
                self._iterator = None
                if self.steps is not None and done < self.steps and self._endless and done > 0:
                    raise DataError(
                        message("The generator ended early", expected=f"{self.steps} batches an epoch", got=done,
                                mend="Let it loop forever (while True:), or lower steps_per_epoch.")
                    ) from None  # fmt: skip
                if self.steps is not None and done < self.steps and not self._endless:
                    continue
                if done == 0:
                    raise DataError(message("The data", expected="at least one batch", got="none")) from None
                break
            size = jax.tree.leaves(batch)[0].shape[0]
            yield jax.tree.map(jax.numpy.asarray, batch), np.arange(size, dtype=np.int32)[None]
            done += 1
        if not self._endless and self.steps is None:
            self.steps = done

    def batches(self) -> Iterator[Any]:
        """x of one batch after the other."""
        return (arrays[0] for arrays, _ in self.segments(0))


def make_source(
    x: Any, y: Any = None, sample_weight: Any = None, *, batch_size: int | None = None, shuffle: Any = False,
    seed: int = 0, class_weight: Any = None, steps: int | None = None, what: str = "",
) -> ArraySource | StreamSource:  # fmt: skip
    """The source for whatever was given as x (and y)."""
    for name, value in (("batch_size", batch_size), ("steps", steps)):
        if value is not None and (not hasattr(value, "__index__") or value <= 0):
            raise ArgumentError(message(name, expected="a whole number from 1 on", got=repr(value)))

    def cast(batch: Any) -> Any:
        if isinstance(batch, list) and len(batch) in (2, 3):
            batch = tuple(batch)
        parts = batch if isinstance(batch, tuple) else (batch,)
        if len(parts) > 3 or not parts:
            raise DataError(message("A batch", expected="(x,), (x, y) or (x, y, weight)", got=f"{len(parts)} parts"))
        bx, by, bw = (*parts, None, None)[:3]
        bx, by, bw = as_arrays(f"{what}x", bx), as_arrays(f"{what}y", by), as_arrays("sample_weight", bw)
        return bx, by, class_weights(class_weight, by, bw) if class_weight else bw

    if _is_stream(x):
        if y is not None or sample_weight is not None:
            raise ArgumentError(
                message("y", expected="nothing where x is a generator or dataset", got=type(y).__name__,
                        mend="Let it yield (x, y).")
            )  # fmt: skip
        return _stream(x, shuffle, seed, steps, cast)
    data = cast((x, y, sample_weight))
    return ArraySource(data, batch_size, shuffle, seed, steps)


def _is_stream(x: Any) -> bool:
    if isinstance(x, (np.ndarray, jax.Array, dict, list, tuple, str)) or hasattr(x, "__array__"):
        return False
    if type(x).__module__.split(".")[0] in ("pandas", "polars", "pyarrow"):
        return False
    return hasattr(x, "__next__") or hasattr(x, "__iter__") or (hasattr(x, "__getitem__") and hasattr(x, "__len__"))


def _stream(x: Any, shuffle: Any, seed: int, steps: int | None, cast: Any) -> StreamSource:
    if inspect.isgeneratorfunction(x):
        x = x()
    if hasattr(x, "__next__"):
        return StreamSource(lambda _: x, steps, True, cast)
    if hasattr(x, "__getitem__") and hasattr(x, "__len__") and not hasattr(x, "collate_fn"):  # indexed batches

        def batches(epoch: int) -> Iterator[Any]:
            order: Any = range(len(x))
            if shuffle:
                order = np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(len(x))
            yield from (x[int(i)] for i in order)
            if hasattr(x, "on_epoch_end"):
                x.on_epoch_end()

        return StreamSource(batches, steps or len(x), False, cast)
    length = None
    if hasattr(x, "__len__"):
        length = len(x)
    return StreamSource(lambda _: iter(x), steps or length, False, cast)

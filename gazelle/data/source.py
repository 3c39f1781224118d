"""A source gives the batches of an epoch as segments: arrays on the device and which rows make which batch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import jax
import numpy as np

from gazelle.core.errors import ArgumentError, DataError, message
from gazelle.data.arrays import as_arrays, check_lengths
from gazelle.data.weights import class_weights

#: (x, y, weight), order (steps, batch), and the first and last step to go in it. All segments of a pass show its whole
#: order: wherever an epoch begins and ends in the pass, shapes are equal and the same program runs.
Segment = tuple[Any, np.ndarray[Any, Any], int, int]


class Source(Protocol):
    """What the loop asks of data."""

    steps: int | None  # batches in an epoch, None until the first epoch has shown it
    sample: Any  # (x, y, weight) of a first batch, for shapes
    exhausted: bool  # no further epoch can be had

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
        self.exhausted = False

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
                order = rows[: self.count // self.batch_size * self.batch_size]
                yield self._placed, order.reshape(-1, self.batch_size), offset, full
            if upto > full:  # the short last batch
                yield self._placed, rows[full * self.batch_size :][None], 0, 1
            first += upto - offset

    def batches(self) -> Iterator[Any]:
        """x of one batch after the other, in order and still on the host."""
        assert self.steps is not None
        for start in range(0, min(self.count, self.steps * self.batch_size), self.batch_size):
            yield jax.tree.map(lambda a, start=start: a[start : start + self.batch_size], self.data[0])


class StreamSource:
    """Batches that arrive one by one: a generator, or a dataset of any library that can be iterated.

    Args:
        batches: `(seed, epoch) -> iterator` over one pass.
        endless: a generator, which has one pass only.
        sample: a first batch, where one can be had without beginning the pass.
        ended: called after each epoch.
    """

    def __init__(
        self, batches: Callable[[int, int], Iterator[Any]], steps: int | None, endless: bool, cast: Any,
        sample: Any = None, ended: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._batches, self.steps, self._endless, self._cast = batches, steps, endless, cast
        self.seed, self._ended = 0, ended
        self.exhausted = False  # a generator has nothing more to give
        self._iterator: Iterator[Any] | None = None
        self._fresh = True  # the pass has given nothing yet
        self._ahead: list[Any] = []
        self.inspect: Callable[[Any], None] = lambda batch: None  # looks at each batch on the host, and may raise
        if sample is None:
            try:
                self._ahead.append(self._next(0))
            except StopIteration:
                raise DataError(message("The data", expected="at least one batch", got="none")) from None
        self.sample = self._ahead[0] if sample is None else cast(sample)

    def _next(self, epoch: int) -> Any:
        if self._ahead:
            return self._ahead.pop()
        if self._iterator is None:
            self._iterator, self._fresh = self._batches(self.seed, epoch), True
        batch = next(self._iterator)
        self._fresh = False
        return self._cast(batch)

    def segments(self, epoch: int) -> Iterator[Segment]:
        done = 0
        while self.steps is None or done < self.steps:
            try:
                batch = self._next(epoch)
            except StopIteration:
                self._iterator = None
                if self.steps is None and done > 0:
                    break
                if self.steps is not None and not self._endless and not self._fresh:
                    continue  # another pass
                self.exhausted = True
                warnings.warn(
                    message(f"The data ended early, in epoch {epoch + 1}; training stops",
                            expected=f"{self.steps or 'some'} batches an epoch", got=done,
                            mend="A generator is gone through once: let it loop forever (while True:), or lower "
                                 "steps_per_epoch."),
                    UserWarning, stacklevel=2,
                )  # fmt: skip
                break
            self.inspect(batch)
            size = jax.tree.leaves(batch)[0].shape[0]
            yield jax.tree.map(jax.numpy.asarray, batch), np.arange(size, dtype=np.int32)[None], 0, 1
            done += 1
        if not self._endless and self.steps is None:
            self.steps = done
        self._ended()

    def batches(self) -> Iterator[Any]:
        """x of one batch after the other."""
        return (arrays[0] for arrays, *_ in self.segments(0))


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

    if is_stream(x):
        if y is not None or sample_weight is not None:
            raise ArgumentError(
                message("y", expected="nothing where x is a generator or dataset", got=type(y).__name__,
                        mend="Let it yield (x, y).")
            )  # fmt: skip
        return _stream(x, shuffle, steps, cast)
    data = cast((x, y, sample_weight))
    return ArraySource(data, batch_size, shuffle, seed, steps)


def is_stream(x: Any) -> bool:
    if isinstance(x, (np.ndarray, jax.Array, dict, list, tuple, str)) or hasattr(x, "__array__"):
        return False
    if type(x).__module__.split(".")[0] in ("pandas", "polars", "pyarrow"):
        return False
    return hasattr(x, "__next__") or hasattr(x, "__iter__") or (hasattr(x, "__getitem__") and hasattr(x, "__len__"))


def _stream(x: Any, shuffle: Any, steps: int | None, cast: Any) -> StreamSource:
    if hasattr(x, "__next__"):
        return StreamSource(lambda seed, epoch: x, steps, True, cast)
    if hasattr(x, "__getitem__") and hasattr(x, "__len__") and not hasattr(x, "collate_fn"):  # indexed batches

        def batches(seed: int, epoch: int) -> Iterator[Any]:
            order: Any = range(len(x))
            if shuffle:
                order = np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(len(x))
            return (x[int(i)] for i in order)

        if not len(x):
            raise DataError(message("The data", expected="at least one batch", got="none"))
        ended = getattr(x, "on_epoch_end", lambda: None)
        return StreamSource(batches, steps or len(x), False, cast, sample=x[0], ended=ended)
    length = len(x) if hasattr(x, "__len__") else None
    return StreamSource(lambda seed, epoch: iter(x), steps or length, False, cast)

"""A dataset: batches that are read when they are asked for, as often as wanted."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np

from gazelle.core import prng


class Read(np.ndarray):
    """An array that a dataset gave: NumPy's, and it has the method of the tensors which Keras gives in its place."""

    def numpy(self) -> np.ndarray[Any, Any]:
        """The array itself."""
        return self.view(np.ndarray)


def _shown(leaf: Any) -> Any:
    return leaf.view(Read) if type(leaf) is np.ndarray else leaf


class Dataset:
    """Elements that come one after the other in each pass; `fit` takes it as x.

    Args:
        begin: `(number, start) -> iterator` over the elements of a pass, from the element `start` on.
        length: how many elements a pass has.
        class_names: names of the classes, in the order of their numbers.
        file_paths: the files it reads.
        batch_size: samples in an element; None: an element is one sample.

    >>> numbers = Dataset(lambda number, start: iter(range(start, 3)), 3)
    >>> len(numbers), list(numbers.map(lambda x: x * 2))
    (3, [0, 2, 4])
    """

    def __init__(
        self,
        begin: Callable[[int, int], Iterator[Any]],
        length: int,
        class_names: list[str] | None = None,
        file_paths: list[str] | None = None,
        batch_size: int | None = None,
    ) -> None:
        self._begin, self._length = begin, length
        self.class_names, self.file_paths, self.batch_size = class_names, file_paths, batch_size
        self._next = (0, 0)  # the pass that begins next, and the element it begins at
        self._at = (0, 0)  # after the element that was given last

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Any]:
        number, done = self._next
        self._next, self._at = (number + 1, 0), (number, done)
        for element in self._begin(number, done):
            done += 1
            self._at = (number, done) if done < self._length else (number + 1, 0)
            yield jax.tree.map(_shown, element)

    def state(self) -> dict[str, int]:
        """Where it stands; `restore` goes on from there."""
        return {"pass": self._at[0], "done": self._at[1]}

    def restore(self, state: dict[str, int]) -> None:
        """The next iteration goes on where `state` says."""
        self._next = self._at = (int(state["pass"]), int(state["done"]))

    def _of(self, begin: Callable[[int, int], Iterator[Any]], length: int, batch_size: int | None) -> Dataset:
        return Dataset(begin, length, self.class_names, self.file_paths, batch_size)

    def map(self, function: Callable[..., Any], num_parallel_calls: Any = None) -> Dataset:
        """Each element after `function(x)`, or `function(x, y)` where it is a tuple."""

        def begin(number: int, start: int) -> Iterator[Any]:
            elements = self._begin(number, start)
            return (function(*e) if isinstance(e, tuple) else function(e) for e in elements)

        return self._of(begin, self._length, self.batch_size)

    def take(self, count: int) -> Dataset:
        """The first `count` elements; all if it is -1."""
        length = self._length if count < 0 else min(count, self._length)

        def begin(number: int, start: int) -> Iterator[Any]:
            return itertools.islice(self._begin(number, start), length - start)

        return self._of(begin, length, self.batch_size)

    def skip(self, count: int) -> Dataset:
        """All but the first `count` elements."""
        length = max(0, self._length - count)
        return self._of(lambda n, start: self._begin(n, start + count), length, self.batch_size)

    def batch(self, batch_size: int, drop_remainder: bool = False) -> Dataset:
        """`batch_size` elements as one, with a new first axis."""
        length = self._length // batch_size if drop_remainder else -(-self._length // batch_size)

        def begin(number: int, start: int) -> Iterator[Any]:
            elements = self._begin(number, start * batch_size)
            for _ in range(start, length):
                yield stacked(list(itertools.islice(elements, batch_size)))

        return self._of(begin, length, batch_size)

    def shuffle(self, buffer_size: int, seed: int | None = None) -> Dataset:
        """The elements in another order in each pass: the next is drawn from `buffer_size` that were read ahead."""
        seed = prng.next_seed() if seed is None else seed

        def begin(number: int, start: int) -> Iterator[Any]:
            return itertools.islice(_mixed(self._begin(number, 0), buffer_size, generator(seed, number)), start, None)

        return self._of(begin, self._length, self.batch_size)

    def cache(self) -> Dataset:
        """The elements of the first whole pass are kept in memory and given again in the next ones."""
        kept: list[Any] = []

        def begin(number: int, start: int) -> Iterator[Any]:
            if len(kept) < self._length:
                kept[:] = self._begin(number, 0)
            return iter(kept[start:])

        return self._of(begin, self._length, self.batch_size)

    def prefetch(self, buffer_size: int) -> Dataset:
        """Itself: `fit` reads ahead anyway."""
        return self

    def as_numpy_iterator(self) -> Iterator[Any]:
        """The elements, as an iterator."""
        return iter(self)


def generator(seed: int, number: int) -> np.random.Generator:
    """Random numbers of a pass: a function of (seed, number of the pass)."""
    return np.random.Generator(np.random.Philox(key=[seed, number]))


def indexed(
    load: Callable[[int], Any],
    count: int,
    batch_size: int | None,
    shuffle: bool,
    seed: int,
    combine: Callable[[list[Any]], Any] | None = None,
    **words: Any,
) -> Dataset:
    """The dataset of `load(i)` for i below `count`, in batches read by several threads."""
    size = batch_size or 1
    join = combine or stacked

    def begin(number: int, start: int) -> Iterator[Any]:
        order = generator(seed, number).permutation(count) if shuffle else np.arange(count)
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            for first in range(start * size, count, size):
                samples = list(pool.map(load, order[first : first + size].tolist()))
                yield samples[0] if batch_size is None else join(samples)

    return Dataset(begin, -(-count // size), batch_size=batch_size, **words)


def stacked(samples: list[Any]) -> Any:
    """Samples of one structure as arrays with a new first axis."""
    return jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *samples)


def _mixed(elements: Iterator[Any], size: int, draw: np.random.Generator) -> Iterator[Any]:
    held = list(itertools.islice(elements, size))
    for element in elements:
        place = int(draw.integers(len(held)))
        held[place], out = element, held[place]
        yield out
    yield from (held[int(i)] for i in draw.permutation(len(held)))

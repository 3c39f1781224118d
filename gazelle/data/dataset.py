"""Datasets: elements that are read on demand, in any number of passes."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from gazelle.core import prng

if TYPE_CHECKING:
    from gazelle.core.types import Tree


class DatasetArray(np.ndarray):
    """Array yielded by a dataset; it has the method `numpy` of the tensors that Keras yields."""

    def numpy(self) -> np.ndarray[Any, Any]:
        """The array as a plain NumPy array."""
        return self.view(np.ndarray)


def _with_numpy_method(leaf: Any) -> Any:
    return leaf.view(DatasetArray) if type(leaf) is np.ndarray else leaf


class Dataset:
    """Sequence of elements that can be iterated any number of times; `fit` accepts it as x.

    Args:
        begin: (number of the pass, start) -> iterator over its elements from the index `start`.
        length: number of elements in a pass.
        class_names: names of the classes, in the order of their indices.
        file_paths: the files that are read.
        batch_size: samples in an element; None if an element is a single sample.

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
        self._next = (0, 0)  # the next pass, and the element it starts at
        self._at = (0, 0)  # after the last element that was yielded
        self._begun = 0  # passes that were begun, those of datasets made from this one included
        self._source: Dataset | None = None

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Any]:
        number, done = self._next
        self._next, self._at = (number + 1, 0), (number, done)
        each: Dataset | None = self
        while each is not None:
            each._begun, each = max(each._begun, number + 1), each._source
        for element in self._begin(number, done):
            done += 1
            self._at = (number, done) if done < self._length else (number + 1, 0)
            yield jax.tree.map(_with_numpy_method, element)

    def state(self) -> dict[str, int]:
        """The current position."""
        return {"pass": self._at[0], "done": self._at[1]}

    def restore(self, state: Mapping[str, int]) -> None:
        """Continue the next iteration at a position returned by `state`."""
        self._next = self._at = (int(state["pass"]), int(state["done"]))

    def _derived(self, begin: Callable[[int, int], Iterator[Any]], length: int, batch_size: int | None) -> Dataset:
        made = Dataset(begin, length, self.class_names, self.file_paths, batch_size)
        made._source, made._next, made._at = self, (self._begun, 0), (self._begun, 0)  # `take` in a loop draws again
        return made

    def map(self, function: Callable[..., Any], num_parallel_calls: int | None = None) -> Dataset:
        """Apply a function to each element.

        Args:
            function: called with the element, or with its items if it is a tuple.
            num_parallel_calls: accepted for compatibility; ignored.
        """

        def begin(number: int, start: int) -> Iterator[Any]:
            elements = self._begin(number, start)
            return (function(*e) if isinstance(e, tuple) else function(e) for e in elements)

        return self._derived(begin, self._length, self.batch_size)

    def take(self, count: int) -> Dataset:
        """The first `count` elements; all of them for -1."""
        length = self._length if count < 0 else min(count, self._length)

        def begin(number: int, start: int) -> Iterator[Any]:
            return itertools.islice(self._begin(number, start), length - start)

        return self._derived(begin, length, self.batch_size)

    def skip(self, count: int) -> Dataset:
        """All but the first `count` elements."""
        length = max(0, self._length - count)
        return self._derived(lambda n, start: self._begin(n, start + count), length, self.batch_size)

    def batch(self, batch_size: int, drop_remainder: bool = False) -> Dataset:
        """Combine elements to batches with a new first axis.

        Args:
            batch_size: number of elements in a batch.
            drop_remainder: omit a shorter last batch.
        """
        length = self._length // batch_size if drop_remainder else -(-self._length // batch_size)

        def begin(number: int, start: int) -> Iterator[Any]:
            elements = self._begin(number, start * batch_size)
            for _ in range(start, length):
                yield stacked(list(itertools.islice(elements, batch_size)))

        return self._derived(begin, length, batch_size)

    def shuffle(self, buffer_size: int, seed: int | None = None) -> Dataset:
        """Shuffle the elements differently in each pass.

        Args:
            buffer_size: number of elements read in advance, from which the next one is drawn.
            seed: the seed; a new one by default.
        """
        seed = prng.next_seed() if seed is None else seed

        def begin(number: int, start: int) -> Iterator[Any]:
            return itertools.islice(shuffled(self._begin(number, 0), buffer_size, generator(seed, number)), start, None)

        return self._derived(begin, self._length, self.batch_size)

    def cache(self) -> Dataset:
        """Keep the elements in memory after the first pass."""
        elements: list[Any] = []

        def begin(number: int, start: int) -> Iterator[Any]:
            if len(elements) < self._length:
                elements[:] = self._begin(number, 0)
            return iter(elements[start:])

        return self._derived(begin, self._length, self.batch_size)

    def prefetch(self, buffer_size: int) -> Dataset:
        """The dataset itself: `fit` always prefetches."""
        return self

    def as_numpy_iterator(self) -> Iterator[Any]:
        """An iterator over the elements."""
        return iter(self)


def generator(seed: int, number: int) -> np.random.Generator:
    """The random generator of a pass, a function of (seed, number of the pass)."""
    return np.random.Generator(np.random.Philox(key=[seed, number]))


def indexed(
    load: Callable[[int], Any],
    count: int,
    batch_size: int | None,
    shuffle: bool,
    seed: int,
    combine: Callable[[list[Any]], Any] | None = None,
    **kwargs: Any,
) -> Dataset:
    """Create a dataset of `load(i)` for i in 0 ... count - 1; several threads read the samples of a batch.

    Args:
        load: index -> sample.
        count: number of samples.
        batch_size: samples in a batch; None for single samples.
        shuffle: permute the samples in each pass.
        seed: seed of the permutations.
        combine: list of samples -> batch; they are stacked by default.
        **kwargs: arguments of `Dataset`.
    """
    size = batch_size or 1
    join = combine or stacked

    def begin(number: int, start: int) -> Iterator[Any]:
        order = generator(seed, number).permutation(count) if shuffle else np.arange(count)
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            for first in range(start * size, count, size):
                samples = list(pool.map(load, order[first : first + size].tolist()))
                yield samples[0] if batch_size is None else join(samples)

    return Dataset(begin, -(-count // size), batch_size=batch_size, **kwargs)


def stacked(samples: list[Any]) -> Tree:
    """Stack samples of the same structure along a new first axis."""
    return jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *samples)


def shuffled(elements: Iterator[Any], size: int, draw: np.random.Generator) -> Iterator[Any]:
    """The elements in another order: each is drawn from a buffer of `size` elements that were read in advance."""
    buffer = list(itertools.islice(elements, size))
    for element in elements:
        index = int(draw.integers(len(buffer)))
        buffer[index], out = element, buffer[index]
        yield out
    yield from (buffer[int(i)] for i in draw.permutation(len(buffer)))

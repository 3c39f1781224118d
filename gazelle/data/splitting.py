"""Splitting of a dataset."""

from __future__ import annotations

import random
from typing import Any

import jax
import numpy as np

from gazelle.core.argument_types import checks_arguments
from gazelle.core.errors import ArgumentError, ArgumentTypeError, DataError, message
from gazelle.core.types import Data
from gazelle.data.dataset import Dataset, stacked


@checks_arguments
def split_dataset(
    dataset: Data,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Dataset, Dataset]:
    """Split a dataset into its first and its last samples, which are read into memory.

    Args:
        dataset: an array, a list or tuple of arrays, or an iterable dataset.
        left_size: number of first samples (int), or their fraction (float).
        right_size: number of last samples (int), or their fraction (float); one of the two is sufficient.
        shuffle: shuffle the samples before.
        seed: seed for shuffling.
        preferred_backend: accepted for compatibility; ignored.

    Returns:
        The left and the right dataset: of batches if the dataset has batches, otherwise of samples, which
        `.batch(size)` combines.

    Raises:
        ArgumentError: the sizes are invalid.
        DataError: there are no samples, or arrays have different lengths.

    >>> left, right = split_dataset(np.arange(10), left_size=0.8)
    >>> len(left), len(right), [int(x) for x in right]
    (8, 2, [8, 9])
    """
    samples, batch_size = _samples(dataset)
    if not samples:
        raise DataError(message("split_dataset", expected="at least one sample", got="none"))
    if shuffle:
        random.Random(random.randint(0, 10**6) if seed is None else seed).shuffle(samples)
    left, right = _sizes(left_size, right_size, len(samples))
    parts = samples[:left], samples[len(samples) - right :]
    return _in_memory(parts[0], batch_size), _in_memory(parts[1], batch_size)


def _samples(dataset: Any) -> tuple[list[Any], int | None]:
    if isinstance(dataset, list | tuple):
        lengths = {len(part) for part in dataset}
        if len(lengths) != 1:
            raise DataError(message("split_dataset", expected="arrays of one length", got=sorted(lengths) or "none"))
        return list(zip(*dataset, strict=True)), None
    if isinstance(dataset, np.ndarray | jax.Array):
        return list(np.asarray(dataset)), None
    if not hasattr(dataset, "__iter__"):
        raise ArgumentTypeError(message("split_dataset", expected="arrays or a dataset", got=type(dataset).__name__))
    size = getattr(dataset, "batch_size", getattr(dataset, "_batch_size", None))
    if size is None:
        return list(dataset), None
    batches = [jax.tree.map(np.asarray, batch) for batch in dataset]
    size = int(size)
    return [
        jax.tree.map(lambda a, i=i: a[i], batch) for batch in batches for i in range(len(jax.tree.leaves(batch)[0]))
    ], size


def _sizes(left: Any, right: Any, total: int) -> tuple[int, int]:
    """Both sizes as numbers of samples."""
    if left is None and right is None:
        raise ArgumentError(message("split_dataset", expected="left_size or right_size", got="neither"))
    numbers: list[Any] = []
    for name, given in (("left_size", left), ("right_size", right)):
        size = given.item() if isinstance(given, np.generic) else given
        limit = 1 if isinstance(size, float) else total
        if size is not None and not (isinstance(size, int | float) and 0 < size < limit):
            raise ArgumentError(
                message(name, expected=f"a fraction between 0 and 1, or a number from 1 to {total - 1}", got=repr(size))
            )
        numbers.append(round(size * total) if isinstance(size, float) else size)
    first = total - numbers[1] if numbers[0] is None else numbers[0]
    second = total - first if numbers[1] is None else numbers[1]
    if first + second > total or first == 0 or second == 0:
        raise ArgumentError(
            message(
                "left_size and right_size",
                expected=f"at least one sample on each side, and {total} in all",
                got=f"{first} and {second}",
            )
        )
    return first, second


def _in_memory(samples: list[Any], batch_size: int | None) -> Dataset:
    if batch_size is None:
        return Dataset(lambda number, start: iter(samples[start:]), len(samples))
    size = batch_size
    batches = [stacked(samples[i : i + size]) for i in range(0, len(samples), size)]
    return Dataset(lambda number, start: iter(batches[start:]), len(batches), batch_size=size)

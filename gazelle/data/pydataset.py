"""Datasets defined by a user's class, with batches computed in advance by threads or processes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from gazelle.core.errors import ArgumentError, MissingMethodError, message, missing_method
from gazelle.core.replaceable import replaceable
from gazelle.data.workers import Workers


class PyDataset:
    """Base class of datasets: a subclass defines `__len__`, the number of batches, and `__getitem__`, batch number i.

    `on_epoch_begin` and `on_epoch_end` are called around each epoch. An infinite dataset overrides the property
    `num_batches` to return None.

    Args:
        workers: number of batches computed in parallel; up to 1, one after the other.
        use_multiprocessing: use processes instead of threads; the dataset must then be picklable. They live for the
            whole `fit`, and see what `on_epoch_begin` and `on_epoch_end` changed.
        max_queue_size: number of batches computed in advance.

    Raises:
        ArgumentError: `workers` is not an integer >= 0.

    >>> class Squares(PyDataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, index):
    ...         return np.full((2, 1), index), np.full((2, 1), index**2)
    >>> [y[0, 0].item() for x, y in Squares(workers=2)]
    [0, 1, 4]
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        if isinstance(workers, bool) or not hasattr(workers, "__index__") or workers < 0:
            raise ArgumentError(message("PyDataset's workers", expected="an integer >= 0", got=repr(workers)))
        self.workers, self.use_multiprocessing, self.max_queue_size = workers, use_multiprocessing, max_queue_size

    # For subclasses that do not call super().__init__.
    workers: int = 1
    use_multiprocessing: bool = False
    max_queue_size: int = 10

    def __getitem__(self, index: int) -> Any:
        raise missing_method(self, "__getitem__(self, index)")

    @replaceable
    def num_batches(self) -> int | None:
        """Number of batches in an epoch: `__len__`; None for an infinite dataset."""
        if hasattr(self, "__len__"):
            return len(self)
        raise MissingMethodError(message(f"{type(self).__name__} has neither __len__ nor the property num_batches"))

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch."""

    def __iter__(self) -> Iterator[Any]:
        count = self.num_batches
        return self.fetch(itertools.count() if count is None else range(count))

    def fetch(self, order: Iterable[int]) -> Iterator[Any]:
        """Yield batches, computed in advance by the workers.

        Args:
            order: the numbers of the batches.

        Returns:
            An iterator over the batches.

        Raises:
            DataError: a worker process ended.
        """
        workers = Workers(self)
        try:
            yield from workers.fetch(order)
        finally:
            workers.close()

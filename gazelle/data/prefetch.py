"""Prefetching: a thread fetches batches while the device computes with the previous ones."""

from __future__ import annotations

import contextlib
import contextvars
import queue
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

import jax

_PATIENCE = 0.02  # seconds that a list waits for its next item: a call of a program for each item costs more


class Prefetcher:
    """Runs an iterator in a thread, a few items ahead; its exceptions are raised in the consumer.

    Args:
        items: an iterator of structures of arrays.
        size: the maximum number of items in the queue.

    Attributes:
        waited: seconds that the consumer waited.

    >>> with Prefetcher(iter([np.ones(1), np.ones(1), np.ones(2)]), size=4) as prefetcher:
    ...     [len(group) for group in prefetcher.groups(size=lambda item: 4)]
    [2, 1]
    """

    def __init__(self, items: Iterator[Any], size: int) -> None:
        self.waited = 0.0
        self._items = items
        self._queue: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue(size)
        self._stop = threading.Event()
        run = contextvars.copy_context().run  # context variables of the caller
        self._thread = threading.Thread(target=run, args=(self._work,), name="gazelle fetches data", daemon=True)

    def __enter__(self) -> Prefetcher:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if not isinstance(error, (KeyboardInterrupt, SystemExit)):  # on an interrupt, do not join a slow producer
            self._thread.join()

    def _work(self) -> None:
        try:
            for item in self._items:
                if not self._put(item, None):
                    return
            self._put(None, None)
        except BaseException as error:  # raised again in the consumer
            self._put(None, error)

    def _put(self, item: Any, end: BaseException | None) -> bool:
        while not self._stop.is_set():
            with contextlib.suppress(queue.Full):
                self._queue.put((item, end), timeout=0.05)
                return True
        return False

    def groups(self, size: Callable[[Any], int], whole: bool = False) -> Iterator[list[Any]]:
        """Yield lists of items of the same shapes, at least one.

        A list holds fewer items than possible if the next one is not ready within some milliseconds.

        Args:
            size: returns the largest number of items, for the first one.
            whole: wait for this number of items in any case.
        """
        group: list[Any] = []
        while True:
            start = time.perf_counter()
            try:
                item, error = self._queue.get(timeout=_PATIENCE if group and not whole else None)
            except queue.Empty:
                yield group
                group = []
                continue
            finally:
                self.waited += time.perf_counter() - start
            if group and (item is None or _shapes(item) != _shapes(group[0])):
                yield group
                group = []
            if error is not None:
                raise error
            if item is None:
                return
            group.append(item)
            if len(group) == size(group[0]):
                yield group
                group = []


def _shapes(item: Any) -> list[Any]:
    return [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(item)]

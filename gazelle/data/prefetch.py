"""Prefetching: a thread fetches batches while the device computes with the previous ones."""

from __future__ import annotations

import contextlib
import contextvars
import queue
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import jax


class Prefetcher:
    """Runs an iterator in a thread, a few items ahead; its exceptions are raised in the consumer.

    Args:
        items: an iterator of structures of arrays.
        size: the maximum number of items in the queue.

    Attributes:
        waited: seconds that the consumer waited.

    >>> with Prefetcher(iter([np.ones(1), np.ones(1), np.ones(2)]), size=4) as prefetcher:
    ...     sum(len(group) for group in prefetcher.groups())
    3
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

    def groups(self, whole: bool = False) -> Iterator[list[Any]]:
        """Yield lists of the items that are ready, at least one, all of the same shapes.

        Args:
            whole: wait for as many items as the queue can hold.
        """
        group: list[Any] = []
        while True:
            try:
                item, error = self._queue.get_nowait()
            except queue.Empty:
                if group and not whole:
                    yield group
                    group = []
                start = time.perf_counter()
                item, error = self._queue.get()
                self.waited += time.perf_counter() - start
            if group and (item is None or _shapes(item) != _shapes(group[0])):
                yield group
                group = []
            if error is not None:
                raise error
            if item is None:
                return
            group.append(item)
            if len(group) == self._queue.maxsize:
                yield group
                group = []


def _shapes(item: Any) -> list[Any]:
    return [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(item)]

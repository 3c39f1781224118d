"""Threads and processes that compute the batches of a dataset in advance."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import pickle
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.reduction import ForkingPickler
from typing import Any, Protocol

from gazelle.core.errors import DataError, message

_loaded: tuple[str, Any] = ("", None)  # in a worker process: the path of the dataset's file, and the dataset


class Numbered(Protocol):
    """Interface of a dataset with numbered batches and the settings of its workers."""

    workers: int
    use_multiprocessing: bool
    max_queue_size: int

    def __getitem__(self, index: int) -> Any: ...


class Workers:
    """The workers of a dataset; they live until `close`, because a process takes seconds to start.

    Each process has a copy of the dataset. The copy is replaced if the dataset changed between two passes, for example
    in `on_epoch_end`.

    Args:
        dataset: the dataset.
    """

    def __init__(self, dataset: Numbered) -> None:
        self._dataset = dataset
        self._pool: Executor | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._copy, self._digest, self._copies = "", b"", 0

    def fetch(self, order: Iterable[int]) -> Iterator[Any]:
        """Yield batches.

        Args:
            order: the numbers of the batches.

        Returns:
            An iterator over the batches.

        Raises:
            DataError: a worker process ended.
        """
        data = self._dataset
        if data.workers < 1 or (data.workers == 1 and not data.use_multiprocessing):
            yield from (data[int(i)] for i in order)
            return
        pool, get = self._begin()
        pending: deque[Any] = deque()
        try:
            for i in order:
                pending.append(pool.submit(get, int(i)))
                if len(pending) > max(data.max_queue_size, data.workers):
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        except BrokenExecutor as error:
            self.close()
            raise DataError(
                message(
                    f"A worker process of {type(data).__name__} ended before its batch was computed",
                    hint="It was killed, or memory ran out. workers=1 without use_multiprocessing shows where.",
                )
            ) from error
        finally:
            for future in pending:
                future.cancel()

    def _begin(self) -> tuple[Executor, Callable[[int], Any]]:
        """The workers for a pass, and the function of a batch number that they call."""
        if not self._dataset.use_multiprocessing:
            self._pool = self._pool or ThreadPoolExecutor(self._dataset.workers)
            return self._pool, self._dataset.__getitem__
        # Not fork: a copy of a process with threads of JAX may deadlock.
        arguments = self._dataset.workers, multiprocessing.get_context("spawn")
        try:
            self._write_copy()
        except Exception:
            # Objects such as locks can only be passed to a process when it starts: start new processes for each pass.
            self.close()
            self._pool = ProcessPoolExecutor(*arguments, initializer=_receive, initargs=(self._dataset,))
            return self._pool, _Get("")
        self._pool = self._pool or ProcessPoolExecutor(*arguments)
        return self._pool, _Get(self._copy)

    def _write_copy(self) -> None:
        """Write the dataset to a file for the processes, unless it is unchanged."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="gazelle-", ignore_cleanup_errors=True)
        self._copies += 1
        path = os.path.join(self._folder.name, str(self._copies))
        with open(path, "wb") as file:
            hashed = _Hashed(file)
            ForkingPickler(hashed, pickle.HIGHEST_PROTOCOL).dump(self._dataset)
        digest = hashed.hash.digest()
        old = path if digest == self._digest else self._copy
        if digest != self._digest:
            self._copy, self._digest = path, digest
        if old:
            os.remove(old)

    def close(self) -> None:
        """End the workers."""
        pool, self._pool = self._pool, None
        if pool is not None:  # on an interrupt, do not wait for a batch that takes long
            wait = not isinstance(sys.exception(), (KeyboardInterrupt, SystemExit))
            pool.shutdown(wait=wait, cancel_futures=True)
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.cleanup()
        self._copy, self._digest = "", b""


class _Hashed:
    """A file that is written, with a hash of its content."""

    def __init__(self, file: Any) -> None:
        self._file, self.hash = file, hashlib.blake2b(digest_size=16)

    def write(self, data: Any) -> int:
        self.hash.update(data)
        return int(self._file.write(data))


class _Get:
    """Function that returns a batch by its number in a worker process, which reads the dataset from a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __call__(self, index: int) -> Any:
        global _loaded
        if _loaded[0] != self.path:
            with open(self.path, "rb") as file:
                _loaded = self.path, pickle.load(file)
        return _loaded[1][index]


def _receive(dataset: Any) -> None:
    global _loaded
    _loaded = "", dataset

"""Threads that fill the queues of TensorFlow 1: none is started, since a session fills a queue that it reads."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.errors import OutOfRangeError
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.v1.queues import GraphQueue, QueueOperation


@named("train.Coordinator")
class Coordinator:
    """`tf.train.Coordinator`: stops threads together."""

    def __init__(self, clean_stop_exception_types: tuple[type[BaseException], ...] = ()) -> None:
        self._stopped, self._threads = threading.Event(), list[threading.Thread]()
        self._clean = clean_stop_exception_types or (OutOfRangeError,)
        self._error: BaseException | None = None

    def should_stop(self) -> bool:
        """Return whether a thread requested a stop."""
        return self._stopped.is_set()

    def request_stop(self, ex: object = None) -> None:
        """Let `should_stop` return True; `join` raises an exception unless it is a usual one at the end of data."""
        if isinstance(ex, BaseException) and not isinstance(ex, self._clean):
            self._error = self._error or ex
        self._stopped.set()

    def register_thread(self, thread: threading.Thread) -> None:
        """Store a thread for `join`."""
        self._threads.append(thread)

    @ignores("stop_grace_period_secs ignore_live_threads")
    def join(self, threads: Sequence[threading.Thread] | None = None) -> None:
        """Wait for threads."""
        for thread in [*self._threads, *(threads or ())]:
            thread.join()
        if self._error is not None:
            raise self._error

    def wait_for_stop(self, timeout: float | None = None) -> bool:
        """Wait until a stop is requested."""
        return self._stopped.wait(timeout)

    @contextlib.contextmanager
    def stop_on_exception(self) -> Iterator[None]:
        """Request a stop if the block raises an error."""
        try:
            yield
        except BaseException:
            self.request_stop()
            raise


@named("train.QueueRunner", "train.queue_runner.QueueRunner")
class QueueRunner:
    """`tf.train.QueueRunner`: its operations run when its queue is empty."""

    @ignores("close_op cancel_op queue_closed_exception_types queue_runner_def import_scope")
    def __init__(self, queue: GraphQueue, enqueue_ops: Sequence[QueueOperation] = ()) -> None:
        queue.runners += list(enqueue_ops)

    @ignores("sess coord daemon start")
    def create_threads(self) -> list[Any]:
        """Return no threads."""
        return []


named("train.start_queue_runners", "train.queue_runner.start_queue_runners")(
    ignores("sess coord daemon start collection")(lambda *_: [])
)

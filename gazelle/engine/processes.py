"""Several connected processes: who is the main one, what all of them agree on, and how they end.

What a process decides by a clock, a signal or its data is exchanged first, so that all run the same programs. All
processes call `gather`, and what calls it, in the same order.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import math
import os
import re
import sys
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Any, TypeVar

import jax
import ml_dtypes  # noqa: F401 - lets NumPy find bfloat16 by name
import numpy as np
from jax.experimental import multihost_utils

from gazelle.core import arrays
from gazelle.core.errors import LOST, GazelleError, StateError, message
from gazelle.core.traceback import raised_inside
from gazelle.engine import arrays as placement

Saved = tuple[dict[str, Any], dict[str, Any]]
T = TypeVar("T", bound=float)

_SIZE = 256  # bytes of an exchange; it is repeated with more if a value is longer
_NOTICE = 10.0  # seconds after which a process states that it waits

_LOST_TEXT = re.compile(
    "gloo|nccl|connection|socket|heartbeat|coordination|UNAVAILABLE|DEADLINE_EXCEEDED", re.IGNORECASE
)


def count() -> int:
    """Return the number of connected processes."""
    return jax.process_count() if jax.distributed.is_initialized() else 1


def is_main() -> bool:
    """Return whether this process writes files and shows progress; the only one of a program does."""
    return count() == 1 or jax.process_index() == 0


def are_joined() -> bool:
    """Return whether the processes compute together; without a distribution each one computes on its own."""
    return placement.active_distribution() is not None and count() > 1


def gather(value: object, point: str) -> list[Any]:
    """Return the values of all processes.

    Args:
        value: what JSON can hold.
        point: where this process is in the program; all must be there.

    Raises:
        StateError: another process is at another point, so it would never answer, or with something else.
    """
    content, size, rows = json.dumps([point, value]).encode(), _SIZE, np.ones((1, 1))
    while rows[:, -1].any():  # JSON contains no byte 0, so the end of a value is missing
        own = np.frombuffer(content[:size].ljust(size, b"\0"), np.uint8)
        rows, size = multihost_utils.process_allgather(own), size * 16
    points, values = zip(*(json.loads(row.tobytes().rstrip(b"\0")) for row in rows), strict=True)
    if different := [number for number, other in enumerate(points) if other != points[0]]:
        raise StateError(
            message(
                "The processes are at different points of the program",
                expected="each of them at the same one",
                got=f"process 0 at {points[0]}, process {different[0]} at {points[different[0]]}",
                hint="Call fit, evaluate and predict in all of them, and save, get_weights and what else reads weights "
                "that are divided over processes.",
            )
        )
    return list(values)


def largest(value: T, point: str) -> T:
    """Return the largest value of the processes that compute together."""
    if placement._distribution is None or count() == 1:  # without a call, since each `predict` comes here
        return value
    return max(gather(value, point))


def gathered(array: jax.Array, name: str) -> np.ndarray[Any, Any]:
    """Return an array that is divided over processes, which all of them read; a warning states that one waits.

    Args:
        array: the array.
        name: its name in messages, if it has one.
    """
    name = f"'{name}'" if name else "an array"
    text = (
        f"Process {jax.process_index()} waits for the others to read {name}, which is divided over all of them.\n"
        "Read or save weights in all processes.\n"
    )
    timer = threading.Timer(_NOTICE, sys.stderr.write, [text])
    timer.daemon = True
    timer.start()
    try:
        gather(None, f"the reading of {name}")
    finally:
        timer.cancel()
    return np.asarray(multihost_utils.process_allgather(array, tiled=True))


arrays.gather = gathered


def broadcast_saved(saved: Saved | None) -> Saved | None:
    """Return the checkpoint that the main process has read, (tensors, metadata); None if it has none."""
    if count() == 1:
        return saved
    own = {} if saved is None else {name: np.asarray(array) for name, array in saved[0].items()}
    layout = [[name, array.dtype.name, array.shape] for name, array in own.items()]
    layout, metadata = gather([layout, saved and saved[1]], "the reading of a checkpoint")[0]
    if metadata is None:
        return None
    sizes = [np.dtype(dtype).itemsize * math.prod(shape) for _, dtype, shape in layout]
    content = np.frombuffer(b"".join(array.tobytes() for array in own.values()), np.uint8)
    content = multihost_utils.broadcast_one_to_all(content if is_main() else np.zeros(sum(sizes), np.uint8))
    parts = zip(layout, np.split(content, np.cumsum(sizes)), strict=False)  # nothing is behind the last one
    return {name: part.view(dtype).reshape(shape) for (name, dtype, shape), part in parts}, metadata


#: whether files are written; a process that only takes part in gathering weights writes none
writes_files = True


@contextlib.contextmanager
def without_files() -> Iterator[None]:
    """A block in which the main process alone writes files, while the others gather weights as it does."""
    global writes_files
    writes_files = is_main()
    try:
        yield
    finally:
        writes_files = True


# The end of a process ------------------------------------------------------------------------------------------------


class Disconnected(SystemExit):
    """Another process has ended, so this one cannot continue; the exit code is `LOST`."""


_PATIENCE = 3.0  # seconds for `finally` blocks and exit handlers
_lost: list[int] = []  # the exit code, once this process cannot wait for the others


def end(error: BaseException, what: str = "the program ends.") -> None:
    """Let this process end after an error without waiting for the others, if they cannot continue.

    Args:
        error: what ended the training or the program; also the SystemExit of `sys.exit`, whose exit code is kept.
        what: what happens if another process has ended, as text.

    Raises:
        Disconnected: the error states that another process has ended, or is a consequence of that.
    """
    if type(error) is SystemExit and error.code and count() > 1:
        _lost.append(error.code if isinstance(error.code, int) else 1)
    elif not _lost and _is_lost(error, error.__traceback__):
        _lost.append(LOST)
        timer = threading.Timer(_PATIENCE, _leave)  # threads of others may wait for that process
        timer.daemon = True
        timer.start()
        if not os.environ.get("GAZELLE_LAUNCHED"):  # `gazelle launch` reports which one
            with contextlib.suppress(OSError, ValueError, AttributeError):
                sys.stderr.write(f"Process {jax.process_index()} of {count()}: another process has ended; {what}\n")
    if _lost and isinstance(error, Exception):
        raise Disconnected(_lost[0]) from None


def is_consequence(error: BaseException | None) -> bool:
    """Return whether an error of another thread is due to a lost connection, which this process reports itself."""
    texts = f"{error} {error.__cause__}" if error is not None else ""
    return count() > 1 and (bool(_lost) or bool(_LOST_TEXT.search(texts)))


def _is_lost(error: BaseException, trace: TracebackType | None) -> bool:
    """Whether the connection to another process was lost; JAX raises RuntimeError or ValueError then."""
    kind = isinstance(error, (RuntimeError, ValueError)) and not isinstance(error, GazelleError)
    return kind and count() > 1 and bool(_LOST_TEXT.search(str(error))) and raised_inside(trace)


def _leave() -> None:
    """Do not wait for the other processes, as JAX does at exit, if this one failed or one of them has ended."""
    if count() == 1:
        return
    error = getattr(sys, "last_value", None)  # that was printed
    if error is not None and not _lost:
        _lost.append(LOST if _is_lost(error, sys.last_traceback) else 1)
    if not _lost:
        try:
            gather(None, "the end of the program")
        except (RuntimeError, ValueError):  # another process has ended, or reports that this one is here
            _lost.append(LOST)
    if _lost:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(_lost[0])


atexit.register(_leave)

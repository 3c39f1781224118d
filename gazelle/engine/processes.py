"""Several connected processes: who is the main one, what all of them agree on, and how they end.

Each of these functions but `is_main`, `count` and `of_one` is called by all processes in the same order. What a process
decides by a clock, a signal or its data is exchanged first, so that all run the same programs.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import math
import os
import re
import sys
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

import jax
import ml_dtypes  # noqa: F401 - lets NumPy find bfloat16 by name
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gazelle.core import arrays
from gazelle.core.errors import LOST, GazelleError, StateError, message
from gazelle.core.traceback import raised_inside
from gazelle.engine import arrays as placement

Saved = tuple[Mapping[str, Any], Mapping[str, Any]]

_NUMBERS, _POINT = 8, 96  # numbers of an exchange, and bytes of the point
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


def gather(values: Sequence[float], point: str) -> np.ndarray[Any, Any]:
    """Return the numbers of all processes, (processes, len(values)), each exact as a float64.

    Args:
        values: at most 8 numbers.
        point: where this process is in the program; all must be there.

    Raises:
        StateError: another process is at another point, so it would never answer, or with something else.
    """
    mesh, replicate = _exchange()
    own = np.zeros((1, _NUMBERS + _POINT // 8))
    own[0, : len(values)] = values
    own.view(np.uint8)[0, -_POINT:] = np.frombuffer(point.encode()[:_POINT].ljust(_POINT), np.uint8)
    bits = own.view(np.uint32)
    parts = [jax.device_put(bits, mesh.devices[jax.process_index()])]
    sharding = NamedSharding(mesh, PartitionSpec("process"))
    whole = replicate(jax.make_array_from_single_device_arrays((count(), bits.shape[1]), sharding, parts))
    rows = np.array(whole.addressable_data(0)).view(np.float64)
    points = [row.tobytes().decode(errors="replace").strip() for row in rows[:, _NUMBERS:]]
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
    return rows[:, : len(values)]


@functools.cache
def _exchange() -> tuple[Mesh, Any]:
    """A mesh of one device of each process, and the program that replicates an array on it."""
    first = {device.process_index: device for device in reversed(jax.devices())}
    mesh = Mesh(np.array([first[index] for index in range(jax.process_count())]), ("process",))
    return mesh, jax.jit(lambda array: array, out_shardings=NamedSharding(mesh, PartitionSpec()))


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
        gather([], f"the reading of {name}")
    finally:
        timer.cancel()
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.process_allgather(array, tiled=True))


arrays.set_gather(gathered)


def any_process(flag: bool, point: str) -> bool:
    """Return whether the flag is True in some process."""
    if placement._distribution is None:  # without a call, since each `predict` comes here
        return flag
    return bool(gather([flag], point).any()) if count() > 1 else flag


def checksum(value: Any) -> int:
    """Return a checksum of the arrays of a structure, with their shapes and dtypes."""
    crc = 0
    for leaf in jax.tree.leaves(value):
        array = np.asarray(leaf)
        crc = zlib.crc32(f"{array.dtype} {array.shape}".encode() + array.tobytes(), crc)
    return crc


def of_process(value: Any, number: int = 0) -> Any:
    """Return the value of one process, which JSON can hold; that of the main one by default."""
    return value if count() == 1 else json.loads(_bytes_of(number, json.dumps(value).encode()))


def broadcast_saved(saved: Saved | None) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return the checkpoint that the main process has read, (tensors, metadata); None if it has none."""
    own = {} if saved is None else {name: np.asarray(array) for name, array in saved[0].items()}
    layout = [[name, array.dtype.name, array.shape] for name, array in own.items()]
    header = of_process(None if saved is None else [layout, saved[1]])
    if header is None:
        return None
    content, start, tensors = _bytes_of(0, b"".join(array.tobytes() for array in own.values())), 0, {}
    for name, dtype, shape in header[0]:
        tensors[name] = np.frombuffer(content, dtype, math.prod(shape), start).reshape(shape)
        start += tensors[name].nbytes
    return tensors, header[1]


def _bytes_of(number: int, content: bytes) -> bytes:
    from jax.experimental import multihost_utils

    size = int(gather([len(content)], f"a value of process {number}")[number, 0])
    if not size:
        return b""
    own = jax.process_index() == number
    buffer = np.frombuffer(content, np.uint8) if own else np.zeros(size, np.uint8)
    return np.asarray(multihost_utils.broadcast_one_to_all(buffer, own)).tobytes()


_gathers_only = False


@contextlib.contextmanager
def without_files() -> Iterator[None]:
    """A block in which this process gathers weights as the main one does, but writes none of the files."""
    global _gathers_only
    before, _gathers_only = _gathers_only, not is_main()
    try:
        yield
    finally:
        _gathers_only = before


def writes_files() -> bool:
    """Return whether files are written, as they are outside of `without_files`."""
    return not _gathers_only


# The end of a process ------------------------------------------------------------------------------------------------


class Disconnected(SystemExit):
    """Another process has ended, so this one cannot continue; the exit code is `LOST`."""


_PATIENCE = 3.0  # seconds for `finally` blocks and exit handlers
_lost: list[int] = []  # the exit code, once this process cannot wait for the others


@contextlib.contextmanager
def of_all(what: str) -> Iterator[None]:
    """A block that all processes run together; it raises Disconnected if the connection to another one is lost.

    Args:
        what: what stops then, as text.

    Raises:
        Disconnected: another process has ended.
    """
    try:
        yield
    except Exception as error:
        if not _is_lost(error, error.__traceback__):
            raise
        raise _disconnected(what) from None


def _disconnected(what: str) -> Disconnected:
    _lost.append(LOST)
    timer = threading.Timer(_PATIENCE, _leave)  # threads of others may wait for that process
    timer.daemon = True
    timer.start()
    if not os.environ.get("GAZELLE_LAUNCHED"):  # `gazelle launch` reports which one
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(f"Process {jax.process_index()} of {count()}: another process has ended; {what}\n")
    return Disconnected(LOST)


def end(error: BaseException) -> None:
    """Let this process end after an error of its program without waiting for the others.

    Args:
        error: what ended the program; also the SystemExit of `sys.exit`, whose exit code is kept.

    Raises:
        Disconnected: the error states that another process has ended, or is a consequence of that.
    """
    if type(error) is SystemExit and error.code and count() > 1:
        _lost.append(error.code if isinstance(error.code, int) else 1)
    elif _is_lost(error, error.__traceback__):
        raise _disconnected("the program ends.") from None
    elif _lost and isinstance(error, Exception):
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
    error = getattr(sys, "last_value", None)  # that was printed
    if error is not None and not _lost and count() > 1:
        _lost.append(LOST if _is_lost(error, sys.last_traceback) else 1)
    if not _lost and count() > 1:
        try:
            gather([], "the end of the program")
        except (RuntimeError, ValueError):  # another process has ended, or reports that this one is here
            _lost.append(LOST)
    if _lost:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(_lost[0])


atexit.register(_leave)

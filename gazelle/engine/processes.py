"""Several connected processes: who is the main one, what all of them agree on, and how they end.

Each of these functions but `is_main`, `count` and `of_one` is called by all processes in the same order. What a process
decides by a clock, a signal or its data is exchanged first, so that all run the same programs.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import re
import sys
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import ml_dtypes  # noqa: F401 - lets NumPy find bfloat16 by name
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gazelle.core.errors import LOST, DataError, GazelleError, message
from gazelle.engine.arrays import active_distribution

Saved = tuple[Mapping[str, Any], Mapping[str, Any]]

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
    return count() > 1 and active_distribution() is not None


def gather(values: Sequence[float]) -> np.ndarray[Any, Any]:
    """Return the numbers of all processes, (processes, len(values)), each exact as a float64."""
    mesh, replicate = _exchange()
    bits = np.asarray(values, np.float64)[None].view(np.uint32)
    shape = (count(), *bits.shape[1:])
    own = jax.device_put(bits, mesh.devices[jax.process_index()])
    sharding = NamedSharding(mesh, PartitionSpec("process"))
    whole = replicate(jax.make_array_from_single_device_arrays(shape, sharding, [own]))
    return np.array(whole.addressable_data(0)).view(np.float64)


@functools.cache
def _exchange() -> tuple[Mesh, Any]:
    """A mesh of one device of each process, and the program that replicates an array on it."""
    first = {device.process_index: device for device in reversed(jax.devices())}
    mesh = Mesh(np.array([first[index] for index in range(jax.process_count())]), ("process",))
    return mesh, jax.jit(lambda array: array, out_shardings=NamedSharding(mesh, PartitionSpec()))


def any_process(flag: bool) -> bool:
    """Return whether the flag is True in some process."""
    return bool(gather([flag]).any()) if are_joined() else flag


def checksum(value: Any) -> int:
    """Return a checksum of the arrays of a structure, with their shapes and dtypes."""
    crc = 0
    for leaf in jax.tree.leaves(value):
        array = np.asarray(leaf)
        crc = zlib.crc32(f"{array.dtype} {array.shape}".encode() + array.tobytes(), crc)
    return crc


def check_equal(what: str, value: Any) -> None:
    """Raise an error unless the arrays of a structure are the same in all processes.

    Args:
        what: name of the value in the error.
        value: a structure of arrays.

    Raises:
        DataError: the processes have different arrays.
    """
    found = gather([checksum(value)])[:, 0]
    if (found != found[0]).any():
        different = int(np.argmax(found != found[0]))
        raise DataError(
            message(
                f"{what} of process {different}",
                expected="the same as in process 0: batch_size counts the samples of all processes together",
                got="other values",
                hint="Load the same data in each process, and draw random numbers from a fixed seed.",
            )
        )


def of_main(value: Any) -> Any:
    """Return the value of the main process, which JSON can hold."""
    return value if count() == 1 else json.loads(_bytes_of_main(json.dumps(value).encode()))


def broadcast_saved(saved: Saved | None) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return the checkpoint that the main process has read, (tensors, metadata); None if it has none."""
    content = _bytes_of_main(_packed(saved) if is_main() else b"")
    return _unpacked(content) if content else None


def _bytes_of_main(content: bytes) -> bytes:
    from jax.experimental import multihost_utils

    size = int(gather([len(content)])[0, 0])
    if not size:
        return b""
    buffer = np.frombuffer(content, np.uint8) if is_main() else np.zeros(size, np.uint8)
    return np.asarray(multihost_utils.broadcast_one_to_all(buffer)).tobytes()


def _packed(saved: Saved | None) -> bytes:
    """A checkpoint as bytes: the length of a header, the header as JSON, the arrays one after the other."""
    if saved is None:
        return b""
    tensors = {name: np.asarray(array) for name, array in saved[0].items()}
    layout = [[name, array.dtype.name, array.shape] for name, array in tensors.items()]
    header = json.dumps([layout, saved[1]]).encode()
    return b"".join([len(header).to_bytes(8, "little"), header, *(array.tobytes() for array in tensors.values())])


def _unpacked(content: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    length = int.from_bytes(content[:8], "little")
    layout, metadata = json.loads(content[8 : 8 + length])
    tensors, start = {}, 8 + length
    for name, dtype, shape in layout:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        tensors[name] = np.frombuffer(content[start : start + size], dtype).reshape(shape)
        start += size
    return tensors, metadata


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
    except (RuntimeError, ValueError) as error:  # JAX raises either
        if count() == 1 or not _is_lost(error):
            raise
        _lost.append(LOST)
        timer = threading.Timer(_PATIENCE, _leave)  # threads of others may wait for that process
        timer.daemon = True
        timer.start()
        if not os.environ.get("GAZELLE_LAUNCHED"):  # `gazelle launch` reports which one
            with contextlib.suppress(OSError, ValueError, AttributeError):
                sys.stderr.write(f"Process {jax.process_index()} of {count()}: another process has ended; {what}\n")
        raise Disconnected(LOST) from None


def _is_lost(error: BaseException) -> bool:
    return isinstance(error, (RuntimeError, ValueError)) and bool(
        not isinstance(error, GazelleError) and _LOST_TEXT.search(str(error))
    )


def _leave() -> None:
    """Do not wait for the other processes, as JAX does at exit, if this one failed or one of them has ended."""
    error = getattr(sys, "last_value", None)  # that was printed
    if error is not None and not _lost and count() > 1:
        _lost.append(LOST if _is_lost(error) else 1)
    if _lost:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(_lost[0])


atexit.register(_leave)

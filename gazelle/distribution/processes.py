"""Several connected processes: who is the main one, and what all of them agree on.

Each of these functions but `is_main` and `count` is called by all processes in the same order.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

import jax
import ml_dtypes  # noqa: F401 - lets NumPy find bfloat16 by name
import numpy as np

from gazelle.core.errors import DataError, message

Saved = tuple[Mapping[str, Any], Mapping[str, Any]]


def count() -> int:
    """Return the number of connected processes."""
    return jax.process_count() if jax.distributed.is_initialized() else 1


def is_main() -> bool:
    """Return whether this process writes files and shows progress; the only one of a program does."""
    return count() == 1 or jax.process_index() == 0


def any_process(flag: bool) -> bool:
    """Return whether the flag is True in some process."""
    return bool(_gathered(np.uint32(flag)).any())


def check_equal(what: str, value: Any) -> None:
    """Raise an error unless the arrays of a structure are the same in all processes.

    Args:
        what: name of the value in the error.
        value: a structure of arrays.

    Raises:
        DataError: the processes have different arrays.
    """
    checksum = 0
    for leaf in jax.tree.leaves(value):
        array = np.asarray(leaf)
        checksum = zlib.crc32(f"{array.dtype} {array.shape}".encode() + array.tobytes(), checksum)
    found = _gathered(np.uint32(checksum))
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


def broadcast_seed(seed: int) -> int:
    """Return the seed of the main process."""
    from jax.experimental import multihost_utils

    return int(multihost_utils.broadcast_one_to_all(np.uint32(seed)))


def broadcast_saved(saved: Saved | None) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return the checkpoint that the main process has read, (tensors, metadata); None if it has none."""
    from jax.experimental import multihost_utils

    content = _packed(saved) if is_main() else b""
    size = int(multihost_utils.broadcast_one_to_all(np.uint32(len(content))))
    if not size:
        return None
    buffer = np.frombuffer(content, np.uint8) if is_main() else np.zeros(size, np.uint8)
    return _unpacked(np.asarray(multihost_utils.broadcast_one_to_all(buffer)).tobytes())


def _gathered(value: Any) -> np.ndarray[Any, Any]:
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.process_allgather(value)).ravel()


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

"""A checksum behind the end of an HDF5 file, where its readers do not look: the format itself has none."""

from __future__ import annotations

import hashlib
import struct
from typing import Any

_MARK = b"GAZELLE\0"


def sealed(data: Any) -> bytes:
    """The bytes of a whole file with their checksum behind them."""
    return b"".join((data, _MARK, hashlib.sha256(data).digest()))


def end_of(file: Any, size: int) -> int:
    """Where the file ends by its own words: at the end of what is there, or before a checksum.

    Raises:
        ValueError: something else lies there, or it was cut.
    """
    file.seek(0)
    start = file.read(48)
    version = start[8] if len(start) == 48 else 0
    (end,) = struct.unpack_from("<Q", start.ljust(48, b"\0"), 28 if version >= 2 else 40)
    if end not in (size, size - len(_MARK) - 32):
        raise ValueError(f"it says that it has {end} bytes and has {size}")
    return int(end)


def compare(file: Any, end: int, size: int) -> None:
    """Hold the file against the checksum behind it; other programs write none, and cut ours off where they edit.

    Raises:
        ValueError: it does not fit.
    """
    if end == size:
        return
    file.seek(0)
    digest, rest = hashlib.sha256(), end
    while rest:
        part = file.read(min(rest, 2**20))
        if not part:
            break
        digest.update(part)
        rest -= len(part)
    if file.read() != _MARK + digest.digest():
        raise ValueError("its checksum does not fit its content")

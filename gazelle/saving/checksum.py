"""Checksums: of bytes as they come, and behind the end of an HDF5 file, where its readers do not look."""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import Any

_MARK = b"GAZELLE\0"


class Crc32:
    """CRC-32 as an object of `hashlib`: against the errors of disks, at two thirds of what SHA-256 costs at best.

    >>> Crc32(b"whole").hexdigest() == f"{zlib.crc32(b'whole'):08x}"
    True
    """

    name = "crc32"

    def __init__(self, data: Any = b"") -> None:
        self._sum = zlib.crc32(data)

    def update(self, data: Any) -> None:
        self._sum = zlib.crc32(data, self._sum)

    def hexdigest(self) -> str:
        return f"{self._sum:08x}"


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

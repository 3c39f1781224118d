"""Event files with numbers, as TensorBoard reads them, written without another library."""

from __future__ import annotations

import itertools
import os
import socket
import struct
import time

_TABLE: list[int] = []
_count = itertools.count()


class NumberWriter:
    """Writes numbers with their step and time to a new event file.

    Args:
        folder: The folder of the file; it is created.
    """

    def __init__(self, folder: str) -> None:
        os.makedirs(folder, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}.{next(_count)}"
        self._file = open(os.path.join(folder, name), "wb")  # noqa: SIM115 - closed by close
        self._write(_bytes_field(3, b"brain.Event:2"))

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        """Write one number.

        Args:
            tag: Its name.
            value: The number.
            step: The epoch or batch it belongs to.
        """
        number = _bytes_field(1, tag.encode()) + b"\x15" + struct.pack("<f", value)
        self.add_summary(_bytes_field(1, number), step)

    def add_summary(self, summary: bytes, step: int) -> None:
        """Write a summary.

        Args:
            summary: The serialized protocol buffer.
            step: The epoch or batch it belongs to.
        """
        self._write(b"\x10" + _varint(step) + _bytes_field(5, summary))

    def flush(self) -> None:
        """Write what is buffered to the file."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, event: bytes) -> None:
        event = b"\x09" + struct.pack("<d", time.time()) + event
        length = struct.pack("<Q", len(event))
        self._file.write(length + _masked_crc(length) + event + _masked_crc(event))


def _varint(number: int) -> bytes:
    """An integer of a protocol buffer: seven bits in a byte, the lowest first."""
    number &= 2**64 - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _bytes_field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(data)) + data


def _masked_crc(data: bytes) -> bytes:
    """The checksum of a record: CRC-32C, rotated and shifted by a constant."""
    if not _TABLE:
        for entry in range(256):
            for _ in range(8):
                entry = entry >> 1 ^ (0x82F63B78 if entry & 1 else 0)
            _TABLE.append(entry)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 255] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)

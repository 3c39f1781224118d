"""Event files with numbers, as TensorBoard reads them, written without another library."""

from __future__ import annotations

import itertools
import os
import socket
import struct
import time

from gazelle.core.record_format import checksum, field, varint

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
        self._write(field(3, b"brain.Event:2"))

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        """Write one number.

        Args:
            tag: Its name.
            value: The number.
            step: The epoch or batch it belongs to.
        """
        number = field(1, tag.encode()) + b"\x15" + struct.pack("<f", value)
        self.add_summary(field(1, number), step)

    def add_summary(self, summary: bytes, step: int) -> None:
        """Write a summary.

        Args:
            summary: The serialized protocol buffer.
            step: The epoch or batch it belongs to.
        """
        self._write(b"\x10" + varint(step) + field(5, summary))

    def flush(self) -> None:
        """Write what is buffered to the file."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, event: bytes) -> None:
        event = b"\x09" + struct.pack("<d", time.time()) + event
        length = struct.pack("<Q", len(event))
        self._file.write(length + checksum(length) + event + checksum(event))

"""Event files of TensorBoard, to which each summary is written when it is given."""

from __future__ import annotations

import itertools
import os
import socket
import time

from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary

from gazelle.compat.tensorflow.data.records import as_record

_count = itertools.count()


class EventWriter:
    """Writes summaries with their step and time to a new event file.

    Args:
        folder: The folder of the file; it is created.
    """

    def __init__(self, folder: str) -> None:
        os.makedirs(folder, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}.{next(_count)}"
        self._file = open(os.path.join(folder, name), "wb")  # noqa: SIM115 - closed by close
        self._write(file_version="brain.Event:2")

    def add_summary(self, summary: Summary, step: int) -> None:
        """Write a summary.

        Args:
            summary: The message.
            step: The epoch or batch it belongs to.
        """
        self._write(summary=summary, step=step)

    def flush(self) -> None:
        """Write what is buffered to the file."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, **fields: object) -> None:
        self._file.write(as_record(Event(wall_time=time.time(), **fields).SerializeToString()))

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
        self._file = open(os.path.join(folder, name), "wb")  # noqa: SIM115 - until the end of the program
        self._write(file_version="brain.Event:2")

    def write(self, summary: Summary, step: int) -> None:
        """Write a summary.

        Args:
            summary: The message.
            step: The epoch or batch it belongs to.
        """
        self._write(summary=summary, step=step)
        self._file.flush()

    def _write(self, **fields: object) -> None:
        self._file.write(as_record(Event(wall_time=time.time(), **fields).SerializeToString()))

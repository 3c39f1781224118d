"""The callback that writes the logs of every epoch into a table."""

from __future__ import annotations

import csv
import os
from typing import IO, Any

import numpy as np

from gazelle.core.errors import ArgumentError, message
from gazelle.metrics.name_aliases import Logs
from gazelle.training.callbacks.base import Callback


class CSVLogger(Callback):
    """Writes one row per epoch: the epoch (from 0), then the logs by name in sorted order.

    The columns are those of the first epoch, with one `val_` column for each where there was no validation yet; a value
    that is missing later is "NA". Every row is on disk before the next epoch begins.

    Args:
        filename: the file to write.
        separator: between two values.
        append: go on with an existing file, for a run that continues.

    Errors: ArgumentError when the file to append to has other columns.

    >>> CSVLogger("run.csv", append=True).sep
    ','
    """

    _kept = ("keys",)

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        self.filename, self.sep, self.append = os.fspath(filename), separator, append
        self.keys: list[str] | None = None
        self.csv_file: IO[str] | None = None
        self._header: list[str] | None = None  # of the file that is appended to

    def on_train_begin(self, logs: Any = None) -> None:
        self.on_train_end()
        self.keys = self._header = None  # the file is opened with the first row: a resumed run goes on with the old one

    def _open(self) -> IO[str]:
        going_on = self.append or self.keys is not None
        if going_on and os.path.exists(self.filename):
            with open(self.filename, newline="", encoding="utf-8") as file:
                self._header = next(csv.reader(file, delimiter=self.sep), None)
        return open(self.filename, "a" if going_on else "w", newline="", encoding="utf-8")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.csv_file is None:
            self.csv_file = self._open()
        logs = Logs(logs or {})
        writer = csv.writer(self.csv_file, delimiter=self.sep)
        if self.keys is None:
            self.keys = sorted(logs)
            if not any(key.startswith("val_") for key in self.keys):
                self.keys += [f"val_{key}" for key in self.keys]
            if not self._header:
                writer.writerow(["epoch", *self.keys])
            elif self._header != ["epoch", *self.keys]:
                raise ArgumentError(
                    message(
                        f"CSVLogger cannot append to {self.filename}",
                        expected=f"columns {self._header}",
                        got=f"columns {['epoch', *self.keys]}",
                        hint="Choose another file, or append=False.",
                    )
                )
        writer.writerow([epoch, *(_cell(logs[key]) if key in logs else "NA" for key in self.keys)])
        self.csv_file.flush()

    def on_train_end(self, logs: Any = None) -> None:
        if self.csv_file is not None:
            self.csv_file.close()
        self.csv_file = None


def _cell(value: Any) -> Any:
    """Numbers as they are; several numbers in one cell as "[a, b]"."""
    if isinstance(value, str) or np.ndim(value) == 0:
        return value
    return f'"[{", ".join(map(str, value))}]"'

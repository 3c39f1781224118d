"""Callbacks that write the logs to a CSV file, or send them to a server."""

from __future__ import annotations

import csv
import json
import os
import urllib.parse
import urllib.request
import warnings
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import PathLike
from gazelle.metrics.name_aliases import Logs
from gazelle.training.callbacks.base import Callback

_TIMEOUT = 10.0  # seconds to wait for a server


class CSVLogger(Callback):
    """Writes one row per epoch to a CSV file: the epoch (from 0), then the logs sorted by name.

    The columns are the logs of the first epoch, with one more `val_` column for each if there was no validation; values
    that are missing later are written as "NA". Every row is written before the next epoch begins.

    Args:
        filename: the file to write.
        separator: the separator of values.
        append: append to an existing file, for a continued run.

    Raises:
        ArgumentError: the file to append to has other columns.

    >>> CSVLogger("run.csv", append=True).sep
    ','
    """

    writes_files = True

    _state_attributes = ("keys",)

    def __init__(self, filename: PathLike, separator: str = ",", append: bool = False) -> None:
        self.filename, self.sep, self.append = os.fspath(filename), separator, append
        self.keys: list[str] | None = None
        self.csv_file: IO[str] | None = None
        self.writer: csv.DictWriter[str] | None = None
        self._header: list[str] | None = None  # of the file that is appended to

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.on_train_end()
        self.keys = self._header = None  # the file is opened with the first row: a resumed run appends

    @property
    def append_header(self) -> bool:
        """Whether a file to append to has no header yet."""
        return not self._header

    def _open(self) -> IO[str]:
        append = self.append or self.keys is not None
        if append and os.path.exists(self.filename):
            with open(self.filename, newline="", encoding="utf-8") as file:
                self._header = next(csv.reader(file, delimiter=self.sep), None)
        return open(self.filename, "a" if append else "w", newline="", encoding="utf-8")

    def _columns(self, names: list[str]) -> list[str]:
        """The columns for the names in the logs of the first epoch: validation may begin later."""
        return names if any(name.startswith("val_") for name in names) else [*names, *(f"val_{n}" for n in names)]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.csv_file is None:
            self.csv_file = self._open()
        logs = Logs(logs or {})
        is_first = self.keys is None
        if self.keys is None:
            self.keys = self._columns(sorted(logs))
        if self.writer is None:
            columns = ["epoch", *self.keys]
            self.writer = csv.DictWriter(self.csv_file, columns, restval="NA", delimiter=self.sep)
        if is_first:
            if not self._header:
                self.writer.writeheader()
            elif self._header != ["epoch", *self.keys]:
                raise ArgumentError(
                    message(
                        f"CSVLogger cannot append to {self.filename}",
                        expected=f"columns {self._header}",
                        got=f"columns {['epoch', *self.keys]}",
                        hint="Use another file, or append=False.",
                    )
                )
        self.writer.writerow({"epoch": epoch, **{key: _cell(logs[key]) for key in self.keys if key in logs}})
        self.csv_file.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.csv_file is not None:
            self.csv_file.close()
        self.csv_file = self.writer = None


def _cell(value: Any) -> Any:
    """Format a value; several numbers in one cell as "[a, b]"."""
    if isinstance(value, str) or np.ndim(value) == 0:
        return value
    return f'"[{", ".join(map(str, value))}]"'


class RemoteMonitor(Callback):
    """Sends the epoch (from 0) and its logs to a server by HTTP POST after every epoch.

    If the server cannot be reached, a warning is issued.

    Args:
        root: the URL of the server.
        path: the path on the server.
        field: the name of the form field that contains the JSON.
        headers: headers of the request.
        send_as_json: send the JSON as the body instead of in a form.

    >>> RemoteMonitor("http://localhost:9000").path
    '/publish/epoch/end/'
    """

    writes_files = True

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: Mapping[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        self.root, self.path, self.field, self.headers, self.send_as_json = root, path, field, headers, send_as_json

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        content = json.dumps(
            {"epoch": epoch} | {name: np.asarray(value).tolist() for name, value in (logs or {}).items()}
        )
        body = content if self.send_as_json else urllib.parse.urlencode({self.field: content})
        content_type = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
        request = urllib.request.Request(
            self.root + self.path, body.encode(), {"Content-Type": content_type, **(self.headers or {})}
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT):
                pass
        except OSError as error:
            warnings.warn(f"RemoteMonitor could not reach {self.root}: {error}", stacklevel=2)

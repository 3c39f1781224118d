"""The callback that sends the logs to a server."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from gazelle.training.callbacks.base import Callback

_PATIENCE = 10.0  # seconds that a server may take


class RemoteMonitor(Callback):
    """Sends the epoch (from 0) and its logs to a server by HTTP POST after every epoch.

    Args:
        root: the server.
        path: the place on it.
        field: the name of the form's field that holds the JSON.
        headers: of the request.
        send_as_json: the JSON as the body instead of a form.

    A server that cannot be reached is a warning.

    >>> RemoteMonitor("http://localhost:9000").path
    '/publish/epoch/end/'
    """

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: Mapping[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        self.root, self.path, self.field, self.headers, self.send_as_json = root, path, field, headers, send_as_json

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        words = json.dumps(
            {"epoch": epoch} | {name: np.asarray(value).tolist() for name, value in (logs or {}).items()}
        )
        body = words if self.send_as_json else urllib.parse.urlencode({self.field: words})
        kind = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
        request = urllib.request.Request(
            self.root + self.path, body.encode(), {"Content-Type": kind, **(self.headers or {})}
        )
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE):
                pass
        except OSError as error:
            warnings.warn(f"RemoteMonitor could not reach {self.root}: {error}", stacklevel=2)

"""The record of a training run: the logs of every epoch, in any spelling, and their curves."""

from __future__ import annotations

import html
import os
from typing import Any

import numpy as np

from gazelle.core.errors import StateError, message, unknown
from gazelle.metrics.name_aliases import Logs
from gazelle.training.callbacks.base import Callback


class History(Callback):
    """What `fit` returns: `history` holds one list per name of the logs, `epoch` the numbers of the epochs.

    Every spelling of a name is answered: `history["acc"]` is `history["accuracy"]`, `["lr"]` is `["learning_rate"]`.

    >>> run = History()
    >>> run.on_train_begin()
    >>> run.on_epoch_end(0, {"loss": 0.5, "accuracy": 0.75})
    >>> run.history["acc"]
    [0.75]
    """

    _kept = ("epoch", "history")

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history = Logs()

    def on_train_begin(self, logs: Any = None) -> None:
        self.epoch = []
        if self.model is not None:
            self.model.history = self

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def restore(self, state: Any) -> None:
        self.epoch, self.history = list(state["epoch"]), Logs(state["history"])

    def _names(self) -> list[str]:
        """The names of the training's logs; with "val_" before them they are the validation's."""
        names = [name.removeprefix("val_") for name, values in self.history.items() if np.ndim(values) == 1]
        return list(dict.fromkeys(names))

    def plot(self, path: str | os.PathLike[str] | None = None, metrics: Any = None) -> Any:
        """Draw the curves of training and validation, one axis per metric, and return matplotlib's figure.

        Args:
            path: also save the picture to this file.
            metrics: the names to draw, in any spelling; all of them if None.

        Errors: ArgumentError for a name that was not recorded; StateError before the first epoch; ImportError without
        matplotlib.
        """
        from gazelle.training.callbacks.curves import draw

        names = self._names()
        if not names:
            raise StateError(message("There is nothing to plot yet", hint="Call fit first: it returns the History."))
        if metrics is not None:
            wanted = [metrics] if isinstance(metrics, str) else list(metrics)
            known = Logs({name: name for name in names})
            wrong = [name for name in wanted if name.removeprefix("val_") not in known]
            if wrong:
                raise unknown("metric in the history", wrong[0], names)
            names = list(dict.fromkeys(known[name.removeprefix("val_")] for name in wanted))
        return draw({n: (self.history.get(n), self.history.get(f"val_{n}")) for n in names}, path)

    def __repr__(self) -> str:
        last = ", ".join(f"{n} {v[-1]:.4g}" for n, v in self.history.items() if np.ndim(v) == 1)
        return f"<History of {len(self.epoch)} epochs{': ' + last if last else ''}>"

    def _repr_html_(self) -> str:
        """The last epoch as a table, for notebooks."""

        def cell(name: str) -> str:
            values = self.history.get(name)
            return f"<td>{values[-1]:.4g}</td>" if values else "<td>–</td>"

        rows = "".join(f"<tr><th>{html.escape(n)}</th>{cell(n)}{cell('val_' + n)}</tr>" for n in self._names())
        head = f"<tr><th>after {len(self.epoch)} epochs</th><th>training</th><th>validation</th></tr>"
        return f"<table>{head}{rows}</table>"

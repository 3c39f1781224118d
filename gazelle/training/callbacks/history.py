"""The history of a training run, and plots of it."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from gazelle.core.errors import ArgumentTypeError, MissingAttributeError, StateError, message, unknown
from gazelle.core.printable import singular
from gazelle.core.types import PathLike
from gazelle.metrics.name_aliases import Logs
from gazelle.training.callbacks.base import Callback

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TRAIN, _VALIDATION, _GREY = "#1f6fb4", "#e07b28", "#777777"


class History(Callback):
    """Record of the logs of every epoch, which `fit` returns.

    Aliases of names are accepted: `run.history["acc"]` is `run.history["accuracy"]`, `["lr"]` is `["learning_rate"]`.

    Attributes:
        history: {name in the logs: one value per epoch}.
        epoch: the numbers of the epochs, from 0.

    >>> run = History()
    >>> run.on_train_begin()
    >>> run.on_epoch_end(0, {"loss": 0.5, "accuracy": 0.75})
    >>> run.history["acc"]
    [0.75]
    """

    _state_attributes = ("epoch", "history")

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = Logs()

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.epoch = []
        if self.model is not None:
            self.model.history = self

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def restore(self, state: Mapping[str, Any]) -> None:
        self.epoch, self.history = list(state["epoch"]), Logs(state["history"])

    def _names(self) -> list[str]:
        """The names of the training's logs, without those that begin with "val_"."""
        names = [name.removeprefix("val_") for name, values in self.history.items() if np.ndim(values) == 1]
        return list(dict.fromkeys(names))

    def plot(self, path: PathLike | None = None, metrics: str | Sequence[str] | None = None) -> Figure:
        """Plot the values of training and validation, one axis per metric.

        Args:
            path: a file to save the figure to.
            metrics: the names to plot, or aliases of them; None for all.

        Returns:
            The figure of matplotlib.

        Raises:
            ArgumentError: a name was not recorded.
            StateError: no epoch was recorded.
            ImportError: matplotlib is not installed.
        """
        names = self._names()
        if not names:
            raise StateError(message("There is nothing to plot yet", hint="Call fit first; it returns the History."))
        if metrics is not None:
            selected = [metrics] if isinstance(metrics, str) else list(metrics)
            known = Logs({name: name for name in names})
            missing = [name for name in selected if name.removeprefix("val_") not in known]
            if missing:
                raise unknown("metric in the history", missing[0], names)
            names = list(dict.fromkeys(known[name.removeprefix("val_")] for name in selected))
        return _plot({n: (self.history.get(n), self.history.get(f"val_{n}")) for n in names}, path)

    def __getitem__(self, name: str) -> NoReturn:
        hint = f"Use its attribute history, a dict: history.history[{name!r}]."
        raise ArgumentTypeError(message("fit returns a History, which has no keys", got=f"[{name!r}]", hint=hint))

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> None:
            if name in vars(self).get("history", ()):
                raise MissingAttributeError(f"A History has no {name!r}.\nUse its dict: history.history[{name!r}].")
            super().__getattribute__(name)  # raises the error again

    def __repr__(self) -> str:
        last = ", ".join(f"{n} {v[-1]:.4g}" for n, v in self.history.items() if np.ndim(v) == 1)
        return singular(f"<History of {len(self.epoch)} epochs{': ' + last if last else ''}>")

    def _repr_html_(self) -> str:
        """The last epoch as a table, for notebooks."""

        def cell(name: str) -> str:
            values = self.history.get(name)
            return f"<td>{values[-1]:.4g}</td>" if values else "<td>–</td>"

        rows = "".join(f"<tr><th>{html.escape(n)}</th>{cell(n)}{cell('val_' + n)}</tr>" for n in self._names())
        after = singular(f"after {len(self.epoch)} epochs")
        head = f"<tr><th>{after}</th><th>training</th><th>validation</th></tr>"
        return f"<table>{head}{rows}</table>"


def _plot(curves: Mapping[str, tuple[Any, Any]], path: PathLike | None) -> Figure:
    """One axis for each name of {name: (training values, validation values)}; either may be None."""
    try:
        import matplotlib
        from matplotlib import pyplot
    except ImportError:
        raise ImportError('history.plot() needs matplotlib.\nInstall it: pip install "gazelle[plot]"') from None

    columns = min(len(curves), 3)
    rows = math.ceil(len(curves) / columns)
    figure, grid = pyplot.subplots(
        rows, columns, figsize=(4.6 * columns + 0.4, 3.4 * rows + 0.2), squeeze=False, layout="constrained"
    )
    for axis, (name, (train, validation)) in zip(grid.flat, curves.items(), strict=False):
        _plot_one(axis, name, train, validation)
    for axis in list(grid.flat)[len(curves) :]:
        axis.set_visible(False)
    if path is not None:
        figure.savefig(path, dpi=150)
    if "inline" in matplotlib.get_backend().lower():  # a notebook displays the returned figure
        pyplot.close(figure)
    return figure


def _plot_one(axis: Any, name: str, train: Any, validation: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    for values, label, color in ((train, "training", _TRAIN), (validation, "validation", _VALIDATION)):
        if values:
            total = max(len(train or ()), len(values))  # with validation_freq, every so many epochs
            every = max(1, round(total / len(values)))
            epochs = np.arange(1, len(values) + 1) * every
            axis.plot(epochs, values, label=label, color=color, linewidth=1.8, marker="o" if len(values) == 1 else None)
    spans = [v for v in (*(train or ()), *(validation or ())) if np.isfinite(v)]
    if name == "learning_rate" and spans and min(spans) > 0 and max(spans) > 10 * min(spans):
        axis.set_yscale("log")
    axis.set_title(name.replace("_", " "), fontsize=11, loc="left", color="#222222")
    axis.set_xlabel("epoch", color=_GREY, fontsize=9)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axis.tick_params(which="both", colors=_GREY, labelsize=8, length=0)
    axis.grid(color="#e6e6e6", linewidth=0.8)
    axis.set_axisbelow(True)
    for side, spine in axis.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color("#bbbbbb")
    if train and validation:
        axis.legend(frameon=False, fontsize=9, labelcolor="#333333")

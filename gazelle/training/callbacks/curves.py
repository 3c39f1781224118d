"""Curves of a training run, drawn with matplotlib."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

_TRAIN, _VALIDATION, _GREY = "#1f6fb4", "#e07b28", "#777777"


def draw(curves: Mapping[str, tuple[Any, Any]], path: str | os.PathLike[str] | None = None) -> Any:
    """One axis for each name of {name: (training values, validation values)}; either may be None."""
    try:
        import matplotlib
        from matplotlib import pyplot
    except ImportError:
        raise ImportError('history.plot() needs matplotlib.\nInstall it: pip install "gazelle[plot]"') from None

    across = min(len(curves), 3)
    down = math.ceil(len(curves) / across)
    figure, grid = pyplot.subplots(
        down, across, figsize=(4.6 * across + 0.4, 3.4 * down + 0.2), squeeze=False, layout="constrained"
    )
    for axis, (name, (train, validation)) in zip(grid.flat, curves.items(), strict=False):
        _draw_one(axis, name, train, validation)
    for axis in list(grid.flat)[len(curves) :]:
        axis.set_visible(False)
    if path is not None:
        figure.savefig(path, dpi=150)
    if "inline" in matplotlib.get_backend().lower():  # a notebook shows the returned figure; do not show it twice
        pyplot.close(figure)
    return figure


def _draw_one(axis: Any, name: str, train: Any, validation: Any) -> None:
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

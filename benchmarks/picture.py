"""The plot of the documents: times relative to gazelle, and cost as sizes grow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from figures import flat_until, linear_until, spread
from peers import PEERS, main_peers
from workloads import GROWTH, WORKLOADS

COLORS = {
    "gazelle": "#d1495b",
    "keras-jax": "#1f6fb4",
    "keras-tensorflow": "#e08e1b",
    "keras-torch": "#7b5ea7",
    "scikit-learn": "#3a9a8c",
    "handwritten": "#555555",
    "plain": "#e8a0ac",
}
MARKS = {"plain": "+", "handwritten": "|", "scikit-learn": "x"}


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw ratios on the left and, if it was measured, scaling on the right."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.hashsalt": "gazelle", "font.size": 8.5, "svg.fonttype": "none"}
    from matplotlib import pyplot

    growth = results["growth"]
    figure = pyplot.figure(figsize=(13, 7.6 if growth else 4), layout="constrained")
    parts: Any = figure.subfigures(1, 2, width_ratios=(5, 8)) if growth else [figure]
    above, below = parts[0].subplots(2, 1) if growth else figure.subplots(1, 2)
    _ratios(above, results, "step", "A step in fit")
    _ratios(below, results, "warm", "First epoch, warm")
    grid = parts[1].subplots(2, 3).ravel() if growth else []
    panels = [(axis, "time") for axis in GROWTH] + [("depth", "first"), ("samples", "memory")]
    for axes, (axis, what) in zip(grid, panels, strict=bool(growth)):
        _growth(axes, growth.get(axis, {}), axis, what)
    handles = {t: h for p in (above, *grid[:1]) for h, t in zip(*p.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=len(handles), frameon=False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _plain(axes: Any, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=9.5, color="#222222")
    axes.grid(color="#e6e6e6", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", colors="#555555", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _numbers(axis: Any, ends: Any) -> None:
    """Label the axis at 1, 10, 100; also at 2 and 5 if the range is small."""
    few = ends[1] < 40 * ends[0]
    axis.set_major_formatter(lambda value, _: f"{value:,g}" if value < 1e5 else f"{value:g}")
    axis.set_minor_formatter(lambda value, _: f"{value:,g}" if few and f"{value:e}"[0] in "25" else "")


def _ratios(axes: Any, results: dict[str, Any], name: str, title: str) -> None:
    """Draw a dot for each peer: its time divided by that of gazelle."""
    rows = {w: row for w, row in results["values"].get(name, {}).items() if spread(row.get("gazelle", []))}
    for peer in main_peers(results["peers"]):
        dots = []
        for number, row in enumerate(rows.values()):
            ours, theirs = spread(row["gazelle"]), spread(row.get(peer, []))
            if ours and theirs:
                dots.append((theirs.middle / ours.middle, number))
        if dots:
            mark = MARKS.get(peer, "o")
            axes.plot(
                *zip(*dots, strict=True),
                mark,
                color=COLORS[peer],
                label=PEERS[peer].title,
                markersize=9 if mark == "|" else 6,
                markeredgewidth=2 if mark != "o" else 0,
            )
    axes.set_xscale("log")
    axes.set_yticks(range(len(rows)), [WORKLOADS[w].title for w in rows])
    axes.invert_yaxis()
    _numbers(axes.xaxis, axes.get_xlim())
    axes.axvline(1, color=COLORS["gazelle"], linewidth=0.8, zorder=0)
    _plain(axes, f"{title}: time relative to gazelle")


def _growth(axes: Any, by_peer: dict[str, Any], axis: str, what: str) -> None:
    """Draw a line for each peer; a ring marks the end of the flat range, a cross that of the linear range."""
    titles = {"time": "a step, ms", "first": "first epoch, s", "memory": "peak memory, MiB"}
    factor = {"time": 1e3, "first": 1.0, "memory": 1 / 2**20}[what]
    whole = GROWTH[axis].whole and what == "time"
    for peer, seen in by_peer.items():
        if not seen.get("sizes"):
            continue
        sizes, values = seen["sizes"], [v * factor for v in seen[what]]
        axes.plot(sizes, values, ".-", color=COLORS[peer], label=PEERS[peer].title, linewidth=1.4)
        if what == "time":
            at = dict(zip(sizes, values, strict=True))
            for mark, knee in (("o", flat_until(sizes, values)), ("x", linear_until(sizes, values))):
                if knee != sizes[-1]:
                    axes.plot(knee, at[knee], mark, color=COLORS[peer], markerfacecolor="none", markersize=8)
    axes.set_xscale("log")
    axes.set_yscale("log")
    _numbers(axes.yaxis, axes.get_ylim())
    _plain(axes, f"{GROWTH[axis].title}: {'an epoch, ms' if whole else titles[what]}")

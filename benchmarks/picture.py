"""The picture of the documents: times beside gazelle's, and cost as sizes grow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from figures import flat_until, linear_until, spread
from peers import PEERS, compared
from workloads import GROWTH, WORKLOADS

COLORS = {
    "gazelle": "#d1495b",
    "keras-jax": "#1f6fb4",
    "keras-tensorflow": "#e08e1b",
    "keras-torch": "#7b5ea7",
    "scikit-learn": "#3a9a8c",
    "handwritten": "#555555",
    "native": "#e8a0ac",
}
MARKS = {"native": "+", "handwritten": "|", "scikit-learn": "x"}


def draw(results: dict[str, Any], path: Path) -> None:
    """Ratios on the left, growth, where it was measured, on the right. Rings and crosses: see `_growth`."""
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
    for place, (axis, what) in zip(grid, panels, strict=bool(growth)):
        _growth(place, growth.get(axis, {}), axis, what)
    handles = {t: h for p in (above, *grid[:1]) for h, t in zip(*p.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=len(handles), frameon=False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _plain(place: Any, title: str) -> None:
    place.set_title(title, loc="left", fontsize=9.5, color="#222222")
    place.grid(color="#e6e6e6", linewidth=0.7)
    place.set_axisbelow(True)
    place.tick_params(which="both", colors="#555555", length=0)
    for spine in place.spines.values():
        spine.set_visible(False)


def _numbers(axis: Any, ends: Any) -> None:
    """Plain numbers at 1, 10, 100; at 2 and 5 too where there is room."""
    few = ends[1] < 40 * ends[0]
    axis.set_major_formatter(lambda value, _: f"{value:,g}" if value < 1e5 else f"{value:g}")
    axis.set_minor_formatter(lambda value, _: f"{value:,g}" if few and f"{value:e}"[0] in "25" else "")


def _ratios(place: Any, results: dict[str, Any], name: str, title: str) -> None:
    """A dot for each peer: how many times longer than gazelle it takes."""
    rows = {w: row for w, row in results["values"].get(name, {}).items() if spread(row.get("gazelle", []))}
    for peer in compared(results["peers"]):
        dots = []
        for number, row in enumerate(rows.values()):
            ours, theirs = spread(row["gazelle"]), spread(row.get(peer, []))
            if ours and theirs:
                dots.append((theirs.middle / ours.middle, number))
        if dots:
            mark = MARKS.get(peer, "o")
            place.plot(
                *zip(*dots, strict=True),
                mark,
                color=COLORS[peer],
                label=PEERS[peer].title,
                markersize=9 if mark == "|" else 6,
                markeredgewidth=2 if mark != "o" else 0,
            )
    place.set_xscale("log")
    place.set_yticks(range(len(rows)), [WORKLOADS[w].title for w in rows])
    place.invert_yaxis()
    _numbers(place.xaxis, place.get_xlim())
    place.axvline(1, color=COLORS["gazelle"], linewidth=0.8, zorder=0)
    _plain(place, f"{title}: how many times gazelle's")


def _growth(place: Any, by_peer: dict[str, Any], axis: str, what: str) -> None:
    """A line for each peer; a ring where the time stops being flat, a cross where it stops being linear."""
    titles = {"time": "a step, ms", "first": "first epoch, s", "memory": "peak memory, MiB"}
    factor = {"time": 1e3, "first": 1.0, "memory": 1 / 2**20}[what]
    whole = GROWTH[axis].whole and what == "time"
    for peer, seen in by_peer.items():
        if not seen.get("sizes"):
            continue
        sizes, values = seen["sizes"], [v * factor for v in seen[what]]
        place.plot(sizes, values, ".-", color=COLORS[peer], label=PEERS[peer].title, linewidth=1.4)
        if what == "time":
            at = dict(zip(sizes, values, strict=True))
            for mark, knee in (("o", flat_until(sizes, values)), ("x", linear_until(sizes, values))):
                if knee != sizes[-1]:
                    place.plot(knee, at[knee], mark, color=COLORS[peer], markerfacecolor="none", markersize=8)
    place.set_xscale("log")
    place.set_yscale("log")
    _numbers(place.yaxis, place.get_ylim())
    _plain(place, f"{GROWTH[axis].title}: {'an epoch, ms' if whole else titles[what]}")

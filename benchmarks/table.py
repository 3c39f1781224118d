"""Format results as tables, for the terminal and as Markdown for the documents."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from figures import FIGURES, ONCE, Figure, Spread, Values, flat_until, linear_until, paired, ratio, spread
from peers import PEERS, main_peers
from user_loops import LOOPS
from workloads import GROWTH, WORKLOADS

ROOT = Path(__file__).resolve().parents[1]


def number(value: float) -> str:
    """Three significant digits."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.{1 if value >= 10 else 2 if value >= 1 else 3}f}"


def cell(values: list[float | None], figure: Figure) -> str:
    seen = spread(values)
    if seen is None:
        return "failed" if values else "–"
    sign = f" ±{seen.fraction:.0%}" if len(values) > 1 else ""
    return number(seen.middle * figure.factor) + sign


def times(seen: Spread | None) -> str:
    """Format a ratio: 5.1x (4.8 to 5.3)."""
    if seen is None:
        return "–"
    digits = 1 if seen.middle >= 1.95 else 2
    span = f" ({seen.least:.{digits}f} to {seen.most:.{digits}f})" if seen.most > seen.least else ""
    return f"{seen.middle:.{digits}f}x{span}"


Row = list[str]


def section(values: Values, name: str, peers: list[str]) -> list[Row]:
    """The rows of one figure: the network, a cell for each peer, the ratio."""
    figure, found = FIGURES[name], values.get(name, {})
    titled = [((WORKLOADS | LOOPS)[workload].title, row) for workload, row in found.items()]
    if name in ONCE and found:
        titled = [("any", {p: [v for row in found.values() for v in row.get(p, [])] for p in peers})]
    return [
        [title, *(cell(row.get(peer, []), figure) for peer in peers), times(ratio(row, figure.less))]
        for title, row in titled
    ]


ENGINES = ("gazelle", "on-tensorflow", "on-pytensor", "keras-tensorflow")
ENGINE_HEADS = ["network", *(PEERS[p].title for p in ENGINES), "on TensorFlow: speedup over Keras"]


def engine_rows(values: Values) -> list[Row]:
    """Times of a step of gazelle on each of its engines, and of Keras on TensorFlow."""
    return [
        [
            WORKLOADS[workload].title,
            *(cell(row.get(peer, []), FIGURES["step"]) for peer in ENGINES),
            times(paired(row.get("on-tensorflow", []), row.get("keras-tensorflow", []))),
        ]
        for workload, row in values.get("step", {}).items()
        if any(PEERS[peer].engine for peer in row)
    ]


def growth_rows(growth: dict[str, dict[str, Any]], peers: list[str]) -> list[Row]:
    """For each growing size and each peer: the ends of the flat and the linear range, and the first and last time."""
    rows = []
    for axis, by_peer in growth.items():
        for peer in (p for p in peers if by_peer.get(p, {}).get("sizes")):
            seen = by_peer[peer]
            sizes, took = seen["sizes"], seen["time"]
            rows.append(
                [
                    GROWTH[axis].title,
                    PEERS[peer].title,
                    f"{sizes[0]:,} to {sizes[-1]:,}",
                    f"{number(took[0] * 1e3)} to {number(took[-1] * 1e3)}",
                    f"{flat_until(sizes, took):,}",
                    f"{linear_until(sizes, took):,}",
                    f"{number(seen['memory'][-1] / 2**20)}",
                ]
            )
    return rows


HEADS = {
    "en": ["network", "speedup over the fastest Keras"],
    "zh": ["网络", "相对最快 Keras 后端的加速比"],
}
CHINESE = {
    "article's MLP": "文章的 MLP",
    "article's CNN": "文章的 CNN",
    "deep autoencoder": "深层自编码器",
    "residual CNN": "残差 CNN",
    "recommender": "推荐网络",
    "wide MLP": "宽 MLP",
    "MLP from a generator": "生成器供数据的 MLP",
    "text CNN": "文本 CNN",
    "masked bidirectional tagger": "带掩码的双向标注网络",
    "depthwise-separable blocks": "深度可分离卷积块",
    "3-D convolutions": "三维卷积",
    "character model (GRU)": "字符模型（GRU）",
    "MLP with BatchNormalization": "带 BatchNormalization 的 MLP",
    "six GPT blocks": "六个 GPT 块",
    "hand-written JAX": "手写的 JAX",
    "Keras on JAX": "Keras（JAX）",
    "Keras on TensorFlow": "Keras（TensorFlow）",
    "Keras on torch": "Keras（torch）",
    "gazelle without kernels": "gazelle（无内核）",
}
GROWTH_HEADS = [
    "variable",
    "library",
    "sizes",
    "time of a step (of samples: an epoch), ms",
    "flat until",
    "linear until",
    "peak memory, MiB",
]


def markdown(heads: Row, rows: list[Row]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def short(results: dict[str, Any], language: str = "en") -> str:
    """The table of the README: times of a step."""
    peers = main_peers(results["peers"])
    translate = (lambda text: CHINESE.get(text, text)) if language == "zh" else str
    head, last = HEADS[language]
    rows = [
        [translate(row[0]), *row[1:-1], row[-1].replace(" to ", "–")]
        for row in section(results["values"], "step", peers)
    ]
    return markdown([head, *(translate(PEERS[p].title) for p in peers), last], rows)


def long(results: dict[str, Any]) -> str:
    """All tables of docs/benchmarks.md."""
    peers = main_peers(results["peers"])
    parts = ["![Step times relative to gazelle, and scaling with size](benchmarks.svg)", about(results)]
    heads = ["network", *(PEERS[p].title for p in peers), "speedup over the fastest Keras"]
    for name, figure in FIGURES.items():
        rows = section(results["values"], name, peers)
        if name in ("step", "iteration"):
            goals = [f"{(WORKLOADS | LOOPS)[w].goal:g}x" for w in results["values"].get(name, {})]
            rows = [[*row, goal] for row, goal in zip(rows, goals, strict=True)]
        if rows:
            title = figure.title[0].upper() + figure.title[1:]
            parts.append(f"### {title} ({figure.unit})")
            parts.append(markdown([*heads, "goal"] if name in ("step", "iteration") else heads, rows))
    if rows := engine_rows(results["values"]):
        parts += ["### Time of a step on each engine (ms)", markdown(ENGINE_HEADS, rows)]
    if rows := growth_rows(results["growth"], peers):
        parts += ["### Scaling", markdown(GROWTH_HEADS, rows)]
    if results["failed"]:
        parts += ["### Failures", "\n".join(f"- {who}: {why}" for who, why in results["failed"].items())]
    return "\n\n".join(parts)


def about(results: dict[str, Any]) -> str:
    """Machine, versions, date and number of rounds."""
    machine, rounds = results["machine"], results["rounds"]
    starts = results.get("start_rounds", rounds)
    count = f"{rounds} round{'s' if rounds > 1 else ''}"
    if starts < rounds:
        count += f" ({starts} of figures other than steps and loops)"
    versions = "; ".join(
        f"{PEERS[p].title}: " + ", ".join(f"{k} {v}" for k, v in results["versions"][p].items())
        for p in results["peers"]
    )
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory']} GiB, {machine['system']}; "
        f"{results['date']}, {count}, load before {machine['load']}.\n\n{versions}."
    )


def insert(page: Path, mark: str, text: str) -> None:
    """Put a text between `<!-- mark -->` and `<!-- /mark -->` of a page."""
    old = page.read_text(encoding="utf-8")
    pattern = re.compile(rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)", re.DOTALL)
    if not pattern.search(old):
        raise SystemExit(f"benchmarks: {page.name} has no <!-- {mark} --> ... <!-- /{mark} -->.")
    page.write_text(pattern.sub(lambda found: f"{found[1]}{text}\n{found[2]}", old), encoding="utf-8")


def show(results: dict[str, Any], console: Any) -> None:
    """Print the tables on the terminal."""
    from rich import box
    from rich.table import Table

    peers = main_peers(results["peers"])
    look: Any = {"header_style": "bold", "box": box.SIMPLE_HEAD}
    table = Table(title="medians ± half of the range; the ratio is computed per round", **look)
    for head in ("", *(PEERS[p].title for p in peers), "speedup over the fastest Keras"):
        table.add_column(head, justify="left" if not head else "right")
    for name, figure in FIGURES.items():
        if rows := section(results["values"], name, peers):
            table.add_row(f"[bold]{figure.short}, {figure.unit}")
            for row in rows:
                table.add_row(*row)
            table.add_section()
    if results["values"]:
        console.print(table)
    growth = growth_rows(results["growth"], peers)
    for title, heads, rows in (
        ("a step on each engine, ms", ENGINE_HEADS, engine_rows(results["values"])),
        ("scaling", GROWTH_HEADS, growth),
    ):
        if rows:
            table = Table(*heads, title=title, **look)
            for row in rows:
                table.add_row(*row)
            console.print(table)
    console.print(about(results), highlight=False)
    for who, why in results["failed"].items():
        console.print(f"failed: {who}: {why}", highlight=False, markup=False)

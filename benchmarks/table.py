"""Format results as tables, for the terminal and as Markdown for the documents."""

from __future__ import annotations

import re
import textwrap
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


CHINESE = {
    "network": "网络",
    "any": "任意",
    "goal": "目标",
    "failed": "失败",
    "speedup over the fastest Keras": "相对最快 Keras 后端的加速比",
    "on TensorFlow: speedup over Keras": "在 TensorFlow 上：相对 Keras 的加速比",
    "time of a step in fit": "fit 中一步的时间",
    "process start to end of first epoch, no compilation cache": "从进程启动到第一轮结束，没有编译缓存",
    "process start to end of first epoch, with the cache of an earlier run": "从进程启动到第一轮结束，有上次运行的缓存",
    "process start to end of import": "从进程启动到导入结束",
    "predict, throughput": "predict 的吞吐量",
    "predict of one sample": "predict 一个样本",
    "evaluate, time of a batch": "evaluate 一个批次的时间",
    "one iteration of a user-defined loop": "自定义循环的一次迭代",
    "peak memory of the process in fit": "进程在 fit 中的内存峰值",
    "samples/ms": "样本/毫秒",
    "Time of a step on each engine": "各引擎上一步的时间",
    "Scaling": "规模扩展",
    "Failures": "失败",
    "Step times relative to gazelle, and scaling with size": "相对 gazelle 的单步时间，以及随规模的变化",
    "variable": "变量",
    "library": "库",
    "sizes": "规模",
    "time of a step (of samples: an epoch), ms": "一步的时间（样本数：一轮的时间），毫秒",
    "flat until": "平坦到",
    "linear until": "线性到",
    "peak memory, MiB": "内存峰值，MiB",
    "batch": "批次大小",
    "width": "宽度",
    "depth": "深度",
    "samples": "样本数",
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
    "iteration of a GAN": "GAN 的一次迭代",
    "iteration of a DQN": "DQN 的一次迭代",
    "a new width, two epochs": "新的宽度，两轮",
    "step with a callback on batches": "带批次回调的一步",
    "step of a custom loss": "自定义损失的一步",
    "step of GradientTape": "GradientTape 的一步",
    "step of GradientTape in tf.function": "tf.function 中 GradientTape 的一步",
    "iteration of a GAN, Keras 2": "GAN 的一次迭代，Keras 2",
    "step with a callback on batches, Keras 2": "带批次回调的一步，Keras 2",
    "hand-written JAX": "手写的 JAX",
    "gazelle on TensorFlow": "gazelle（TensorFlow）",
    "gazelle on PyTensor": "gazelle（PyTensor）",
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


def in_language(text: str, language: str) -> str:
    """A title, a head or a cell in English or Chinese; figures are the same."""
    if language == "en":
        return text
    return CHINESE.get(text) or CHINESE.get(text[:1].lower() + text[1:]) or text.replace(" to ", "–")


def markdown(heads: Row, rows: list[Row], language: str = "en") -> str:
    heads, *rows = ([in_language(cell, language) for cell in row] for row in (heads, *rows))
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def short(results: dict[str, Any], language: str = "en") -> str:
    """The table of the README: times of a step."""
    peers = main_peers(results["peers"])
    rows = [[*row[:-1], row[-1].replace(" to ", "–")] for row in section(results["values"], "step", peers)]
    return markdown(["network", *(PEERS[p].title for p in peers), "speedup over the fastest Keras"], rows, language)


def long(results: dict[str, Any], language: str = "en") -> str:
    """All tables of docs/benchmarks.md."""
    peers = main_peers(results["peers"])

    def titled(text: str) -> str:
        return in_language(text, language)

    plot = titled("Step times relative to gazelle, and scaling with size")
    parts = [f"![{plot}](benchmarks.svg)", about(results, language)]
    heads = ["network", *(PEERS[p].title for p in peers), "speedup over the fastest Keras"]
    for name, figure in FIGURES.items():
        rows = section(results["values"], name, peers)
        if name in ("step", "iteration"):
            goals = [f"{(WORKLOADS | LOOPS)[w].goal:g}x" for w in results["values"].get(name, {})]
            rows = [[*row, goal] for row, goal in zip(rows, goals, strict=True)]
        if rows:
            title = titled(figure.title[0].upper() + figure.title[1:])
            parts.append(f"### {title} ({titled(figure.unit)})")
            parts.append(markdown([*heads, "goal"] if name in ("step", "iteration") else heads, rows, language))
    if rows := engine_rows(results["values"]):
        parts += [f"### {titled('Time of a step on each engine')} (ms)", markdown(ENGINE_HEADS, rows, language)]
    if rows := growth_rows(results["growth"], peers):
        parts += [f"### {titled('Scaling')}", markdown(GROWTH_HEADS, rows, language)]
    if results["failed"]:
        failures = "\n".join(f"- {who}: {why}" for who, why in results["failed"].items())
        parts += [f"### {titled('Failures')}", failures]
    return "\n\n".join(parts)


def about(results: dict[str, Any], language: str = "en") -> str:
    """Machine, versions, date and number of rounds."""
    machine, rounds = results["machine"], results["rounds"]
    starts = results.get("start_rounds", rounds)
    count = f"{rounds} round{'s' if rounds > 1 else ''}"
    if starts < rounds:
        count += f" ({starts} of figures other than steps and loops)"
    versions = "; ".join(
        f"{in_language(PEERS[p].title, language)}: " + ", ".join(f"{k} {v}" for k, v in results["versions"][p].items())
        for p in results["peers"]
    )
    if language == "zh":
        count = f"{rounds} 轮" + (f"（单步和循环以外的数字为 {starts} 轮）" if starts < rounds else "")
        first = (
            f"{machine['processor']}，{machine['cores']} 个核心，{machine['memory']} GiB，{machine['system']}；"
            f"{results['date']}，{count}，测量前的负载 {machine['load']}。"
        )
    else:
        first = (
            f"{machine['processor']}, {machine['cores']} cores, {machine['memory']} GiB, {machine['system']}; "
            f"{results['date']}, {count}, load before {machine['load']}."
        )
    return f"{first}\n\n{textwrap.fill(versions, 128, break_on_hyphens=False)}."


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

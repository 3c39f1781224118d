"""`make bench`: run every workload with every library, interleaved and in new processes, for several rounds.

A full run writes benchmarks/results.json, docs/benchmarks.svg and the tables of README and docs/benchmarks.md, in both
languages; a partial run writes only to .bench/.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import random
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import table
from figures import FIGURES, Values
from peers import HOME, PEERS, ROOT, prepare, python
from rich.console import Console
from user_loops import LOOPS
from workloads import GROWTH, WORKLOADS

NAMES = [*WORKLOADS, *LOOPS]
WORKER = Path(__file__).with_name("worker.py")
LIMIT = 300  # seconds, timeout of a process
OWN_VARIABLES = (
    "GAZELLE_",
    "KERAS_",
    "PYTHONDONTWRITEBYTECODE",  # installed packages have bytecode too
    "XDG_CACHE",
    "JAX_COMPILATION",
    "JAX_PERSISTENT",
)  # variables that a worker must not inherit


def options(arguments: list[str] | None) -> argparse.Namespace:
    def several(known: Any) -> Any:
        def split(text: str) -> list[str]:
            names = text.split(",")
            if unknown := [name for name in names if name not in known]:
                raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: choose from {', '.join(known)}")
            return names

        return split

    parser = argparse.ArgumentParser(prog='make bench ARGS="..."', description="Compare gazelle with other libraries.")
    figures = [*FIGURES, "growth"]
    parser.add_argument("--quick", action="store_true", help="one short round, no scaling")
    parser.add_argument("--only", type=several(NAMES), default=NAMES, help=",".join(NAMES))
    parser.add_argument("--peers", type=several(PEERS), default=list(PEERS), help=",".join(PEERS))
    parser.add_argument("--figures", type=several(figures), default=figures, help=",".join(figures))
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds (3)")
    parser.add_argument("--start-rounds", type=int, help="rounds of all figures; the others measure steps and loops")
    parser.add_argument("--seconds", type=float, default=0.6, help="seconds of measurement per step time (0.6)")
    parser.add_argument("--draw", action="store_true", help="only regenerate tables and plot from results.json")
    parser.add_argument("--out", type=Path, help="folder for results.json and the plot of a partial run (.bench)")
    settings = parser.parse_args(arguments)
    settings.part = any(getattr(settings, n) != parser.get_default(n) for n in ("quick", "only", "peers", "figures"))
    if settings.quick:
        settings.rounds, settings.seconds = 1, min(settings.seconds, 0.3)
        settings.figures = [name for name in settings.figures if name != "growth"]
    settings.start_rounds = settings.rounds if settings.start_rounds is None else settings.start_rounds
    return settings


class Runner:
    """Runs worker processes and collects their results."""

    def __init__(self, settings: argparse.Namespace, console: Console) -> None:
        self.settings, self.console = settings, console
        self.measured: list[str] = settings.figures  # in this round
        self.values: Values = {}
        self.growth: dict[str, dict[str, Any]] = {}
        self.failed: dict[str, str] = {}

    def worker(self, peer: str, home: Path, task: dict[str, Any]) -> dict[str, Any]:
        """Result of a new process, {} if it failed. `home` replaces the user's home folder."""
        home.mkdir(parents=True, exist_ok=True)
        env = {k: v for k, v in os.environ.items() if not k.startswith(OWN_VARIABLES)}
        env |= {"HOME": str(home), "KERAS_BACKEND": PEERS[peer].backend or "jax", "PYTHONWARNINGS": "ignore"}
        env |= dict(PEERS[peer].settings)
        if PEERS[peer].caches and PEERS[peer].module != "gazelle":  # gazelle enables its cache by default
            env |= {
                "JAX_COMPILATION_CACHE_DIR": str(home / "jax"),
                "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
                "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
            }
        arguments = json.dumps({"peer": peer, "seconds": self.settings.seconds, **task, "started": time.monotonic()})
        try:
            done = subprocess.run(
                [python(peer), WORKER, arguments], env=env, text=True, capture_output=True, timeout=LIMIT, check=True
            )
            return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]
        except subprocess.TimeoutExpired:
            why = f"not done after {LIMIT} s"
        except subprocess.CalledProcessError as error:
            why = (error.stderr.strip().splitlines() or [f"exit {error.returncode}"])[-1]
        what = task.get("workload") or task.get("loop") or "growth of " + task["growth"]
        self.failed[f"{peer}, {what}"] = why[:300]
        return {}

    def add(self, figure: str, workload: str, peer: str, value: float | None) -> None:
        if figure in self.figures(workload, peer):
            self.values.setdefault(figure, {}).setdefault(workload, {}).setdefault(peer, []).append(value)

    def figures(self, name: str, peer: str) -> list[str]:
        """The figures of a workload or loop that are measured with a library."""
        own = (
            ("iteration",)
            if name in LOOPS
            else WORKLOADS[name].figures or tuple(f for f in FIGURES if f != "iteration")
        )
        return [figure for figure in PEERS[peer].measured(self.measured) if figure in own]

    def one(self, workload: str, peer: str) -> None:
        """Measure one workload with one library: first without a cache if it has one, then with it."""
        if workload in LOOPS:
            home = HOME / "homes" / peer / "loops"
            self.add("iteration", workload, peer, self.worker(peer, home, {"loop": workload}).get("iteration"))
            return
        home, figures = HOME / "homes" / peer / workload, self.figures(workload, peer)
        task = {"workload": workload, "figures": figures}
        caches = PEERS[peer].caches
        if caches and {"cold", "warm"} & set(figures):
            shutil.rmtree(home, ignore_errors=True)
            self.add("cold", workload, peer, self.worker(peer, home, task | {"figures": []}).get("start"))
        found = self.worker(peer, home, task)
        self.add("warm", workload, peer, found.get("start"))
        if not caches:
            self.add("cold", workload, peer, found.get("start"))
        for figure in ("step", "import", "memory"):
            self.add(figure, workload, peer, found.get(figure))
        if not WORKLOADS[workload].stream:
            for figure in ("predict", "latency", "evaluate"):
                self.add(figure, workload, peer, found.get(figure))

    def grow(self, axis: str) -> None:
        for peer in self.settings.peers:
            if peer == "gazelle" or PEERS[peer].keras:
                self.log(f"growth of {axis}: {peer}")
                found = self.worker(peer, HOME / "homes" / peer / "growth", {"growth": axis, "seconds": 0.1})
                self.growth.setdefault(axis, {})[peer] = found

    def log(self, text: str) -> None:
        self.console.print(f"[dim]{time.strftime('%H:%M:%S')}[/dim] {text}", highlight=False)
        self.console.file.flush()

    def run(self) -> dict[str, Any]:
        settings, begun, load = (
            self.settings,
            time.monotonic(),
            os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,
        )
        versions = {peer: prepare(peer) for peer in settings.peers}
        if set(settings.figures) - {"growth"}:
            for peer in settings.peers:  # not measured: loads the files into the page cache
                subprocess.run(
                    [python(peer), "-c", f"import {PEERS[peer].module}"],
                    capture_output=True,
                    env=os.environ | {"KERAS_BACKEND": PEERS[peer].backend or "jax"},
                )
            for number in range(1, settings.rounds + 1):
                quick = [figure for figure in settings.figures if figure in ("step", "iteration")]
                self.measured = settings.figures if number <= settings.start_rounds else quick
                for workload in settings.only:
                    peers = [p for p in settings.peers if workload in (PEERS[p].only or NAMES)]
                    peers = [p for p in peers if self.figures(workload, p)]
                    peers = [p for p in peers if workload not in LOOPS or LOOPS[workload].runs_on(p)]
                    random.Random(f"{number} {workload}").shuffle(peers)
                    self.log(f"round {number} of {settings.rounds}: {workload}")
                    for peer in peers:
                        self.one(workload, peer)
        for axis in GROWTH if "growth" in settings.figures else ():
            self.grow(axis)
        shutil.rmtree(HOME / "homes", ignore_errors=True)
        return {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "minutes": (time.monotonic() - begun) / 60,
            "rounds": settings.rounds,
            "start_rounds": settings.start_rounds,
            "seconds": settings.seconds,
            "machine": machine() | {"load": round(load, 2)},
            "versions": versions,
            "peers": settings.peers,
            "values": self.values,
            "growth": self.growth,
            "failed": self.failed,
        }


def machine() -> dict[str, Any]:
    """Processor, cores, memory and system."""
    name, memory = platform.processor() or platform.machine(), 0
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            name = next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
        memory = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (OSError, StopIteration, ValueError):
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"processor": name, "cores": cores, "memory": memory, "system": platform.system()}


def rounded(tree: Any) -> Any:
    """Round to four digits; the rest is noise."""
    if isinstance(tree, dict):
        return {k: rounded(v) for k, v in tree.items()}
    if isinstance(tree, list):
        return [rounded(v) for v in tree]
    return float(f"{tree:.4g}") if isinstance(tree, float) else tree


def write(results: dict[str, Any], folder: Path) -> None:
    lines = json.dumps(results, indent=1)
    (folder / "results.json").write_text(lines + "\n", encoding="utf-8")


def publish(results: dict[str, Any]) -> None:
    """Write the tables and the plot of the documents."""
    import picture

    picture.draw(results, ROOT / "docs" / "benchmarks.svg")
    table.insert(ROOT / "docs" / "benchmarks.md", "tables", table.long(results))
    table.insert(ROOT / "docs" / "benchmarks.zh-CN.md", "tables", table.long(results, "zh"))
    table.insert(ROOT / "README.md", "speed", table.short(results))
    table.insert(ROOT / "README.zh-CN.md", "speed", table.short(results, "zh"))


def main(arguments: list[str] | None = None) -> None:
    settings, console = options(arguments), Console()
    if not console.is_terminal:
        console = Console(width=150)
    folder = ROOT / "benchmarks"
    if settings.draw:
        results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        publish(results)
        table.show(results, console)
        return
    results = rounded(Runner(settings, console).run())
    if settings.part or settings.out:
        folder = settings.out or HOME
        folder.mkdir(parents=True, exist_ok=True)
        write(results, folder)
        import picture

        picture.draw(results, folder / "benchmarks.svg")
    else:
        write(results, folder)
        publish(results)
    table.show(results, console)
    console.print(f"{results['minutes']:.1f} minutes")


if __name__ == "__main__":
    main()

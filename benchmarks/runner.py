"""`make bench`: every workload with every peer, in turn and in fresh processes, round after round.

Writes benchmarks/results.json, docs/benchmarks.svg and the tables of README and docs/benchmarks.md when everything was
measured; a run of a part writes to .bench/ only.
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
from workloads import GROWTH, WORKLOADS

WORKER = Path(__file__).with_name("worker.py")
LIMIT = 300  # seconds that one process may take
OURS = (
    "GAZELLE_",
    "KERAS_",
    "PYTHONDONTWRITEBYTECODE",  # an installed package has its bytecode
    "XDG_CACHE",
    "JAX_COMPILATION",
    "JAX_PERSISTENT",
)  # settings that a worker must not inherit


def options(words: list[str] | None) -> argparse.Namespace:
    def several(known: Any) -> Any:
        def split(text: str) -> list[str]:
            names = text.split(",")
            if unknown := [name for name in names if name not in known]:
                raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: choose from {', '.join(known)}")
            return names

        return split

    parser = argparse.ArgumentParser(prog='make bench ARGS="..."', description="gazelle beside Keras and others.")
    figures = [*FIGURES, "growth"]
    parser.add_argument("--quick", action="store_true", help="one short round, no growth")
    parser.add_argument("--only", type=several(WORKLOADS), default=list(WORKLOADS), help=",".join(WORKLOADS))
    parser.add_argument("--peers", type=several(PEERS), default=list(PEERS), help=",".join(PEERS))
    parser.add_argument("--figures", type=several(figures), default=figures, help=",".join(figures))
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured (3)")
    parser.add_argument("--seconds", type=float, default=0.6, help="how long a step is watched each time (0.6)")
    parser.add_argument("--draw", action="store_true", help="measure nothing; tables and picture from results.json")
    parser.add_argument("--out", type=Path, help="the folder for results.json and the picture of a part (.bench)")
    asked = parser.parse_args(words)
    asked.part = any(getattr(asked, n) != parser.get_default(n) for n in ("quick", "only", "peers", "figures"))
    if asked.quick:
        asked.rounds, asked.seconds = 1, min(asked.seconds, 0.3)
        asked.figures = [name for name in asked.figures if name != "growth"]
    return asked


class Runner:
    """Runs workers and keeps what they say."""

    def __init__(self, asked: argparse.Namespace, console: Console) -> None:
        self.asked, self.console = asked, console
        self.values: Values = {}
        self.growth: dict[str, dict[str, Any]] = {}
        self.failed: dict[str, str] = {}

    def worker(self, peer: str, home: Path, task: dict[str, Any]) -> dict[str, Any]:
        """What a fresh process says; {} if it failed. All that programs keep in the user's folder goes to `home`."""
        home.mkdir(parents=True, exist_ok=True)
        env = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}
        env |= {"HOME": str(home), "KERAS_BACKEND": PEERS[peer].backend or "jax", "PYTHONWARNINGS": "ignore"}
        env |= dict(PEERS[peer].settings)
        if PEERS[peer].caches and PEERS[peer].module != "gazelle":  # gazelle is to find a place for its cache by itself
            env |= {
                "JAX_COMPILATION_CACHE_DIR": str(home / "jax"),
                "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
                "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
            }
        words = json.dumps({"peer": peer, "seconds": self.asked.seconds, **task, "started": time.monotonic()})
        try:
            done = subprocess.run(
                [python(peer), WORKER, words], env=env, text=True, capture_output=True, timeout=LIMIT, check=True
            )
            return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]
        except subprocess.TimeoutExpired:
            why = f"not done after {LIMIT} s"
        except subprocess.CalledProcessError as error:
            why = (error.stderr.strip().splitlines() or [f"exit {error.returncode}"])[-1]
        self.failed[f"{peer}, {task.get('workload') or 'growth of ' + task['growth']}"] = why[:300]
        return {}

    def add(self, figure: str, workload: str, peer: str, value: float | None) -> None:
        if figure in PEERS[peer].measured(self.asked.figures):
            self.values.setdefault(figure, {}).setdefault(workload, {}).setdefault(peer, []).append(value)

    def one(self, workload: str, peer: str) -> None:
        """All figures of one workload and peer, once: a process without a cache if there can be one, then another."""
        home, figures = HOME / "homes" / peer / workload, PEERS[peer].measured(self.asked.figures)
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
        for peer in self.asked.peers:
            if peer == "gazelle" or PEERS[peer].keras:
                self.say(f"growth of {axis}: {peer}")
                found = self.worker(peer, HOME / "homes" / peer / "growth", {"growth": axis, "seconds": 0.1})
                self.growth.setdefault(axis, {})[peer] = found

    def say(self, words: str) -> None:
        self.console.print(f"[dim]{time.strftime('%H:%M:%S')}[/dim] {words}", highlight=False)
        self.console.file.flush()

    def run(self) -> dict[str, Any]:
        asked, begun, load = self.asked, time.monotonic(), os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
        versions = {peer: prepare(peer) for peer in asked.peers}
        if set(asked.figures) - {"growth"}:
            for peer in asked.peers:  # once unmeasured: the files come into memory
                subprocess.run(
                    [python(peer), "-c", f"import {PEERS[peer].module}"],
                    capture_output=True,
                    env=os.environ | {"KERAS_BACKEND": PEERS[peer].backend or "jax"},
                )
            for number in range(1, asked.rounds + 1):
                for workload in asked.only:
                    peers = [p for p in asked.peers if workload in (PEERS[p].only or WORKLOADS)]
                    peers = [p for p in peers if PEERS[p].measured(asked.figures)]
                    random.Random(f"{number} {workload}").shuffle(peers)
                    self.say(f"round {number} of {asked.rounds}: {workload}")
                    for peer in peers:
                        self.one(workload, peer)
        for axis in GROWTH if "growth" in asked.figures else ():
            self.grow(axis)
        shutil.rmtree(HOME / "homes", ignore_errors=True)
        return {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "minutes": (time.monotonic() - begun) / 60,
            "rounds": asked.rounds,
            "seconds": asked.seconds,
            "machine": machine() | {"load": round(load, 2)},
            "versions": versions,
            "peers": asked.peers,
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
    """Numbers with four digits: more are noise."""
    if isinstance(tree, dict):
        return {k: rounded(v) for k, v in tree.items()}
    if isinstance(tree, list):
        return [rounded(v) for v in tree]
    return float(f"{tree:.4g}") if isinstance(tree, float) else tree


def write(results: dict[str, Any], folder: Path) -> None:
    lines = json.dumps(results, indent=1)
    (folder / "results.json").write_text(lines + "\n", encoding="utf-8")


def publish(results: dict[str, Any]) -> None:
    """The tables and the picture of the documents."""
    import picture

    picture.draw(results, ROOT / "docs" / "benchmarks.svg")
    table.insert(ROOT / "docs" / "benchmarks.md", "tables", table.long(results))
    table.insert(ROOT / "README.md", "speed", table.short(results))
    table.insert(ROOT / "README.zh-CN.md", "speed", table.short(results, "zh"))


def main(words: list[str] | None = None) -> None:
    asked, console = options(words), Console()
    if not console.is_terminal:
        console = Console(width=150)
    kept = ROOT / "benchmarks"
    if asked.draw:
        results = json.loads((kept / "results.json").read_text(encoding="utf-8"))
        publish(results)
        table.show(results, console)
        return
    results = rounded(Runner(asked, console).run())
    if asked.part or asked.out:
        folder = asked.out or HOME
        folder.mkdir(parents=True, exist_ok=True)
        write(results, folder)
        import picture

        picture.draw(results, folder / "benchmarks.svg")
    else:
        write(results, kept)
        publish(results)
    table.show(results, console)
    console.print(f"{results['minutes']:.1f} minutes")


if __name__ == "__main__":
    main()

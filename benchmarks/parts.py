"""Time of a step on one core by purpose: the sum of the minimum times of XLA's operations.

taskset -c 0 python benchmarks/parts.py residual
"""

from __future__ import annotations

import math
import os
import re
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

EPOCHS = 5
INSTRUCTION = re.compile(r'^\s*(?:ROOT )?%?([\w.\-]+) = \w+\[([\d,]*)\].*op_name="([^"]*)"', re.MULTILINE)


def part(name: str, elements: int, batch: int) -> str:
    """The purpose of an operation, determined by the layer in its name and the size of its result."""
    if "conv" in name:
        if "transpose(jvp" not in name and not name.endswith("/transpose"):
            return "convolutions, forward"
        laid = name.endswith("/transpose") and elements >= batch * 1000
        return "kernels' gradients" if laid or elements < batch * 1000 else "inputs' gradients"
    if "batch_normalization" in name or "re_lu" in name or "add/" in name:
        return "normalization, ReLU, sums, " + ("back" if "transpose(jvp" in name else "forward")
    return "the rest"


def main(name: str) -> None:
    folder = Path(tempfile.mkdtemp())
    os.environ["XLA_FLAGS"] = f"--xla_dump_to={folder} --xla_dump_hlo_as_text"
    os.environ |= {"GAZELLE_KEEP": "0", "GAZELLE_COMPILE_CACHE": "0"}
    import jax
    import numpy as np
    from workloads import WORKLOADS

    import gazelle

    workload = WORKLOADS[name]
    x, y = workload.data(np.random.default_rng(0), workload.batch * workload.steps)
    model = workload.model(gazelle)
    model.fit(x, y, batch_size=workload.batch, epochs=2, verbose=0)
    with jax.profiler.trace(folder):
        model.fit(x, y, batch_size=workload.batch, epochs=EPOCHS, verbose=0)
    trace = jax.profiler.ProfileData.from_file(str(next(folder.rglob("*.xplane.pb"))))
    took: dict[str, list[float]] = defaultdict(list)
    for event in (e for plane in trace.planes for line in plane.lines if "XLA" in line.name for e in line.events):
        took[event.name].append(event.duration_ns)
    program: Any = max(folder.glob("*cpu_after_optimizations.txt"), key=lambda path: path.stat().st_size)
    sums: dict[str, float] = defaultdict(float)
    for op, shape, what in INSTRUCTION.findall(program.read_text()):
        if op in took and not op.startswith("while"):
            elements = math.prod(int(n) for n in shape.split(",") if n)
            sums[part(what, elements, workload.batch)] += min(took.pop(op)) / 1e6
    for title, milliseconds in sorted(sums.items(), key=lambda item: -item[1]):
        print(f"{title:45} {milliseconds:6.1f} ms")
    print(f"{'together':45} {sum(sums.values()):6.1f} ms")


if __name__ == "__main__":
    main(sys.argv[1])

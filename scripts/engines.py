"""The page docs/engines.md: which operations every engine and format has rules for, from their tables.

`python scripts/engines.py` writes it; none of the packages has to be installed.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

from gazelle.engine.lowering import onnx, pytensor, tensorflow
from gazelle.engine.lowering.decompose import SIMPLER
from gazelle.engine.lowering.interpreter import INLINED, SAME

PAGE = Path(__file__).parents[1] / "docs" / "engines.md"
TARGETS = {"TensorFlow": tensorflow, "PyTensor": pytensor, "ONNX": onnx}

HEAD = """# Engines and formats

<!-- written by `make engines`; a test holds it against the tables -->
JAX traces and differentiates a program; XLA compiles it. Other engines, and the formats of `model.export`, take the
traced program operation by operation, each by a table of rules (`gazelle/engine/lowering/`). No layer knows of them.
SavedModel and LiteRT files are made by TensorFlow's table, StableHLO by JAX itself.

**rule**: the target's own operation. **composed**: made of simpler operations that have rules. **gap**: a program with
this operation is refused; the error names operation, layer and target.
"""


def state(name: str, target: object) -> str:
    """What the target does with a primitive."""
    return "rule" if name in target.RULES else "composed" if name in SIMPLER and name not in target.MISSING else "gap"


def page() -> str:
    """The text of the page."""
    names = sorted({*SIMPLER, *(name for target in TARGETS.values() for name in (*target.RULES, *target.MISSING))})
    states = {title: {name: state(name, target) for name in names} for title, target in TARGETS.items()}
    holding = ", ".join(f"`{name}`" for name in sorted({*INLINED, *SAME}))
    lines = [
        HEAD,
        *textwrap.wrap(f"What only holds a program, or a name, goes into all of them: {holding}.", 120),
        "",
        "## Counts",
        "| | rule | composed | gap |",
        "|---|---|---|---|",
    ]
    for title, by_name in states.items():
        counts = [list(by_name.values()).count(kind) for kind in ("rule", "composed", "gap")]
        lines.append(f"| {title} | {counts[0]} | {counts[1]} | {counts[2]} |")
    for title, target in TARGETS.items():
        lines += ["", f"## Gaps of {title}", "| operation | reason |", "|---|---|"]
        gaps = [name for name in names if states[title][name] == "gap"]
        lines += [f"| `{name}` | {target.MISSING[name]} |" for name in gaps]
    lines += ["", "## All operations", f"| operation | {' | '.join(TARGETS)} |", "|---|" + "---|" * len(TARGETS)]
    lines += [f"| `{name}` | {' | '.join(states[title][name] for title in TARGETS)} |" for name in names]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"Wrote {PAGE}")

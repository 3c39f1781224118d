"""How far gazelle's numbers are from Keras', by class: `make deviations` writes docs/deviations.md.

It runs tests/parity. A deviation is the largest difference divided by the largest magnitude (at least 1) of Keras'
numbers, as the tests note it (`deviations.same`). Arguments are given to pytest; the table is then only printed.
"""

from __future__ import annotations

import collections
import os
import pathlib
import platform
import re
import sys
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
ROOT = pathlib.Path(__file__).parent.parent
PAGE = ROOT / "docs" / "deviations.md"
HEAD = """# Deviations from Keras

Largest difference between gazelle's numbers and those of Keras {keras}, divided by the largest magnitude (at least 1)
of Keras' numbers, over all parity cases: {compared} cases that compare numbers, {passed} of {cases} cases passed,
{failed}. Written by `make deviations` with gazelle {gazelle}, JAX {jax}, Python {python}.
"""


class Row:
    """What the cases of one class left."""

    def __init__(self) -> None:
        self.cases, self.worst = 0, {"values": -1.0, "gradients": -1.0}

    def add(self, noted: list[tuple[str, float]]) -> None:
        self.cases += 1
        for kind, deviation in noted:
            self.worst[kind] = max(self.worst[kind], deviation)

    def __str__(self) -> str:
        return " | ".join(f"{worst:.1e}" if worst >= 0 else "" for worst in self.worst.values())


class Listener:
    """A plugin of pytest: takes what each test left in its report."""

    def __init__(self, names: set[str]) -> None:
        self.names = names
        self.families: dict[str, dict[str, Row]] = collections.defaultdict(lambda: collections.defaultdict(Row))
        self.outcomes: collections.Counter[str] = collections.Counter()
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when != "call":
            return
        self.outcomes[report.outcome] += 1
        if report.outcome == "failed":
            self.failed.append(report.nodeid)
        noted = [(kind, value) for kind, value in report.user_properties if kind in ("values", "gradients")]
        if noted:
            family = pathlib.Path(report.nodeid.split("::")[0]).stem.removeprefix("test_").replace("_", " ")
            self.families[family][self._class_of(report.nodeid)].add(noted)

    def _class_of(self, nodeid: str) -> str:
        """The name of Keras that a test's arguments begin with, or else the test's own."""
        test, _, arguments = nodeid.split("::", 1)[1].partition("[")
        known = [word for word in re.findall(r"\w+", arguments) if word in self.names]
        return known[0] if known else test.removeprefix("test_").replace("_", " ")


def public_names() -> set[str]:
    """Everything that the rooms of the installed Keras offer."""
    import keras

    namespaces = [
        keras.layers,
        keras.losses,
        keras.metrics,
        keras.optimizers,
        keras.activations,
        keras.initializers,
        keras.regularizers,
        keras.constraints,
        keras.ops,
        keras.ops.image,
        keras.utils.bounding_boxes,
        keras.optimizers.schedules,
    ]
    return {name for namespace in namespaces for name in dir(namespace) if not name.startswith("_")}


def page(heard: Listener) -> str:
    """The table of every family."""
    import jax
    import keras

    import gazelle

    rows = [row for family in heard.families.values() for row in family.values()]
    failed = f"failed: {', '.join(heard.failed)}" if heard.failed else "none failed"
    text = HEAD.format(
        keras=keras.__version__,
        gazelle=gazelle.__version__,
        jax=jax.__version__,
        python=platform.python_version(),
        compared=sum(row.cases for row in rows),
        passed=heard.outcomes["passed"],
        cases=sum(heard.outcomes.values()) - heard.outcomes["skipped"],
        failed=failed,
    )
    for family, classes in sorted(heard.families.items()):
        text += f"\n## {family.capitalize()}\n| class | cases | values | gradients |\n|---|---|---|---|\n"
        text += "".join(f"| {name} | {row.cases} | {row} |\n" for name, row in sorted(classes.items()))
    return text


def main() -> int:
    import pytest

    heard = Listener(public_names())
    given = sys.argv[1:]
    code = pytest.main(["-q", *(given or [str(ROOT / "tests" / "parity"), "-n", "auto"])], plugins=[heard])
    text = page(heard)
    if given:
        print(text)  # a part of the tests is no page
    else:
        PAGE.write_text(text)
        print(f"{PAGE.relative_to(ROOT)}: {sum(heard.outcomes.values())} cases")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())

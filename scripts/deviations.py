"""Numerical deviations from Keras by class: `make deviations` writes docs/deviations.md in English and Chinese.

Runs tests/parity. A deviation is the largest difference divided by the largest magnitude (at least 1) of the values of
Keras, as recorded by the tests (`deviations.same`). Arguments are passed to pytest; the table is then only printed.
"""

from __future__ import annotations

import collections
import os
import pathlib
import platform
import re
import sys
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import chinese_pages

os.environ.setdefault("KERAS_BACKEND", "jax")
ROOT = pathlib.Path(__file__).parent.parent
PAGE = ROOT / "docs" / "deviations.md"
HEAD = """# Deviations from Keras

The largest difference between values of gazelle and Keras {keras}, divided by the largest magnitude (at least 1) of the
values of Keras, over all parity tests: {compared} tests compare values; {passed} of {cases} tests passed, {failed}.
Written by `make deviations` with gazelle {gazelle}, JAX {jax}, Python {python}.
"""


class Row:
    """The largest deviations of one class."""

    def __init__(self) -> None:
        self.cases, self.worst = 0, {"values": -1.0, "gradients": -1.0}

    def add(self, noted: list[tuple[str, float]]) -> None:
        self.cases += 1
        for kind, deviation in noted:
            self.worst[kind] = max(self.worst[kind], deviation)

    def __str__(self) -> str:
        return " | ".join(f"{worst:.1e}" if worst >= 0 else "" for worst in self.worst.values())


class Collector:
    """A pytest plugin that collects the deviations recorded by the tests."""

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
        """The first name of Keras in the arguments of a test, otherwise the name of the test."""
        test, _, arguments = nodeid.split("::", 1)[1].partition("[")
        known = [word for word in re.findall(r"\w+", arguments) if word in self.names]
        return known[0] if known else test.removeprefix("test_").replace("_", " ")


def public_names() -> set[str]:
    """All public names of the installed Keras."""
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


def page(collected: Collector) -> str:
    """The tables of all families."""
    import jax
    import keras

    import gazelle

    rows = [row for family in collected.families.values() for row in family.values()]
    failed = f"failed: {', '.join(collected.failed)}" if collected.failed else "none failed"
    text = HEAD.format(
        keras=keras.__version__,
        gazelle=gazelle.__version__,
        jax=jax.__version__,
        python=platform.python_version(),
        compared=sum(row.cases for row in rows),
        passed=collected.outcomes["passed"],
        cases=sum(collected.outcomes.values()) - collected.outcomes["skipped"],
        failed=failed,
    )
    for family, classes in sorted(collected.families.items()):
        text += f"\n## {family.capitalize()}\n| class | cases | values | gradients |\n|---|---|---|---|\n"
        text += "".join(f"| {name} | {row.cases} | {row} |\n" for name, row in sorted(classes.items()))
    return text


def main() -> int:
    import pytest

    collected = Collector(public_names())
    arguments = sys.argv[1:]
    code = pytest.main(
        ["-q", "--all", *(arguments or [str(ROOT / "tests" / "parity"), "-n", "auto"])], plugins=[collected]
    )
    text = page(collected)
    if arguments:
        print(text)  # only a part of the tests ran
    else:
        PAGE.write_text(text, encoding="utf-8")
        chinese_pages.write(PAGE)
        print(f"{PAGE.relative_to(ROOT)}: {sum(collected.outcomes.values())} cases")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())

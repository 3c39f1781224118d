"""Write tests/slow.txt: the cases that `make test` leaves to `make test-all`.

    make test-all ARGS=--junitxml=report.xml
    python scripts/slow_tests.py report.xml

The quickest case of every test function stays in `make test`, unless it takes long itself. Of the other cases, the
slowest are listed, until the remaining ones take a sixth of the time.
"""

from __future__ import annotations

import collections
import pathlib
import sys
import xml.etree.ElementTree as ElementTree

LIST = pathlib.Path(__file__).resolve().parent.parent / "tests" / "slow.txt"
KEPT = 0.17  # fraction of the time of all tests that remains in `make test`
LONGEST = 0.00025  # fraction above which even the quickest case of a function is listed
#: tests that stay in `make test`: the main guarantees, and figures that any change may worsen
ALWAYS = (
    "tests/article/",
    "tests/benchmarks/",
    "tests/compat/test_golden.py",
    "tests/compat/test_programs.py",
    "tests/distribution/",
    "tests/engine/test_compilation_cache.py",
    "tests/engine/test_engines.py",
    "tests/parity/test_training.py",
    "tests/saving/test_bombs.py",
    "tests/saving/test_genuine.py",
    "tests/saving/test_hostile.py",
    "tests/scripts/",
    "tests/test_boundary.py",
    "tests/test_docstrings.py",
    "tests/test_documents.py::test_program_runs[README",
    "tests/torture/",
    "tests/training/test_resume.py",
    *(
        f"tests/test_gallery.py::test_program_runs[{name}]"
        for name in ("anomaly", "autoencoder", "embeddings", "forecast", "recommender", "vae")
    ),
)


def read(report: str) -> dict[str, list[tuple[float, str]]]:
    """{function: [(seconds, case)]} of a JUnit report."""
    found: dict[str, list[tuple[float, str]]] = collections.defaultdict(list)
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        path = f"{case.get('classname', '').replace('.', '/')}.py"
        name = case.get("name", "")
        found[f"{path}::{name.split('[')[0]}"].append((float(case.get("time", 0)), f"{path}::{name}"))
    return {function: sorted(cases) for function, cases in found.items()}


def choose(functions: dict[str, list[tuple[float, str]]]) -> list[str]:
    """The cases to list."""
    total = sum(seconds for cases in functions.values() for seconds, _ in cases)
    listed: list[str] = []
    optional: list[tuple[float, str]] = []
    kept = 0.0
    for every in functions.values():
        kept += sum(seconds for seconds, case in every if case.startswith(ALWAYS))
        cases = [(seconds, case) for seconds, case in every if not case.startswith(ALWAYS)]
        first = cases[0][0] if cases else 0.0
        if first > LONGEST * total:
            listed += [case for _, case in cases]
        elif cases:
            kept += first
            optional += cases[1:]
    for seconds, case in sorted(optional):
        kept += seconds
        if kept > KEPT * total:
            listed.append(case)
    return sorted(listed)


def main() -> None:
    """Write the list for the report named on the command line."""
    functions = read(sys.argv[1])
    listed = choose(functions)
    LIST.write_text("".join(f"{case}\n" for case in listed), encoding="utf-8")
    print(f"{len(listed)} of {sum(map(len, functions.values()))} cases are slow")


if __name__ == "__main__":
    main()

"""Write tests/slow.txt: the cases that `make test` leaves to `make test-all`.

    make test-all ARGS=--junitxml=report.xml
    python scripts/slow_tests.py report.xml

The quickest case of every test function stays in `make test`, unless it takes more than a second and the function tests
no main guarantee. Of the other cases those of more than a tenth of a second are listed.
"""

from __future__ import annotations

import collections
import pathlib
import sys
import xml.etree.ElementTree as ElementTree

LIST = pathlib.Path(__file__).resolve().parent.parent / "tests" / "slow.txt"
LONGEST = 1.0  # seconds above which even the quickest case of a function is listed
QUICK = 0.12  # seconds up to which the other cases are not
#: tests that stay in `make test`: the main guarantees, and figures that any change may worsen
ALWAYS = (
    "tests/article/",
    "tests/benchmarks/",
    "tests/compat/test_golden.py",
    "tests/compat/test_programs.py",
    "tests/scripts/",
    "tests/test_boundary.py",
    "tests/test_documents.py::test_program_runs[README",
    *(
        f"tests/test_gallery.py::test_program_runs[{name}]"
        for name in ("anomaly", "autoencoder", "embeddings", "forecast", "recommender", "vae")
    ),
)
#: tests of main guarantees, of which each function keeps its quickest case
GUARANTEES = (
    "tests/distribution/",
    "tests/engine/test_compilation_cache.py",
    "tests/engine/test_engines.py",
    "tests/parity/test_training.py",
    "tests/saving/test_bombs.py",
    "tests/saving/test_genuine.py",
    "tests/saving/test_hostile.py",
    "tests/torture/",
    "tests/training/test_resume.py",
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
    listed: list[str] = []
    for every in functions.values():
        cases = [(seconds, case) for seconds, case in every if not case.startswith(ALWAYS)]
        if cases and (cases[0][0] <= LONGEST or cases[0][1].startswith(GUARANTEES)):
            listed += [case for seconds, case in cases[1:] if seconds > QUICK]
        else:
            listed += [case for _, case in cases]
    return sorted(listed)


def main() -> None:
    """Write the list for the report named on the command line."""
    functions = read(sys.argv[1])
    listed = choose(functions)
    LIST.write_text("".join(f"{case}\n" for case in listed), encoding="utf-8")
    print(f"{len(listed)} of {sum(map(len, functions.values()))} cases are slow")


if __name__ == "__main__":
    main()

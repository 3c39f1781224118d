"""Run the tests of a copy of gazelle without `gazelle/compat`: the core must not need it.

    python scripts/check_without_compat.py            # all suites but those of compat and cli (minutes)
    python scripts/check_without_compat.py --fast     # a subset that touches every package (about a minute)
    python scripts/check_without_compat.py tests/ops  # these tests

Further arguments go to pytest.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
#: packages that need compat
LEFT_OUT = ("gazelle/compat", "tests/compat", "tests/cli", "tests/torture")
#: tests that use the command line or `install`, or read documents that are not copied
NEEDS_COMPAT = ("tests/article", "tests/test_documents.py", "tests/test_site.py")
DESELECTED = (
    "tests/engine/test_choice.py::test_a_program_of_keras_runs_on_the_backend_it_names",
    "tests/engine/test_choice.py::test_a_backend_without_an_engine_is_told",
)
FAST = (
    "tests/test_boundary.py",
    "tests/contracts/test_registry.py",
    "tests/core/test_scopes.py",
    "tests/models/test_functional.py",
    "tests/models/test_errors.py",
    "tests/saving/test_weights.py",
    "tests/training/test_callbacks.py",
    "tests/training/test_early_stopping.py",
)
INSTALL = """
import gazelle
try:
    gazelle.install()
except gazelle.core.errors.StateError as error:
    assert "gazelle.compat" in str(error), error
else:
    raise SystemExit("gazelle.install() works without gazelle.compat")
"""


def copy(target: pathlib.Path) -> None:
    """Copy the package and its tests, without the packages that need compat."""
    left_out = {ROOT / path for path in LEFT_OUT}

    def ignored(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if name == "__pycache__" or pathlib.Path(folder, name) in left_out]

    for name in ("gazelle", "tests", "docs", "examples", "scripts"):
        shutil.copytree(ROOT / name, target / name, ignore=ignored)
    for path in ROOT.glob("*.toml"):
        shutil.copy(path, target)
    for name in ("README.md", "Makefile"):
        shutil.copy(ROOT / name, target)


def main(arguments: list[str]) -> int:
    """The exit code of the tests."""
    fast = "--fast" in arguments
    options = [argument for argument in arguments if argument != "--fast"]
    chosen = any(not option.startswith("-") and "/" in option for option in options)
    with tempfile.TemporaryDirectory() as folder:
        target = pathlib.Path(folder, "gazelle_without_compat")
        target.mkdir()
        copy(target)
        environment = {**os.environ, "PYTHONPATH": str(target)}
        subprocess.run([sys.executable, "-c", INSTALL], cwd=target, env=environment, check=True)
        tests = [] if chosen else [*FAST] if fast else ["tests", *(f"--ignore={path}" for path in NEEDS_COMPAT)]
        tests += [f"--deselect={test}" for test in DESELECTED]
        cache = f"cache_dir={ROOT / '.pytest_cache'}"  # with the compiled programs of `make test`
        command = [sys.executable, "-m", "pytest", "-q", "-o", cache, *tests, *options]
        return subprocess.run(command, cwd=target, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

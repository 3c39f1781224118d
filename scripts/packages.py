"""Run packages that are built on Keras: pinned releases, their examples and their own tests, on gazelle.

    python scripts/packages.py                     every package of tests/packages/packages.toml
    python scripts/packages.py scikeras shap       some of them
    python scripts/packages.py --suites            their own tests, too
    python scripts/packages.py --only-run          without installing anything

One environment holds gazelle and what the packages require; Keras and TensorFlow are not installed. Each package lies
in a folder of its own, and a program sees only the packages that the table names for it. Prints one line for each
program: passed, or failed with the reason. Returns the number of failures that the table does not list.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "tests" / "packages" / "packages.toml"
EXAMPLES = TABLE.parent / "examples"
SECONDS = 1800  # of a program, or of the tests of a package


def packages_of(table: dict[str, Any], name: str) -> list[str]:
    """A package and those that it imports, each once."""
    found = [name]
    for one in found:
        found.extend(other for other in table[one].get("with", ()) if other not in found)
    return found


class Lane:
    """The environment of the packages, in a folder."""

    def __init__(self, home: Path, table: dict[str, Any]) -> None:
        self.home, self.table = home, table
        self.python = home / "env" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def pip(self, *arguments: str) -> None:
        """Run pip in the environment; the error states its last line."""
        done = subprocess.run([self.python, "-m", "pip", *arguments], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"pip {' '.join(arguments)}: {done.stderr.strip().splitlines()[-1]}")

    def prepare(self, names: list[str], suites: bool) -> None:
        """Install gazelle from this tree, the packages and what they and their tests require."""
        if not self.python.exists():
            venv.create(self.home / "env", with_pip=True)
            self.pip("install", "--quiet", "--editable", f"{ROOT}[images,sklearn,tensorboard,plot,yaml]")
            self.pip("install", "--quiet", "pytest", "pytest-timeout", "pandas", "setuptools", "cloudpickle", "dill")
        wanted = sorted({one for name in names for one in packages_of(self.table, name)})
        required = sorted({each for one in wanted for each in self.table[one].get("requires", ())})
        tests = [each for name in names if suites for each in self.table[name].get("suite", {}).get("requires", ())]
        self.pip("install", "--quiet", *required, *tests, "pip")
        for one in wanted:
            version = self.table[one]["version"]
            release = f"{one}=={version}"
            folder = self.folder(one)
            if version and not folder.exists() and release not in required:
                options = ["--no-deps", "--no-compile", "--ignore-requires-python"]  # of a TensorFlow that it needs
                self.pip("install", "--quiet", *options, "--target", str(folder), release)

    def folder(self, name: str) -> Path:
        """Where a release lies: another version is another folder."""
        return self.home / "lib" / f"{name}-{self.table[name]['version']}"

    def run(self, name: str, command: list[str], cwd: str, *first: str) -> tuple[int, str]:
        """Run a command with the packages of `name`; return its exit code and what it printed."""
        folders = [str(self.folder(one)) for one in packages_of(self.table, name)]
        env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([*first, str(ROOT), str(TABLE.parent), *folders]),
            "MPLBACKEND": "Agg",
            "KERAS_HOME": str(self.home / "keras"),
        }
        try:
            done = subprocess.run(
                [self.python, *command],
                cwd=cwd,
                env=env,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired:
            return 124, f"took longer than {SECONDS} s"
        return done.returncode, done.stdout

    def programs(self, name: str) -> Iterator[tuple[str, int, str]]:
        """Run the examples of a package; yield (program, exit code, output) of each."""
        for program in self.table[name].get("programs", ()):
            with tempfile.TemporaryDirectory() as folder:
                yield program, *self.run(name, ["-m", "gazelle", "run", str(EXAMPLES / f"{program}.py")], folder)

    def suite(self, name: str) -> tuple[int, str]:
        """Run the tests of a package, from its repository; return the exit code and pytest's output."""
        known = self.table[name]["suite"]
        source = self.home / "sources" / f"{name}-{self.table[name]['version']}"
        if not source.exists():
            address = f"https://github.com/{known['repository']}"
            subprocess.run(["git", "clone", "-q", "--depth=1", f"--branch={known['tag']}", address, source], check=True)
        for folder in known.get("folders", ()):
            (source / folder).mkdir(parents=True, exist_ok=True)
        options = ["-q", "-rfE", "-p", "installed_gazelle", "-p", "no:cacheprovider", "-o", "addopts=", "--timeout=120"]
        return self.run(name, ["-m", "pytest", *options, *known["arguments"]], str(source), str(source))


def reason(output: str) -> str:
    """The line that states why a program failed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception|Interrupt)\b", line)]
    return (errors or lines or ["no output"])[-1][:160]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="packages; all if none is given")
    parser.add_argument("--home", type=Path, default=ROOT / ".packages", help="folder of the environment")
    parser.add_argument("--suites", action="store_true", help="run the tests of the packages, too")
    parser.add_argument("--only-run", action="store_true", help="install nothing")
    parser.add_argument("--verbose", action="store_true", help="print the whole output of failed programs")
    options = parser.parse_args()
    table = tomllib.loads(TABLE.read_text())
    names = []
    for name in options.names or table:
        oldest = table[name].get("python")
        if oldest and sys.version_info < tuple(map(int, oldest.split("."))):
            print(f"{name + ' ' + table[name]['version']:32} {'':32} left out: it needs Python {oldest}", flush=True)
        else:
            names.append(name)
    lane = Lane(options.home.resolve(), table)
    if not options.only_run:
        lane.prepare(names, options.suites)
    failed = ran = as_known = 0
    for name in names:
        for program, code, output in lane.programs(name):
            known = program in table[name].get("fails", ())
            ran, failed, as_known = ran + 1, failed + (bool(code) != known), as_known + (bool(code) and known)
            said = f"failed{' as known' * known}: {reason(output)}" if code else "passed" + " unexpectedly" * known
            print(f"{name + ' ' + table[name]['version']:32} {program:32} {said}", flush=True)
            if code and not known and options.verbose:
                print(output, flush=True)
        if options.suites and "suite" in table[name]:
            code, output = lane.suite(name)
            said = output.strip().splitlines()[-1]
            print(f"{name + ' ' + table[name]['version']:32} {'its own tests':32} {said}", flush=True)
            for line in output.splitlines():
                if line.startswith(("FAILED ", "ERROR ")):
                    print(f"    {line[:160]}", flush=True)
            if code and options.verbose:
                print(output, flush=True)
    print(f"{ran - failed - as_known} of {ran} programs passed, {as_known} failed as known")
    return min(failed, 100)


if __name__ == "__main__":
    sys.exit(main())

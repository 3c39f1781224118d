"""Programs of Keras 1, Keras 2 and tf.keras, as their time wrote them, run whole; each asserts that it has learned."""

import functools
import json
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
LONG = os.environ.get("GAZELLE_TORTURE") == "1"
#: every second one; `make torture` runs all
PROGRAMS = {kind: sorted((HERE / "programs").glob(f"{kind}_*.py"))[:: 1 if LONG else 2] for kind in ("k[12]", "tf")}
#: a process for each kind runs all of it, since starting one takes longer than most programs; so one worker asks for it
CASES = [pytest.param(kind, path.name, id=path.stem, marks=pytest.mark.xdist_group(f"programs of {kind}"))
         for kind, paths in PROGRAMS.items() for path in paths]  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """outcomes(kind): {program: [seconds, error or None]}."""

    @functools.cache
    def of(kind):
        folder = tmp_path_factory.mktemp("programs")
        words = {"KERAS_HOME": str(folder / "keras"), "GAZELLE_HOME": str(folder / "kept"), "PYTHONWARNINGS": "ignore",
                 "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}  # fmt: skip
        done = subprocess.run(
            [sys.executable, str(HERE / "run_programs.py"), str(folder), *map(str, PROGRAMS[kind])],
            env={**os.environ, **words}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return of


@pytest.mark.parametrize(("kind", "program"), CASES)
def test_learns(outcomes, kind, program):
    problem = outcomes(kind)[program][1]
    assert problem is None, problem

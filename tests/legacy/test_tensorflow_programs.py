"""Programs in the manner of TensorFlow's tutorials and books run whole; each asserts that it has learned."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
LONG = os.environ.get("GAZELLE_TORTURE") == "1"
PROGRAMS = sorted((HERE / "programs").glob("tf_*.py"))[:: 1 if LONG else 2]  # every second one; `make torture` all
pytestmark = pytest.mark.xdist_group("programs of TensorFlow")  # one worker makes what they share


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """{program: [seconds, error or None]}: one process runs all, since starting one takes longer than most of them."""
    folder = tmp_path_factory.mktemp("programs")
    words = {"KERAS_HOME": str(folder / "keras"), "GAZELLE_HOME": str(folder / "kept"), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, str(HERE / "run_programs.py"), str(folder), *map(str, PROGRAMS)],
        env={**os.environ, **words}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("program", [path.name for path in PROGRAMS])
def test_learns(outcomes, program):
    assert outcomes[program][1] is None, outcomes[program][1]

"""Programs of Keras 1, Keras 2 and tf.keras, as their time wrote them, run whole; each asserts that it has learned."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
LONG = os.environ.get("GAZELLE_TORTURE") == "1"
#: every third one; `make torture` runs all
PROGRAMS = {kind: sorted((HERE / "programs").glob(f"{kind}_*.py"))[:: 1 if LONG else 3] for kind in ("k[12]", "tf")}


@pytest.mark.parametrize("kind", PROGRAMS)
def test_each_learns(kind, tmp_path):
    """One process runs all of a kind: starting one takes longer than most programs."""
    words = {
        "KERAS_HOME": str(tmp_path / "keras"),
        "GAZELLE_HOME": str(tmp_path / "kept"),
        "PYTHONWARNINGS": "ignore",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    }
    done = subprocess.run(
        [sys.executable, str(HERE / "run_programs.py"), str(tmp_path), *map(str, PROGRAMS[kind])],
        env={**os.environ, **words},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcomes = json.loads(done.stdout.splitlines()[-1])  # {program: [seconds, error or None]}
    assert outcomes.keys() == {path.name for path in PROGRAMS[kind]}
    problems = [f"{program}: {problem}" for program, (_, problem) in outcomes.items() if problem is not None]
    assert not problems, "\n".join(problems)

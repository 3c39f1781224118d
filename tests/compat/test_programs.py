"""Programs of Keras 1, Keras 2 and tf.keras in their original spelling; each asserts that its model has learned."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
LONG = os.environ.get("GAZELLE_TORTURE") == "1"
#: every third one of a kind; `make torture` runs all
PROGRAMS = [
    path for kind in ("k[12]", "tf") for path in sorted((HERE / "programs").glob(f"{kind}_*.py"))[:: 1 if LONG else 3]
]


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    """One process runs all programs of a test worker: starting a process takes longer than most programs."""
    folder = tmp_path_factory.mktemp("programs")
    variables = {
        "KERAS_HOME": str(folder / "keras"),
        "GAZELLE_HOME": str(folder / "checkpoints"),
        "PYTHONWARNINGS": "ignore",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    }
    with (
        open(folder / "stderr", "w+", encoding="utf-8") as errors,
        subprocess.Popen(
            [sys.executable, str(HERE / "run_programs.py"), str(folder)],
            env={**os.environ, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):

        def run(path):
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            assert answer, f"the process ended: {pathlib.Path(errors.name).read_text(encoding='utf-8')}"
            return json.loads(answer)

        yield run
        process.stdin.close()


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_program_learns(path, runner):
    _, problem = runner(path)
    assert problem is None, problem

"""A training that is killed, interrupted or fails at random moments ends equal to an uninterrupted one."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs fork")


def _run(folder, *arguments):
    variables = {"GAZELLE_COMPILE_CACHE": str(folder / "cache"), "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [sys.executable, os.path.join(os.path.dirname(__file__), "soak.py"), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_every_kill_during_fit_is_made_good(long, tmp_path):
    kills = 1000 if long else 5
    counts = _run(tmp_path, str(kills))
    print(counts)
    assert counts["kills"] == kills
    assert (counts["wrong"], counts["lost"], counts["errors"]) == (0, 0, [])
    assert counts["told"] > (kills if long else 0)


def test_two_processes_of_one_program_train_beside_each_other(tmp_path):
    alone, killed, other, again = _run(tmp_path, "pair")
    assert killed == []
    assert alone == other == again

"""A training that is killed, interrupted and that fails at random moments ends as the one that nobody touched."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs fork")


def test_every_kill_during_fit_is_made_good(long, tmp_path):
    kills = 1000 if long else 8
    words = {"GAZELLE_COMPILE_CACHE": str(tmp_path / "cache"), "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [sys.executable, os.path.join(os.path.dirname(__file__), "soak.py"), str(kills)],
        capture_output=True, text=True, env={**os.environ, **words},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    counts = json.loads(run.stdout)
    print(counts)
    assert counts["kills"] == kills
    assert (counts["wrong"], counts["lost"], counts["errors"]) == (0, 0, [])
    assert counts["told"] > kills

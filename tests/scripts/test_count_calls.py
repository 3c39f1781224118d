"""The bounds of scripts/count_calls.py hold."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "count_calls.py"


def test_a_fit_and_a_load_stay_within_their_calls(tmp_path):
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": str(SCRIPT.parents[1])}
    run = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=False, env=environment)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("calls, at most") == 4

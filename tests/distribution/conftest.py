"""A fixture that runs programs of this folder in other processes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def _compiled(tmp_path_factory):
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture
def gazelle(tmp_path, _compiled):
    """Run `gazelle COMMAND program` in a folder of its own; programs compile once."""

    def start(program, *command, devices=1, timeout=900, **env):
        shutil.copy(HERE / program, tmp_path)
        full = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
            "JAX_COMPILATION_CACHE_DIR": str(_compiled),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            **env,
        }
        command = [sys.executable, "-m", "gazelle", *command, program]
        return subprocess.run(command, cwd=tmp_path, env=full, capture_output=True, text=True, timeout=timeout)

    return start

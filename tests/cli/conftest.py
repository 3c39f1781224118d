"""Programs run in separate processes, as Keras itself may be imported in this one."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import gazelle


@pytest.fixture
def python(tmp_path):
    """python(*arguments) -> the finished process, in an empty folder, with gazelle importable."""

    def call(*arguments, **env):
        root = str(Path(gazelle.__file__).parent.parent)
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": root, **env},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return call


@pytest.fixture
def program(tmp_path, python):
    """program(source, *arguments) -> the finished `gazelle run program.py`."""

    def call(source, *arguments, flags=()):
        (tmp_path / "program.py").write_text(textwrap.dedent(source))
        return python("-m", "gazelle", "run", *flags, "program.py", *arguments)

    return call

"""The article's program, word for word, runs on the other engines with XLA's losses: 20 steps of each training."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gazelle

_path = Path(__file__).parents[1] / "article" / "test_article.py"
_spec = importlib.util.spec_from_file_location("article", _path)
article = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(article)


def _seen(folder, engine):
    """What the blocks 1 to 6 saw on one engine."""
    parts = [part for n in range(1, 7) for part in (article.BEFORE[n], article.BLOCKS[n - 1], article.AFTER[n], "\n")]
    after = 'json.dump(seen, open("seen.json", "w")); print(gazelle.config.engine())\n'
    (folder / "program.py").write_text("".join([*parts, after]), encoding="utf-8")
    variables = {
        "GAZELLE_ENGINE": engine,
        "GAZELLE_HOME": str(folder / "home"),
        "KERAS_MAX_EPOCHS": "1",
        "KERAS_MAX_STEPS_PER_EPOCH": "20",
        "PYTHONPATH": str(Path(gazelle.__file__).parent.parent),
    }
    command = [sys.executable, "-m", "gazelle", "run", "program.py"]
    done = subprocess.run(command, cwd=folder, env=os.environ | variables, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == engine
    return json.loads((folder / "seen.json").read_text())


@pytest.fixture(scope="module")
def xlas(tmp_path_factory):
    return _seen(tmp_path_factory.mktemp("xla"), "xla")


@pytest.mark.parametrize("engine", ["tensorflow", "pytensor"])
def test_the_articles_program_sees_the_same(engine, xlas, tmp_path):
    seen = _seen(tmp_path, engine)
    np.testing.assert_allclose(seen["1"], xlas["1"], rtol=1e-5)
    for key, values in xlas["5"].items():
        np.testing.assert_allclose(seen["5"][key], values, rtol=1e-5)
    assert [seen[n] for n in "2346"] == [xlas[n] for n in "2346"]

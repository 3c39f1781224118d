"""The article's seven code blocks, word for word and in order, run by `gazelle run` in one program.

Between them stands only what the article takes for granted: data, sizes, the import of matplotlib, and the file that
block 6 reads, which is a copy of the state that `fit` kept.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gazelle

pytestmark = pytest.mark.optimized

HERE = Path(__file__).parent
BLOCKS = re.findall(r"```python\n(.*?)```", (HERE / "blocks.txt").read_text(encoding="utf-8"), re.DOTALL)

#: What must be there before block n of the article, and what is looked at after it.
BEFORE = {
    1: """
import json, os, shutil
import numpy as np
import gazelle
from gazelle.datasets import local
gazelle.utils.set_random_seed(0)
seen = {}
rng = np.random.default_rng(0)
X = rng.normal(size=(600, 100)).astype("float32")
y = (X @ rng.normal(size=100) > 0).astype("float32")
X_train, y_train, X_test, y_test = X[:500], y[:500], X[500:], y[500:]
""",
    2: "input_shape, num_classes = 64, 10\n",
    3: "img_rows, img_cols, num_channels = 8, 8, 1\n",
    4: "from keras import optimizers\n",
    5: """
from keras.utils import to_categorical
(X_train, y_train), (X_test, y_test) = local("digits")
X_train, Y_train = X_train[:500, :, :, None] / 16, to_categorical(y_train[:500], num_classes)
batch_size = 32
""",
    6: """
before = model.get_weights()
os.makedirs("path/to/the/saved")
shutil.copy(gazelle.latest(), "path/to/the/saved/model")
model.set_weights([np.zeros_like(w) for w in before])
""",
    7: """
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
""",
}
AFTER = {
    1: "seen[1] = [float(s) for s in score]",
    2: "seen[2] = [type(model).__name__, model.output_shape, [type(layer).__name__ for layer in model.layers]]",
    3: "seen[3] = [type(model).__name__, model.output_shape, model.count_params()]",
    4: "seen[4] = type(model.optimizer).__name__",
    5: "seen[5] = {key: [float(v) for v in history.history[key]] for key in ('loss', 'val_loss', 'acc', 'val_acc')}",
    6: "seen[6] = all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))",
    7: """
lines = plt.gca().get_lines()
seen[7] = [[line.get_label(), [float(v) for v in line.get_ydata()]] for line in lines]
""",
}


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What the program saw after each block, {number: facts}. A block that fails ends it, as it would for a reader."""
    folder = tmp_path_factory.mktemp("article")
    parts = []
    for number, block in enumerate(BLOCKS, 1):
        parts += [BEFORE[number], block, AFTER[number]]
        parts += ['\nwith open("seen.json", "w") as file: json.dump(seen, file)\n']
    (folder / "program.py").write_text("".join(parts), encoding="utf-8")
    env = {**os.environ, "GAZELLE_HOME": str(folder / "home"), "PYTHONPATH": str(Path(gazelle.__file__).parent.parent)}
    command = [sys.executable, "-m", "gazelle", "run", "program.py"]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    file = folder / "seen.json"
    facts = json.loads(file.read_text()) if file.exists() else {}
    return {**{int(number): fact for number, fact in facts.items()}, "stderr": done.stderr, "code": done.returncode}


@pytest.mark.parametrize("number", range(1, 8))
def test_block_runs(seen, number):
    assert number in seen, seen["stderr"]


def test_the_blocks_are_the_articles(seen):
    article = HERE.parents[2] / "shared" / "ARTICLE.txt"
    assert len(BLOCKS) == 7
    if article.exists():
        assert re.findall(r"```python\n(.*?)```", article.read_text(encoding="utf-8"), re.DOTALL) == BLOCKS


def test_the_program_ends_well(seen):
    assert seen["code"] == 0, seen["stderr"]


def test_the_binary_network_learns(seen):
    loss, accuracy = seen[1]
    assert loss < 0.6
    assert accuracy > 0.75


def test_the_models_are_the_described_ones(seen):
    assert seen[2] == ["Sequential", [None, 10], ["Dense", "Dropout", "Dense", "Dropout", "Dense"]]
    assert seen[3] == ["Functional", [None, 10], 320 + 18496 + 2 * 2 * 64 * 128 + 128 + 1290]
    assert seen[4] == "Adam"


def test_the_history_has_both_spellings_and_learns(seen):
    history = seen[5]
    assert {"loss", "val_loss"} <= set(history)
    assert len(history["acc"]) == len(history["val_acc"]) == 20
    assert history["val_acc"][-1] > 0.9


def test_the_kept_state_is_the_trained_model(seen):
    assert seen[6] is True


def test_the_curves_are_drawn(seen):
    assert seen[7] == [["train", seen[5]["acc"]], ["validation", seen[5]["val_acc"]]]

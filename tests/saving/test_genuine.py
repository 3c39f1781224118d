"""Files written by Keras 1, 2, 3 and tf.keras: equal predictions, and an equal result of one more training step.

The files are not in this repository: GAZELLE_FIXTURES names their folder, else `shared/fixtures` beside it.
"""

import json
import os
import pathlib

import numpy as np
import pytest

from gazelle.core.errors import UnsafeFileError
from gazelle.models import load_model

FOLDER = pathlib.Path(os.environ.get("GAZELLE_FIXTURES") or pathlib.Path(__file__).parents[3] / "shared" / "fixtures")
ENTRIES = json.loads((FOLDER / "manifest.json").read_text()) if (FOLDER / "manifest.json").exists() else []
LONG = bool(os.environ.get("GAZELLE_TORTURE"))
KINDS = ("h5", "keras", "weights", "weights3", "sharded")
CASES = [(entry, kind) for entry in ENTRIES for kind in KINDS if kind in entry["files"]]
#: TensorFlow 1 may count a step before Adam reads the count: their steps are those of one step later, 6 % smaller
RACES = ("batchnorm", "cnn_last", "nested", "two_by_two")

pytestmark = [
    pytest.mark.skipif(not ENTRIES, reason="the genuine files are not here"),
    pytest.mark.filterwarnings("ignore:.*contains no weights:UserWarning"),
]


def _arrays(data, start):
    return [data[f"{start}{n}"] for n in range(20) if f"{start}{n}" in data]


def _one(values):
    return values[0] if len(values) == 1 else values


def _predictions(model, x):
    out = model.predict(_one(x), verbose=0, batch_size=4)
    return out if isinstance(out, list) else [out]


def _gap(found, right):
    return max(float(np.abs(a - b).max()) for a, b in zip(found, right, strict=True))


@pytest.mark.parametrize(
    ("entry", "kind"), CASES if LONG else CASES[::8], ids=[f"{e['id']}-{k}" for e, k in (CASES if LONG else CASES[::8])]
)
def test_what_their_own_keras_predicted(entry, kind):
    path, whole = FOLDER / entry["files"][kind], kind in ("h5", "keras")
    if entry["expect"] == "refuse":
        with pytest.raises(UnsafeFileError, match=r"Lambda layer '.*is refused"):
            load_model(FOLDER / entry["files"]["h5"])
        return
    data = np.load(FOLDER / entry["npz"])
    x = _arrays(data, "x")
    model = load_model(path if whole else FOLDER / entry["files"]["h5"], compile=whole)
    if not whole:
        model.set_weights([np.zeros_like(w) + 0.5 for w in model.get_weights()])
        model.load_weights(path)
    assert _gap(_predictions(model, x), _arrays(data, "pred")) < entry["tolerance"]
    if "after0" in data and whole and entry.get("step", True):
        model.train_on_batch(_one(x), _one(_arrays(data, "y")))
        race = entry["version"] == "2.3.1" and entry["id"].rsplit("-", 1)[-1] in RACES
        tolerance = 0.02 if race else entry.get("step_tolerance", 1e-3)
        assert _gap(_predictions(model, x), _arrays(data, "after")) < tolerance

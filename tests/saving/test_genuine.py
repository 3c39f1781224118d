"""Files written by Keras 1, 2, 3 and tf.keras, by every route: equal predictions, and an equal next training step.

The files are not in this repository: GAZELLE_FIXTURES names their folder, else `shared/fixtures` beside it.
"""

import json
import os
import pathlib

import numpy as np
import pytest

from gazelle.core.errors import UnsafeFileError
from gazelle.models import load_model, model_from_json
from gazelle.saving.h5_format.architecture_text import model_from_yaml

FOLDER = pathlib.Path(os.environ.get("GAZELLE_FIXTURES") or pathlib.Path(__file__).parents[3] / "shared" / "fixtures")
ENTRIES = json.loads((FOLDER / "manifest.json").read_text()) if (FOLDER / "manifest.json").exists() else []
REFUSED = [entry for entry in ENTRIES if entry["expect"] == "refuse"]
LOADED = [entry for entry in ENTRIES if entry["expect"] == "equal"]
#: one compiled model of each version; all files with GAZELLE_TORTURE
SOME = list({(entry["era"], entry["version"]): entry for entry in LOADED if "loss" in entry}.values())
CASES = LOADED if os.environ.get("GAZELLE_TORTURE") else SOME
TEXTS = {"json": model_from_json, "yaml": model_from_yaml}
#: TensorFlow 1 may count a step before Adam reads the count: their steps are those of one step later, 6 % smaller
RACES = ("batchnorm", "cnn_last", "cnn_tf", "nested", "two_by_two")
#: gradients that are 0 but for rounding, whose sign the first steps of Adam and RMSprop take
ROUNDED = 0.05

pytestmark = [
    pytest.mark.skipif(not ENTRIES, reason="the genuine files are not here"),
    pytest.mark.filterwarnings("ignore:.*contains no weights:UserWarning"),
]


def _arrays(data, start):
    return [data[f"{start}{n}"] for n in range(20) if f"{start}{n}" in data]


def _one(values):
    return values[0] if len(values) == 1 else values


def _gap(found, right):
    return max(float(np.abs(np.asarray(a) - b).max()) for a, b in zip(found, right, strict=True))


def _predictions(model, x):
    out = model.predict(_one(x), verbose=0, batch_size=4)
    return out if isinstance(out, list) else [out]


def _reset(model):
    for layer in model.layers:
        if getattr(layer, "stateful", False):
            layer.reset_state()


def _whole(files):
    """{route: model} of the files of whole models."""
    return {kind: load_model(FOLDER / files[kind]) for kind in ("h5", "keras") if kind in files}


def _parts(files):
    """{route: model} of each architecture with each file that has weights, in order and by name."""
    found = {}
    for text in TEXTS.keys() & files.keys():
        for kind in ("weights", "weights3", "sharded", "h5"):
            for by_name in (False, True) if kind in ("weights", "h5") else (False,):
                if kind in files:
                    model = TEXTS[text]((FOLDER / files[text]).read_text())
                    model.set_weights([np.zeros_like(w) + 0.5 for w in model.get_weights()])
                    model.load_weights(FOLDER / files[kind], by_name=by_name)
                    found[text, kind, by_name] = model
    return found


@pytest.mark.filterwarnings("ignore:The state of the optimizer in '.*two_by_two")  # its JSON text has none, as in Keras
@pytest.mark.parametrize("entry", CASES, ids=[entry["id"] for entry in CASES])
def test_as_in_their_own_keras(entry):
    data = np.load(FOLDER / entry["npz"])
    x, y = _arrays(data, "x"), _arrays(data, "y")
    whole, parts = _whole(entry["files"]), _parts(entry["files"])
    for route, model in {**whole, **parts}.items():
        assert _gap(_predictions(model, x), _arrays(data, "pred")) < entry["tolerance"], route
        if entry["stateful"] and entry["era"] != "keras3":  # Keras 3 on JAX forgets the state between two calls
            assert _gap(_predictions(model, x), _arrays(data, "again")) < entry["tolerance"], route
            _reset(model)
    if not y:  # not compiled
        for route, model in {**whole, **parts}.items():
            model.compile("adam", "mse")
            model.train_on_batch(_one(x), _one([0 * value for value in _arrays(data, "pred")]))
            assert all(np.isfinite(weight).all() for weight in model.get_weights()), route
        return
    race = entry["version"] in ("1.2.2", "2.3.1") and entry["id"].rsplit("-", 1)[-1] in RACES
    tolerance = 0.02 if race else entry.get("step_tolerance", 1e-3)
    for route, model in whole.items():
        steps = int(model.optimizer.iterations)
        assert steps == (0 if (entry["era"], entry["optimizer"]) == ("keras1", "RMSprop") else 3), route
        model.train_on_batch(_one(x), _one(y))
        assert int(model.optimizer.iterations) == steps + 1, route
        if entry.get("step", True):
            assert _gap(_predictions(model, x), _arrays(data, "after")) < tolerance, route
        if entry["era"] == "keras3" or entry["id"].startswith("tf_keras-2_21"):
            assert _gap(model.get_weights(), [data[name] for name in data if name.startswith("weight")]) < 1e-3, route
    optimizer = whole["h5"].optimizer
    for route, model in parts.items():  # a new optimizer: as far away from the trained one as in their own Keras
        model.compile(type(optimizer).from_config(optimizer.get_config()), entry["loss"])
        model.train_on_batch(_one(x), _one(y))
        assert int(model.optimizer.iterations) == 1, route
        gap = _gap(_predictions(model, x), _arrays(data, "after"))
        assert np.isfinite(gap), route
        if not race and entry.get("step", True):
            assert gap == pytest.approx(float(data["state_gap"]), rel=ROUNDED, abs=tolerance), route


@pytest.mark.parametrize("entry", REFUSED, ids=[entry["id"] for entry in REFUSED])
def test_code_in_files_is_refused(entry):
    with pytest.raises(UnsafeFileError, match=r"Lambda layer '.*is refused"):
        load_model(FOLDER / entry["files"]["h5"])

"""Numbers of the genuine Keras 1.2.2 and 2.3.1 and of tf-keras 2.21: the same first weights give the same losses over
20 updates. What they computed lies in `golden/*.npz`; `golden/record.py` made it.
"""

import os
import pathlib
import types

import numpy as np
import pytest

from gazelle.saving.h5_format.weight_layout import Layout, fitted
from tests.compat.test_breaks import of_era

HERE = pathlib.Path(__file__).parent / "golden"
NAMES = ("adadelta", "adam", "adamax", "convolution", "gru", "lstm", "nadam", "rmsprop", "rnn", "sgd", "text")
FILES = {1: "first.npz", 2: "second.npz"}
OF_TENSORFLOW = (
    "adam",
    "adam_old",
    "adamw",
    "attention",
    "convlstm",
    "convolution",
    "ftrl",
    "gru",
    "lstm",
    "nadam_old",
    "rmsprop",
    "sgd_old",
    "text",
)


def models_of(file):
    """The module of models beside the numbers, imported in today's era of the process."""
    models = types.ModuleType(file)
    exec((HERE / file).read_text(), vars(models))
    return models


def same(model, x, y, golden, name):
    losses = [float(np.ravel(model.train_on_batch(x, y))[0]) for _ in range(20)]
    np.testing.assert_allclose(losses, golden[f"{name}/losses"], rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(model.predict(x), golden[f"{name}/outputs"], rtol=1e-3, atol=2e-4)


def of(layer, era):
    """How many arrays the genuine layer had: Keras 1 kept those of each gate by themselves."""
    gates = {"LSTM": 12, "GRU": 9} if era == 1 else {}
    return gates.get(type(layer).__name__, len(layer.weights))


@pytest.mark.parametrize("era", FILES)
@pytest.mark.parametrize("name", NAMES)
def test_same_losses(name, era):
    golden = np.load(HERE / FILES[era])
    with of_era(era):
        models = models_of("models.py")
        models.FIRST = era == 1
        model, x, y = models.make(name)
        arrays = [golden[f"{name}/{n}"] for n in range(sum(of(layer, era) for layer in model.layers))]
        assert f"{name}/{len(arrays)}" not in golden
        for layer in model.layers:
            own, arrays = arrays[: of(layer, era)], arrays[of(layer, era) :]
            pairs = fitted(layer, own, Layout(keras_1=era == 1, flipped=True))
            assert pairs is not None, layer
            for variable, array in pairs:
                variable.assign(array)
        same(model, x, y, golden, name)


@pytest.mark.parametrize("name", OF_TENSORFLOW[:: 1 if os.environ.get("GAZELLE_TORTURE") == "1" else 2])
def test_same_losses_as_tf_keras(name):
    golden = np.load(HERE / "tensorflow.npz")
    with of_era(2, standalone=False):
        model, x, y = models_of("tensorflow_models.py").make(name)
        model.set_weights([golden[f"{name}/{n}"] for n in range(len(model.weights))])
        assert f"{name}/{len(model.weights)}" not in golden
        same(model, x, y, golden, name)

"""Files with classes of tensorflow_addons: those of the package, and those that gazelle writes."""

import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.compat.golden import addons_files

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def tfa(tf_keras_2, installed):
    import tensorflow_addons

    return tensorflow_addons


@pytest.mark.parametrize("name", addons_files.OPTIMIZERS)
def test_a_file_of_the_package_continues_with_its_optimizer(tfa, tf_keras_2, tmp_path, name):
    with zipfile.ZipFile(GOLDEN / "addons_files.zip") as archive:
        path = archive.extract(f"{name}.h5", tmp_path)
    kind, found = addons_files.continued(tf_keras_2.keras, path)
    assert kind == name
    np.testing.assert_allclose(found, np.load(GOLDEN / "addons.npz")[f"files/{name}"], rtol=2e-5)


@pytest.mark.parametrize("name", addons_files.OPTIMIZERS)
@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_a_file_of_gazelle_continues_with_its_optimizer(tfa, tf_keras_2, tmp_path, name, ending):
    path = str(tmp_path / f"model.{ending}")
    addons_files.save(tfa, tf_keras_2.keras, name, path)
    kind, found = addons_files.continued(tf_keras_2.keras, path)
    assert kind == name
    np.testing.assert_allclose(found, np.load(GOLDEN / "addons.npz")[f"files/{name}"], rtol=2e-5)


def test_files_name_the_package_of_a_class(tfa, tf_keras_2, tmp_path):
    addons_files.save(tfa, tf_keras_2.keras, "AdamW", str(tmp_path / "model.h5"))
    with h5py.File(tmp_path / "model.h5") as file:
        layers = json.loads(file.attrs["model_config"])["config"]["layers"]
        compiled = json.loads(file.attrs["training_config"])
    assert [layer["class_name"] for layer in layers] == ["InputLayer", "Dense", "Addons>TLU", "Dense"]
    assert compiled["optimizer_config"]["class_name"] == "Addons>AdamW"
    assert compiled["loss"]["class_name"] == "Addons>SigmoidFocalCrossEntropy"


def test_multi_head_attention_is_that_of_the_package(tfa, tf_keras_2, tmp_path):
    keras = tf_keras_2.keras
    inputs = [keras.Input((4, 3)), keras.Input((5, 6))]
    model = keras.Model(inputs, tfa.layers.MultiHeadAttention(4, 3, dropout=0.5)(inputs))
    model.compile("sgd", "mse")
    assert model.output_shape == (None, 4, 6)
    assert model.count_params() == 258
    x = [np.ones((2, 4, 3)), np.ones((2, 5, 6))]
    model.fit(x, np.ones((2, 4, 6)), verbose=0)
    for ending in ("h5", "keras"):
        model.save(tmp_path / f"model.{ending}")
        loaded = keras.models.load_model(tmp_path / f"model.{ending}")
        np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


def test_hdf5_files_have_the_registered_names_of_classes(tf_keras_2, tmp_path, monkeypatch):
    """Keras 2 finds a class by this name."""
    monkeypatch.setattr("gazelle.core.registry.CUSTOM", {})
    keras = tf_keras_2.keras

    @keras.utils.register_keras_serializable("mine")
    class Doubled(keras.layers.Layer):
        def call(self, x):
            return x * 2

    @keras.utils.register_keras_serializable("mine")
    class Squares(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return (y_true - y_pred) ** 2

    model = keras.Sequential([keras.Input((2, 2)), Doubled(), keras.layers.TimeDistributed(Doubled())])
    model.compile("sgd", Squares())
    model.save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5") as file:
        layers = json.loads(file.attrs["model_config"])["config"]["layers"]
        compiled = json.loads(file.attrs["training_config"])
    assert layers[1]["class_name"] == layers[2]["config"]["layer"]["class_name"] == "mine>Doubled"
    assert compiled["loss"]["class_name"] == "mine>Squares"
    loaded = keras.models.load_model(tmp_path / "model.h5")
    assert [type(layer).__name__ for layer in loaded.layers] == ["Doubled", "TimeDistributed"]

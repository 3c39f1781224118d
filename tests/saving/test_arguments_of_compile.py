"""The arguments of `compile` in files and JSON texts, also those of models inside of models."""

import functools
import json
import zipfile

import numpy as np
import pytest

import gazelle
from gazelle import layers, models, optimizers, saving
from gazelle.core.errors import DamagedFileError, UnsafeFileError

X = np.linspace(-1.0, 1.0, 12, dtype="float32").reshape(4, 3)
Y = X[:, :1]


def critic():
    model = models.Sequential([gazelle.Input((3,)), layers.Dense(1, kernel_initializer="ones")], name="critic")
    model.compile(optimizers.Adam(0.03), "mse", metrics=["mae"])
    return model


def combined():
    inner = critic()
    inputs = gazelle.Input((3,))
    model = gazelle.Model(inputs, inner(layers.Dense(3, name="first")(inputs)))
    model.compile("sgd", "mae")
    return model


def test_a_model_of_a_json_text_is_compiled_as_in_keras_3():
    model = critic()
    other = models.model_from_json(model.to_json())
    other.set_weights(model.get_weights())
    assert other.evaluate(X, Y, verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0))
    assert float(other.optimizer.learning_rate) == pytest.approx(0.03)
    assert not models.Sequential.from_config(model.get_config()).compiled
    config = json.loads(model.to_json())
    del config["compile_config"]
    assert not models.model_from_json(json.dumps(config)).compiled


def test_a_serialized_model_is_compiled():
    other = saving.deserialize_keras_object(saving.serialize_keras_object(critic()))
    assert other.compiled
    assert other.loss == "mse"


@pytest.mark.parametrize("compile", [True, False])
def test_a_model_inside_of_a_model_is_compiled(tmp_path, compile):
    model = combined()
    model.save(tmp_path / "combined.keras")
    loaded = models.load_model(tmp_path / "combined.keras", compile=compile)
    inner = loaded.get_layer("critic")
    assert loaded.compiled == compile
    assert inner.compiled
    assert inner.train_on_batch(X, Y) == pytest.approx(model.get_layer("critic").train_on_batch(X, Y))
    assert models.model_from_json(model.to_json()).get_layer("critic").compiled
    assert "compile_config" not in str(model.get_config())


def test_arguments_that_no_text_can_contain_are_left_out():
    model = combined()
    model.get_layer("critic").compile("sgd", functools.partial(gazelle.losses.huber, delta=0.5))
    with pytest.warns(UserWarning, match="The arguments of compile are not saved"):
        text = model.to_json()
    loaded = models.model_from_json(text)
    assert loaded.loss == "mae"
    assert not loaded.get_layer("critic").compiled


def test_an_unknown_class_in_a_model_inside_of_a_model_is_refused(tmp_path):
    combined().save(tmp_path / "good.keras")
    with zipfile.ZipFile(tmp_path / "good.keras") as good, zipfile.ZipFile(tmp_path / "bad.keras", "w") as bad:
        for name in good.namelist():
            data = good.read(name)
            bad.writestr(name, data.replace(b'"Adam"', b'"Popen"') if name == "config.json" else data)
    with pytest.raises((UnsafeFileError, DamagedFileError), match="Popen"):
        models.load_model(tmp_path / "bad.keras")

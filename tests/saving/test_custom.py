"""Custom layers and functions in files: found by the given names only."""

import numpy as np
import pytest

from gazelle.core.errors import UnsafeFileError
from gazelle.core.registry import CUSTOM, register_keras_serializable
from gazelle.layers import Activation, Dense, Input, Lambda, Layer
from gazelle.models import Sequential, load_model, model_from_json


class Scaled(Layer):
    def __init__(self, units, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.units, self.factor = units, factor
        self.inner = Dense(units)

    def call(self, x):
        return self.inner(x) * self.factor


def twice(x):
    return 2 * x


def squared(y, y_pred):
    return (y - y_pred) ** 2


X = np.ones((2, 3), "float32")


def _same(model, again):
    np.testing.assert_array_equal(model.predict(X, verbose=0), again.predict(X, verbose=0))


def test_custom_objects(tmp_path):
    model = Sequential([Input((3,)), Scaled(2, factor=3.0), Activation(twice), Lambda(twice)])
    model.save(tmp_path / "m.keras")
    again = load_model(tmp_path / "m.keras", custom_objects={"Scaled": Scaled, "twice": twice})
    assert again.layers[0].factor == 3.0
    _same(model, again)
    from_text = model_from_json(model.to_json(), custom_objects={"Scaled": Scaled, "twice": twice})
    assert from_text.layers[0].factor == 3.0


def test_without_them_the_name_and_the_mend_are_told(tmp_path):
    Sequential([Input((3,)), Scaled(2)]).save(tmp_path / "m.keras")
    with pytest.raises(UnsafeFileError, match=r"Scaled \(in layer 'sequential.*\n.*custom_objects=\{'Scaled': ...\}"):
        load_model(tmp_path / "m.keras")


def test_registered_classes(tmp_path, monkeypatch):
    monkeypatch.setattr("gazelle.core.registry.CUSTOM", CUSTOM.copy())
    monkeypatch.setattr(Scaled, "_registered_name", None, raising=False)
    register_keras_serializable("mine")(Scaled)
    model = Sequential([Input((3,)), Scaled(2)])
    model.save(tmp_path / "m.keras")
    _same(model, load_model(tmp_path / "m.keras"))


def test_own_functions_in_compile(tmp_path):
    model = Sequential([Input((3,)), Dense(2)])
    model.compile("sgd", squared)
    model.save(tmp_path / "m.keras")
    with pytest.raises(UnsafeFileError, match=r"squared, which(.|\n)*compile=False\) ignores"):
        load_model(tmp_path / "m.keras")
    _same(model, load_model(tmp_path / "m.keras", compile=False))
    assert load_model(tmp_path / "m.keras", custom_objects={"squared": squared}).loss is squared


def test_nameless_functions_in_compile(tmp_path):
    model = Sequential([Input((3,)), Dense(2)])
    model.compile("sgd", lambda y, y_pred: (y - y_pred) ** 2)
    model.save(tmp_path / "m.keras")
    with pytest.raises(UnsafeFileError, match=r"refers to builtins\.<lambda>"):
        load_model(tmp_path / "m.keras")


def test_what_cannot_be_written_about_compile_is_left_out(tmp_path):
    optax = pytest.importorskip("optax")
    model = Sequential([Input((3,)), Dense(2)])
    model.compile(optax.sgd(0.1), "mse")
    with pytest.warns(UserWarning, match=r"arguments of compile are not saved.*optax"):
        model.save(tmp_path / "m.keras")
    again = load_model(tmp_path / "m.keras")
    assert not again.compiled
    _same(model, again)

"""Models that a program saves as a SavedModel of TensorFlow and reads without `custom_objects`."""

import configparser

import numpy as np
import pytest

from gazelle.compat.namespaces import root
from gazelle.core.errors import UnsafeFileError
from gazelle.saving.registration import imported_classes

keras = root("keras")
X = np.ones((4, 2), "float32")


def plus_one(x):
    return keras.ops.relu(x) + 1.0


def absolute(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(y_true - y_pred))


class Scaled(keras.layers.Layer):
    def __init__(self, by, **kwargs):
        super().__init__(**kwargs)
        self.by = by
        self.dense = keras.layers.Dense(3, activation=plus_one)

    def call(self, x):
        return self.dense(x) * self.by

    def get_config(self):
        return {**super().get_config(), "by": self.by}


@pytest.mark.filterwarnings("ignore:save writes the .keras format")
@pytest.mark.parametrize("by_function", [True, False])
def test_a_saved_model_of_this_process_is_read(tmp_path, by_function):
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(1)(Scaled(2.0)(inputs)))
    model.compile("adam", absolute, metrics=[absolute])
    model.fit(X, np.ones((4, 1)), verbose=0)
    path = str(tmp_path / "saved")
    if by_function:
        keras.models.save_model(model, path)
    else:
        model.save(path)
    loaded = keras.models.load_model(path)
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    loaded.fit(X, np.ones((4, 1)), verbose=0)
    model.save(str(tmp_path / "file.keras"))
    with pytest.raises(UnsafeFileError):
        keras.models.load_model(str(tmp_path / "file.keras"))


class Fixed(keras.layers.Layer):
    """Passes an argument of all layers itself."""

    def __init__(self, *args, **kwargs):
        super().__init__(trainable=False, *args, **kwargs)  # noqa: B026

    def call(self, x):
        return x * 2


@pytest.mark.filterwarnings("ignore:save writes the .keras format")
def test_a_layer_of_a_saved_model_is_read_whose_constructor_does_not_take_its_config(tmp_path):
    model = keras.Sequential([keras.layers.Input((2,)), Fixed(name="doubles")])
    with pytest.raises(TypeError, match="trainable"):  # as in Keras
        Fixed.from_config(model.layers[0].get_config())
    model.save(str(tmp_path / "saved"))
    loaded = keras.models.load_model(str(tmp_path / "saved"))
    assert (type(loaded.layers[0]), loaded.layers[0].name) == (Fixed, "doubles")
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), 2 * X)


def test_a_saved_model_of_another_program_needs_tensorflow(installed, monkeypatch, tmp_path):
    import tensorflow as tf

    monkeypatch.setattr("importlib.machinery.PathFinder.find_spec", lambda name, path=None, target=None: None)
    with pytest.raises(ImportError, match=r'pip install "gazelle\[tensorflow\]"'):
        tf.saved_model.load(str(tmp_path))


class TwoLayers(keras.Model):
    """A model with layers of its own and no `get_config`."""

    def __init__(self, width=2, **kwargs):
        super().__init__()
        self.first, self.second = keras.layers.Dense(width), keras.layers.Dense(1)

    def call(self, x):
        return self.second(self.first(x))


@pytest.mark.filterwarnings("ignore:save writes the .keras format")
def test_a_saved_model_may_be_one_of_the_program(tmp_path):
    model = TwoLayers(7)
    expected = model.predict(X, verbose=0)
    model.save(str(tmp_path / "saved"))
    loaded = keras.models.load_model(str(tmp_path / "saved"))
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), expected)


def test_a_layer_whose_argument_is_a_configuration():
    """Its `get` takes a section and an option."""
    settings = configparser.ConfigParser()
    settings["cell"] = {"units": "3"}

    class Configured(keras.layers.Dense):
        def __init__(self, config):
            super().__init__(config.getint("cell", "units"))
            self.config = config

    assert Configured(settings)(X).shape == (4, 3)
    assert imported_classes(settings) == {}

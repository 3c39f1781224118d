"""Values of names in functions of programs; numbers of Keras 2.3.1 and of TensorFlow 1.15 and 2.15."""

import numpy as np
import pytest

from gazelle.compat import backend as K  # noqa: N812 - the usual name in programs
from gazelle.compat import bindings, era
from gazelle.compat.namespaces import root
from gazelle.core import names

X, factor = np.arange(6.0).reshape(1, 6), 1


@pytest.fixture(params=["keras 2.3", "tf.keras 1", "tf.keras 2"])
def keras(request):
    before, standalone = era.release(), request.param == "keras 2.3"
    version = (2, 2) if request.param == "tf.keras 1" else None
    era.set_release(era.Release(2, standalone, version))
    names.clear_session()
    yield request.param != "tf.keras 2", root("keras" if standalone else "tensorflow.keras")
    era.set_release(before)


def test_layers_in_a_loop(keras):
    in_graph, keras = keras
    inputs, groups = keras.layers.Input((6,)), []
    for i in range(3):
        groups.append(keras.layers.Lambda(lambda z: z[:, i * 2 : (i + 1) * 2] * (i + 1))(inputs))  # noqa: B023
    found = keras.models.Model(inputs, keras.layers.concatenate(groups)).predict(X)
    expected = [0, 1, 4, 6, 12, 15] if in_graph else [12, 15, 12, 15, 12, 15]
    np.testing.assert_allclose(found, [expected])


def test_names_of_the_module(keras):
    global factor
    in_graph, keras = keras

    def scaled(z):
        return z * factor

    inputs, factor = keras.layers.Input((6,)), 2
    x = keras.layers.Activation(scaled)(inputs)
    outputs = keras.layers.Dense(1, kernel_initializer="ones", activation=scaled)(x)
    factor = 5
    found = keras.models.Model(inputs, outputs).predict(X)
    np.testing.assert_allclose(found, [[60 if in_graph else 375]])


def test_losses_in_a_loop(keras):
    in_graph, keras = keras
    models, x, y = [], np.arange(6.0).reshape(2, 3), np.ones((2, 1))
    for i in range(1, 4):

        def loss(t, p):
            return i * K.mean(K.square(t - p))  # noqa: B023

        def scaled(t, p):
            return i * K.mean(p)  # noqa: B023

        last = keras.layers.Dense(1, kernel_initializer="ones", input_shape=(3,))
        models.append(keras.models.Sequential([last]))
        models[-1].compile("sgd", loss=loss, metrics=[scaled])
    found = [model.evaluate(x, y, verbose=0) for model in models]
    np.testing.assert_allclose(found, [[62.5 * i, 7.5 * i] for i in ((1, 2, 3) if in_graph else (3, 3, 3))])


def test_functions_that_stay_as_they_are(keras_2):
    calls = 0

    def counted(x):
        nonlocal calls
        calls += 1
        return x

    assert bindings.bound(counted) is counted
    assert bindings.bound(K.mean) is K.mean
    assert bindings.bound("mse") == "mse"

    def named(x, power=2, *, base=1):
        """Text."""
        return x**power + base + missing  # noqa: F821

    missing_later = bindings.bound(named)
    assert (missing_later.__name__, missing_later.__doc__) == ("named", "Text.")
    assert missing_later.__kwdefaults__ == {"base": 1}
    missing = 3
    assert missing_later(2) == 8
    del missing

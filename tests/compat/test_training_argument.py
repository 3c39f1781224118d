"""Models of programs for Keras 3 with a `call` without `training`; numbers of Keras 3.15 on TensorFlow."""

import warnings

import numpy as np
import pytest

X = np.random.RandomState(0).normal(size=(6, 4)).astype("float32")


def trained(keras, base):
    """The loss of an epoch of a model with BatchNormalization, whose methods are those of `base`."""

    class Model(base, keras.Model):
        def __init__(self):
            super().__init__()
            self.normalization = keras.layers.BatchNormalization()

    model = Model()
    model.normalization.build((None, 4))
    model.set_weights([np.random.RandomState(i).uniform(0.2, 1, 4) for i in range(4)])
    model.compile("sgd", "mse")
    return model.fit(X, X * 0, verbose=0).history["loss"][0]


class Without:
    def call(self, x):
        return self.normalization(x)


class OwnLoss(Without):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return (y_pred**2).mean()


class OwnStep(Without):
    def train_step(self, data):
        x, y = data[:2]
        loss = self.compute_loss(x, y, self(x, training=True))
        return {"loss": loss}


class With:
    def call(self, x, training=None):
        return self.normalization(x)


@pytest.mark.parametrize("base", [Without, OwnLoss])
def test_a_call_without_training(installed, base):
    import keras

    with pytest.warns(UserWarning, match=r"(?s)trains as in inference.*Write call\(self, inputs, training=None\)"):
        assert trained(keras, base) == pytest.approx(0.87694, abs=1e-4)


@pytest.mark.parametrize("base", [With, OwnStep])
def test_training(installed, base):
    import keras

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert trained(keras, base) == pytest.approx(0.74755, abs=1e-4)


def test_tf_keras_trains_both(tf_keras):
    for base in (Without, With):
        assert trained(tf_keras, base) == pytest.approx(0.74755, abs=1e-4)


def test_calls_of_tf_keras_2_have_the_learning_phase(tf_keras_2):
    keras, x = tf_keras_2.keras, np.ones((1, 100), "float32")
    inputs = keras.Input((100,))
    model = keras.Model(inputs, keras.layers.Dropout(0.5)(inputs))
    alone = keras.layers.Dropout(0.5)
    drops = lambda call, **kwargs: bool(np.any(np.asarray(call(x, **kwargs)) == 0))  # noqa: E731
    keras.backend.set_learning_phase(1)
    assert all(map(drops, (model, alone, keras.Sequential([alone]))))
    assert not drops(model, training=False)
    assert not drops(model.predict, verbose=0)
    keras.backend.set_learning_phase(0)
    assert not drops(model)
    assert drops(model, training=True)
    with keras.backend.learning_phase_scope(1):
        assert drops(tf_keras_2.function(lambda x: model(x)))


def layers_with_keywords(keras):
    """A layer and a cell whose `call` has `**kwargs`, and what it received."""
    seen = []

    class Layer(keras.layers.Layer):
        def call(self, x, *args, **kwargs):
            seen.append(kwargs)
            return x * 2 if kwargs.get("training") else x

    class Cell(keras.layers.Layer):
        state_size = 4

        def call(self, x, states, **kwargs):
            return (x * 2 if kwargs.get("training") else x), states

    return Layer(), Cell(), seen


def test_a_call_with_keywords_receives_the_mode_and_the_mask(tf_keras_2):
    keras = tf_keras_2.keras
    layer, cell, seen = layers_with_keywords(keras)
    assert layer(X, training=True)[0, 0] == X[0, 0] * 2
    assert layer(X, X, training=None)[0, 0] == X[0, 0]
    assert [sorted(kwargs) for kwargs in seen] == [["training"]] * 2
    steps = X[:, None]
    np.testing.assert_allclose(keras.layers.RNN(cell)(steps, training=True), X * 2)
    np.testing.assert_allclose(keras.layers.RNN(cell)(steps), X)
    layer(keras.layers.Masking()(steps))
    assert seen[-1]["mask"].shape == (6, 1)
    model = keras.Sequential([layer])
    model.compile("sgd", "mse")
    assert model.fit(X, X * 2, verbose=0).history["loss"] == [0.0]
    np.testing.assert_allclose(model.predict(X, verbose=0), X)


def test_in_keras_3_a_call_with_keywords_receives_neither(installed):
    import keras

    layer, _, seen = layers_with_keywords(keras)
    assert layer(X, training=True)[0, 0] == X[0, 0]
    layer(keras.layers.Masking()(X[:, None]))
    assert seen == [{}, {}]

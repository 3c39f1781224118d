"""Names of attributes that Keras leaves to user-defined layers and callbacks."""

import numpy as np
import pytest

from gazelle import Input, Model, Sequential, callbacks, layers, random

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")


class Stack(layers.Layer):
    """Layers in an attribute."""

    def __init__(self, name):
        super().__init__()
        setattr(self, name, [layers.Dense(4), layers.Dense(2)])
        self.attribute = name

    def call(self, x):
        for layer in getattr(self, self.attribute):
            x = layer(x)
        return x


@pytest.mark.parametrize("name", ["nodes", "blocks", "random_key", "slots", "state"])
def test_layers_are_found_whatever_the_attribute_is_called(name):
    inputs = Input((3,))
    model = Model(inputs, Stack(name)(inputs))
    assert len(model.trainable_variables) == 4
    before = model.get_weights()
    model.compile("sgd", "mse")
    model.fit(X, X[:, :2], verbose=0, keep=False)
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))


class Counted(layers.Layer):
    """A number in an attribute."""

    def __init__(self, nodes):
        super().__init__()
        self.nodes = nodes

    def call(self, x):
        return x * self.nodes


def test_an_attribute_called_nodes_is_the_users():
    model = Sequential([Input((3,)), layer := Counted(3), layers.Dense(1)])
    assert layer.nodes == 3
    assert layer.output.shape == (None, 3)
    assert model.predict(X, verbose=0).shape == (8, 1)


def test_an_attribute_called_saved_is_the_users(tmp_path):
    class Checkpoint(callbacks.ModelCheckpoint):
        saved = 0

        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            self.saved += 1

    model = Sequential([Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    callback = Checkpoint(tmp_path / "model.keras")
    model.fit(X, X[:, :1], epochs=2, verbose=0, callbacks=[callback], keep=False)
    assert callback.saved == 2


def test_a_seed_next_to_a_generator_adds_no_state():
    class Noise(layers.Layer):
        def __init__(self, seed):
            super().__init__()
            self.seed, self.seed_generator = seed, random.SeedGenerator(seed)

    assert len(Noise(1).non_trainable_variables) == 1

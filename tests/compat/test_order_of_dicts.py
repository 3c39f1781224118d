"""The order of layers and weights of user-defined layers of tf.keras; that of TensorFlow 2.15."""

import numpy as np
import pytest


def make(keras, base):
    """A layer or model with layers in a dict, whose keys are not in alphabetical order, and a model inside."""
    layers = keras.layers

    class Inner(keras.Model):
        def __init__(self):
            super().__init__()
            self.scale = self.add_weight(name="scale", shape=(4,))
            self.last = layers.Dense(4, name="last")

        def call(self, x):
            return self.last(x) * self.scale

    class Outer(base):
        def __init__(self):
            super().__init__()
            self.known = {"b": layers.Dense(4, name="b"), "a": layers.BatchNormalization(name="a")}
            self.inner = Inner()

        def call(self, x):
            return self.inner(self.known["a"](self.known["b"](x)))

    outer = Outer()
    outer(np.ones((2, 4), "float32"))
    return outer


@pytest.mark.parametrize("base", ["Model", "layers.Layer"])
def test_order_of_a_dict_in_tf_keras(tf_keras, base):
    outer = make(tf_keras, tf_keras.Model if base == "Model" else tf_keras.layers.Layer)
    names = [v.name.split("/")[-1].removesuffix(":0") for v in outer.weights]
    trained = ["gamma", "beta", "kernel", "bias"]
    moving = ["moving_mean", "moving_variance"]
    inner = ["kernel", "bias", "scale"]
    assert names == ([*trained, *moving, *inner] if base == "Model" else [*trained, *inner, *moving])
    assert [v.name.split("/")[-1].removesuffix(":0") for v in outer.trainable_weights] == [*trained, *inner]
    if base == "Model":
        assert [layer.name for layer in outer.layers][:2] == ["a", "b"]


def test_order_of_a_dict_in_keras_3(installed):
    import keras

    outer = make(keras, keras.Model)
    assert [layer.name for layer in outer.layers][:2] == ["b", "a"]

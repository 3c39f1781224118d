"""Programs that `exec` runs in a namespace without a name, so that their classes and functions have no module."""

import pytest

MODEL = """
class Own(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.dense = layers.Dense(units, kernel_initializer="ones")

    def call(self, inputs):
        return self.dense(inputs)

class OwnModel(keras.Model):
    def __init__(self):
        super().__init__()
        self.own = Own(2)

    def call(self, inputs, training=None):
        return self.own(inputs)

    def train_step(self, data):
        return super().train_step(data)

model = OwnModel()
model.compile("sgd", loss, metrics=[metric])
result = model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0).history
"""
KERAS_3 = """
import keras, numpy as np
from keras import layers, ops
loss = lambda y, p: ops.mean(ops.square(y - p))
def metric(y, p):
    return ops.max(ops.abs(y - p))
"""
TENSORFLOW = """
import numpy as np, tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers
loss = lambda y, p: tf.reduce_mean(tf.square(y - p))
def metric(y, p):
    return tf.reduce_max(tf.abs(y - p))
"""


@pytest.mark.parametrize("start", [KERAS_3, TENSORFLOW], ids=["keras", "tensorflow"])
@pytest.mark.usefixtures("installed")
def test_models_and_functions_without_a_module(start):
    names = {}
    exec(start + MODEL, names)
    assert names["loss"].__module__ is None
    assert {name: [float(value) for value in values] for name, values in names["result"].items()} == {
        "loss": [4.0],
        "metric": [2.0],
    }

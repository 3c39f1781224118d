"""Differences that programs in the style of the guides of TensorFlow 2.15 showed."""

import numpy as np
import pytest

from gazelle.compat import tensorflow as facade


@pytest.fixture(scope="module")
def tf():
    yield facade.module("tensorflow")
    facade.close()


def test_modules(tf):
    class Dense(tf.Module):
        def __init__(self, units, name=None):
            super().__init__(name=name)
            self.units = units

        @tf.Module.with_name_scope
        def __call__(self, x):
            if not hasattr(self, "w"):
                self.w = tf.Variable(tf.ones([x.shape[-1], self.units]), name="w")
                self.b = tf.Variable(tf.zeros([self.units]), name="b")
            return tf.matmul(x, self.w) + self.b

    class MyModel(tf.Module):
        def __init__(self):
            super().__init__()
            self.layers = [Dense(3, name="first"), Dense(2)]
            self.scale = tf.Variable(1.0)

        def __call__(self, x):
            for layer in self.layers:
                x = layer(x)
            return x * self.scale

    model = MyModel()
    assert model(tf.ones((1, 4))).shape == (1, 2)
    names = ["Variable:0", "first/b:0", "first/w:0", "dense/b:0", "dense/w:0"]
    assert [v.name for v in model.trainable_variables] == names
    assert (model.name, [part.name for part in model.submodules]) == ("my_model", ["first", "dense"])
    with tf.name_scope("outer"):
        assert tf.Variable(1.0, name="v").name == "outer/v:0"


def test_order_of_keys(tf):
    data = tf.data.Dataset.from_tensor_slices(({"b": [1, 2], "a": [3, 4]}, [0, 1]))
    for made in (data, data.batch(2), data.batch(1).unbatch(), data.map(lambda x, y: ({**x, "0": y}, y))):
        features, _ = next(iter(made))
        assert list(features)[:2] == ["b", "a"]
    packed = data.batch(2).map(lambda x, y: tf.stack(list(x.values()), axis=-1))
    assert next(iter(packed)).numpy().tolist() == [[1, 3], [2, 4]]
    assert list(data.element_spec[0]) == ["b", "a"]


def test_texts_are_compared(tf):
    texts = tf.constant(["ab", "cd"])
    assert tf.equal(texts, "ab").numpy().tolist() == [True, False]
    assert tf.not_equal("ab", texts).numpy().tolist() == [False, True]
    kept = tf.data.Dataset.from_tensor_slices(texts).filter(lambda s: tf.equal(tf.strings.substr(s, 0, 1), "a"))
    assert [np.asarray(v).item() for v in kept] == [b"ab"]

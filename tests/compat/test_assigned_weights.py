"""Weights that `call` assigns, as in TensorFlow: kept, and without a gradient of the assignment; numbers of 2.15."""

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import root

keras = root("tensorflow.keras")
RANDOM = np.random.RandomState(1)
X, Y = (RANDOM.normal(0, 1, (12, units)).astype("float32") for units in (4, 1))
LOSSES = [0.432, 0.390, 0.372]
KERNEL = [[0.353, 0.360], [0.268, 0.403], [0.363, 0.354], [0.356, 0.358]]


@pytest.fixture
def tf(tf_keras_2):
    return tf_keras_2


def spectral(tf, cls=keras.Model):
    """A model with a layer that divides its weights by an estimate of their largest singular value."""

    class Spectral(keras.layers.Layer):
        def build(self, shape):
            constant = keras.initializers.Constant(0.7)
            self.w = self.add_weight("w", shape=(shape[-1], 2), initializer=constant)
            self.u = self.add_weight("u", shape=(1, 2), initializer="ones", trainable=False)

        def call(self, x, training=None):
            if training:
                v = tf.matmul(self.u, tf.transpose(self.w))
                v = v / tf.norm(v)
                u = tf.matmul(v, self.w)
                u = u / tf.norm(u)
                self.w.assign(self.w / tf.matmul(tf.matmul(v, self.w), tf.transpose(u)))
                self.u.assign(u)
            return tf.matmul(x, self.w)

    inputs = keras.Input((4,))
    last = keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant([[1.0], [-0.5]]))
    return cls(inputs, last(Spectral()(inputs)))


def test_in_the_step_of_fit(tf):
    model = spectral(tf)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    assert [model.train_on_batch(X, Y) for _ in range(3)] == pytest.approx(LOSSES, abs=1e-3)
    np.testing.assert_allclose(model.get_weights()[0], KERNEL, atol=1e-3)


def test_in_a_step_of_its_own(tf):
    class Step(keras.Model):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = self.compiled_loss(y, self(x, training=True))
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            return {"loss": loss}

    model = spectral(tf, Step)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    losses = model.fit(X, Y, batch_size=12, epochs=3, verbose=0).history["loss"]
    assert losses == pytest.approx(LOSSES, abs=1e-3)
    np.testing.assert_allclose(model.get_weights()[0], KERNEL, atol=1e-3)


@pytest.mark.parametrize("compiled", [False, True])
def test_under_a_tape(tf, compiled):
    model, optimizer = spectral(tf), keras.optimizers.SGD(0.1)

    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(X, training=True) - Y) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    step = tf.function(step) if compiled else step
    assert [float(step()) for _ in range(3)] == pytest.approx(LOSSES, abs=1e-3)
    np.testing.assert_allclose(model.get_weights()[0], KERNEL, atol=1e-3)


def test_values_before_and_after_an_assignment(tf):
    w = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        before = w * w
        w.assign(w * 3.0)
        total = tf.reduce_sum(before) + tf.reduce_sum(w * 2.0)
    np.testing.assert_array_equal(tape.gradient(total, w), [4, 6])


def test_a_step_of_its_own_calls_the_model_in_its_default_mode(tf):
    class Flow(keras.Model):
        def call(self, x, training=True):
            return x * (2.0 if training else 1.0)

        def train_step(self, data):
            return {"mean": tf.reduce_mean(self(data[0] if isinstance(data, tuple) else data))}

        test_step = train_step

    model = Flow()
    model.compile("sgd")
    ones = np.ones((4, 1), "float32")
    assert model.fit(ones, verbose=0).history == {"mean": [2.0]}
    assert model.evaluate(ones, verbose=0) == 2
    assert (model.predict(ones, verbose=0) == 1).all()


@pytest.mark.parametrize(("number", "trained"), [(2, ["k", "t"]), (3, ["k"])])
def test_a_variable_of_tensorflow_is_no_weight_of_keras_3(tf, number, trained):
    """Numbers of TensorFlow 2.21: `fit` does not change it and tapes see it; in tf.keras 2 it is a weight."""
    era.set_release(era.Release(number, standalone=False))

    class Scale(tf.keras.layers.Layer):
        def build(self, shape):
            self.k = self.add_weight(name="k", shape=(), initializer="ones")
            self.t, self.calls = tf.Variable(1.0, name="t"), tf.Variable(0.0, trainable=False)

        def call(self, x):
            self.calls.assign_add(1.0)
            return x * self.k * self.t

    x = np.ones((4, 1), "float32")
    model = tf.keras.Sequential([tf.keras.Input((1,)), Scale()])
    model.compile("sgd", "mse")
    model.fit(x, 3 * x, batch_size=2, epochs=1, verbose=0)
    layer = model.layers[-1]
    assert [v.name.split("/")[-1].split(":")[0] for v in model.trainable_weights] == trained
    assert layer.calls.numpy() >= 2
    assert (layer.t.numpy() == 1) == (number == 3)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(x))
    np.testing.assert_allclose(tape.gradient(loss, layer.t).numpy(), layer.k.numpy(), rtol=1e-5)

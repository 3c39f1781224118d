"""Layers, losses and steps that need the values of tensors run uncompiled, with a warning."""

import numpy as np
import pytest

from gazelle.compat import tensorflow as facade
from gazelle.compat.namespaces import root

keras = root("keras")
X = np.linspace(0, 1, 48, dtype="float32").reshape(8, 6)
Y = np.arange(8) % 2


@pytest.fixture(scope="module")
def tf():
    yield facade.module("tensorflow")
    facade.close()


def partition(tf, x):
    parts = tf.dynamic_partition(x, tf.cast(x[:, 0] > 0.5, tf.int32), 2)
    return tf.concat([2 * parts[0], parts[1]], 0)


def selected(tf, x):
    chosen = tf.gather_nd(x, tf.where(x > 0.5))
    return x * tf.cast(tf.shape(chosen)[0], tf.float32)


def masked(tf, x):
    chosen = tf.boolean_mask(x, x[:, 0] > 0.2)
    return x + tf.reduce_sum(tf.reshape(tf.concat([chosen, chosen], 0), [-1]))


FUNCTIONS = {f.__name__: f for f in (partition, selected, masked)}


def layer_of(function, tf):
    class Dependent(keras.layers.Layer):
        def call(self, x):
            return function(tf, x)

    return Dependent()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_layers_that_need_values(tf, name):
    function = FUNCTIONS[name]
    inputs = keras.Input((6,))
    outputs = layer_of(function, tf)(inputs)
    assert outputs.shape == (None, 6)
    model = keras.Model(inputs, keras.layers.Dense(1)(outputs))
    model.compile(keras.optimizers.SGD(0.0), "mse")
    with pytest.warns(UserWarning, match="need the values of tensors, so they run as plain Python, uncompiled"):
        history = model.fit(X, Y, batch_size=8, shuffle=False, verbose=0).history
    dense = model.layers[-1]
    expected = function(tf, tf.constant(X)).numpy() @ dense.kernel.numpy() + dense.bias.numpy()
    assert history["loss"][0] == pytest.approx(np.mean((expected[:, 0] - Y) ** 2), rel=1e-4)
    assert model.evaluate(X, Y, batch_size=8, verbose=0) == pytest.approx(history["loss"][0], rel=1e-4)
    np.testing.assert_allclose(model.predict(X, batch_size=8, verbose=0), expected, rtol=1e-4)


def test_an_unbuilt_model(tf):
    model = keras.Sequential([keras.layers.Dense(6), layer_of(selected, tf), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="uncompiled"):
        model.fit(X, Y, batch_size=4, verbose=0)
    assert model.predict(X, batch_size=2, verbose=0).shape == (8, 1)


def test_a_loss_that_needs_values(tf):
    def hardest(y, y_pred):
        wrong = tf.boolean_mask(y_pred, tf.cast(y, tf.float32) < 0.5)
        return tf.reduce_sum(tf.math.top_k(tf.reshape(wrong, [-1]), k=tf.shape(wrong)[0] // 2)[0])

    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])
    model.compile("sgd", hardest)
    with pytest.warns(UserWarning, match="uncompiled"):
        history = model.fit(X, Y, batch_size=8, verbose=0).history
    assert np.isfinite(history["loss"][0])


def test_a_shape_that_fits_the_chosen_rows_alone(tf):
    def margin(y, y_pred):
        others = tf.reshape(tf.boolean_mask(y_pred, y <= 0), (-1, 4))  # 8 of 10 values
        return tf.boolean_mask(y_pred, y > 0) - tf.reduce_max(others, axis=-1)

    model = keras.Sequential([keras.Input((5,)), keras.layers.Lambda(lambda x: x * 1)])
    model.compile("sgd", margin)
    labels = np.float32([[1, 0, 0, 0, 0], [0, 1, 0, 0, 0]])
    with pytest.warns(UserWarning, match="uncompiled"):
        value = model.evaluate(np.float32([[0.1, 0.2, 0.3, 0, 0], [0.4, 0.5, 0.6, 0, 0]]), labels, verbose=0)
    assert abs(value + 0.15) < 1e-6


def test_a_step_whose_gradients_need_values(tf):
    class Steps(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                chosen = tf.gather(self.dense(x), tf.squeeze(tf.where(y > 0), -1))
                loss = tf.reduce_mean(tf.concat([chosen, chosen], 0))
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            return {"loss": loss}

    model = Steps()
    model.compile("sgd")
    with pytest.warns(UserWarning, match="uncompiled"):
        model.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0)


def test_constants_are_computed_while_a_step_is_traced(tf):
    edges = tf.constant(np.array([[0, 1], [2, 0], [1, 1]]))

    class Sums(keras.layers.Layer):
        def call(self, x):
            ids = tf.gather(edges[:, 0], tf.argsort(edges[:, 0]))
            return tf.math.unsorted_segment_sum(tf.transpose(x)[:3], ids, num_segments=tf.reduce_max(ids) + 1)[:, :1]

    model = keras.Sequential([keras.Input((6,)), Sums()])
    model.compile("sgd", "mse")
    assert model.predict(X[:3], verbose=0).shape == (3, 1)


def test_python_functions_run_in_each_call(tf):
    """Without inputs, or without outputs, they ran once, and a program contained what they had returned."""
    calls = []
    total = tf.Variable(0.0)

    @tf.function
    def step():
        number = tf.numpy_function(lambda: np.float32(len(calls)), [], tf.float32)
        tf.numpy_function(calls.append, [number], [])
        total.assign_add(number)

    for _ in range(3):
        step()
    assert calls == [0.0, 1.0, 2.0]
    assert float(total) == 3.0


def test_python_functions_run_in_each_step(tf):
    numbers = iter(range(100))

    class Net(tf.keras.Model):
        def train_step(self, data):
            return {"number": tf.numpy_function(lambda: np.float32(next(numbers)), [], tf.float32)}

    model = Net()
    model.compile("sgd")
    with pytest.warns(UserWarning, match="uncompiled"):
        found = model.fit(X, Y, batch_size=2, epochs=2, verbose=0).history["number"]
    assert found[1] == found[0] + 4  # the logs of tf.keras are those of the last step

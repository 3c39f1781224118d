"""Functions and methods of a program that gazelle calls receive tensors if its module imports tensorflow."""

import numpy as np
import pytest

from gazelle.compat import era, tensorflow

X, Y = np.ones((4, 3), "float32"), np.ones((4, 2), "float32")


def last(x):
    """The size of the last axis, which only tensors give in these ways."""
    return float(x.shape.as_list()[-1] + x.get_shape()[-1] + x.shape.rank * x.dtype.is_floating)  # 2 + 2 + 2


@pytest.fixture
def keras():
    """`tf.keras`, in a module that imports tensorflow."""
    before = era.release()
    era.set_release(era.Release(2, False))
    yield tensorflow.module("tensorflow").keras
    tensorflow.close()
    era.set_release(before)


def trained(keras, compiled=None, **options):
    """A weight after one step with the rate 0.1; without options 1 - 0.1 * 2 = 0.8."""
    layer = keras.layers.Dense(2, input_shape=(3,), use_bias=False, kernel_initializer="ones", **options)
    model = keras.Sequential([layer])
    model.compile(keras.optimizers.SGD(0.1), **{"loss": "mse", **(compiled or {})})
    logs = model.fit(X, Y, verbose=0).history
    return round(float(model.get_weights()[0][0, 0]), 4), {name: values[0] for name, values in logs.items()}


def test_constraints(keras):
    class Scaled(keras.constraints.Constraint):
        def __call__(self, w):
            return w * last(w)

    assert trained(keras, kernel_constraint=Scaled())[0] == 4.8
    assert trained(keras, kernel_constraint=lambda w: w * last(w))[0] == 4.8


def test_regularizers(keras, tf):
    class Penalty(keras.regularizers.Regularizer):
        def __call__(self, w):
            return tf.reduce_sum(w) * last(w)

    assert trained(keras, kernel_regularizer=Penalty())[0] == 0.2  # 0.8 - 0.1 * 6
    assert trained(keras, kernel_regularizer=lambda w: tf.reduce_sum(w) * last(w))[0] == 0.2
    assert trained(keras, activity_regularizer=lambda x: tf.reduce_sum(x) * last(x))[0] == 0.2


def test_penalties_on_a_tape(keras, tf):
    layer = keras.layers.Dense(2, kernel_initializer="ones", kernel_regularizer=lambda w: tf.reduce_sum(w) * last(w))
    layer(X)
    with tf.GradientTape() as tape:
        loss = tf.add_n(layer.losses)
    np.testing.assert_allclose(tape.gradient(loss, layer.kernel), np.full((3, 2), 6.0))


def test_activations(keras):
    def scaled(x):
        return x * last(x)

    assert trained(keras, activation=scaled)[0] == -9.2  # 1 - 0.1 (18 - 1) 6
    assert keras.layers.Dense(2, activation=scaled).activation is scaled


def test_losses(keras, tf):
    class Scaled(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1) * last(y_pred) / last(y_true)

    assert trained(keras, {"loss": Scaled()})[0] == 0.8
    assert trained(keras, {"loss": lambda y, p: tf.reduce_mean((y - p) ** 2) * p.shape.as_list()[-1] / 2})[0] == 0.8


def test_metrics(keras, tf):
    class Sizes(keras.metrics.Metric):
        def __init__(self):
            super().__init__(name="sizes")
            self.total = self.add_weight(name="total", initializer="zeros")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.total.assign_add(last(y_true) + last(y_pred))

        def result(self):
            return self.total + self.total.shape.rank

    def size(y_true, y_pred):
        return tf.zeros(()) + y_pred.shape.rank

    assert trained(keras, {"metrics": [Sizes(), size]})[1] == {"loss": 4.0, "sizes": 12.0, "size": 2.0}


def test_schedules(keras):
    class Constant(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.1 * (1.0 + step.shape.rank)

    model = keras.Sequential([keras.layers.Dense(2, input_shape=(3,), use_bias=False, kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(Constant()), "mse")
    model.fit(X, Y, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], np.full((3, 2), 0.8), rtol=1e-6)


def test_masks_of_layers(keras, tf):
    class Shortened(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.supports_masking = True

        def compute_mask(self, inputs, mask=None):
            assert inputs.get_shape().as_list()[1:] == [3, 2]
            return tf.logical_and(mask, tf.range(mask.shape.as_list()[1]) < 1)

        def call(self, inputs):
            return inputs

    inputs = keras.Input((3,), dtype="int32")
    hidden = Shortened()(keras.layers.Embedding(5, 2, mask_zero=True, embeddings_initializer="ones")(inputs))
    rnn = keras.layers.SimpleRNN(1, activation="linear", kernel_initializer="ones", recurrent_initializer="ones")
    assert keras.Model(inputs, rnn(hidden)).predict([[1, 2, 0]], verbose=0) == 2  # of one step


def test_first_states_of_cells_have_a_dtype(keras, tf):
    class Cell(keras.layers.Layer):
        state_size = output_size = 2

        def get_initial_state(self, inputs=None, batch_size=None, dtype=None):
            return tf.ones([batch_size, 2], dtype=tf.as_dtype(dtype).base_dtype)

        def call(self, inputs, states):
            return states[0] + 1, [states[0] + 1]

    assert keras.layers.RNN(Cell())(np.ones((1, 3, 2), "float32")).numpy().tolist() == [[4, 4]]


def test_dtypes_of_symbolic_tensors_and_variables(keras, tf):
    layer = keras.layers.Dense(2)
    symbolic = layer(keras.Input((3,)))
    for tensor in (symbolic, layer.kernel, layer(X)):
        assert tensor.dtype == tf.float32 == "float32"
        assert (tensor.dtype.name, tensor.dtype.is_floating, tensor.dtype.size) == ("float32", True, 4)


def test_objects_of_numbers_have_the_dtype_of_the_tensor(tf):  # values of TensorFlow 2.15
    integers, floats = np.array([1, np.int64(0), 2], object), np.array([1.5, 2.0, np.float64(3)], object)
    x, i = tf.constant([1.0, 2.0, 3.0]), tf.range(3)
    computed = [i + integers, integers + i, x * floats, floats * x, x * integers, x - floats, tf.multiply(x, floats)]
    computed += [tf.stack([x, floats]), tf.where(x > 1, x, floats), tf.matmul(x[None], floats[:, None])]
    assert [each.dtype for each in computed] == [tf.int32] * 2 + [tf.float32] * 8
    numbers = [[1, 1, 4]] * 2 + [[1.5, 4, 9]] * 2 + [[1, 0, 6], [-0.5, 0, 0], [1.5, 4, 9]]
    numbers += [[[1, 2, 3], [1.5, 2, 3]], [1.5, 2, 3], [[14.5]]]
    assert [each.numpy().tolist() for each in computed] == numbers
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_mean(tf.square(x) * floats)
    np.testing.assert_allclose(tape.gradient(loss, x), [1, 8 / 3, 6], rtol=1e-6)
    assert (tf.constant(["a", "b"]) == np.array(["a", "c"], object)).numpy().tolist() == [True, False]

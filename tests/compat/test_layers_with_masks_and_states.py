"""Masks and states of layers of tf.keras 2 that Keras 3 uses in another way; values are those of TensorFlow 2.15."""

import numpy as np
import pytest


@pytest.mark.parametrize(
    ("name", "states", "values"),
    [
        ("SimpleRNN", 1, [0.964, 0.9614, 0.964]),
        ("GRU", 1, [0.9946, 0.9897, 0.9946]),
        ("LSTM", 2, [0.8341, 0.8512, 0.8341]),
    ],
)
def test_a_stateful_layer_has_its_own_states_once_they_are_not_zero(tf_keras_2, name, states, values):
    keras = tf_keras_2.keras
    x, given = keras.Input(batch_shape=(1, 1, 1)), [keras.Input(batch_shape=(1, 1)) for _ in range(states)]
    ones = {"kernel_initializer": "ones", "recurrent_initializer": "ones"}
    model = keras.Model([x, *given], getattr(keras.layers, name)(1, stateful=True, **ones)(x, initial_state=given))
    data = [np.ones((1, 1, 1)), *[np.ones((1, 1))] * states]
    found = [model.predict(data, verbose=0), model.predict(data, verbose=0)]
    model.reset_states()
    found.append(model.predict(data, verbose=0))
    np.testing.assert_allclose(np.ravel(found), values, atol=1e-4)


@pytest.mark.parametrize("time_major", [False, True])
def test_the_time_axis_of_both_directions(tf_keras_2, time_major):
    class Count(tf_keras_2.keras.layers.Layer):
        state_size = output_size = 1

        def call(self, x, states):
            return x + states[0] + 1, [states[0] + 1]

    layers = tf_keras_2.keras.layers
    options = {"time_major": time_major, "return_sequences": True}
    both = layers.Bidirectional(
        layers.RNN(Count(), **options), backward_layer=layers.RNN(Count(), go_backwards=True, **options)
    )
    x, mask = np.zeros((2, 3, 1), "float32"), np.array([[True, False, False], [True, True, False]])
    y = both(np.moveaxis(x, 0, 1), mask=mask.T) if time_major else both(x, mask=mask)
    expected = [[[1, 1], [0, 0], [0, 0]], [[1, 2], [2, 1], [0, 0]]]
    np.testing.assert_array_equal(np.moveaxis(y, 0, 1) if time_major else y, expected)


def test_group_normalization_with_a_mask(tf_keras_2):
    layer = tf_keras_2.keras.layers.GroupNormalization(groups=2, axis=2)
    x = np.array([[[-1.0, -1, 2, 2], [1, 1, 0, -2]]], "float32")
    mask = np.array([[[1.0, 1, 0, 1], [1, 1, 0, 1]]], "float32")
    np.testing.assert_allclose(layer(x, mask=mask), [[[-1, -1, 1, 1], [1, 1, 0, -1]]], atol=1e-3)
    one_step = layer(x, mask=np.array([[[True], [False]]]))
    np.testing.assert_allclose(one_step, [[[0, 0, 0, 0], [63.246, 63.246, -63.246, -126.491]]], rtol=1e-4)
    np.testing.assert_allclose(layer(x), [[[-1, -1, 0.904, 0.904], [1, 1, -0.301, -1.507]]], atol=1e-3)


def test_a_tape_records_a_model_that_is_called_with_a_mask(tf_keras_2):
    keras = tf_keras_2.keras
    x = keras.Input((3, 1))
    make = lambda: keras.layers.SimpleRNN(1, kernel_initializer="ones", recurrent_initializer="ones")(x)  # noqa: E731
    model = keras.Model(x, [make(), make()])  # whose layers are recorded one by one
    data, mask = tf_keras_2.ones((2, 3, 1)), tf_keras_2.constant([[True, False, False], [True, True, False]])
    with tf_keras_2.GradientTape() as tape:
        first, second = model(data, mask=mask)
        loss = tf_keras_2.reduce_sum(first + second)
    np.testing.assert_allclose(first[:, 0], [0.7615942, 0.9426808], rtol=1e-6)
    sums = [tf_keras_2.reduce_sum(gradient).numpy() for gradient in tape.gradient(loss, model.trainable_weights)]
    np.testing.assert_allclose(sums, [0.5781, 0.0848, 0.5781] * 2, atol=1e-4)
    np.testing.assert_allclose(model(data)[0][:, 0], [0.9597461, 0.9597461], rtol=1e-6)


def test_a_mask_that_a_program_sets_on_a_tensor(tf_keras_2):
    layers, x = tf_keras_2.keras.layers, tf_keras_2.ones((2, 3, 1))
    assert not hasattr(x, "_keras_mask")
    x._keras_mask = mask = tf_keras_2.constant([[True, False, False], [True, True, False]])
    rnn = layers.SimpleRNN(1, kernel_initializer="ones", recurrent_initializer="ones")
    np.testing.assert_allclose(rnn(x)[:, 0], [0.7615942, 0.9426808], rtol=1e-6)
    np.testing.assert_array_equal(x._keras_mask, mask)

    class Doubled(layers.Layer):
        def call(self, x):
            out = x * 2
            out._keras_mask = mask
            return out

    np.testing.assert_allclose(rnn(Doubled()(tf_keras_2.ones((2, 3, 1))))[:, 0], [0.9640276, 0.9946869], rtol=1e-6)
    x._keras_mask = None
    np.testing.assert_allclose(rnn(x)[:, 0], [0.9597461, 0.9597461], rtol=1e-6)

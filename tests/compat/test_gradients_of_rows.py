"""Optimizers of tf.keras 2 on gradients of some rows, their slots by name, and `compute_gradients`."""

import numpy as np
import pytest


def _trained(tf, optimizer):
    """A variable after two steps; a row is in a gradient twice, and one row is missing in the second."""
    variable = tf.Variable([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    for rows in ([0, 2, 0], [1, 1, 0]):
        values = tf.constant([[0.9, 1.0], [0.3, 1.0], [0.2, 1.0]])
        optimizer.apply_gradients([(tf.IndexedSlices(values, tf.constant(rows), tf.constant([3, 2])), variable)])
    return variable


@pytest.mark.parametrize(
    ("name", "options", "slots", "rows"),  # of TensorFlow 2.15: the slots, and the first numbers of the three rows
    [
        ("SGD", {"momentum": 0.5}, ["momentum"], [0.815, 2.88, 4.97]),
        ("RMSprop", {"momentum": 0.5}, ["rms", "momentum"], [0.46614, 2.68377, 4.68377]),
        ("Adadelta", {}, ["accum_grad", "accum_var"], [0.99982, 2.99986, 4.99986]),
    ],
)
def test_legacy_optimizers_update_the_rows_of_a_gradient_alone(tf_keras_2, name, options, slots, rows):
    optimizer = getattr(tf_keras_2.keras.optimizers.legacy, name)(0.1, **options)
    assert optimizer.get_slot_names() == []
    variable = _trained(tf_keras_2, optimizer)
    np.testing.assert_allclose(variable.numpy()[:, 0], rows, atol=1e-5)
    assert optimizer.get_slot_names() == slots
    assert optimizer.get_slot(variable, slots[0]).shape == (3, 2)


def test_an_optimizer_takes_rows_and_lists(tf_keras_2):
    tf = tf_keras_2
    variable = _trained(tf, tf.keras.optimizers.SGD(0.1))
    np.testing.assert_allclose(variable.numpy()[:, 0], [0.87, 2.88, 4.97], atol=1e-6)
    tf.keras.optimizers.legacy.SGD(1.0).apply_gradients([([3.0, 1.0], listed := tf.Variable([1.0, 2.0]))])
    np.testing.assert_allclose(listed.numpy(), [-2.0, 1.0])


def test_compute_gradients_of_a_function_or_with_a_tape(tf_keras_2):
    tf, x = tf_keras_2, tf_keras_2.Variable(3.0)
    optimizer = tf.keras.optimizers.Adam()
    with tf.GradientTape() as tape:
        loss = x * x
    for pairs in (optimizer.compute_gradients(lambda: x * x, [x]), optimizer.compute_gradients(loss, [x], tape)):
        ((gradient, variable),) = pairs
        assert float(gradient) == 6.0
        assert variable is x

"""Programs for tf.keras that set float64 are computed with 64 bits."""

import jax
import numpy as np
import pytest

from gazelle.compat import era, tensorflow


@pytest.fixture
def tf():
    """TensorFlow; afterwards JAX has 32 bits again."""
    before = era.release()
    era.set_release(era.Release(2, False))
    yield tensorflow.module("tensorflow")
    tensorflow.close()
    era.set_release(before)
    jax.config.update("jax_enable_x64", False)


def test_floatx(tf):
    tf.keras.backend.set_floatx("float64")
    try:
        model = tf.keras.Sequential([tf.keras.layers.Dense(1, activation="tanh", input_shape=(2,))])
        model.compile(tf.keras.optimizers.SGD(0.5), "mse")
        w, b = model.get_weights()
        x, y = np.array([[1.0, 2.0]]), np.array([[1.0]])
        out = np.tanh(x @ w + b)
        assert (w.dtype, model.output.dtype) == ("float64", "float64")
        np.testing.assert_allclose(model.predict(x, verbose=0), out, rtol=1e-13)
        np.testing.assert_allclose(model.fit(x, y, verbose=0).history["loss"], (out - y)[0] ** 2, rtol=1e-13)
        w -= 0.5 * (2 * (out - y) * (1 - out**2) * x).T
        np.testing.assert_allclose(model.get_weights()[0], w, rtol=1e-13)
    finally:
        tf.keras.backend.set_floatx("float32")


def test_layers_and_tapes(tf):
    layer = tf.keras.layers.Dense(1, dtype="float64", kernel_initializer="ones")
    x = tf.constant(np.array([[1 / 3, 2.0]]))
    with tf.GradientTape() as tape:
        tape.watch(x)
        out = tf.sin(layer(x))
    np.testing.assert_allclose(tape.gradient(out, x), np.full((1, 2), np.cos(7 / 3)), rtol=1e-14)
    assert layer(x).dtype == layer.kernel.dtype == tf.float64


def test_seeds_in_traced_code(tf):
    layer = tf.keras.layers.Dropout(0.5, dtype="float64")
    assert tf.function(lambda x: layer(x, training=True))(tf.ones((2, 3), tf.float64)).dtype == tf.float64
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, dtype="float64", input_shape=(3,)), layer])
    assert model.output.dtype == tf.float64

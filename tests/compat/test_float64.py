"""Programs that request float64, by a dtype or a policy, are computed with 64 bits."""

import jax
import numpy as np
import pytest

from gazelle.compat import era, tensorflow
from gazelle.core.names import snake


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


def test_tensors_that_a_program_requests(tf):
    """The dtypes of TensorFlow 2.15; float32 and integers of 32 bits stay what they are."""

    def values():
        one, three = tf.constant(1, tf.float64), tf.constant([1 / 3, 2, 3], tf.float64)
        wide = [tf.sqrt(three), tf.math.erf(one), tf.math.lgamma(three), tf.cumsum(three), 1 / three, 0.5 + one]
        wide += [tf.random.uniform((2,), dtype=tf.float64), tf.cond(one > 0, lambda: one, lambda: one * 2)]
        wide += [tf.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 0.5), (0, one))[1]]
        narrow = [tf.ones(3) * 0.1, tf.random.normal((2,)), tf.one_hot([1], 3), tf.linspace(0.0, 1.0, 3)]
        return wide, narrow, [tf.range(3), tf.shape(three), tf.reduce_sum(tf.range(3))]

    for wide, narrow, integers in (tf.function(values)(), values()):
        assert {each.dtype for each in wide} == {tf.float64}
        assert {each.dtype for each in narrow} == {tf.float32}
        assert {each.dtype for each in integers} == {tf.int32}
        np.testing.assert_array_equal(wide[0], np.sqrt([1 / 3, 2, 3]))
    one = tf.constant(1, tf.float64)
    assert {each.dtype for each in (tf.linspace(one, 2 * one, 3), tf.range(one), tf.eye(2, dtype=tf.float64))} == {
        tf.float64
    }


def test_gradients_variables_and_signatures(tf):
    x = tf.Variable(1 / 3, dtype=tf.float64)
    with tf.GradientTape() as tape:
        out = x**3
    np.testing.assert_allclose(tape.gradient(out, x), 1 / 3, rtol=1e-15)
    signature = [tf.TensorSpec([], tf.float64), tf.TensorSpec([], tf.int32)]

    @tf.function(input_signature=signature)
    def step(x, n):
        return x / 3, n + 1

    @tf.function
    def loop(x):
        return tf.while_loop(lambda x, n: n < 2, step, (x, -1))

    x, n = loop(tf.constant(1.0, tf.float64))
    assert (x.dtype, int(n), n.dtype) == (tf.float64, 2, tf.int32)
    np.testing.assert_allclose(x, 1 / 27, rtol=1e-15)


def test_other_programs_keep_32_bits(tf):
    x = tf.constant(np.array([1 / 3, 2.0]))  # the dtype of NumPy
    assert x.dtype == tf.float64
    tf.function(lambda x: tf.cast(x, tf.float32) * 2)(x)
    data = tf.data.Dataset.from_tensor_slices([1, 2]).map(lambda n: tf.cast(n, tf.float64))
    assert len(list(data)) == 2
    assert not jax.config.jax_enable_x64


def test_other_tensors_keep_32_bits_in_programs_of_float64(tf):
    assert tf.constant(0.5, tf.float64).dtype == tf.float64
    assert jax.config.jax_enable_x64
    x = tf.constant([[3.0, 4.0]])
    assert tf.clip_by_norm(x, [2.0]).dtype == tf.float32
    assert tf.linalg.lstsq([[2.0]], [[4.0]]).dtype == tf.float32
    assert tf.complex(1.0, 2.0).dtype == tf.complex64
    assert tf.clip_by_norm(tf.cast(x, tf.float64), [2.0]).dtype == tf.float64
    part = tf.function(lambda begin: tf.slice(x, [0, begin], [1, 1]))(tf.constant(1))
    assert part.numpy().tolist() == [[4.0]]
    crop = tf.keras.layers.RandomCrop(2, 2)
    assert crop(np.ones((1, 3, 3, 1), "float32"), training=True).shape == (1, 2, 2, 1)


def test_values_of_float64_in_variables_and_lists(tf):
    drawn, array = tf.random.uniform([], dtype="float64"), np.ones(3)
    found = [tf.Variable(drawn), tf.Variable(array), tf.reduce_sum([array, array], 0), tf.reduce_sum([drawn, drawn])]
    assert [value.dtype for value in found] == ["float64"] * 4
    assert isinstance(found[0].numpy(), np.float64)
    assert tf.reduce_sum([1.0, 2.0]).dtype == tf.constant([1.0, 2.0]).dtype == "float32"


@pytest.mark.parametrize("name", ["MeanSquaredError", "BinaryCrossentropy", "KLDivergence", "CosineSimilarity"])
def test_losses_of_tensors_of_float64(tf, name):
    y, p = tf.constant([[0.25, 0.75]], tf.float64), tf.constant([[1 / 3, 2 / 3]], tf.float64)
    value = getattr(tf.keras.losses, name)()(y, p)
    expected = float(getattr(tf.keras.losses, snake(name))(y, p)[0])
    assert (value.dtype, float(value)) == (tf.float64, pytest.approx(expected, rel=1e-14))
    assert getattr(tf.keras.losses, name)()(tf.cast(y, "float32"), tf.cast(p, "float32")).dtype == tf.float32


def test_huber_computes_in_the_default_dtype(tf):
    assert tf.keras.losses.Huber()(tf.zeros((1, 2), tf.float64), tf.ones((1, 2), tf.float64)).dtype == tf.float32


def test_dtypes_of_experimental_numpy(tf):
    tnp = tf.experimental.numpy
    assert tnp.array(np.arange(3.0) + 1e-12, dtype=np.float64).numpy()[0] == 1e-12
    assert tnp.zeros((2,), tf.float64).dtype == tf.float64

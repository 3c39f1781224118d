"""`tf.keras.experimental` and `layers.experimental`. The expected numbers are those of tf_keras 2.21."""

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import root
from gazelle.core.errors import ArgumentError

keras = root("tensorflow.keras")
X = np.linspace(-1, 1, 24).reshape(8, 3).astype("float32")
Y = X[:, :1] * 2 + 1


@pytest.fixture(autouse=True)
def of_tf_keras_2():
    before = era.release()
    era.set_release(era.Release(2, False))
    yield
    era.set_release(before)


def losses(model, x, **compile_arguments):
    model.compile(loss="mse", **compile_arguments)
    return model.fit(x, Y, epochs=3, verbose=0, shuffle=False).history["loss"]


def test_random_features():
    constant = keras.initializers.Constant(0.3)
    layer = keras.layers.experimental.RandomFourierFeatures(5, kernel_initializer=constant, trainable=True)
    layer(X)
    layer.bias.assign(np.arange(5.0))
    np.testing.assert_allclose(layer(X)[0], [0.68095, 0.98415, 0.38253, -0.57079, -0.99933], atol=1e-5)
    assert [w.shape for w in layer.trainable_weights] == [(1,)]
    again = type(layer).from_config(layer.get_config())
    again(X)
    assert again.output_dim == 5
    np.testing.assert_array_equal(again.unscaled_kernel, layer.unscaled_kernel)


@pytest.mark.parametrize(("kernel", "scale"), [("gaussian", np.sqrt(1.5)), ("laplacian", 1.0)])
def test_the_kernel_that_random_features_approximate(kernel, scale):
    """The mean of products of features is the kernel function of the distance."""
    keras.utils.set_random_seed(1)
    layer = keras.layers.experimental.RandomFourierFeatures(60_000, kernel_initializer=kernel)
    a, b = np.array([[0.2, -0.1, 0.4]], "float32"), np.array([[0.1, 0.3, 0.2]], "float32")
    found = 2 * np.mean(np.asarray(layer(a)) * np.asarray(layer(b)))
    np.testing.assert_allclose(layer.kernel_scale, [scale], rtol=1e-6)
    distance = np.sum((a - b) ** 2) / 2 / scale**2 if kernel == "gaussian" else np.sum(np.abs(a - b))
    np.testing.assert_allclose(found, np.exp(-distance), atol=0.02)


def test_errors_of_random_features():
    with pytest.raises(ArgumentError, match="output_dim of RandomFourierFeatures: expected >= 1, got 0"):
        keras.layers.experimental.RandomFourierFeatures(0)


def test_linear_and_wide_models():
    experimental = keras.experimental
    np.testing.assert_allclose(
        losses(experimental.LinearModel(), X, optimizer="sgd"), [2.11153, 2.02349, 1.93912], 1e-5
    )
    model = experimental.LinearModel(activation="sigmoid")
    found = losses(model, {"a": X, "b": Y}, optimizer="sgd")
    np.testing.assert_allclose(found, [1.53544, 1.52416, 1.51296], 1e-5)
    assert sorted(w.shape for w in model.weights) == [(1,), (1, 1), (3, 1)]
    dense = keras.layers.Dense
    network = keras.Sequential(
        [dense(4, activation="relu", kernel_initializer="ones"), dense(1, kernel_initializer="ones")]
    )
    model = experimental.WideDeepModel(experimental.LinearModel(), network)
    found = losses(model, [X, X], optimizer=["sgd", "adam"])
    np.testing.assert_allclose(found, [14.08885, 13.5374, 13.01053], 1e-5)


def test_a_cell_with_peepholes():
    """Equal to an LSTM cell for weights 0, else the gates depend on the state c."""
    cell, plain = keras.experimental.PeepholeLSTMCell(2), keras.layers.LSTMCell(2)
    x, states = X[:, None], [np.ones((8, 2), "float32"), np.full((8, 2), 0.5, "float32")]
    run = keras.layers.RNN(cell)
    run(x)
    plain(X, states)
    plain.set_weights(cell.get_weights()[:3])
    seen = [w for w in cell.weights if "gate_peephole" in w.name]
    assert [w.shape for w in seen] == [(2,)] * 3
    for weight in seen:
        weight.assign([0.0, 0.0])
    np.testing.assert_allclose(run(x, initial_state=states), plain(X, states)[0], rtol=1e-5, atol=1e-6)
    for weight, value in zip(seen, (0.1, 0.2, 0.3), strict=True):
        weight.assign([value, value])
    kernel, recurrent, bias = cell.get_weights()[:3]
    i, f, g, o = np.split(X @ kernel + states[0] @ recurrent + bias, 4, axis=1)
    sigmoid = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
    c = sigmoid(f + 0.2 * 0.5) * 0.5 + sigmoid(i + 0.1 * 0.5) * np.tanh(g)
    np.testing.assert_allclose(run(x, initial_state=states), sigmoid(o + 0.3 * c) * np.tanh(c), rtol=1e-4, atol=1e-6)

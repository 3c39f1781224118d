"""Complex predictions: losses and metrics that make real numbers of them compute, others are errors."""

import jax
import numpy as np
import pytest

import gazelle
from gazelle import layers, losses, metrics, ops

X = (np.arange(6).reshape(2, 3) + 1j).astype("complex64")
Y = np.full((2, 2), 2j, "complex64")


class Complex(layers.Layer):
    def build(self, shape):
        self.real = self.add_weight((shape[-1], 2), initializer="ones")
        self.imag = self.add_weight((shape[-1], 2), initializer="ones")

    def call(self, x):
        return ops.matmul(x, jax.lax.complex(self.real.value, self.imag.value))


def distance(y_true, y_pred):
    return ops.mean(ops.abs(y_true - y_pred) ** 2, axis=-1)


class Distance(losses.Loss):
    def call(self, y_true, y_pred):
        return distance(y_true, y_pred)


@pytest.mark.parametrize("loss", [distance, Distance()])
def test_a_model_of_complex_numbers(loss):
    model = gazelle.Sequential([gazelle.Input((3,), dtype="complex64"), Complex()])
    model.compile(gazelle.optimizers.SGD(0.01), loss, metrics=[distance])
    w = np.ones((3, 2)) * (1 + 1j)
    expected = np.mean(np.abs(Y - X @ w) ** 2)
    values = model.evaluate(X, Y, verbose=0)
    np.testing.assert_allclose(values, [expected, expected], rtol=1e-6)
    model.fit(X, Y, verbose=0)
    step = X.conj().T @ (X @ w - Y) / 2 * 0.01  # the gradient of real and imaginary parts, as one complex number
    np.testing.assert_allclose(model.layers[0].real, np.real(w - step), rtol=1e-5)
    np.testing.assert_allclose(model.layers[0].imag, np.imag(w - step), rtol=1e-5)


@pytest.mark.parametrize("thing", [losses.MeanSquaredError(), metrics.MeanSquaredError(), metrics.Mean()])
def test_a_complex_value_is_an_error(thing):
    given = (Y,) if type(thing) is metrics.Mean else (Y, 2 * Y)
    with pytest.raises(ValueError, match=f"The value of '{thing.name}': expected real numbers, got complex64"):
        thing(*given)


def test_a_real_variable_takes_no_complex_numbers():
    variable = gazelle.Variable(np.ones(2, "float32"), name="w")
    with pytest.raises(TypeError, match=r"'w' cannot be assigned: expected real numbers \(float32\), got complex ones"):
        variable.assign(1j * np.ones(2))

"""The order of the values that `evaluate` and the methods of one batch return for custom steps, compared with Keras."""

import keras
import numpy as np
import pytest

import gazelle

X = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True) + 1


def model_class(k):
    """A step in the stateless form that Keras on JAX requires."""

    class Custom(k.Model):
        def __init__(self, logs):
            super().__init__()
            self.logs, self.dense = logs, k.layers.Dense(1, kernel_initializer="zeros")
            self.total, self.part = k.metrics.Mean(name="total"), k.metrics.Mean(name="part")

        def call(self, x):
            return self.dense(x)

        def test_step(self, state, data):
            trainable, fixed, sums = state
            y_pred, fixed = self.stateless_call(trainable, fixed, data[0])
            loss = k.ops.mean((y_pred - data[1]) ** 2)
            return {name: loss * (i + 1) for i, name in enumerate(self.logs)}, (trainable, fixed, sums)

    class WithProperty(Custom):
        @property
        def metrics(self):
            return [self.total, self.part]

    return Custom, WithProperty


@pytest.mark.parametrize("with_property", [False, True])
@pytest.mark.parametrize("logs", ["own aa", "zz mae loss aa mse", "loss part kl total", "total", "mse loss part aa"])
def test_values_are_in_the_order_of_metrics_then_of_the_alphabet(logs, with_property):
    results = []
    for k in (keras, gazelle):
        model = model_class(k)[with_property](logs.split())
        model(X)
        model.compile("sgd", "mse", metrics=None if with_property else ["mse", "mae"])
        results.append([np.ravel(model.test_on_batch(X, Y)), np.ravel(model.evaluate(X, Y, batch_size=12, verbose=0))])
    np.testing.assert_allclose(results[1], results[0], rtol=1e-5)
    values = np.ravel(model.evaluate(X, Y, batch_size=12, verbose=0))
    by_name = model.evaluate(X, Y, batch_size=12, verbose=0, return_dict=True)
    assert dict(zip(model.metrics_names, values, strict=True)) == by_name
    assert list(by_name) == logs.split()

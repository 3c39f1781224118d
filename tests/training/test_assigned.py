"""Variables and random numbers of layers outside of training, and overridden methods that are reported."""

import jax
import numpy as np
import pytest

import gazelle
from gazelle import layers

X, Y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")


class Counting(layers.Layer):
    def build(self, input_shape):
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")

    def call(self, x):
        self.calls.assign_add(1.0)
        return x


class Noisy(layers.Layer):
    def call(self, x):
        return x + jax.random.normal(self.random_key(), x.shape)


def model_with(layer):
    model = gazelle.Sequential([gazelle.Input((2,)), layer, layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def test_assigned_variables_live_on_through_every_loop():
    counter = Counting()
    model = model_with(counter)
    model.predict(X, batch_size=4, verbose=0)
    assert float(counter.calls) == 2
    model.evaluate(X, Y, batch_size=4, verbose=0)
    assert float(counter.calls) == 4
    model.fit(X, Y, batch_size=4, verbose=0, keep=False)
    assert float(counter.calls) == 6
    model.predict_on_batch(X)
    model.test_on_batch(X, Y)
    model.train_on_batch(X, Y)
    assert float(counter.calls) == 9


def test_a_stateful_layer_goes_on_from_batch_to_batch():
    lstm = layers.LSTM(3, stateful=True)
    model = gazelle.Sequential([gazelle.Input(batch_shape=(4, 5, 2)), lstm])
    x = np.random.default_rng(0).normal(size=(8, 5, 2)).astype("float32")
    out = model.predict(x, batch_size=4, verbose=0)
    lstm.reset_states()
    first, second = (np.asarray(model(part)) for part in (x[:4], x[4:]))
    np.testing.assert_allclose(out, np.concatenate([first, second]), atol=1e-6)
    assert [w.shape for w in model.weights] == [(2, 12), (3, 12), (12,)]


def test_draws_in_predict_differ_from_batch_to_batch():
    model = gazelle.Sequential([gazelle.Input((2,)), Noisy()])
    out = model.predict(np.zeros((4, 2), "float32"), batch_size=1, verbose=0)
    assert len(np.unique(out)) == 8
    assert not np.array_equal(out, model.predict(np.zeros((4, 2), "float32"), batch_size=1, verbose=0))


def test_a_metric_may_return_its_variable():
    class Seen(gazelle.metrics.Metric):
        def __init__(self):
            super().__init__(name="seen")
            self.count = self.add_weight(name="count", shape=(), initializer="zeros")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.count.assign_add(float(y_true.shape[0]))

        def result(self):
            return self.count

    model = gazelle.Sequential([gazelle.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[Seen()])
    assert model.fit(X, Y, epochs=2, verbose=0, keep=False).history["seen"] == [8.0, 8.0]


def test_logs_begin_with_the_loss():
    model = gazelle.Sequential([gazelle.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["accuracy", "mae"])
    names = ["loss", "accuracy", "mae"]
    assert list(model.fit(X, Y, verbose=0, keep=False).history) == names == model.metrics_names
    assert list(model.evaluate(X, Y, verbose=0, return_dict=True)) == names
    assert list(model.train_on_batch(X, Y, return_dict=True)) == names


def test_a_layer_is_no_input():
    with pytest.raises(TypeError, match=r"Input of Dense 'dense.*got the layer 'inner'"):
        layers.Dense(2)(layers.Dense(3, name="inner"))


class Measuring(gazelle.Model):
    def __init__(self, scaled):
        super().__init__()
        self.dense, self.mean, self.scaled = layers.Dense(1), gazelle.metrics.Mean(name="mean"), scaled

    def call(self, x):
        self.mean.update_state(x)
        return self.dense(x) + (self.mean.result() * 0 if self.scaled else 0)


@pytest.mark.parametrize("scaled", [False, True], ids=["updated", "read"])
def test_predict_where_call_updates_a_metric(scaled):
    model = Measuring(scaled)
    model.compile("sgd", "mse")
    assert model.fit(X, Y, verbose=0).history["mean"] == [1.0]
    assert model.predict(X, verbose=0).shape == (8, 1)
    assert model.evaluate(X, Y, verbose=0)[1] == 1.0


class Halving(layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(), initializer="ones", name="w")

    def call(self, x):
        self.w.assign(0.5 * self.w)
        return x * self.w


def test_a_trained_weight_that_a_call_assigns_is_not_changed_by_loops():
    """As in Keras 3 on JAX; a call outside of a loop keeps the value."""
    layer = Halving()
    model = model_with(layer)
    model.predict(X, verbose=0)
    model.evaluate(X, Y, verbose=0)
    model.predict_on_batch(X)
    model.test_on_batch(X, Y)
    assert float(layer.w) == 1
    model(X)
    assert float(layer.w) == 0.5
    layer.trainable = False
    model.compile("sgd", "mse")
    model.predict(X, verbose=0)
    assert float(layer.w) == 0.25

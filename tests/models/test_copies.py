"""Pickles and deep copies of models: they continue training as the original does."""

import copy
import pickle

import numpy as np
import pytest

import gazelle
from gazelle import Input, layers

X = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


class Own(gazelle.Model):
    """A subclass with a metric and a step of its own."""

    def __init__(self):
        super().__init__()
        self.inner, self.drop, self.out = layers.Dense(4), layers.Dropout(0.5), layers.Dense(1)
        self.worst = gazelle.metrics.Mean(name="worst")

    def call(self, x, training=False):
        return self.out(self.drop(self.inner(x), training=training))

    def train_step(self, data):
        self.worst.update_state(gazelle.ops.max(gazelle.ops.abs(data[1])))
        return super().train_step(data)


def stack():
    frozen = layers.Dense(3, trainable=False)
    return gazelle.Sequential([Input((3,)), frozen, layers.Dropout(0.5), layers.BatchNormalization(), layers.Dense(1)])


def by_pickle(model):
    return pickle.loads(pickle.dumps(model))


@pytest.fixture(scope="module", params=[stack, Own])
def trained(request):
    model = request.param()
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(X, Y, batch_size=8, verbose=0, keep=False)
    return model


@pytest.mark.parametrize("how", [by_pickle, copy.deepcopy])
def test_a_copy_goes_on_as_the_original(trained, how):
    other = how(trained)
    weights = other.get_weights()
    first = trained.fit(X, Y, batch_size=8, epochs=2, verbose=0, keep=False).history
    np.testing.assert_array_equal(weights[0], other.get_weights()[0])  # they share nothing
    second = other.fit(X, Y, batch_size=8, epochs=2, verbose=0, keep=False).history
    for ours, theirs in zip(
        [*first.values(), *trained.get_weights()], [*second.values(), *other.get_weights()], strict=True
    ):
        np.testing.assert_allclose(
            theirs, ours, rtol=1e-5, atol=1e-6
        )  # the same draws; one program may round otherwise
    assert [v.shape for v in other.optimizer.variables] == [v.shape for v in trained.optimizer.variables]


def test_a_copy_in_the_middle_of_a_training(trained):
    class Keep(gazelle.callbacks.Callback):
        best = None

        def on_epoch_end(self, epoch, logs=None):
            if epoch == 0:
                Keep.best = copy.deepcopy(self.model)
                Keep.weights = self.model.get_weights()

    trained.fit(X, Y, batch_size=8, epochs=2, verbose=0, keep=False, callbacks=[Keep()])
    assert all(map(np.array_equal, Keep.best.get_weights(), Keep.weights))
    assert not np.array_equal(Keep.weights[-1], trained.get_weights()[-1])
    assert int(Keep.best.optimizer.iterations.value) == int(trained.optimizer.iterations.value) - 2


@pytest.mark.parametrize(
    "make", [lambda: layers.LSTM(3), lambda: gazelle.metrics.AUC(), lambda: gazelle.optimizers.Adam()]
)
def test_parts(make):
    part = make()
    if isinstance(part, layers.Layer):
        part(np.ones((1, 2, 3), "float32"))
    other = by_pickle(part)
    assert other.get_config() == part.get_config()
    assert [np.array(v).tolist() for v in other.variables] == [np.array(v).tolist() for v in part.variables]


@pytest.mark.parametrize("make", [stack, Own])
def test_a_copy_has_weights_of_its_own(make):
    model = make()
    model.compile("sgd", "mse")
    before = model.predict(X, verbose=0)
    other = copy.copy(model)
    np.testing.assert_array_equal(other.predict(X, verbose=0), before)
    other.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(model.predict(X, verbose=0), before)

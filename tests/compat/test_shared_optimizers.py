"""One optimizer object for several models; learning rates that follow a schedule."""

import numpy as np
import pytest

import gazelle
from gazelle.compat import era
from gazelle.compat.namespaces import root
from gazelle.core.errors import StateError

keras = root("keras")
X = np.linspace(0, 1, 12).reshape(4, 3)


def _model(features, layers=keras.layers, models=keras):
    first = layers.Dense(2, kernel_initializer="ones")
    return models.Sequential([layers.Input((features,)), first, layers.Dense(1, kernel_initializer="ones")])


def _losses(a, b, c, steps=3):
    """Losses of alternate steps of models that share an optimizer; those of TensorFlow 2.15 are below."""
    batches = ((a, X, 1.0), (b, 2 * X, 0.0), (c, X[:, :2], 1.0))
    return [[float(m.train_on_batch(x, np.full((4, 1), y))) for m, x, y in batches] for _ in range(steps)]


EXPECTED = [[7.34711, 49.38843, 2.15702], [3.51854, 34.11263, 1.31033], [1.89615, 22.88957, 0.84644]]


def test_each_model_has_slots_of_its_own_and_all_share_the_counter():
    optimizer = keras.optimizers.Adam(0.1)
    models = [_model(3), _model(3), _model(2)]
    for model in models:
        model.compile(optimizer, "mse")
    np.testing.assert_allclose(_losses(*models), EXPECTED, rtol=2e-5)
    assert int(np.asarray(optimizer.iterations)) == 9
    optimizer.learning_rate = 0.0
    before = models[2].get_weights()[0].copy()
    _losses(*models, steps=1)
    np.testing.assert_array_equal(models[2].get_weights()[0], before)


def test_compiling_a_model_again_keeps_its_slots():
    optimizer, model = keras.optimizers.Adam(0.1), _model(3)
    for _ in range(2):
        model.compile(optimizer, "mse")
        assert model.optimizer is optimizer


def test_gazelle_refuses_an_optimizer_of_another_model():
    optimizer = gazelle.optimizers.Adam(0.1)
    models = [_model(3, gazelle.layers, gazelle.models) for _ in range(2)]
    for model in models:
        model.compile(optimizer, "mse")
    models[0].train_on_batch(X, np.ones((4, 1)))
    with pytest.raises(StateError, match="belongs to another model"):
        models[1].train_on_batch(X, np.ones((4, 1)))


@pytest.fixture
def of_tensorflow(tf):
    before = era.release()
    era.set_release(era.Release(3, False))
    yield tf
    era.set_release(before)


def test_a_learning_rate_of_tensorflow_is_a_number_and_its_schedule(of_tensorflow):
    optimizers = of_tensorflow.keras.optimizers
    optimizer = optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 10, 0.5))
    for rate in (optimizer.learning_rate, optimizer.lr):
        assert float(rate) == pytest.approx(0.1)
        assert rate.numpy() == pytest.approx(0.1)
        assert float(rate * 2) == pytest.approx(0.2)
        assert float(rate(10)) == pytest.approx(0.05)
        assert rate.decay_steps == 10

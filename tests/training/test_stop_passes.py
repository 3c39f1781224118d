"""Callbacks that stop `fit`, `evaluate` and `predict`, also on data without an end."""

import itertools

import numpy as np
import pytest

from gazelle import Sequential, callbacks, errors, layers


class Stop(callbacks.Callback):
    """Stops a pass after three batches."""

    def _stop(self, name, batch):
        if batch == 2:
            setattr(self.model, name, True)

    def on_train_batch_end(self, batch, logs=None):
        self._stop("stop_training", batch)

    def on_test_batch_end(self, batch, logs=None):
        self._stop("stop_evaluating", batch)

    def on_predict_batch_end(self, batch, logs=None):
        self._stop("stop_predicting", batch)


class Count(callbacks.Callback):
    """Counts batches."""

    batches = 0

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1

    on_test_batch_end = on_predict_batch_end = on_train_batch_end


@pytest.fixture
def model():
    model = Sequential([layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def _batches():
    return itertools.repeat((np.ones((2, 3), "float32"), np.ones((2, 1), "float32")))


def _endless():
    while True:
        yield np.ones((2, 3), "float32"), np.ones((2, 1), "float32")


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
@pytest.mark.parametrize("data", [_endless, _batches])
def test_a_callback_stops_a_pass(model, method, data):
    for _ in range(2):  # the second pass starts anew
        count = Count()
        getattr(model, method)(data(), callbacks=[count, Stop()], verbose=0)
        assert count.batches == 3


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_data_without_an_end_need_steps_or_a_callback(model, method):
    with pytest.raises(errors.ArgumentError, match=r"steps.*since '_endless' never ends"):
        getattr(model, method)(_endless(), verbose=0)


def test_a_stopped_evaluation_averages_the_batches_that_ran(model):
    x, y = np.zeros((8, 3), "float32"), np.arange(8.0, dtype="float32")[:, None]
    found = model.evaluate(x, y, batch_size=1, callbacks=[Stop()], verbose=0)
    assert found == pytest.approx(np.mean([0, 1, 4]))
    assert model.predict(x, batch_size=1, callbacks=[Stop()], verbose=0).shape == (3, 1)

"""A `History` in the callbacks of `fit`."""

import numpy as np
import pytest

import gazelle as gz
from gazelle.training.callbacks import History
from tests.compat.conftest import program

X, Y = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")


def fit(keras, history):
    model = keras.Sequential([keras.layers.Dense(1, input_shape=(2,))])
    model.compile("sgd", "mse")
    return model, model.fit(X, Y, epochs=2, verbose=0, callbacks=[history])


def test_fit_returns_the_given_history_which_continues():
    history = History()
    model, returned = fit(gz, history)
    assert returned is model.history is history
    again = model.fit(X, Y, epochs=5, initial_epoch=2, verbose=0, callbacks=[history])
    assert again is history
    assert len(history.history["loss"]) == 5
    assert history.epoch == [2, 3, 4]


def test_fit_returns_the_last_of_two_histories():
    model, _ = fit(gz, History())
    first, last = History(), History()
    assert model.fit(X, Y, verbose=0, callbacks=[first, last]) is last
    assert first.history == last.history


@pytest.mark.parametrize("version", [(True, (2, 3)), (False, (2, 2))])
def test_before_tensorflow_2_fit_returned_its_own(version):
    for keras in program(2, *version):
        history = keras.callbacks.History()
        model, returned = fit(keras, history)
        assert returned is model.history is not history
        model.fit(X, Y, epochs=3, verbose=0, callbacks=[history])
        assert len(history.history["loss"]) == 3
        assert len(returned.history["loss"]) == 2

"""Subclassed models: weights are created in `build`, by a call of `build` or at the first call."""

import numpy as np
import pytest

import gazelle
from gazelle import layers

X = np.ones((4, 3), "float32")


class Described(gazelle.Model):
    """Makes one layer in `__init__` and one, which needs the input's size, in `build`."""

    def __init__(self):
        super().__init__()
        self.out = layers.Dense(1)

    def build(self, shape):
        self.again = layers.Dense(shape[-1])
        super().build(shape)

    def call(self, x):
        return self.out(self.again(x))


@pytest.mark.parametrize("how", ["build", "call", "fit"])
def test_a_build_that_calls_the_models_own_runs_once(how):
    model = Described()
    model.compile("sgd", "mse")
    {
        "build": lambda: model.build((None, 3)),
        "call": lambda: model(X),
        "fit": lambda: model.fit(X, X[:, :1], verbose=0),
    }[how]()
    assert [w.shape for w in model.weights] == [(3, 1), (1,), (3, 3), (3,)]


def test_a_build_that_fails_leaves_the_model_unbuilt():
    model = Described()
    with pytest.raises(ValueError, match="units of Dense: expected a positive integer, got None"):
        model.build((None,))
    assert not model.built

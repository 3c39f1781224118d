"""Python loops over samples run, and are reported with layer and line."""

import inspect
import warnings

import numpy as np
import pytest

from gazelle import Input, Sequential, layers, ops
from gazelle.core import shape_inference

X = np.arange(12, dtype="float32").reshape(3, 4)


class Rows(layers.Layer):
    def call(self, x):
        return ops.stack([ops.sum(row) for row in x])


class Counted(layers.Layer):
    def call(self, x):
        return ops.stack([ops.sum(x[i]) for i in range(x.shape[0])])


class Features(layers.Layer):
    def call(self, x):
        return sum(x[:, i] for i in range(x.shape[1]))


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(shape_inference, "_SIZES", (60, 120))


@pytest.mark.parametrize("layer", [Rows, Counted])
def test_a_loop_over_samples_is_told_with_its_line(layer):
    line = inspect.getsourcelines(layer.call)[1] + 1
    text = rf"'looping' iterates over an axis of unknown size in a Python loop \(test_unrolled.py, line {line}\)"
    with pytest.warns(UserWarning, match=text):
        model = Sequential([Input((4,)), layer(name="looping")])
    np.testing.assert_allclose(model.predict(X, verbose=0), X.sum(1))


def test_a_loop_over_a_known_axis_is_not():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = Sequential([Input((4,)), Features()])
    np.testing.assert_allclose(model.predict(X, verbose=0), X.sum(1))

"""Names that programs may use for attributes and methods of their subclasses: Keras does not use them."""

import numpy as np
import pytest

from gazelle.compat.namespaces import root

keras = root("keras")
layers = keras.layers

CELL_NAMES = ["biases", "gates", "masks", "native_scan", "project", "recur", "step", "update"]
NORMALIZATION_NAMES = ["affine", "axes", "correction", "known", "moments", "move", "normalize_batch", "standard"]


def _with_names(base, names):
    """A subclass whose attributes of these names are numbers, and methods that fail."""
    methods = {name: lambda self, *args: pytest.fail("a method of the program was called") for name in names}

    class Sub(type("Methods", (base,), methods)):
        pass

    return Sub


@pytest.mark.parametrize("base", [layers.SimpleRNNCell, layers.GRUCell, layers.LSTMCell])
def test_names_in_cells(base):
    x = np.random.default_rng(0).random((2, 3, 4), "float32")
    cell, expected = _with_names(base, CELL_NAMES)(5), layers.RNN(base(5))
    layer = layers.RNN(cell)
    expected(x), layer(x)
    layer.set_weights(expected.get_weights())
    np.testing.assert_array_equal(layer(x), expected(x))


@pytest.mark.parametrize("base", [layers.BatchNormalization, layers.LayerNormalization, layers.GroupNormalization])
def test_names_in_normalization(base):
    x = np.random.default_rng(0).random((2, 3, 32), "float32")
    np.testing.assert_array_equal(_with_names(base, NORMALIZATION_NAMES)()(x, training=True), base()(x, training=True))


def test_a_metric_may_have_a_method_build():
    class Share(keras.metrics.MeanAbsoluteError):
        def build(self, samples):
            pytest.fail("a method of the program was called")

    model = keras.Sequential([layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[Share()])
    model.fit(np.ones((2, 3)), np.ones((2, 1)), verbose=0)

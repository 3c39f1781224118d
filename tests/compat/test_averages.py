"""The averages of `use_ema` in programs for tf.keras begin as the weights before the first update.

The expected numbers are those of TensorFlow 2.15.
"""

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import root

keras = root("keras")
X, Y = np.ones((1, 1), "float32"), np.full((1, 1), 3.0, "float32")


@pytest.fixture(params=[2, 3])
def number(request):
    before = era.release()
    era.set_release(era.Release(request.param, False))
    yield request.param
    era.set_release(before)


def test_the_first_average(number):
    model = keras.Sequential([keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(0.25, use_ema=True, ema_momentum=0.5), "mse")
    model.fit(X, Y, verbose=0)  # 1 -> 2, since the gradient is -4
    np.testing.assert_allclose(model.get_weights()[0], [[1.5 if number == 2 else 2.0]])


def test_averages_that_replace_the_weights(number):
    model = keras.Sequential([keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(0.25, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=1), "mse")
    model.train_on_batch(X, Y)
    np.testing.assert_allclose(model.get_weights()[0], [[1.5 if number == 2 else 2.0]])

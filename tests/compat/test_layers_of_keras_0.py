"""Layers that Keras had before 1.0 only, compared with their formulas."""

import numpy as np
import pytest

from gazelle.compat.namespaces import root
from gazelle.core.errors import GazelleError

keras = root("keras")


def test_products_of_words_and_contexts(keras_1):
    """One step of SGD: the gradient of the mean squared error through the sigmoid, summed per row."""
    layer = keras.layers.embeddings.WordContextProduct(6, proj_dim=3, init="uniform")
    model = keras.models.Sequential([layer])
    model.compile(optimizer=keras.optimizers.SGD(lr=0.5), loss="mse")
    words, contexts = model.get_weights()
    pairs, y = np.array([[1, 2], [1, 4], [5, 0], [3, 3]]), np.array([1.0, 0.0, 0.0, 1.0])
    w, c = words[pairs[:, 0]], contexts[pairs[:, 1]]
    p = 1 / (1 + np.exp(-(w * c).sum(1)))
    assert model.predict(pairs) == pytest.approx(p[:, None], abs=1e-6)
    slope = (2 * (p - y) * p * (1 - p) / len(y))[:, None]
    assert model.train_on_batch(pairs, y) == pytest.approx(((p - y) ** 2).mean(), abs=1e-6)
    np.subtract.at(words, pairs[:, 0], 0.5 * slope * c)
    np.subtract.at(contexts, pairs[:, 1], 0.5 * slope * w)
    for found, wanted in zip(model.get_weights(), (words, contexts), strict=True):
        assert found == pytest.approx(wanted, abs=1e-6)
    assert model.layers[0].get_config()["input_dim"] == 6


def test_normalization_of_responses(keras_1):
    x = np.random.default_rng(0).normal(size=(2, 7, 3, 4)).astype("float32")
    model = keras.models.Sequential([keras.layers.normalization.LRN2D(alpha=0.3, n=3, input_shape=(7, 3, 4))])
    padded = np.pad(x**2, ((0, 0), (1, 1), (0, 0), (0, 0)))
    sums = sum(padded[:, first : first + 7] for first in range(3))
    assert model.predict(x) == pytest.approx(x / (2 + 0.3 * sums) ** 0.75, abs=1e-6)
    with pytest.raises(GazelleError, match=r"n of LRN2D: expected an odd number.*got 4"):
        keras.layers.normalization.LRN2D(n=4)


@pytest.mark.parametrize("size", [int, np.int64, np.uint8])
def test_sizes_of_inputs_may_be_numbers_of_numpy(keras_1, size):
    """`np.max(labels) + 1` as the number of classes: the first number is still the size of the input."""
    dense = keras.layers.core.Dense(7, size(5), init="uniform")
    dense.build((None, 7))
    assert [tuple(w.shape) for w in dense.weights] == [(7, 5), (5,)]
    convolution = keras.layers.convolutional.Convolution2D(6, 3, size(2), size(2))
    assert convolution.filters == 6
    assert convolution.kernel_size == (2, 2)

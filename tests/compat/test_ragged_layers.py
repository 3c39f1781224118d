"""Layers on ragged tensors: on each token, on rows with a mask, or an error that says how to pad."""

import numpy as np
import pytest

from gazelle.compat import tensorflow as facade
from gazelle.compat.namespaces import root
from gazelle.core.errors import ArgumentTypeError

keras = root("keras")
L = keras.layers


@pytest.fixture(scope="module")
def tf():
    yield facade.module("tensorflow")
    facade.close()


@pytest.fixture
def rows(tf):
    return tf.ragged.constant([[1.0, -2.0, 3.0], [-4.0]])


@pytest.fixture
def vectors(tf):
    values = np.arange(8, dtype="float32").reshape(4, 2) / 10
    return tf.RaggedTensor.from_row_lengths(values, [3, 1])


def test_layers_of_tokens(tf, rows):
    assert L.ReLU()(rows).to_list() == [[1.0, 0.0, 3.0], [0.0]]
    assert L.Rescaling(2.0)(rows).to_list() == [[2.0, -4.0, 6.0], [-8.0]]
    assert L.Discretization([0.0])(rows).to_list() == [[1, 0, 1], [0]]


def test_text_that_is_split_already(tf):
    words = tf.ragged.constant([["a", "b"], ["c"]])
    vectorize = L.TextVectorization(vocabulary=["a", "b", "c"], split=None)
    assert vectorize(words).numpy().tolist() == [[2, 3], [4, 0]]


def test_layers_of_vectors(tf, vectors):
    dense = L.Dense(3)
    out = dense(vectors)
    assert out.row_lengths().numpy().tolist() == [3, 1]
    np.testing.assert_allclose(out.flat_values.numpy(), dense(vectors.flat_values).numpy())


@pytest.mark.parametrize("make", [lambda: L.LSTM(2), lambda: L.Bidirectional(L.GRU(2)), L.GlobalAveragePooling1D])
def test_rows_end_where_they_end(tf, vectors, make):
    layer = make()
    out = layer(vectors).numpy()
    for row, values in zip(out, vectors, strict=True):
        np.testing.assert_allclose(row, layer(values.numpy()[None])[0], atol=1e-6)


def test_sequences_stay_ragged_and_have_gradients(tf, vectors):
    layer = L.SimpleRNN(2, return_sequences=True)
    layer.build((None, None, 2))
    with tf.GradientTape() as tape:
        out = layer(vectors)
        loss = tf.reduce_sum(out.flat_values**2)
    assert out.row_lengths().numpy().tolist() == [3, 1]
    gradient = tape.gradient(loss, layer.trainable_variables)[0].numpy()
    with tf.GradientTape() as tape:
        loss = sum(tf.reduce_sum(layer(values.numpy()[None]) ** 2) for values in vectors)
    np.testing.assert_allclose(gradient, tape.gradient(loss, layer.trainable_variables)[0].numpy(), rtol=1e-5)


def test_a_sequential_of_such_layers(tf):
    model = keras.Sequential([L.Embedding(5, 2), L.GlobalAveragePooling1D(), L.Dense(1)])
    out = model(tf.ragged.constant([[1, 2, 3], [4]]))
    np.testing.assert_allclose(out[1].numpy(), model(np.array([[4]]))[0], atol=1e-6)


@pytest.mark.parametrize("make", [L.Flatten, lambda: L.Dense(1), lambda: L.LSTM(1), L.TextVectorization])
def test_other_layers_say_how_to_pad(tf, rows, make):
    layer = make()
    with pytest.raises(
        ArgumentTypeError, match=r"expected rows of equal length, got a ragged tensor.*\n.*x\.to_tensor"
    ):
        layer(rows)


def test_lists_of_ragged_tensors(tf, rows):
    with pytest.raises(ArgumentTypeError, match="got a list with ragged tensors, of 2 tensors"):
        L.Add()([rows, rows])


def test_parts_of_strings_keep_the_axes_of_the_strings(tf):
    assert tf.strings.split([["a b", "c"], ["", "d"]]).to_list() == [[[b"a", b"b"], [b"c"]], [[], [b"d"]]]
    assert tf.strings.split(tf.ragged.constant([["a b"], ["c", "d"]])).to_list() == [[[b"a", b"b"]], [[b"c"], [b"d"]]]
    assert tf.strings.bytes_split([["ab"], ["c"]]).to_list() == [[[b"a", b"b"]], [[b"c"]]]

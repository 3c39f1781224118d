"""Layers of categories of tf.keras 2: sparse tensors, vocabularies in tensors, earlier names of arguments."""

import numpy as np
import pytest

from gazelle.core.errors import ArgumentTypeError


@pytest.fixture
def layers(tf_keras_2):
    return tf_keras_2.keras.layers


@pytest.fixture
def sparse(tf_keras_2):
    indices = [[0, 0], [1, 1], [2, 0], [2, 1], [4, 1]]
    return tf_keras_2.SparseTensor(indices, tf_keras_2.constant([0, 2, 1, 1, 0]), [5, 2])


def test_what_a_sparse_tensor_does_not_store_is_no_category(layers, sparse):
    rows = [[1, 0, 0], [0, 0, 1], [0, 1, 0], [0, 0, 0], [1, 0, 0]]
    np.testing.assert_array_equal(layers.CategoryEncoding(3)(sparse), rows)
    rows[2] = [0, 2, 0]
    np.testing.assert_array_equal(layers.CategoryEncoding(3, output_mode="count")(sparse), rows)
    found = layers.IntegerLookup(vocabulary=[1, 2])(sparse)
    np.testing.assert_array_equal(found.values, [0, 2, 1, 1, 0])
    np.testing.assert_array_equal(found.indices, sparse.indices)
    np.testing.assert_array_equal(layers.Hashing(3)(sparse).values, [1, 1, 0, 0, 1])


def test_weights_of_sparse_categories(tf_keras_2, layers):
    from_dense = tf_keras_2.sparse.from_dense
    ids = from_dense(np.array([[1, 2, 3, 4], [4, 3, 1, 4]]))
    weights = from_dense(np.array([[0.1, 0.2, 0.3, 0.4], [0.2, 0.1, 0.4, 0.3]]))
    y = layers.CategoryEncoding(6, output_mode="count")(ids, count_weights=weights)
    np.testing.assert_allclose(y, [[0, 0.1, 0.2, 0.3, 0.4, 0], [0, 0.4, 0, 0.1, 0.5, 0]], rtol=1e-6)


def test_a_model_refuses_sparse_categories(tf_keras_2, layers):
    with pytest.raises(ArgumentTypeError, match="expected a dense tensor, got a sparse input of a model"):
        layers.CategoryEncoding(3)(tf_keras_2.keras.Input((None,), dtype="int64", sparse=True))


def test_a_vocabulary_in_a_tensor(tf_keras_2, layers):
    layer = layers.StringLookup(vocabulary=tf_keras_2.constant(["wind", "fire"]))
    np.testing.assert_array_equal(layer(np.array(["fire", "a"])), [2, 0])
    assert layer.get_config()["vocabulary"] == ["wind", "fire"]
    layer = layers.TextVectorization(vocabulary=tf_keras_2.constant(["a", "b"]))
    np.testing.assert_array_equal(layer(np.array(["a c b"])), [[2, 1, 3]])


def test_earlier_names_of_arguments(layers):
    np.testing.assert_array_equal(layers.CategoryEncoding(max_tokens=3)(np.array([[1]])), [[0, 1, 0]])
    np.testing.assert_array_equal(layers.Discretization(bins=[1.0, 2.0])(np.array([[1.5]])), [[1]])
    layer = layers.IntegerLookup(vocabulary=[7], max_values=4, oov_value=-1, mask_value=0)
    assert layer.get_vocabulary() == [0, -1, 7]


def test_weights_of_categories_are_no_categories(tf_keras_2, layers):
    ids, weights = tf_keras_2.keras.Input((2,), dtype="int64"), tf_keras_2.keras.Input((2,))
    model = tf_keras_2.keras.Model([ids, weights], layers.CategoryEncoding(3, output_mode="count")(ids, weights))
    y = model.predict([np.array([[1, 2]]), np.array([[0.25, 0.5]])], verbose=0)
    np.testing.assert_array_equal(y, [[0, 0.25, 0.5]])


def test_normalization_adapts_to_a_dataset_of_numbers(tf_keras_2, layers):
    layer = layers.Normalization(axis=None)
    layer.adapt(tf_keras_2.data.Dataset.from_tensor_slices([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(layer(np.array([1.0, 2.0])), [-1.2247449, 0], atol=1e-6)

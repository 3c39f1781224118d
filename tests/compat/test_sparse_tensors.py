"""`tf.sparse`: functions of the stored values."""

import numpy as np
import pytest


@pytest.fixture
def rows(tf):
    return tf.SparseTensor([[0, 0], [1, 0], [1, 2]], [1.0, 3.0, 2.0], [2, 3])


def test_functions_of_the_values(tf, rows):
    dense = lambda tensor: tf.sparse.to_dense(tensor).numpy().tolist()  # noqa: E731
    assert dense(tf.sparse.map_values(tf.add, rows, 1.0)) == [[2, 0, 0], [4, 0, 3]]
    assert dense(tf.sparse.map_values(tf.multiply, rows, rows)) == [[1, 0, 0], [9, 0, 4]]
    np.testing.assert_allclose(tf.sparse.softmax(rows).values, [1, 0.7310586, 0.26894143], rtol=1e-6)


def test_parts(tf, rows):
    first, second = tf.sparse.split(rows, 2, axis=1)
    assert (first.shape.as_list(), second.shape.as_list()) == ([2, 2], [2, 1])
    assert tf.sparse.to_dense(second).numpy().tolist() == [[0], [2]]
    assert first.indices.numpy().tolist() == [[0, 0], [1, 0]]


def test_indicators_and_segments(tf):
    numbers = tf.SparseTensor([[0, 0], [1, 1]], tf.constant([1, 3], tf.int64), [2, 2])
    assert tf.sparse.to_indicator(numbers, 4).numpy().astype(int).tolist() == [[0, 1, 0, 0], [0, 0, 0, 1]]
    data = tf.constant([[1.0], [2.0], [4.0]])
    assert tf.sparse.segment_sum(data, [0, 2, 1], [0, 0, 1]).numpy().tolist() == [[5], [2]]
    assert tf.sparse.segment_mean(data, [0, 2], [0, 0]).numpy().tolist() == [[2.5]]
    former = tf.compat.v1.sparse_segment_sqrt_n(data, [0, 2], [0, 0], num_segments=2)
    np.testing.assert_allclose(former, [[5 / np.sqrt(2)], [0]], rtol=1e-6)


def test_layers_return_sparse_tensors(tf_keras_2):
    layers = tf_keras_2.keras.layers
    codes = layers.CategoryEncoding(5, output_mode="count", sparse=True)(tf_keras_2.constant([[1, 2], [3, 3]]))
    assert isinstance(codes, tf_keras_2.SparseTensor)
    assert codes.dense_shape.numpy().tolist() == [2, 5]
    assert codes.indices.numpy().tolist() == [[0, 1], [0, 2], [1, 3]]
    assert codes.values.numpy().tolist() == [1, 1, 2]
    dense = layers.Dense(1, kernel_initializer="ones")
    assert dense(codes).numpy().tolist() == dense(tf_keras_2.sparse.to_dense(codes)).numpy().tolist() == [[2], [2]]


def test_labels_of_the_backend(tf):
    """What metrics of texts are made of: `tf.cast`, `tf.sparse.retain` and `tf.edit_distance` take the labels."""
    first, second = (
        tf.keras.backend.ctc_label_dense_to_sparse(tf.constant(labels), tf.constant([3, 3]))
        for labels in ([[0, 1, 2], [1, 1, 3]], [[0, 2, 3], [1, 1, 3]])
    )
    first, second = (tf.sparse.retain(tf.cast(each, "int64"), tf.not_equal(each.values, 3)) for each in (first, second))
    assert isinstance(first, tf.SparseTensor)
    assert first.values.numpy().tolist() == [0, 1, 2, 1, 1]
    np.testing.assert_allclose(tf.edit_distance(first, second), [0.5, 0])


def test_functions_of_the_stored_values_stay_sparse(tf):
    x = tf.sparse.from_dense([[0.0, 0.25], [-4.0, 0.0]])
    for function, expected in ((tf.abs, [0.25, 4]), (tf.negative, [-0.25, 4]), (tf.square, [0.0625, 16])):
        found = function(x)
        assert isinstance(found, tf.SparseTensor)
        assert found.values.numpy().tolist() == expected
        assert found.indices.numpy().tolist() == [[0, 1], [1, 0]]
    total = tf.sparse.reduce_sum(x, output_is_sparse=True)
    assert (total.indices.shape.as_list(), total.values.numpy().tolist()) == ([1, 0], [-3.75])
    assert tf.image.total_variation(np.arange(12, dtype="int32").reshape(2, 2, 3)).dtype == tf.int32

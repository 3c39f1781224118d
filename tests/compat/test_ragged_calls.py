"""Functions of TensorFlow on ragged tensors, with the results of TensorFlow 2.15."""

import numpy as np
import pytest


@pytest.fixture
def rows(tf):
    return tf.ragged.constant([[3, 1, 4, 1], [], [5, 9, 2]])


def test_reductions_of_rows_without_elements(tf, rows):
    least, most = -(2**31), 2**31 - 1
    for name, expected in {
        "reduce_sum": [9, 0, 16],
        "reduce_max": [4, least, 9],
        "reduce_min": [1, most, 2],
        "reduce_prod": [12, 1, 90],
    }.items():
        assert getattr(tf, name)(rows, axis=1).numpy().tolist() == expected, name
    assert tf.reduce_any(rows > 4, axis=1).numpy().tolist() == [False, False, True]
    assert tf.reduce_all(rows > 0, axis=-1).numpy().tolist() == [True, True, True]
    mean = tf.reduce_mean(rows, axis=1).numpy()
    assert mean[0] == 2.25
    assert np.isnan(mean[1])


def test_reductions_over_the_rows(tf, rows):
    assert tf.reduce_max(rows, axis=0).numpy().tolist() == [5, 9, 4, 1]
    assert tf.reduce_mean(rows, axis=0).numpy().tolist() == [4, 5, 3, 1]
    inner = tf.ragged.constant([[[1, 2], [3]], [[4]]])
    assert tf.reduce_sum(inner, axis=2).to_list() == [[3, 3], [4]]


def test_operators_and_nested_rows(tf, rows):
    assert (-rows).to_list() == [[-3, -1, -4, -1], [], [-5, -9, -2]]
    assert ((rows > 2) & (rows < 5)).to_list()[0] == [True, False, True, False]
    nested = tf.RaggedTensor.from_nested_row_splits([1, 2, 3], [[0, 1, 2], [0, 2, 3]])
    assert nested.to_list() == [[[1, 2]], [[3]]]
    assert [splits.numpy().tolist() for splits in nested.nested_row_splits] == [[0, 1, 2], [0, 2, 3]]
    assert tf.RaggedTensor.from_nested_row_lengths([1, 2, 3], [[1, 1], [2, 1]]).to_list() == nested.to_list()
    assert tf.RaggedTensor.from_nested_value_rowids([1, 2, 3], [[0, 1], [0, 0, 1]]).to_list() == nested.to_list()
    assert rows.row_starts().numpy().tolist() == [0, 4, 4]
    assert rows.row_limits().numpy().tolist() == [4, 4, 7]
    assert tf.RaggedTensor.from_uniform_row_length(rows.values[:6], 3).shape.as_list() == [2, 3]


def test_functions_of_rows(tf, rows):
    assert tf.gather(rows, tf.ragged.constant([[0], [2, 1]])).to_list() == [[[3, 1, 4, 1]], [[5, 9, 2], []]]
    assert tf.gather_nd(rows, [[0, 1], [2, 0]]).numpy().tolist() == [1, 5]
    assert tf.reverse(rows, [1]).to_list() == [[1, 4, 1, 3], [], [2, 9, 5]]
    assert tf.where(rows > 4).numpy().tolist() == [[2, 0], [2, 1]]
    assert tf.where(rows > 4, rows, -rows).to_list()[2] == [5, 9, -2]
    assert [part.to_list() for part in tf.split(rows, [1, 2])] == [[[3, 1, 4, 1]], [[], [5, 9, 2]]]
    assert tf.ragged.stack([rows, rows], axis=1).to_list()[2] == [[5, 9, 2], [5, 9, 2]]
    assert tf.math.bincount(rows, axis=-1).numpy()[0].tolist() == [0, 2, 0, 1, 1, 0, 0, 0, 0, 0]
    np.testing.assert_allclose(tf.nn.softmax(tf.ragged.constant([[0.0, 0.0], [3.0]])).values, [0.5, 0.5, 1])
    products = tf.matmul(tf.ragged.constant([[[1.0, 2.0]], [[3.0, 4.0]]], ragged_rank=1), tf.ones([2, 2, 1]))
    assert products.to_list() == [[[3.0]], [[7.0]]]


def test_functions_of_texts(tf):
    words = tf.ragged.constant([["a", "b"], ["c"]])
    assert tf.strings.reduce_join(words, axis=1, separator="-").numpy().tolist() == [b"a-b", b"c"]
    assert tf.strings.regex_replace(words, "a", "x").to_list() == [[b"x", b"b"], [b"c"]]
    crossed = tf.ragged.cross([words, tf.ragged.constant([["d"], ["e"]])])
    assert crossed.to_list() == [[b"a_X_d", b"b_X_d"], [b"c_X_e"]]


def test_rows_of_segments(tf):
    assert tf.ragged.row_splits_to_segment_ids([0, 2, 3]).numpy().tolist() == [0, 0, 1]
    assert tf.ragged.segment_ids_to_row_splits([0, 0, 2]).numpy().tolist() == [0, 2, 2, 3]
    assert tf.ragged.stack_dynamic_partitions([1, 2, 3], [0, 1, 0], 2).to_list() == [[1, 3], [2]]


def test_indices_that_do_not_exist(tf):
    for call in (lambda: tf.constant([1, 2])[5], lambda: tf.gather([1], [3])):
        with pytest.raises(tf.errors.InvalidArgumentError):
            call()
        with pytest.raises(IndexError):
            call()


def test_a_number_of_parts_that_is_a_variable(tf):
    parts = tf.dynamic_partition([1, 2, 3], [0, 1, 0], tf.Variable(2))
    assert [part.numpy().tolist() for part in parts] == [[1, 3], [2]]

"""Ragged tensors: reductions along any axis, rows that do not match, positions; numbers of TensorFlow 2.15."""

import pytest

FLAT, INNER, DEEP = [[1.0, 2.0], [3.0], [4.0, 5.0, 6.0]], [[[1, 2], [3, 4]], [[5, 6]]], [[[1], [2, 3]], [[4]], []]


def plain(value):
    return value.to_list() if hasattr(value, "to_list") else value.numpy().tolist()


@pytest.mark.parametrize(
    ("name", "rows", "axis", "expected"),
    [
        ("reduce_mean", FLAT, 0, [8 / 3, 3.5, 6.0]),
        ("reduce_mean", DEEP, None, 2.5),
        ("reduce_mean", DEEP, 1, [[1.5, 3.0], [4.0], []]),
        ("reduce_mean", DEEP, [0, 1], [7 / 3, 3.0]),
        ("reduce_mean", INNER, 0, [[3.0, 4.0], [3.0, 4.0]]),
        ("reduce_mean", INNER, [1, 2], [2.5, 5.5]),
        ("reduce_sum", DEEP, 2, [[1, 5], [4], []]),
        ("reduce_sum", DEEP, 1, [[3, 3], [4], []]),
        ("reduce_sum", INNER, -1, [[3, 7], [11]]),
        ("reduce_sum", INNER, 1, [[4, 6], [5, 6]]),
        ("reduce_max", FLAT, 0, [4.0, 5.0, 6.0]),
        ("reduce_prod", INNER, 0, [[5, 12], [3, 4]]),
    ],
)
def test_reductions(tf_keras_2, name, rows, axis, expected):
    rows = tf_keras_2.ragged.constant(rows, ragged_rank=1 if rows is INNER else None)
    made, flat = plain(getattr(tf_keras_2, name)(rows, axis=axis)), tf_keras_2.nest.flatten
    tf_keras_2.nest.assert_same_structure(made, expected)
    assert flat(made) == pytest.approx(flat(expected))


def test_rows_that_do_not_match_are_errors(tf_keras_2):
    tf = tf_keras_2
    a, b = tf.ragged.constant([[1], [2, 3]]), tf.ragged.constant([[1, 2], [3]])
    calls = [lambda: a + b, lambda: tf.where(a > 1, a, b), lambda: tf.maximum(a, b), lambda: a + tf.constant([1, 2, 3])]
    for call in [*calls, lambda: a + tf.constant([[1, 2, 3], [1, 2, 3]])]:
        with pytest.raises(tf.errors.InvalidArgumentError, match="rows"):
            call()
    even = tf.RaggedTensor.from_tensor([[1, 2], [3, 4]])
    assert plain(even + tf.constant([10, 20])) == [[11, 22], [13, 24]]
    assert plain(even * tf.constant([[1, 2], [3, 4]])) == [[1, 4], [9, 16]]
    assert plain(a + tf.constant([[10], [20]])) == [[11], [22, 23]]


def test_further_axes(tf_keras_2):
    rows = tf_keras_2.ragged.constant([[1, 2], [3], []])
    expected = [[[[1, 2], [3], []]], [[[1, 2]], [[3]], [[]]], [[[1], [2]], [[3]], []]]
    for axis in (0, 1, 2, -3, -2, -1):
        assert plain(tf_keras_2.expand_dims(rows, axis)) == expected[axis]


def test_positions(tf_keras_2):
    tf = tf_keras_2
    assert plain(tf.where(tf.ragged.constant([[1], [2, 3]]) > 1)) == [[1, 0], [1, 1]]
    assert plain(tf.where(tf.ragged.constant(DEEP) > 2)) == [[0, 1, 1], [1, 0, 0]]


def test_a_signature_with_a_ragged_tensor(tf):
    @tf.function(input_signature=[tf.RaggedTensorSpec([None, None], tf.int32)])
    def add(rows):
        return rows + 1

    assert add(tf.ragged.constant([[1], [2, 3]])).to_list() == [[2], [3, 4]]


def test_mapped_rows_are_ragged_where_the_signature_is(tf):
    rows = tf.ragged.constant([[1, 2], [3, 4]])
    assert tf.map_fn(tf.shape, tf.ragged.constant([[1, 2], [3]])).to_tensor().numpy().tolist() == [[2], [1]]
    assert isinstance(tf.map_fn(lambda x: 2 * x, rows), tf.RaggedTensor)
    first, second = tf.map_fn(
        lambda x: (x[0], x[1]), (rows, rows), fn_output_signature=(tf.RaggedTensorSpec([None], tf.int32), tf.int32)
    )
    assert isinstance(first, tf.RaggedTensor)
    assert second.numpy().tolist() == [[1, 2], [3, 4]]
    pairs = tf.map_fn(
        lambda x: tf.ragged.stack([x, x]),
        tf.ragged.constant([[1, 2], [3]]),
        fn_output_signature=tf.RaggedTensorSpec([None, None], tf.int32),
    )
    assert pairs.to_list() == [[[1, 2], [1, 2]], [[3], [3]]]
    assert tf.map_fn(lambda x: x, tf.zeros((0, 3)), fn_output_signature=tf.int32).dtype == tf.int32

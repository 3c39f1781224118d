"""Functions of ragged tensors along each axis, beside the same functions of nested lists."""

import itertools

import numpy as np
import pytest

FLAT = [[3, 1, 2], [], [5, 4]]
DEEP = [[[3, 1], [2]], [], [[], [5, 4, 6], [7]]]
PAIRS = [[[3, 1], [2, 8]], [], [[5, 4]]]  # the values are a matrix
CASES = [(FLAT, 1), (DEEP, 2), (PAIRS, 1)]
AXES = [(rows, rank, axis) for rows, rank in CASES for axis in range(2 if rows is FLAT else 3)]


@pytest.fixture(params=AXES, ids=lambda case: f"{'flat' if case[0] is FLAT else case[1]}-{case[2]}")
def case(request, tf):
    """The lists, their ragged tensor, an axis, and the same one counted from the end."""
    rows, rank, axis = request.param
    made = tf.ragged.constant(rows, ragged_rank=rank, inner_shape=(2,) if rows is PAIRS else None)
    return rows, made, axis, axis - made.shape.rank


def at(axis, function, *lists):
    """Apply a function to the lists at this depth."""
    return function(*lists) if axis == 0 else [at(axis - 1, function, *parts) for parts in zip(*lists, strict=True)]


def listed(value):
    return value.to_list() if hasattr(value, "to_list") else value.numpy().tolist()


def test_joined_and_reordered(tf, case):
    rows, made, axis, from_the_end = case
    for one in (axis, from_the_end):
        assert listed(tf.concat([made, made + 0, made], one)) == at(axis, lambda *v: sum(v, []), rows, rows, rows)
        assert listed(tf.reverse(made, [one])) == at(axis, lambda v: v[::-1], rows)
        assert listed(tf.stack([made, made], one if one >= 0 else one - 1)) == at(axis, lambda *v: list(v), rows, rows)
        assert listed(tf.expand_dims(made, axis)) == at(axis, lambda v: [v], rows)
        assert listed(tf.squeeze(tf.expand_dims(made, axis), axis)) == rows
    times = [2 if one == axis else 1 for one in range(made.shape.rank)]
    assert listed(tf.tile(made, times)) == at(axis, lambda v: v * 2, rows)


def reduced(rows, axis, function):
    """Reduce nested lists; the elements at one position, some of which are missing, are those of axis 0."""
    if axis:
        return [reduced(row, axis - 1, function) for row in rows]
    if not any(isinstance(row, list) for row in rows):
        return function(rows)
    columns = itertools.zip_longest(*rows)
    return [reduced([v for v in column if v is not None], 0, function) for column in columns]


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("name", ["sum", "max", "mean", "variance"])
@pytest.mark.parametrize("rows", [[[[3, 1], [2]], [[7]], [[8], [5, 4, 6], [7]]], [[[3, 1], [2, 8]], [[5, 4]]]])
def test_reduced(tf, rows, name, axis):
    made = tf.cast(tf.ragged.constant(rows, inner_shape=(2,) if len(rows) == 2 else None), tf.float32)
    function = {"variance": np.var}.get(name) or getattr(np, name)
    expected = reduced(rows, axis % 3, lambda values: function(np.asarray(values, "float32"), axis=0))
    reduce = getattr(tf, f"reduce_{name}", None) or getattr(tf.math, f"reduce_{name}")
    found = reduce(made, axis)
    np.testing.assert_allclose(flattened(listed(found)), flattened(expected), rtol=1e-6)
    assert listed(tf.squeeze(reduce(made, axis, keepdims=True), axis)) == listed(found)


def test_reductions_of_empty_rows(tf):
    flat, deep = tf.ragged.constant(FLAT), tf.ragged.constant(DEEP)
    assert listed(tf.reduce_sum(flat, 1)) == [6, 0, 9]
    assert listed(tf.reduce_sum(deep, 1)) == [[5, 1], [], [12, 4, 6]]
    assert listed(tf.reduce_sum(deep, 2)) == [[4, 2], [], [0, 15, 7]]
    assert listed(tf.reduce_any(deep > 5, 1)) == [[False, False], [], [True, False, True]]


def flattened(value):
    return [leaf for part in value for leaf in flattened(part)] if isinstance(value, list) else [float(value)]


def test_indices_keep_empty_rows(tf):
    deep = tf.ragged.constant(DEEP)
    assert listed(deep[:, :1]) == [[[3, 1]], [], [[]]]
    assert listed(deep[::-1, -1:]) == [[[7]], [], [[2]]]
    assert listed(deep[..., 1:]) == [[[1], []], [], [[], [4, 6], []]]
    assert deep[:0].shape.as_list() == [0, None, None]
    assert deep[1:2, tf.newaxis].shape.as_list() == [1, 1, None, None]
    assert tf.ragged.constant([[], []], dtype=tf.string, ragged_rank=2).shape.as_list() == [2, None, None]


def test_merged_axes(tf):
    deep, pairs = tf.ragged.constant(DEEP), tf.ragged.constant(PAIRS, inner_shape=(2,))
    assert listed(deep.merge_dims(0, 1)) == [[3, 1], [2], [], [5, 4, 6], [7]]
    assert listed(deep.merge_dims(1, 2)) == [[3, 1, 2], [], [5, 4, 6, 7]]
    assert listed(deep.merge_dims(0, -1)) == [3, 1, 2, 5, 4, 6, 7]
    assert listed(pairs.merge_dims(1, 2)) == [[3, 1, 2, 8], [], [5, 4]]


def test_gathered(tf):
    flat, deep = tf.ragged.constant(FLAT), tf.ragged.constant(DEEP)
    ids = tf.ragged.constant([[0, 0], [], [1]])
    assert listed(tf.gather(flat, ids, batch_dims=1)) == [[3, 3], [], [4]]
    assert listed(tf.gather(tf.constant([[1, 2], [3, 4], [5, 6]]), ids, batch_dims=1)) == [[1, 1], [], [6]]
    assert listed(tf.gather(deep, ids, batch_dims=1)) == [[[3, 1], [3, 1]], [], [[5, 4, 6]]]
    assert listed(tf.gather(flat[::2], [1, 0], axis=1)) == [[1, 3], [4, 5]]
    assert listed(tf.gather(flat, [[2], [0]])) == [[[5, 4]], [[3, 1, 2]]]


def test_along_rows(tf):
    flat, deep = tf.ragged.constant(FLAT), tf.ragged.constant(DEEP)
    assert listed(tf.cumsum(flat, 1)) == [[3, 4, 6], [], [5, 9]]
    assert listed(tf.cumsum(flat, 0, reverse=True)) == [[8, 5, 2], [], [5, 4]]
    assert listed(tf.cumsum(deep, -1, exclusive=True)) == [[[0, 3], [0]], [], [[], [0, 5, 9], [0]]]
    assert listed(tf.cumsum(deep, 1)) == [[[3, 1], [5]], [], [[], [5, 4, 6], [12]]]
    logits = tf.cast(flat, tf.float32)
    across = tf.nn.softmax(logits, 0).flat_values
    np.testing.assert_allclose(across[0], 1 / (1 + np.exp(2)), rtol=1e-6)
    np.testing.assert_allclose(tf.reduce_sum(tf.nn.softmax(logits), 1), [1, 0, 1], rtol=1e-6)


def test_masks_and_padding(tf):
    deep = tf.ragged.constant(DEEP)
    assert listed(tf.ragged.boolean_mask(deep, deep > 2)) == [[[3], []], [], [[], [5, 4, 6], [7]]]
    assert listed(tf.ragged.boolean_mask(deep, [True, False, True])) == [DEEP[0], DEEP[2]]
    made = tf.RaggedTensor.from_tensor([[[1, 2], [0, 0]], [[3, 4], [5, 6]]], padding=[0, 0])
    assert listed(made) == [[[1, 2]], [[3, 4], [5, 6]]]
    nested = tf.RaggedTensor.from_tensor(np.arange(8).reshape(2, 2, 2), lengths=([2, 1], [1, 2, 0]))
    assert listed(nested) == [[[0], [2, 3]], [[]]]


def test_gradients_go_to_the_elements(tf):
    x = tf.Variable([1.0, 2.0, 3.0, 4.0])
    with tf.GradientTape() as tape:
        rows = tf.RaggedTensor.from_row_lengths(x, [3, 1])
        joined = tf.concat([tf.reverse(rows, [1]), rows * 10], 1)
        loss = tf.reduce_sum(joined[:, :1]) + tf.reduce_sum(tf.reduce_max(rows, 0))
    np.testing.assert_allclose(tape.gradient(loss, x), [0.0, 1.0, 2.0, 2.0])


def test_wrong_axes(tf):
    flat = tf.ragged.constant(FLAT)
    with pytest.raises(ValueError, match="axis: expected from -2 to 1, got 2"):
        tf.concat([flat, flat], 2)
    with pytest.raises(ValueError, match=r"Axis 1 of tf.squeeze: expected one element"):
        tf.squeeze(flat, 1)
    with pytest.raises(ValueError, match=r"axis of tf.split: expected an axis with rows of one length, got 1"):
        tf.split(flat, 2, axis=1)
    with pytest.raises(ValueError, match=r"axis of tf.one_hot: expected -1, or more than 1 .*, got 0"):
        tf.one_hot(flat, 6, axis=0)

"""Operations in graphs of TensorFlow 1 that need values, such as `tf.where(condition)`: they run uncompiled."""

import numpy as np
import pytest

X, Y = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [1, 0, 1]


@pytest.fixture
def tf(tensorflow_1):
    return tensorflow_1


@pytest.fixture
def inputs(tf):
    return tf.placeholder(tf.float32, [None, 2]), tf.placeholder(tf.int32, [None])


FUNCTIONS = {
    "where": (lambda tf, x, y: tf.where(tf.equal(y, 1)), [[0], [2]]),
    "unique": (lambda tf, x, y: tf.unique(y)[0], [1, 0]),
    "unique_with_counts": (lambda tf, x, y: tf.unique_with_counts(y).count, [2, 1]),
    "setdiff1d": (lambda tf, x, y: tf.setdiff1d(y, [1]).idx, [1]),
    "boolean_mask": (lambda tf, x, y: tf.boolean_mask(x, tf.equal(y, 1)), [[1, 2], [5, 6]]),
    "boolean_mask of elements": (lambda tf, x, y: tf.boolean_mask(x, x > 2.5), [3, 4, 5, 6]),
    "dynamic_partition": (lambda tf, x, y: tf.dynamic_partition(x, y, 2)[1], [[1, 2], [5, 6]]),
    "confusion_matrix": (lambda tf, x, y: tf.confusion_matrix(y, tf.constant([1, 1, 1])), [[0, 1], [0, 2]]),
    "size": (lambda tf, x, y: tf.shape(tf.where(tf.equal(y, 0)))[0], 1),
    "gather": (lambda tf, x, y: tf.gather_nd(x, tf.where(tf.equal(y, 1))) * 2, [[2, 4], [10, 12]]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_sizes_that_depend_on_values(tf, inputs, name):
    make, expected = FUNCTIONS[name]
    x, y = inputs
    made = make(tf, x, y)
    assert None in tuple(made.shape) or made.shape == ()
    np.testing.assert_array_equal(tf.Session().run(made, {x: X, y: Y}), expected)


def test_gradients_of_chosen_rows(tf, inputs):  # numbers of TensorFlow 1.15
    x, y = inputs
    w = tf.Variable([[1.0], [2.0]])
    hidden = tf.matmul(x, w)
    chosen = tf.gather_nd(hidden, tf.where(tf.equal(y, 1)))
    loss = tf.reduce_mean(tf.square(chosen)) + tf.reduce_sum(tf.boolean_mask(hidden, tf.not_equal(y, 1)))
    step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    sess = tf.Session()
    value, gradient = sess.run([loss, tf.gradients(loss, w)[0]], {x: X, y: Y})
    assert value == 168
    assert gradient.tolist() == [[93], [116]]
    sess.run(step, {x: X, y: Y})
    assert abs(sess.run(loss, {x: X, y: Y}) - 5225.231) < 0.01


def test_functions_of_python_run_in_each_run(tf, inputs):
    x, y = inputs
    calls = []

    def counted(values):
        calls.append(values)
        return np.float32(len(calls)) + values.sum()

    count, noise = tf.py_func(counted, [x], tf.float32), tf.py_func(lambda: np.float32(len(calls)), [], tf.float32)
    text = tf.py_func(lambda values: b"n=%d" % len(values), [y], tf.string)
    several = tf.py_func(lambda a: (a + a, a.astype("int32")), [x], [tf.float32, tf.int32])
    several[0].set_shape([None, 2])
    sess = tf.Session()
    assert not calls
    assert sess.run(noise) == 0
    assert [sess.run(count, {x: X}), sess.run(count * 2, {x: X})] == [22, 46]
    assert sess.run(noise) == 2
    assert isinstance(calls[0], np.ndarray)
    assert sess.run(text, {y: Y}) == b"n=3"
    np.testing.assert_array_equal(sess.run(tf.matmul(several[0], [[1.0], [1.0]]), {x: X}), [[6], [14], [22]])
    assert sess.run(several[1], {x: X}).dtype == np.int32


def test_a_placeholder_without_a_value_is_an_error(tf, inputs):
    x, _ = inputs
    named = tf.placeholder(tf.float32, [2], name="rate")
    with pytest.raises(tf.errors.InvalidArgumentError, match="You must feed a value for placeholder tensor 'rate'"):
        tf.Session().run(x * 2 + named, {x: X})


def test_collections_and_names_of_a_graph_that_is_not_the_default(tf):
    graph = tf.Graph()
    with graph.as_default():
        x = tf.placeholder(tf.float32, [], name="x")
        v = tf.Variable(1.0, collections=["mine", tf.GraphKeys.GLOBAL_VARIABLES])
        tf.add_to_collection("k", x)
    assert (graph.get_collection("k"), tf.get_collection("k"), graph.get_collection("mine")) == ([x], [], [v])
    assert graph.get_all_collection_keys() == ["k", "mine", "trainable_variables", "variables"]
    assert tf.Session(graph=graph).make_callable(x * 2.0, [x])(3.0) == 6.0
    assert tf.gradients(tf.constant(1.0), x) == [None]


def test_sparse_rows_without_values(tf):
    given = tf.sparse_placeholder(tf.float32)
    made = [
        tf.sparse_reduce_max(given, 1),
        tf.sparse_fill_empty_rows(given, 9.0)[0].values,
        tf.sparse_tensor_to_dense(tf.sparse_split(sp_input=given, num_split=2, axis=1)[1]),
    ]
    with tf.Session() as session:
        value = tf.SparseTensorValue([[0, 0], [1, 1]], [-1.0, 2.0], [3, 2])
        largest, filled, right = session.run(made, {given: value})
    assert (largest.tolist(), filled.tolist(), right.tolist()) == (
        [-1.0, 2.0, 0.0],
        [-1.0, 2.0, 9.0],
        [[0.0], [2.0], [0.0]],
    )


def test_columns_of_hashed_constants(tf):
    column = tf.feature_column.categorical_column_with_hash_bucket("c", 4)
    tf.placeholder(tf.float32)
    made = tf.feature_column.input_layer(
        {"c": tf.constant([["x"], ["y"]])}, [tf.feature_column.indicator_column(column)]
    )
    with tf.Session() as session:
        assert session.run(made).sum(1).tolist() == [1.0, 1.0]


def test_shapes_of_results_of_python_functions(tf):
    """`set_shape` also gives them, and placeholders without a shape, their rank."""
    n = tf.placeholder(tf.int64)
    made = tf.py_func(lambda n: np.arange(2 * n).reshape(n, 2), [n], Tout=tf.int64)
    made.set_shape([None, 2])
    x = tf.placeholder(tf.float32)
    x.set_shape([None, 3])
    product = tf.matmul(x, tf.ones((3, 2)))
    assert (made.shape.as_list(), product.shape.as_list()) == ([None, 2], [None, 2])
    with pytest.raises(ValueError, match="rank 2"):
        product.set_shape([None])
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(tf.transpose(made), {n: 2}), [[0, 2], [1, 3]])
        np.testing.assert_array_equal(session.run(product, {x: np.ones((1, 3))}), [[3.0, 3.0]])

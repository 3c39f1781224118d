"""What a session of TensorFlow 1 is fed in place of variables, constants, states and what follows from them."""

import numpy as np
import pytest

from gazelle.compat.backend import sessions
from gazelle.core.errors import ArgumentError


@pytest.fixture
def tf(tensorflow_1):
    return tensorflow_1


def test_what_is_fed_has_an_effect_or_is_an_error(tf):  # numbers of TensorFlow 1.15
    x, w, count = tf.placeholder(tf.float32, [2]), tf.Variable([1.0, 2.0]), tf.Variable(0)
    a = tf.add(2.0, 5.0)
    out, step = x * w, tf.assign_add(count, 1)
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())
    assert sess.run(out, {x: [1, 1], w: [5, 6]}).tolist() == [5, 6]
    assert sess.run(out, {x: [1, 1]}).tolist() == sess.run(w).tolist() == [1, 2]
    assert (sess.run(count + 1, {count: 7}), sess.run(count)) == (8, 0)
    with pytest.raises(ArgumentError, match="expected variables that are not fed"):
        sess.run(step, {count: 7})
    scaled, feed = tf.matmul(tf.stack([out, [a, a]]), [[1.0], [1.0]]) * a, {x: [1, 1]}
    step = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(out * a))
    before = sess.run(out * a, feed).tolist(), sess.run(scaled, feed)[0].tolist()
    assert sess.run(scaled, feed | {a: 2.0})[0].tolist() == [6]
    assert before == ([7, 14], [21]) == ([7, 14], sess.run(scaled, feed)[0].tolist())
    sess.run(step, feed | {a: 2.0})
    np.testing.assert_allclose(sess.run(w), [0.8, 1.8], rtol=1e-6)
    with pytest.raises(ArgumentError, match="got the constant 'Const'"):
        sess.run(tf.constant(2.0) * 3, {a: 15.0})


def test_fed_constants_reach_branches_and_loops(tf):  # numbers of TensorFlow 2.15
    x, c, n, sess = tf.placeholder(tf.float32, []), tf.constant(2.0), tf.constant(3.0), tf.Session()
    d = c * 2.0
    nested = tf.cond(x > 0, lambda: tf.cond(x > 2, lambda: d + x, lambda: c), lambda: c - x)
    mapped = tf.map_fn(lambda row: row * c, tf.stack([x, 1.0]))
    loop = tf.while_loop(lambda i: i < n, lambda i: i + x, [0.0])
    fetches = [nested, mapped, loop, n + x, c + x]
    assert [np.ravel(v).tolist() for v in sess.run(fetches, {x: 1.0})] == [[2], [2, 2], [3], [4], [3]]
    assert [np.ravel(v).tolist() for v in sess.run(fetches, {x: 1.0, c: 5.0})] == [[5], [5, 5], [3], [4], [6]]
    assert [np.ravel(v).tolist() for v in sess.run(fetches, {x: 4.0, c: 5.0, n: 7.0})] == [
        [14],
        [20, 5],
        [8],
        [11],
        [9],
    ]
    assert sess.run(nested, {x: -1.0, c: 7.0}) == 8


@pytest.mark.parametrize("length", [3, 1100])
def test_what_follows_from_a_fed_constant_in_many_operations(tf, length):
    sess = tf.Session()
    constant = out = tf.constant(1.0)
    for _ in range(length):
        out = out + 1.0
    assert sess.run(out, {constant: 5.0}) == 5 + length


def test_what_follows_from_a_fed_constant_is_computed_again(tf):  # numbers of TensorFlow 1.15
    x, w = tf.placeholder(tf.float32, [2]), tf.Variable(2.0)
    a = tf.add(2, 5)
    b = tf.multiply(a, 3)
    parts = tf.split(tf.cast(tf.stack([a, b]), tf.float32), 2)
    y, z = x * parts[1] + tf.cast(a, tf.float32), w * tf.cast(b, tf.float32)
    slope, sess = tf.gradients(z, w)[0], tf.Session()
    sess.run(tf.global_variables_initializer())
    values = lambda feed: [np.asarray(v).ravel().tolist() for v in sess.run([b, *parts, y, z, slope], feed)]  # noqa: E731
    before = values({x: [1, 2]})
    assert before == [[21], [7], [21], [28, 49], [42], [21]]
    assert values({a: 15, x: [1, 2]}) == [[45], [15], [45], [60, 105], [90], [45]]
    assert values({b: 5, x: [1, 2]}) == [[5], [7], [5], [12, 17], [10], [5]]
    assert values({b: 5, a: 1, x: [1, 2]}) == [[5], [1], [5], [6, 11], [10], [5]]
    assert values({x: [1, 2]}) == before


def test_states_of_zeros_are_fed(tf):  # numbers of TensorFlow 1.15
    x, cell = tf.placeholder(tf.float32, [1, 2, 1]), tf.nn.rnn_cell.BasicLSTMCell(1)
    start = tf.nn.rnn_cell.LSTMStateTuple(tf.zeros([1, 1]), tf.zeros([1, 1]))
    out = tf.nn.static_rnn(cell, tf.unstack(x, axis=1), start)[0][-1]
    slope, sess, feed = tf.gradients(out, x)[0], tf.Session(), {x: [[[1.0], [2.0]]]}
    sess.run(tf.global_variables_initializer())
    for v in tf.trainable_variables():
        sess.run(v.assign(np.full(v.shape.as_list(), 0.5)))
    first = sess.run([out, slope], feed)
    fed = sess.run([out, slope, start.c], feed | {start: (np.array([[2.0]]), np.array([[1.0]]))})
    np.testing.assert_allclose([first[0][0, 0], fed[0][0, 0]], [0.72875875, 0.86793596], rtol=1e-5)
    assert fed[2] == 2
    inputs = len(sessions.defaults)
    sess.run(out, feed | {start: (np.array([[2.0]]), np.array([[1.0]]))})
    assert len(sessions.defaults) == inputs  # no new input, so nothing is compiled again
    np.testing.assert_allclose([first[1][0, 0, 0], fed[1][0, 0, 0]], [0.06059059, 0.00539654], rtol=1e-5)


def test_first_values_of_what_the_initializer_is_fed(tf):  # numbers of TensorFlow 1.15
    x = tf.placeholder(tf.float32, [None, 2])
    mean, rows = tf.Variable(tf.reduce_mean(x, 0)), tf.Variable(tf.gather(x, [2, 0]), dtype=tf.float32)
    default = tf.Variable(tf.placeholder_with_default(tf.constant([1.0, 2.0]), [2]) * 3)
    total = tf.get_variable("total", initializer=tf.reduce_sum(x))
    double = tf.Variable(mean.initialized_value() * 2)
    with pytest.raises(ArgumentError, match=r"tf.Variable: expected a known shape, got \(None, 2\)"):
        tf.Variable(x)
    step = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(tf.square(mean - rows)) + total)
    given = np.arange(8, dtype="float32").reshape(4, 2)
    sess = tf.Session()
    sess.run(tf.global_variables_initializer(), {x: given})
    first = [v.tolist() for v in sess.run([mean, rows, default, total, double])]
    assert first == [[3, 4], [[4, 5], [0, 1]], [3, 6], 28, [6, 8]]
    sess.run(step)
    np.testing.assert_allclose(sess.run(rows), [[3.8, 4.8], [0.6, 1.6]], rtol=1e-6)
    np.testing.assert_allclose(sess.run(mean), [2.6, 3.6], rtol=1e-6)
    sess.run(mean.initializer, {x: given * 2})
    assert sess.run(mean).tolist() == [6, 8]
    with pytest.raises(tf.errors.InvalidArgumentError, match="must feed a value for placeholder"):
        sess.run(tf.variables_initializer([rows]))

"""Random functions of tensors in graphs of TensorFlow 1 draw again in each run, and in each iteration of a loop."""

import numpy as np
import pytest

WIDE = np.zeros((4, 50), "float32")

DRAWS = {
    "multinomial": lambda tf, x: tf.multinomial(x, 3),
    "categorical": lambda tf, x: tf.random.categorical(x, 3),
    "shuffle": lambda tf, x: tf.random_shuffle(tf.range(50)),
    "shuffle of rows": lambda tf, x: tf.random_shuffle(tf.transpose(x) + tf.reshape(tf.range(50.0), [50, 1])),
    "dropout": lambda tf, x: tf.nn.dropout(x + 1.0, 0.5),
    "dropout of a variable": lambda tf, x: tf.nn.dropout(x if hasattr(x, "load") else tf.ones([40]), 0.5),
    "candidates": lambda tf, x: tf.nn.uniform_candidate_sampler(tf.zeros([2, 1], tf.int64), 1, 5, True, 50)[0],
    "sampled softmax": lambda tf, x: tf.nn.sampled_softmax_loss(
        tf.reshape(tf.range(100.0), [50, 2]), x[0], tf.zeros([3, 1], tf.int64), tf.ones([3, 2]), 2, 50
    ),
}


@pytest.mark.parametrize("name", DRAWS)
def test_runs_draw_again(tensorflow_1, name):
    tf = tensorflow_1
    for x in (tf.constant(WIDE), tf.get_variable("x", initializer=WIDE + 1)):
        with tf.variable_scope(None, "draw"):
            drawn = DRAWS[name](tf, x)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            first, *others = (session.run(drawn) for _ in range(4))
        assert any((first != other).any() for other in others)


def test_iterations_draw_again(tensorflow_1):
    tf = tensorflow_1
    n, array = tf.placeholder(tf.int32, []), tf.TensorArray(tf.int32, 0, dynamic_size=True)
    drawn = lambda: tf.cast(tf.multinomial(tf.constant(WIDE), 1)[:, 0], tf.int32)  # noqa: E731
    _, array = tf.while_loop(lambda i, _: i < n, lambda i, a: (i + 1, a.write(i, drawn())), (0, array))
    with tf.Session() as session:
        rows = session.run(array.stack(), {n: 4})
    assert rows.shape == (4, 4)
    assert (rows[0] != rows[1:]).any()


def test_distributions_of_draws(tensorflow_1):
    tf = tensorflow_1
    true = tf.placeholder(tf.int64, [None, 1])
    ids, of_true, of_drawn = tf.nn.log_uniform_candidate_sampler(true, 1, 8, False, 50)
    classes = tf.multinomial(tf.log([[0.1, 0.2, 0.7]]), 20000)
    with tf.Session() as session:
        found, *counts = session.run([ids, of_true, of_drawn], {true: [[0], [3]]})
        drawn = session.run(classes)
    expected = 8 * np.log((np.arange(50) + 2) / (np.arange(50) + 1)) / np.log(51)
    np.testing.assert_allclose(counts[0].ravel(), expected[[0, 3]], rtol=1e-5)
    np.testing.assert_allclose(counts[1], expected[found], rtol=1e-5)
    np.testing.assert_allclose([(drawn == i).mean() for i in range(3)], [0.1, 0.2, 0.7], atol=0.02)

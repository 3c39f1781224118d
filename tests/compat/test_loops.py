"""Gradients of `tf.while_loop` and of `while` in layers: numbers of TensorFlow 1.15 and 2.15."""

import numpy as np
import pytest

from gazelle.compat import tensorflow as facade

X = np.array([[0.1, 0.2], [0.3, -0.2]], "float32")


def loop(tf, limit, x, w):
    step = lambda i, y: [i + 1, tf.tanh(tf.matmul(y, w))]  # noqa: E731
    return tf.while_loop(lambda i, y: i < limit, step, [tf.constant(0), x])[1]


@pytest.mark.parametrize(
    ("is_fed", "wanted"),
    [(False, [[-0.0002, 0.0053], [-0.0053, -0.0051]]), (True, [[0.1246, 0.6291], [-0.2616, -0.5029]])],
)
def test_loops_of_graphs(tensorflow_1, is_fed, wanted):
    tf = tensorflow_1
    x = tf.placeholder(tf.float32, [None, 2])
    w = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    n = tf.placeholder(tf.int32, []) if is_fed else 3
    of_w, of_x = tf.gradients(tf.reduce_sum(loop(tf, n, x, w)), [w, x])
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        found = sess.run([of_w, of_x], {x: X, n: 2} if is_fed else {x: X})
    np.testing.assert_allclose(found[0], wanted, atol=1e-4)
    if not is_fed:
        np.testing.assert_allclose(found[1], [[0.0001, 0.0002], [0.0518, 0.1126]], atol=1e-4)


def test_values_of_a_loop_may_grow(tensorflow_1):
    tf = tensorflow_1
    x = tf.placeholder(tf.float32, [None, 2])
    i = tf.constant(0)
    shapes = [i.get_shape(), tf.TensorShape([None, 2])]
    add = lambda i, rows: [i + 1, tf.concat([rows, x[:1]], 0)]  # noqa: E731
    longer = tf.while_loop(lambda i, _: i < 4, add, [i, x], shape_invariants=shapes)[1]
    sums = tf.while_loop(lambda i, _: i < 2, lambda i, y: [i + 1, y + x], [i, tf.zeros([1, 2])], shapes)[1]
    assert longer.shape.as_list()[1] == 2
    with tf.Session() as sess:
        rows, total = sess.run([longer, sums], {x: X})
    np.testing.assert_allclose(rows, np.concatenate([X, np.repeat(X[:1], 4, 0)]))
    np.testing.assert_allclose(total, 2 * X)


@pytest.mark.parametrize("is_function", [True, False])
def test_loops_of_trained_layers(is_function):
    tf = facade.module("tensorflow")

    class Repeated(tf.keras.layers.Layer):
        def build(self, shape):
            self.w = self.add_weight(shape=(), initializer="ones")

        def call(self, x):
            n, i, y = tf.cast(tf.reduce_max(x), tf.int32), tf.constant(0), x
            if is_function:
                step = lambda i, y: (i + 1, tf.tanh(y * self.w))  # noqa: E731
                return tf.while_loop(lambda i, y: i < n, step, (i, y))[1]
            while i < n:
                y = tf.tanh(y * self.w)
                i += 1
            return y

    x = np.array([[3.0, 0.2], [1.0, 0.5]], "float32")
    model = tf.keras.Sequential([tf.keras.Input((2,)), Repeated()])
    model.compile(tf.keras.optimizers.SGD(0.1), "mse")
    model.fit(x, x, epochs=3, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], 1.246936, rtol=1e-5)
    facade.close()


def test_loops_over_structures_in_a_graph(tensorflow_1):  # numbers of TensorFlow 1.15
    tf = tensorflow_1
    x, count = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.int32, [])
    cell = tf.nn.rnn_cell.LSTMCell(4, initializer=tf.constant_initializer(0.1))
    state = cell.zero_state(tf.shape(x)[0], tf.float32)

    def body(i, state, total):
        outputs, new = cell(x * tf.cast(i + 1, tf.float32), state)
        return i + 1, new, total + tf.reduce_sum(outputs)

    start = tf.constant(0), state, tf.constant(0.0)
    _, state, total = tf.while_loop(lambda i, *_: i < count, body, start)
    gradients = tf.gradients(total, tf.trainable_variables())
    start = [tf.constant(0), (tf.constant(1.0), {"a": tf.constant(0.0)})]
    step = lambda i, pair: (i + 1, (pair[0] * 2, {"a": pair[1]["a"] + pair[0]}))  # noqa: E731
    _, pair = tf.while_loop(lambda i, _: i < count, step, start)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        given = {x: np.ones((2, 3)), count: 3}
        np.testing.assert_allclose(session.run(state.c, given), np.full((2, 4), 1.016509), rtol=1e-5)
        found = [session.run(total, given), *(np.abs(v).sum() for v in session.run(gradients, given))]
        np.testing.assert_allclose(found, [7.738948, 77.401955, 14.433916], rtol=1e-5)
        assert session.run(pair, {count: 4}) == (16, {"a": 15})


def test_many_traced_rows_are_mapped_by_a_loop(tf_keras_2):
    tf = tf_keras_2

    class Rows(tf.keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense, self.calls = tf.keras.layers.Dense(2, kernel_initializer="ones"), 0

        def call(self, x):
            return tf.map_fn(self.row, (x, x[:, 0]), fn_output_signature=tf.float32)

        def row(self, given):
            self.calls += 1
            return self.dense(given[0][None])[0] * given[1]

    inputs = tf.keras.Input((3,))
    layer = Rows()
    model = tf.keras.Model(inputs, layer(inputs))
    assert layer.calls < 20  # the batch size is unknown
    x = np.random.default_rng(0).random((40, 3)).astype("float32")
    wanted = np.repeat(x.sum(1, keepdims=True) * x[:, :1], 2, 1)
    np.testing.assert_allclose(model.predict(x, verbose=0, batch_size=40), wanted, rtol=1e-5)
    model.compile("sgd", "mse")
    assert model.train_on_batch(x, wanted) < 1e-9
    model.train_on_batch(x, wanted + 1)
    np.testing.assert_allclose(layer.dense.kernel[:, 0], 1 + 0.01 * (x * x[:, :1]).mean(0), rtol=1e-5)


@pytest.mark.parametrize("wrap", [list, tuple, lambda states: states[0]])
def test_states_of_keras_backend_rnn(tf_keras_2, wrap):
    """The numbers of TensorFlow 2.15, which takes a state that is in no list, too."""
    tf = tf_keras_2
    x = tf.constant(np.arange(12.0).reshape(2, 3, 2), tf.float32)
    step = lambda now, states: (now + states[0], wrap([states[0] + now]))  # noqa: E731
    last, outputs, (state,) = tf.keras.backend.rnn(step, x, [tf.zeros((2, 2))])
    assert last.numpy().tolist() == state.numpy().tolist() == [[6, 9], [24, 27]]
    assert outputs.numpy().tolist() == [[[0, 1], [2, 4], [6, 9]], [[6, 7], [14, 16], [24, 27]]]

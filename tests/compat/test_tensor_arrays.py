"""`tf.TensorArray` and `tf.nn.raw_rnn` in graphs of TensorFlow 1: numbers of TensorFlow 1.15."""

import numpy as np
import pytest

from gazelle.compat.tensorflow.errors import InvalidArgumentError
from gazelle.core.errors import ArgumentError, StateError

X = np.sin(np.arange(12)).reshape(2, 3, 2).astype("float32")
EMBEDDINGS = np.cos(np.arange(8)).reshape(4, 2)


class Program:
    """Inputs and a weight matrix of the programs."""

    def __init__(self, tf):
        self.tf, self.x = tf, tf.placeholder(tf.float32, [None, None, 2])
        self.n, self.lengths = tf.placeholder(tf.int32, []), tf.placeholder(tf.int32, [None])
        self.w = tf.get_variable("w", [2, 2], initializer=tf.constant_initializer([[0.5, -0.3], [0.2, 0.7]]))

    def loop(self, limit, step, *start):
        return self.tf.while_loop(lambda i, *_: i < limit, lambda i, *state: (i + 1, *step(i, *state)), start)

    def of_inputs(self):
        """An input array and an output array, whose size is that of the inputs."""
        tf, x = self.tf, self.x
        size = tf.shape(x)[1]
        inputs = tf.TensorArray(tf.float32, size=size).unstack(tf.transpose(x, [1, 0, 2]))

        def step(i, h, array):
            h = tf.tanh(tf.matmul(h, self.w) + inputs.read(i))
            return h, array.write(i, h)

        y = self.loop(size, step, tf.constant(0), tf.zeros_like(x[:, 0]), tf.TensorArray(tf.float32, size))[2].stack()
        return [y, *tf.gradients(tf.reduce_sum(y * y), [self.w, x])]

    def appended(self):
        """An array that two loops make longer, beyond the first capacity."""
        tf = self.tf

        def step(i, h, array):
            h = tf.tanh(tf.matmul(h, self.w) + 0.1)
            return h, array.write(i, h)

        start = tf.constant(0), tf.ones([2, 2]), tf.TensorArray(tf.float32, 0, dynamic_size=True)
        array = self.loop(self.n * 7, step, *self.loop(self.n, step, *start))[2]
        y = array.stack()
        return [array.size(), array.read(self.n), *tf.gradients(tf.reduce_sum(y**2), [self.w])]

    def decoded(self):
        """Ids until a tensor of the loop ends it."""
        tf, size, embeddings = self.tf, self.tf.shape(self.lengths)[0], self.tf.constant(EMBEDDINGS, self.tf.float32)

        def body(i, ids, h, done, found, logits):
            h = tf.tanh(tf.matmul(h, self.w) + tf.nn.embedding_lookup(embeddings, ids))
            row = tf.matmul(h, embeddings, transpose_b=True)
            ids, done = tf.cast(tf.argmax(row, 1), tf.int32), tf.logical_or(done, i + 1 >= self.lengths)
            return i + 1, ids, h, done, found.write(i, ids), logits.write(i, row)

        arrays = tf.TensorArray(tf.int32, 0, True), tf.TensorArray(tf.float32, 0, dynamic_size=True)
        start = tf.constant(0), tf.zeros([size], tf.int32), tf.zeros([size, 2]), tf.zeros([size], tf.bool), *arrays
        *_, found, logits = tf.while_loop(lambda *state: tf.logical_not(tf.reduce_all(state[3])), body, start)
        return [found.stack(), *tf.gradients(tf.reduce_sum(logits.stack() ** 2), [self.w])]

    def trained(self):
        """Losses of three steps of a loop of which a computed number is the bound."""
        tf = self.tf
        step = lambda i, h, a: (tf.tanh(tf.matmul(h, self.w) + self.x[:, i]), a.write(i, h))  # noqa: E731
        start = 0, tf.zeros([tf.shape(self.x)[0], 2]), tf.TensorArray(tf.float32, 0, True)
        _, h, array = self.loop(tf.reduce_max(self.lengths), step, *start)
        loss = tf.reduce_mean(tf.square(array.stack())) + tf.reduce_sum(h)
        return loss, tf.train.AdamOptimizer(0.1).minimize(loss)

    def nested(self):
        """An array that an inner loop writes."""
        tf = self.tf

        def step(i, array):
            scaled = lambda q: self.w[q] * tf.cast(i, tf.float32)  # noqa: E731
            return (self.loop(2, lambda q, a: (a.write(2 * i + q, scaled(q)),), 0, array)[1],)

        y = self.loop(self.n, step, 0, tf.TensorArray(tf.float32, 0, True))[1].stack()
        return [y, *tf.gradients(tf.reduce_sum(y**2), [self.w])]

    def branches(self):
        """Writes in branches."""
        tf, x = self.tf, self.x

        def step(i, array):
            writes = lambda: array.write(i, x[:, i]), lambda: array.write(i, x[:, 0] * 2.0)
            return (tf.cond(tf.equal(i % 2, 0), *writes),)

        y = self.loop(self.n, step, 0, tf.TensorArray(tf.float32, tf.shape(x)[1]))[1].stack()
        return tf.gradients(tf.reduce_sum(y**2), [x])

    def former(self):
        """A condition that reads the element before, which grows to 40 n."""
        tf = self.tf
        array = tf.TensorArray(tf.float32, 0, dynamic_size=True, element_shape=[]).write(0, self.w[0, 0])
        following = lambda i, a: (i + 1, a.write(i, a.read(i - 1) * 1.3 + self.w[0, 1] * 0.1))  # noqa: E731
        is_small = lambda i, a: a.read(i - 1) < 40.0 * tf.cast(self.n, tf.float32)  # noqa: E731
        i, array = tf.while_loop(is_small, following, (tf.constant(1), array))
        return [i, *tf.gradients(tf.reduce_sum(array.stack()), [self.w])]

    def computed_size(self):
        """A size that is the value of a tensor."""
        tf = self.tf
        size = tf.reduce_max(self.lengths)
        scaled = lambda i, a: (a.write(i, self.w[0] * tf.cast(i, tf.float32)),)  # noqa: E731
        array = self.loop(size, scaled, 0, tf.TensorArray(tf.float32, size))[1]
        return [array.size(), array.stack()]

    def emulated(self):
        """`dynamic_rnn` by `raw_rnn`."""
        tf, x = self.tf, self.x
        cell = tf.nn.rnn_cell.LSTMCell(3, initializer=tf.constant_initializer(0.3))
        inputs = tf.TensorArray(tf.float32, tf.shape(x)[1]).unstack(tf.transpose(x, [1, 0, 2]))
        size = tf.shape(x)[0]

        def loop_fn(time, output, state, _):
            ends = time >= self.lengths
            following = tf.cond(tf.reduce_all(ends), lambda: tf.zeros([size, 2]), lambda: inputs.read(time))
            return ends, following, cell.zero_state(size, tf.float32) if output is None else state, output, None

        array, state, _ = tf.nn.raw_rnn(cell, loop_fn)
        assert [v.name for v in tf.trainable_variables()][1] == "rnn/lstm_cell/kernel:0"
        return [array.stack()[..., 0], state.c[:, 0], *tf.gradients(tf.reduce_sum(array.stack() ** 2), [x])]

    def fed_back(self):
        """`raw_rnn` that emits a structure, takes its output as the next input and has an array as loop state."""
        tf = self.tf
        cell = tf.nn.rnn_cell.BasicRNNCell(2)

        def loop_fn(time, output, state, array):
            if output is None:
                emitted = tf.zeros([2]), tf.zeros([], tf.int32)
                return tf.zeros([2], tf.bool), self.w, tf.zeros([2, 2]), emitted, tf.TensorArray(tf.float32, 0, True)
            return time >= self.n, output, state, (output * 2, tf.fill([2], time)), array.write(time - 1, output)

        with tf.variable_scope("c", initializer=tf.constant_initializer(0.3)):
            (twice, times), _, array = tf.nn.raw_rnn(cell, loop_fn)
        return [twice.stack()[..., 0], times.stack(), array.stack()[..., 0]]


CASES = {
    "of_inputs": (
        [0, 0.6866, -0.2724, 0.5764, 0.7805, 0.5523, 0.748, 0.715, -0.2506, -0.6676, -0.027, -0.6193],
        [-0.6108, -1.2666, 0.5484, -0.4704],
        [0.1998, 0.9165, 0.6051, 0.3423, -0.4698, -0.7401, -0.2782, 1.0718, 0.748, 0.4324, -0.054, -0.7635],
    ),
    "appended": ([21], [0.2962, 0.0666, 0.2962, 0.0666], [7.0872, 11.7597, 4.0559, 6.7839]),
    "decoded": ([3, 3, 3, 3], [2.0252, 4.1442, 1.3115, 2.6838]),
    "nested": ([0, 0, 0, 0, 0.5, -0.3, 0.2, 0.7, 1, -0.6, 0.4, 1.4], [5, -3, 2, 7]),
    "branches": ([0, 8.4147, 0, 0, -1.5136, -1.9178, -2.7942, 6.5699, 0, 0, -1.088, -2],),
    "former": ([23], [1388.4624, 455.1542, 0, 0]),
    "computed_size": ([2], [0, 0, 0.5, -0.3]),
    "emulated": (
        [0.0778, 0.0314, 0.1894, 0],
        [0.3298, 0.0596],
        [0.1816, 0.1816, 0.1402, 0.1402, 0, 0, 0.0172, 0.0172, 0, 0, 0, 0],
    ),
    "fed_back": (
        [0.1199, 0.5272, 0.1436, 0.6124, 0.1719, 0.7035],
        [1, 1, 2, 2, 3, 3],
        [0.0599, 0.2636, 0.0718, 0.3062, 0.0859, 0.3518],
    ),
}


def run(tf, program, fetches):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetches, {program.x: X, program.n: 3, program.lengths: [2, 1]})


@pytest.mark.parametrize("name", CASES)
def test_arrays_of_graphs(tensorflow_1, name):
    program = Program(tensorflow_1)
    found = run(tensorflow_1, program, getattr(program, name)())
    for value, expected in zip(found, CASES[name], strict=True):
        np.testing.assert_allclose(np.ravel(value), expected, atol=1e-4)


def test_training_through_an_array(tensorflow_1):
    program = Program(tensorflow_1)
    loss, step = program.trained()
    with tensorflow_1.Session() as session:
        session.run(tensorflow_1.global_variables_initializer())
        feeds = {program.x: X, program.lengths: [2, 1]}
        losses = [session.run([loss, step], feeds)[0] for _ in range(3)]
    np.testing.assert_allclose(losses, [2.9055, 2.7438, 2.5649], atol=1e-4)


def test_errors(tensorflow_1):
    tf = tensorflow_1
    program = Program(tf)
    growing, n, w = tf.TensorArray(tf.float32, 0, dynamic_size=True), program.n, program.w
    with pytest.raises(ArgumentError, match=r"write outside of loops: expected a size"):
        growing.write(n, w)
    with pytest.raises(InvalidArgumentError, match="expected an element that was written"):
        program.loop(n, lambda i, a: (a.write(i, a.read(i)),), 0, tf.TensorArray(tf.float32, n))
    inner = lambda i: program.loop(i, lambda q, a: (a.write(q, w[0]),), 0, growing)[1].stack()  # noqa: E731
    with pytest.raises(StateError, match="grows in a loop within another one"):
        program.loop(n, lambda i, s: (s + tf.reduce_sum(inner(i)),), 0, 0.0)
    beyond = program.loop(n, lambda i, a: (a.write(i, w[0]),), 0, tf.TensorArray(tf.float32, 2))[1].stack()
    assert np.isnan(run(tf, program, beyond)).any()

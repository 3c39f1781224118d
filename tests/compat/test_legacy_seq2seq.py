"""`tf.contrib.legacy_seq2seq`; numbers of TensorFlow 1.15."""

import numpy as np
import pytest

from tests.compat.test_contrib_layers import sine


@pytest.fixture
def tf(tensorflow_1):
    return tensorflow_1


def test_decoders_and_losses(tf):
    legacy, rnn = tf.contrib.legacy_seq2seq, tf.contrib.rnn
    inputs = [tf.constant(np.cos(np.arange(6) + i).reshape(2, 3), tf.float32) for i in range(4)]
    with tf.variable_scope("m", initializer=lambda *args, **kwargs: 5 * sine(*args, **kwargs)):
        cell = rnn.MultiRNNCell([rnn.BasicLSTMCell(3), rnn.BasicLSTMCell(3)])
        start = cell.zero_state(2, tf.float32)
        outputs, last = legacy.rnn_decoder(inputs, start, cell, scope="dec")
        w = tf.get_variable("w", [3, 3])
        both = legacy.basic_rnn_seq2seq(inputs[:2], inputs[2:], rnn.GRUCell(3))[0]
    with tf.variable_scope("m", reuse=True):
        looped, _ = legacy.rnn_decoder(inputs, start, cell, lambda last, i: tf.matmul(last, w) + i, scope="dec")
    names = [v.name for v in tf.global_variables()]
    assert (len(names), names[0]) == (13, "m/dec/multi_rnn_cell/cell_0/basic_lstm_cell/kernel:0")
    assert "m/basic_rnn_seq2seq/rnn_decoder/gru_cell/gates/kernel:0" in names
    targets = [tf.constant([i % 3, 2]) for i in range(4)]
    weights = [tf.constant([1.0, 0.5]) * (i + 1) for i in range(4)]
    found = [legacy.sequence_loss_by_example(outputs, targets, weights, mean) for mean in (True, False)]
    found += [legacy.sequence_loss(outputs, targets, weights, average_across_batch=mean) for mean in (True, False)]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        values = sess.run([outputs[-1], last[1].h, looped[-1], both[-1], *found])
    expected = [[-0.1212, 0.1357, 0.2226, 0.0015, -0.14, -0.1731]] * 2
    expected += [[-0.1911, 0.0293, 0.2008, -0.0955, 0.0256, 0.1143], [0.0119, 0.0427, -0.0237, -0.0279, 0.0684, 0.0193]]
    expected += [[1.1468, 1.1871], [11.4677, 5.9357], [1.167], [2.3339]]
    for value, numbers in zip(values, expected, strict=True):
        np.testing.assert_allclose(np.ravel(value), numbers, atol=1e-4)

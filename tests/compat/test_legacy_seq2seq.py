"""`tf.contrib.legacy_seq2seq`; numbers of TensorFlow 1.15."""

import numpy as np
import pytest

from gazelle.compat import tensorflow
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


def _attending(legacy, cells, steps, feeds):
    options = {"num_heads": 2, "initial_state_attention": True}
    return legacy.embedding_attention_seq2seq(steps, steps, cells.BasicLSTMCell(4), 6, 5, 3, **options)[0][-1][0]


def _in_buckets(legacy, cells, steps, feeds):
    decode = lambda source, target: legacy.embedding_rnn_seq2seq(source, target, cells.GRUCell(4), 6, 5, 3)  # noqa: E731
    weights = [[1.0, 1.0]] * 3
    return legacy.model_with_buckets(steps, steps, steps, weights, [(1, 2), (2, 3)], decode, per_example_loss=True)[1]


def _feeding_itself(legacy, cells, steps, feeds):
    return legacy.embedding_rnn_seq2seq(steps, steps, cells.GRUCell(4), 6, 5, 3, feed_previous=feeds)[0][-1][0]


DECODERS = {
    _feeding_itself: ("embedding_rnn_seq2seq/rnn/embedding_wrapper/gru_cell/gates/bias", 12),
    _attending: ("embedding_attention_seq2seq/embedding_attention_decoder/attention_decoder/Attention_1/kernel", 20),
    _in_buckets: ("embedding_rnn_seq2seq/embedding_rnn_decoder/rnn_decoder/output_projection_wrapper/kernel", 12),
}
NUMBERS = {
    _feeding_itself: [-0.6909, -0.5413, 0.106, 0.6558, 0.6027],
    _attending: [-0.1054, 0.0902, 0.2029, 0.129, -0.0635],
    _in_buckets: [[1.8186, 1.9008], [1.9768, 1.9524]],
}


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda made: made.__name__)
def test_decoders_of_symbols(tf, decoder):
    steps = [tf.constant(pair) for pair in ([1, 2], [3, 4], [0, 1])]
    feeds = tf.placeholder(tf.bool, [])
    with tf.variable_scope("m", initializer=lambda *args, **kwargs: 5 * sine(*args, **kwargs)):
        made = decoder(tf.contrib.legacy_seq2seq, tf.nn.rnn_cell, steps, feeds)
    names = [v.op.name for v in tf.trainable_variables()]
    name, count = DECODERS[decoder]
    assert (f"m/{name}" in names, len(names)) == (True, count)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        np.testing.assert_allclose(sess.run(made, {feeds: True}), NUMBERS[decoder], atol=1e-4)


def test_private_modules_have_the_cells_and_decoders(tf):
    module = lambda name: tensorflow.module(f"tensorflow.{name}")  # noqa: E731
    assert {"EmbeddingWrapper", "OutputProjectionWrapper"} <= set(
        module("contrib.rnn.python.ops.core_rnn_cell").__all__
    )
    assert "attention_decoder" in module("contrib.legacy_seq2seq.python.ops.seq2seq").__all__
    assert (tf.GraphKeys.TRAIN_OP, tf.GraphKeys.TABLE_INITIALIZERS) == ("train_op", "table_initializer")

"""Programs for TensorFlow 1 after `tf.enable_eager_execution()`; the numbers are those of TensorFlow 1.15."""

import numpy as np
import pytest

from gazelle.core.errors import StateError


@pytest.fixture
def tf(tensorflow_1):
    tensorflow_1.enable_eager_execution()
    return tensorflow_1


X = np.linspace(-1, 1, 24, dtype="float32").reshape(2, 4, 3)


def test_variables_and_layers_have_values(tf):
    with tf.variable_scope("a"):
        v = tf.get_variable("v", [2], initializer=tf.constant_initializer(3.0))
    assert v.name == "a/v:0"
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(v * v)
    assert tape.gradient(loss, v).numpy().tolist() == [6, 6]
    make = lambda x: tf.layers.dense(x, 1, kernel_initializer=tf.ones_initializer(), name="d")  # noqa: E731
    assert [make(tf.ones([1, n])).numpy().item() for n in (2, 3)] == [2, 3]  # each call has weights of its own
    moved = tf.layers.batch_normalization(tf.constant([[1.0], [3.0]]), training=True)
    np.testing.assert_allclose(moved.numpy(), [[-0.9995], [0.9995]], atol=1e-4)
    tf.assign_add(v, [1.0, 1.0])
    assert v.numpy().tolist() == [4, 4]


def test_stores_and_templates_keep_variables(tf):
    store = tf.contrib.eager.EagerVariableStore()
    for _ in range(2):
        with store.as_default():
            tf.layers.dense(tf.ones([1, 2]), 1, name="d")
            tf.get_variable("n", shape=(), initializer=tf.zeros_initializer(), trainable=False).assign_add(1.0)
    assert [v.name for v in store.trainable_variables()] == ["d/bias:0", "d/kernel:0"]
    assert [int(v) for v in store.non_trainable_variables()] == [2]
    count = tf.make_template("t", lambda: tf.get_variable("n", [], initializer=tf.zeros_initializer()).assign_add(1.0))
    assert [int(count()), int(count())] == [1, 2]


def test_savers_without_sessions(tf, tmp_path):
    v, step = tf.Variable([1.0, 2.0], name="v"), tf.train.get_or_create_global_step()
    saver = tf.contrib.eager.Saver([v])
    saver.save(str(tmp_path / "made"), global_step=step)
    v.assign([0.0, 0.0])
    saver.restore(str(tmp_path / "made-0"))
    assert v.numpy().tolist() == [1, 2]


def test_rates_are_functions_of_the_step(tf):
    step, w = tf.train.get_or_create_global_step(), tf.Variable([1.0, 2.0])
    rate = tf.train.exponential_decay(0.5, step, 1, 0.5)
    optimizer = tf.train.MomentumOptimizer(rate, 0.9)
    for _ in range(4):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(w * w)
        optimizer.apply_gradients(zip(tape.gradient(loss, [w]), [w], strict=True), global_step=step)
    np.testing.assert_allclose([*w.numpy(), rate()], [-0.513, -1.026, 0.03125], atol=1e-3)


def test_recurrent_networks(tf):
    cell = tf.nn.rnn_cell.GRUCell(2)
    outputs, state = tf.nn.dynamic_rnn(cell, tf.constant(X), sequence_length=[2, 4], dtype=tf.float32)
    assert not outputs.numpy()[0, 2:].any()
    np.testing.assert_allclose(state.numpy(), outputs.numpy()[[0, 1], [1, 3]])
    whole = tf.nn.dynamic_rnn(cell, tf.constant(X), dtype=tf.float32)[0].numpy()
    assert len(cell.variables) == 4
    assert whole.shape == (2, 4, 2)


def test_graphs_in_between(tf):
    with pytest.raises(StateError, match="expected a graph, got eager execution"):
        tf.placeholder(tf.float32)
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [2])
        with tf.Session() as session:
            assert session.run(x * 2, {x: [1, 2]}).tolist() == [2, 4]
    assert tf.executing_eagerly()
    assert int(tf.constant(1) + 1) == 2
    tf.disable_eager_execution()
    assert not tf.executing_eagerly()

"""Optimizers of TensorFlow 1 in graphs: their slots are variables with the names and values of TensorFlow 1.15.5."""

import numpy as np
import pytest

SLOTS = {
    "RMSPropOptimizer": (
        {},
        {
            "w": [0.687251, -1.675756, 0.043539],
            "w/RMSProp": [1.441978, 1.502912, 0.810051],
            "w/RMSProp_1": [0.137337, -0.148833, -0.001853],
        },
    ),
    "RMSPropOptimizer of centered gradients": (
        {"momentum": 0.5, "centered": True, "epsilon": 0.01},
        {
            "w": [0.591252, -1.578702, 0.044357],
            "w/RMSProp": [1.440621, 1.502161, 0.810051],
            "w/RMSProp_1": [0.344506, -0.362253, -0.003107],
            "w/RMSProp_2": [0.231276, -0.243827, -0.00268],
        },
    ),
    "AdaMaxOptimizer": (
        {},
        {
            "w": [0.805168, -1.802534, 0.206165],
            "beta1_power": 0.729,
            "w/AdaMax": [0.36, -0.37, -0.00704],
            "w/AdaMax_1": [1.998, 1.998, 0.056],
        },
    ),
    "ProximalGradientDescentOptimizer": (
        {"l1_regularization_strength": 0.5, "l2_regularization_strength": 0.2},
        {"w": [0.527682, -1.464821, 0.0]},
    ),
    "ProximalAdagradOptimizer": (
        {"initial_accumulator_value": 0.2, "l1_regularization_strength": 0.5, "l2_regularization_strength": 0.2},
        {"w": [0.780416, -1.76186, 0.0], "w/ProximalAdagrad": [7.224307, 7.659087, 0.200256]},
    ),
}


@pytest.fixture
def tf(tensorflow_1):
    return tensorflow_1


@pytest.mark.parametrize("case", SLOTS)
def test_weights_and_slots_after_two_steps(tf, case):
    arguments, expected = SLOTS[case]
    name = case.split()[0]
    optimizer = getattr(tf.contrib.opt if name == "AdaMaxOptimizer" else tf.train, name)(0.1, **arguments)
    w = tf.get_variable("w", initializer=tf.constant([1.0, -2.0, 0.04]))
    x = tf.placeholder(tf.float32, [3])
    step = optimizer.minimize(tf.reduce_sum(w * x * w))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(2):
            session.run(step, {x: [1.0, 0.5, -0.2]})
        found = {variable.name.removesuffix(":0"): session.run(variable) for variable in tf.global_variables()}
    assert list(found) == list(expected)
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-4, atol=2e-6, err_msg=key)


def test_slots_are_made_in_the_order_of_the_weights(tf):
    second, first = tf.get_variable("b", [2]), tf.get_variable("a", [2])
    tf.train.MomentumOptimizer(0.1, 0.9).minimize(tf.reduce_sum(first * second))
    names = [variable.name for variable in tf.global_variables()]
    assert names == ["b:0", "a:0", "b/Momentum:0", "a/Momentum:0"]


def test_optimize_loss_has_a_variable_for_the_rate(tf):
    w = tf.get_variable("w", initializer=tf.constant([1.0, 2.0]))
    train = tf.contrib.layers.optimize_loss(tf.reduce_sum(w * w), None, 0.1, "Momentum")
    names = [variable.name for variable in tf.global_variables()]
    assert names == ["w:0", "OptimizeLoss/learning_rate:0", "OptimizeLoss/w/Momentum:0"]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(train) == 5.0
        np.testing.assert_allclose(session.run(w), [0.8, 1.6])
        tf.global_variables()[1].load(0.0, session)
        session.run(train)
        np.testing.assert_allclose(session.run(w), [0.8, 1.6])


def test_norms_of_gradients_of_gathered_rows(tf):
    """TensorFlow adds the squares of each row that is read, also where a row is read several times."""
    rows = tf.get_variable("rows", initializer=tf.constant(np.arange(21.0, dtype="float32").reshape(7, 3) / 10))
    others = tf.get_variable("others", initializer=tf.ones([3, 2]))
    ids = tf.placeholder(tf.int32, [None, 4])
    read, again = tf.nn.embedding_lookup(rows, ids), tf.gather(rows, tf.constant([1, 1, 2]))
    loss = tf.reduce_sum(tf.square(tf.tensordot(read, others, 1))) + tf.reduce_sum(again**3)
    gradients = tf.gradients(loss, [rows, others])
    (clipped, _), norm = tf.clip_by_global_norm(gradients, 1.0)
    (dense,) = tf.gradients(tf.reduce_sum(again * 2) + tf.reduce_sum(rows), [rows])  # not all of it is of read rows
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        feed = {ids: [[0, 1, 1, 2], [3, 3, 3, 6]]}
        assert session.run(norm, feed) == pytest.approx(123.302895)
        np.testing.assert_allclose(session.run(gradients[0], feed)[1], [10.14, 10.56, 11.1], rtol=1e-5)
        np.testing.assert_allclose(session.run(clipped, feed)[1], [0.082237, 0.085643, 0.090022], rtol=1e-4)
        by_norm = session.run(tf.clip_by_norm(gradients[0], 1.0), feed)
        np.testing.assert_allclose(by_norm[1], [0.17874, 0.18614, 0.19566], rtol=1e-4)
        assert session.run(tf.global_norm([dense])) == pytest.approx(float(np.sqrt(3 * (5 * 1 + 25 + 9))))


def test_constant_weights_of_losses_of_a_batch_of_unknown_size(tf):
    outputs = tf.placeholder(tf.float32, [None, 2])
    columns = tf.losses.mean_squared_error(tf.zeros_like(outputs), outputs, weights=tf.constant([[1.0], [0.0], [3.0]]))
    rows = tf.losses.compute_weighted_loss(tf.reduce_sum(outputs, 1), tf.constant([1.0, 0.0, 2.0]))
    with tf.Session() as session:
        found = session.run([columns, rows], {outputs: [[1, 2], [3, 4], [5, 6]]})
    np.testing.assert_allclose(found, [47.0, 12.5])


def test_the_text_of_an_unknown_size(tf):
    assert str(tf.placeholder(tf.float32, [None, 2]).shape) == "(?, 2)"

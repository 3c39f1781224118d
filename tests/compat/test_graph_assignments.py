"""Assignments in graphs of TensorFlow 1: of weights, in dependencies and branches, and those of layers."""

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import root

X = np.arange(8, dtype="float32").reshape(4, 2) / 8


@pytest.fixture
def tf(tensorflow_1):
    return tensorflow_1


def dense(tf, name, initializer):
    x = tf.placeholder(tf.float32, [None, 2])
    tf.layers.dense(x, 1, name=name, kernel_initializer=initializer)
    return tf.trainable_variables(name)


@pytest.mark.parametrize("method", ["function", "method"])
def test_weights_are_copied_when_a_session_runs_it(tf, method):
    own, target = dense(tf, "own", tf.zeros_initializer()), dense(tf, "target", tf.ones_initializer())
    copies = [tf.assign(t, w) if method == "function" else t.assign(w) for t, w in zip(target, own, strict=True)]
    softly = [t.assign(0.5 * t + 0.5 * w) for t, w in zip(target, own, strict=True)]
    sess = tf.Session()
    np.testing.assert_array_equal(sess.run(target[0]), [[1], [1]])
    sess.run(tf.assign(own[0], [[2.0], [3.0]]))
    sess.run(softly)
    np.testing.assert_array_equal(sess.run(target[0]), [[1.5], [2]])
    sess.run(copies)
    np.testing.assert_array_equal(sess.run(target[0]), [[2], [3]])


@pytest.mark.parametrize("kind", ["cond", "batch_normalization", "slim", "dropout", "layer", "keras"])
def test_a_variable_that_is_a_condition_is_read_in_each_run(tf, kind):
    x, on = tf.placeholder(tf.float32, [None, 2]), tf.Variable(False, trainable=False)
    slim, layers = tf.contrib.slim, tf.layers
    make = {
        "cond": lambda: tf.cond(on, lambda: x * 2, lambda: x),
        "batch_normalization": lambda: layers.batch_normalization(x, training=on),
        "slim": lambda: slim.dropout(slim.batch_norm(x, is_training=on), 1e-6, is_training=on),
        "dropout": lambda: layers.dropout(x, 0.99999, training=on),
        "layer": lambda: layers.BatchNormalization()(x, training=on),
        "keras": lambda: tf.keras.layers.Dropout(0.99999)(x, training=on),
    }
    y = make[kind]()
    is_on = lambda **given: abs(sess.run(y, {x: X, **given.get("feed", {})}) - X).max() > 0.1  # noqa: E731
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert [is_on(), is_on(feed={on: True}), is_on(feed={on: False})] == [False, True, False]
        sess.run(on.assign(True))
        assert [is_on(), is_on(feed={on: False})] == [True, False]
        assert sess.run(on.read_value()).dtype == bool
        with pytest.raises(ValueError, match="expected the path of a checkpoint"):
            tf.train.Saver().restore(sess, None)


def test_the_index_of_a_branch_is_a_tensor_of_the_graph(tf):
    x, index, step = (
        tf.placeholder(tf.float32, [None, 2]),
        tf.placeholder(tf.int32, []),
        tf.Variable(0, trainable=False),
    )
    branches = [lambda: x, lambda: x * 2, lambda: x * 3]
    both = [tf.switch_case(index, branches), tf.switch_case(step, branches)]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for number in range(3):
            for y in sess.run(both, {x: X, index: number, step: number}):
                np.testing.assert_array_equal(y, X * (number + 1))


@pytest.mark.parametrize("kind", ["known", "tensor", "variable"])
def test_objects_of_batch_normalization_add_their_updates(tf, kind):
    x, layer = tf.placeholder(tf.float32, [None, 2]), tf.layers.BatchNormalization(momentum=0.5)
    given = {
        "known": True,
        "tensor": tf.placeholder_with_default(True, []),
        "variable": tf.Variable(True, trainable=False),
    }
    y, updates = layer(x, training=given[kind]), tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(y, {x: X})
        assert not sess.run(layer.moving_mean).any()
        sess.run([y, *updates], {x: X})
        np.testing.assert_allclose(sess.run(layer.moving_mean), X.mean(0) / 2, rtol=1e-6)


@pytest.mark.parametrize("fused", [None, False])
def test_objects_of_batch_normalization_may_be_fused(tf, fused):
    x, layer = tf.placeholder(tf.float32, [3, 1, 1, 2]), tf.layers.BatchNormalization(momentum=0.0, fused=fused)
    layer(x, training=True)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(tf.get_collection(tf.GraphKeys.UPDATE_OPS), {x: X[:3, None, None]})
        expected = np.var(X[:3], 0, ddof=0 if fused is False else 1)  # TensorFlow 1.15
        np.testing.assert_allclose(sess.run(layer.moving_variance), expected, rtol=1e-5)


def test_an_assignment_can_run_again(tf):
    sess = tf.Session()
    w = tf.Variable([1.0, 2.0])
    reset, more = w.assign([0.0, 0.0]), w.assign_add([1.0, 1.0])
    np.testing.assert_array_equal(sess.run(w), [1, 2])
    np.testing.assert_array_equal(sess.run(more), [2, 3])
    np.testing.assert_array_equal(sess.run(reset), [0, 0])
    np.testing.assert_array_equal(sess.run(more), [1, 1])
    w.load([7.0, 7.0], sess)
    np.testing.assert_array_equal(sess.run([reset, w])[0], [0, 0])


def test_identity_runs_the_operations_on_which_it_depends(tf):
    sess = tf.Session()
    count, w = tf.Variable(0.0), tf.Variable(3.0)
    with tf.control_dependencies([count.assign_add(1.0)]):
        value, after = tf.identity(w * 2), tf.identity(count)
    doubled = value + 1
    assert sess.run(doubled) == 7
    assert sess.run(count) == 1
    assert sess.run(after) == 2
    step = tf.train.GradientDescentOptimizer(0.5).minimize(doubled)
    sess.run(step)
    assert sess.run([count, w]) == [3, 2]


def test_assignments_in_branches(tf):
    x, flag = tf.placeholder(tf.float32, []), tf.placeholder(tf.bool, [])
    w = tf.Variable(1.0)

    def moved():
        with tf.control_dependencies([w.assign(w + x)]):
            return tf.identity(x)

    value = tf.cond(flag, moved, lambda: x * 10)
    nothing = tf.cond(flag, lambda: tf.group(tf.assign(w, -1.0)), tf.no_op)
    sess = tf.Session()
    assert [sess.run(value, {x: 2.0, flag: one}) for one in (False, True)] == [20, 2]
    assert sess.run(w) == 3
    sess.run(nothing, {flag: False})
    assert sess.run(w) == 3
    sess.run(nothing, {flag: True})
    assert sess.run(w) == -1


def test_averages_of_the_statistics_of_batches(tf):
    x, training = tf.placeholder(tf.float32, [None, 2]), tf.placeholder(tf.bool)
    mean, _ = tf.nn.moments(x, [0])
    averages = tf.train.ExponentialMovingAverage(0.5)

    def updated():
        with tf.control_dependencies([averages.apply([mean])]):
            return tf.identity(mean)

    chosen = tf.cond(training, updated, lambda: averages.average(mean))
    sess = tf.Session()
    np.testing.assert_allclose(sess.run(chosen, {x: X, training: True}), X.mean(0))
    sess.run(chosen, {x: 3 * X, training: True})
    for _ in range(2):  # 0.25 of the first and 0.5 of the second
        np.testing.assert_allclose(sess.run(chosen, {x: X, training: False}), 1.75 * X.mean(0))


def test_updates_of_batch_normalization_in_a_session(tf):
    keras = tf.keras
    inputs = keras.layers.Input((2,))
    outputs = keras.layers.BatchNormalization(momentum=0.5)(inputs)
    era.set_release(era.Release(2, False, version=(2, 2)))
    model = keras.models.Model(inputs, outputs)
    assert len(model.updates) == len(model.layers[1].updates) == 2
    loss = tf.reduce_mean(outputs**2)
    with tf.control_dependencies(model.updates):
        step = tf.train.GradientDescentOptimizer(0.0).minimize(loss)
    sess = keras.backend.get_session()
    sess.run(loss, {inputs: X, keras.backend.learning_phase(): 1})
    np.testing.assert_array_equal(model.get_weights()[2], [0, 0])
    sess.run(step, {inputs: X, keras.backend.learning_phase(): 1})
    np.testing.assert_allclose(model.get_weights()[2], X.mean(0) / 2)
    sess.run([loss, *model.updates], {inputs: X, keras.backend.learning_phase(): 1})
    np.testing.assert_allclose(model.get_weights()[2], X.mean(0) * 0.75)
    model.layers[1].trainable = False
    assert model.updates == []


def test_updates_of_nested_models_in_a_function(keras_2):
    keras = root("keras")
    inner = keras.models.Sequential([keras.layers.BatchNormalization(momentum=0.5, input_shape=(2,))])
    inputs = keras.layers.Input((2,))
    model = keras.models.Model(inputs, keras.layers.Dense(1)(inner(inputs)))
    assert len(model.updates) == 2
    run = keras.backend.function([inputs, keras.backend.learning_phase()], [model.output], updates=model.updates)
    run([X, 0])
    np.testing.assert_array_equal(inner.get_weights()[2], [0, 0])
    run([X, 1])
    np.testing.assert_allclose(inner.get_weights()[2], X.mean(0) / 2)
    stateful = keras.models.Sequential([keras.layers.SimpleRNN(2, stateful=True, batch_input_shape=(4, 1, 2))])
    assert len(stateful.updates) == 1


def test_the_result_of_an_assignment_is_changed_by_another(tf):
    v, sess = tf.Variable([1.0, 2.0, 3.0]), tf.Session()
    sess.run(tf.global_variables_initializer())
    for made, expected in (
        (tf.scatter_update(tf.assign(v, np.zeros(3)), [1], [5.0]), [0, 5, 0]),
        (tf.assign_add(tf.assign(v, [1.0, 1.0, 1.0]), [1.0, 2.0, 3.0]), [2, 3, 4]),
        (tf.assign_sub(tf.assign_add(v, v), [1.0, 1.0, 1.0]), [3, 5, 7]),
        (tf.assign(tf.assign(v, [4.0, 4.0, 4.0]), [8.0, 8.0, 9.0]), [8, 8, 9]),
    ):
        assert sess.run(made).tolist() == sess.run(v).tolist() == expected


def test_rows_and_elements_of_variables(tf):
    sess = tf.Session()
    w = tf.Variable(np.zeros((3, 2), "float32"))
    for made in (
        tf.scatter_update(w, [0, 2], [[1.0, 2.0], [3.0, 4.0]]),
        tf.scatter_add(w, [0], [[5.0, 5.0]]),
        tf.scatter_nd_update(w, [[1, 1]], [9.0]),
    ):
        sess.run(made)
    np.testing.assert_array_equal(sess.run(w), [[6, 7], [0, 9], [3, 4]])
    assert type(sess.run(tf.reduce_sum(w))) is np.float32


def test_changes_of_a_variable_in_one_run_add_up(tf):
    variable = tf.Variable(1.0)
    changes = [tf.assign_add(variable, 2.0), tf.assign_sub(variable, 5.0), variable.assign_add(10.0)]
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())
    sess.run(changes)
    assert sess.run(variable) == 8


def test_batch_normalization_in_training_moves_its_statistics_by_its_updates(tf):
    x = tf.placeholder(tf.float32, [None, 2])

    def normalized(x, reuse):
        with tf.variable_scope("scope", reuse=reuse):
            return tf.layers.batch_normalization(x, momentum=0.5, training=True)

    y, other = normalized(x, False), normalized(2 * x, True)
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())
    first, second = (sess.run(out, {x: X}) for out in (y, other))
    np.testing.assert_allclose(first, (X - X.mean(0)) / np.sqrt(X.var(0) + 1e-3), rtol=1e-4)
    np.testing.assert_allclose(second, 2 * (X - X.mean(0)) / np.sqrt(4 * X.var(0) + 1e-3), rtol=1e-4)
    mean, variance = tf.global_variables()[2:]
    np.testing.assert_array_equal(sess.run(mean), [0, 0])
    sess.run(updates[1], {x: X})
    np.testing.assert_allclose(sess.run(variance), 0.5 + 0.5 * X.var(0), rtol=1e-5)  # of a vector, without correction
    sess.run([updates[0], updates[2]], {x: X})
    np.testing.assert_allclose(sess.run(mean), 1.5 * X.mean(0), rtol=1e-5)


def test_a_fetched_variable_has_its_value_after_the_run(tf):  # numbers of TensorFlow 1.15
    sess = tf.Session()
    step, w = tf.Variable(0), tf.Variable([3.0, 4.0])
    loss = tf.reduce_sum(w * w)
    train = tf.train.GradientDescentOptimizer(0.1).minimize(loss, global_step=step)
    more = tf.assign_sub(w, [1.0, 1.0])
    _, count, after, value, same, changed = sess.run([train, step, w, loss, tf.identity(w), w + 0])
    assert count == 1
    assert value == 25
    np.testing.assert_allclose([after, same, changed], [[2.4, 3.2], [2.4, 3.2], [3.0, 4.0]], rtol=1e-6)
    np.testing.assert_allclose(sess.run([w, more]), [[1.4, 2.2]] * 2, rtol=1e-6)
    with tf.control_dependencies([more]):
        train = tf.train.GradientDescentOptimizer(0.5).minimize(loss, global_step=step)
    assert sess.run([step, train, {"step": step}]) == [2, None, {"step": 2}]


def test_gradients_of_other_variables_are_applied(tf):
    sess = tf.Session()
    local, shared = tf.Variable([1.0, 2.0]), tf.Variable([5.0, 5.0])
    gradient = tf.gradients(tf.reduce_sum(local * local), local)[0]
    step = tf.train.GradientDescentOptimizer(0.5).apply_gradients([(gradient, shared)])
    sess.run(step)
    np.testing.assert_array_equal(sess.run(shared), [4, 3])


def test_gradients_begin_at_tensors_that_are_fed(tf):
    w = tf.Variable(2.0)
    noise = tf.placeholder_with_default(tf.random_normal([]), [])
    hidden = w * noise
    gradient = tf.gradients(hidden * hidden, w)[0]
    sess = tf.Session()
    assert sess.run(gradient, {noise: 3.0}) == 36
    step = tf.train.GradientDescentOptimizer(0.5).apply_gradients([(gradient, w)])
    sess.run(step, {noise: 1.0})
    assert sess.run(w) == 0


def test_slots_of_optimizers_are_variables(tf, tmp_path):  # numbers of TensorFlow 1.15
    sess = tf.Session()
    w = tf.Variable([1.0, 2.0, 3.0], name="w")
    adam = tf.train.AdamOptimizer(0.1)
    steps = adam.minimize(tf.reduce_sum(w * w)), tf.train.MomentumOptimizer(0.1, 0.9).minimize(tf.reduce_sum(w * w))
    names = ["w:0", "beta1_power:0", "beta2_power:0", "w/Adam:0", "w/Adam_1:0", "w/Momentum:0"]
    assert [v.name for v in tf.global_variables()] == names
    assert adam.get_slot(w, "v").name == "w/Adam_1:0"
    assert len(adam.variables()) == 4
    init, saver = tf.global_variables_initializer(), tf.train.Saver()

    def trained():
        for step in steps * 2:
            sess.run(step)
        return sess.run(w)

    sess.run(init)
    first = trained()
    path, second = saver.save(sess, str(tmp_path / "model")), trained()
    assert tf.train.get_checkpoint_state(str(tmp_path)).all_model_checkpoint_paths == [path]
    np.testing.assert_allclose(second, [-0.3816595, -0.6947981, -1.0047895], rtol=1e-5)
    saver.restore(sess, path)
    np.testing.assert_allclose(trained(), second, rtol=1e-5)
    sess.run(init)
    np.testing.assert_allclose(trained(), first, rtol=1e-5)
    np.testing.assert_allclose(sess.run(tf.get_default_graph().get_tensor_by_name("beta1_power:0")), 0.729, rtol=1e-5)

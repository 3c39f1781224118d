"""The order of `tf.control_dependencies` in a run; the values are those of TensorFlow 1.15."""

import numpy as np
import pytest


@pytest.fixture
def tf(tensorflow_1):
    return tensorflow_1


def session(tf):
    made = tf.Session()
    made.run(tf.global_variables_initializer())
    return made


def test_operations_read_variables_after_the_assignments_on_which_they_depend(tf):
    v = tf.get_variable("v", initializer=1.0)
    before = v * 10
    with tf.control_dependencies([before]):
        more = tf.assign_add(v, 1.0)
    with tf.control_dependencies([more]):
        after, index = before + v, tf.gather(tf.constant([0.0, 1.0, 2.0, 3.0]), tf.cast(v, "int32"))
    sess = session(tf)
    assert sess.run([after, index, more, more]) == [12, 2, 2, 2]
    assert sess.run([after, before]) == [23, 20]
    assert sess.run(v) == 3


def test_assignments_in_a_chain(tf):
    a, b = tf.get_variable("a", initializer=1.0), tf.get_variable("b", initializer=2.0)
    with tf.control_dependencies([a * 1.0]):
        old = a + 0.0
        first = tf.assign(a, b)
    with tf.control_dependencies([first]), tf.control_dependencies([old]):
        swapped = tf.assign(b, old)
        with tf.control_dependencies(None):
            alone = tf.square(a)
    with tf.get_default_graph().control_dependencies([swapped]):
        nothing, later = tf.no_op(), tf.assign(a, a * 10 + b)
    sess = session(tf)
    assert sess.run(alone) == 1
    sess.run(nothing)
    assert sess.run([a, b]) == [2, 1]
    sess.run(tf.group(later))
    assert sess.run([a, b]) == [12, 2]


def test_steps_follow_each_other(tf):
    w, seen = tf.get_variable("w", initializer=2.0), tf.get_variable("seen", initializer=0.0, trainable=False)
    optimizer = tf.train.MomentumOptimizer(0.1, 0.9)
    first = optimizer.minimize(tf.square(w - 3.0))
    with tf.control_dependencies([first]):
        second = optimizer.minimize(tf.square(w + 1.0), var_list=[w])
    with tf.control_dependencies([second]):
        both = tf.group(tf.assign(seen, w * 2.0))
    sess, values = session(tf), []
    for _ in range(2):
        sess.run(both)
        values += sess.run([w, seen])
    np.testing.assert_allclose(values, [1.74, 3.48, 0.9166, 1.8332], rtol=1e-5)


def test_gradients_are_those_of_the_values_that_were_read(tf):
    w, state = (tf.get_variable(name, initializer=value) for name, value in (("w", 2.0), ("state", 1.0)))
    x = tf.placeholder(tf.float32, [])
    new = tf.tanh(w * x + state)
    with tf.control_dependencies([tf.assign(state, new)]):
        out = tf.identity(new)
    loss = tf.square(out - 0.3)
    train = tf.train.GradientDescentOptimizer(0.5).minimize(loss, var_list=[w])
    sess, values = session(tf), []
    for _ in range(2):
        values += [sess.run([loss, train], {x: 0.2})[0], *sess.run([w, state])]
    np.testing.assert_allclose(values, [0.34264, 1.97469, 0.88535, 0.30976, 1.94505, 0.85656], rtol=1e-4)
    with tf.control_dependencies([tf.assign_add(w, 1.0)]):
        cube = w * w * w
    y = new * 0 + w * w + cube
    sess.run(w.assign(2.0))
    assert sess.run([y, tf.gradients(y, w)[0]], {x: 0.0}) == [31, 31]  # 2 w + 3 (w + 1)^2 at w = 2


def test_branches_and_loops_assign_in_order(tf):
    v = tf.get_variable("v", initializer=1.0)
    flag, count = tf.placeholder(tf.bool, []), tf.placeholder(tf.int32, [])

    def changed():
        with tf.control_dependencies([tf.assign(v, v * 2)]):
            more = tf.assign_add(v, 1.0)
        with tf.control_dependencies([more]):
            return v * 10

    value = tf.cond(flag, changed, lambda: v * 1.0)
    with tf.control_dependencies([value]):
        after = v * 1000

    def step(i, total):
        with tf.control_dependencies([tf.assign_add(v, 1.0)]):
            return i + 1, total + v

    total = tf.while_loop(lambda i, _: i < count, step, [tf.constant(0), tf.constant(0.0)])[1]
    sess = session(tf)
    assert sess.run([value, after], {flag: True}) == [30, 3000]
    assert sess.run([value, after], {flag: False}) == [3, 3000]
    assert sess.run(total, {count: 3}) == 4 + 5 + 6
    assert sess.run(v) == 6


def test_assertions_stop_a_run_before_it_assigns(tf):
    x, w = tf.placeholder(tf.float32, [None]), tf.get_variable("w", initializer=1.0)
    with tf.control_dependencies([tf.assert_positive(x), tf.Assert(tf.reduce_sum(x) < 10, [x])]):
        y = x * 2
    with tf.control_dependencies([y]):
        count = tf.assign_add(w, 1.0)
    checked = tf.check_numerics(tf.log(x), "infinite")
    sess = session(tf)
    assert sess.run([y, count], {x: [1.0, 2.0]})[1] == 2
    for values in ([1.0, -1.0], [5.0, 6.0]):
        with pytest.raises(tf.errors.InvalidArgumentError, match="Assert"):
            sess.run(count, {x: values})
    with pytest.raises(tf.errors.InvalidArgumentError, match="infinite"):
        sess.run(checked, {x: [0.0]})
    assert sess.run(w) == 2


def test_functions_of_python_and_constants_run_what_they_depend_on(tf):
    called, v = [], tf.get_variable("v", initializer=1.0)
    x = tf.placeholder(tf.float32, [])
    seen = tf.py_func(lambda value: called.append(float(value)) or np.float32(0), [x], tf.float32)
    with tf.control_dependencies([seen]):
        y = x * 2
    one = tf.tuple([tf.constant(3.0)], control_inputs=[tf.assign_add(v, 1.0)])[0]
    sess = session(tf)
    assert sess.run(y, {x: 4.0}) == 8
    assert called == [4.0]
    assert sess.run(one) == 3
    assert sess.run(v) == 2


def test_the_value_of_an_assignment_is_a_tensor(tf):
    x, v = tf.placeholder(tf.float32, [2]), tf.get_variable("v", initializer=1.0)
    step = tf.get_variable("step", initializer=0)
    more = tf.assign_add(v, 1.0)
    values = [x * more, tf.cast(more, tf.int32) + 1, tf.stack([more, 5.0]), tf.gradients(tf.reduce_sum(more * x), x)[0]]
    rate = tf.train.exponential_decay(0.1, tf.assign_add(step, 1), 1, 0.5)
    flag = tf.placeholder(tf.bool, [])
    either = tf.cond(flag, lambda: tf.assign(v, more * 10), lambda: tf.assign_sub(v, 1.0))
    mean, update = tf.metrics.mean(x)
    sess = session(tf)
    sess.run(tf.local_variables_initializer())
    found = sess.run([*values, rate, update + 1], {x: [1.0, 3.0]})
    expected = [[2, 6], 3, [2, 5], [2, 2], 0.05, 3]
    for value, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, wanted)
    assert [sess.run(either, {flag: choice}) for choice in (True, False)] == [30, 30]
    assert sess.run(mean) == 2

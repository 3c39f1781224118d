"""Iterators of TensorFlow 1: each run of a session takes the next element; the numbers are those of TensorFlow 2.15."""

import numpy as np
import pytest


@pytest.fixture
def tf(tensorflow_1):
    return tensorflow_1


def test_one_shot(tf):
    tf.disable_eager_execution()
    element = tf.data.Dataset.range(5).repeat().make_one_shot_iterator().get_next()
    with tf.Session() as session:
        assert [int(session.run(element + 1)) for _ in range(3)] == [1, 2, 3]
        assert [int(v) for v in session.run([element, element * 2])] == [3, 6]  # one element for each run
        session.run(tf.constant(1.0))
        assert int(session.run(element)) == 4


def test_one_shot_at_once(tf):
    tf.enable_eager_execution()
    iterator = tf.data.Dataset.range(4).make_one_shot_iterator()
    assert [int(iterator.get_next()), int(iterator.next()), *map(int, iterator)] == [0, 1, 2, 3]


def test_operations_run_themselves(tf):
    with tf.Session() as session:
        iterator = tf.data.Dataset.range(2).make_initializable_iterator()
        following = iterator.get_next()
        iterator.initializer.run()
        assert session.run(following) == 0
        tf.group(iterator.initializer).run(session=session)
        assert session.run(following) == 0


def test_training_on_placeholders(tf):
    features, labels = tf.placeholder(tf.float32, [None, 2]), tf.placeholder(tf.int32, [None])
    data = tf.data.Dataset.from_tensor_slices((features, labels)).map(lambda x, y: (x * 2, y)).batch(4)
    iterator = data.make_initializable_iterator()
    x, y = iterator.get_next()
    w = tf.get_variable("w", [2, 1], initializer=tf.zeros_initializer())
    loss = tf.reduce_mean(tf.square(tf.matmul(x, w)[:, 0] - tf.cast(y, tf.float32)))
    train = tf.train.GradientDescentOptimizer(1e-3).minimize(loss)
    given = {features: np.arange(12, dtype="f").reshape(6, 2), labels: np.arange(6)}
    found = []
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(2):
            session.run(iterator.initializer, feed_dict=given)
            for _ in range(2):
                _, value, batch = session.run([train, loss, x])
                found.append((len(batch), float(value)))
            with pytest.raises(tf.errors.OutOfRangeError, match="end of the dataset"):
                session.run(train)
    assert [count for count, _ in found] == [4, 2, 4, 2]
    np.testing.assert_allclose([value for _, value in found], [3.5, 11.13723, 0.63513, 1.09884], rtol=1e-4)


@pytest.mark.parametrize("method", ["repeat", "cache", "shuffle"])
def test_later_elements_come_from_the_placeholders_of_the_initializer(tf, method):
    features, size = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.int64, [])
    data = tf.data.Dataset.from_tensor_slices(features)
    data = data.shuffle(4, seed=0) if method == "shuffle" else getattr(data, method)()
    iterator = data.batch(size).make_initializable_iterator()
    element = iterator.get_next()
    with tf.Session() as session:
        for count in (2, 4):
            session.run(iterator.initializer, feed_dict={features: np.arange(4.0), size: count})
            batches = [session.run(element) for _ in range(4 // count)]
            assert {len(batch) for batch in batches} == {count}
            assert sorted(np.concatenate(batches)) == [0, 1, 2, 3]


def test_functions_of_datasets_draw_for_each_element(tf):
    tf.disable_eager_execution()
    data = tf.data.Dataset.from_tensor_slices(np.zeros(20, "f")).map(lambda x: x + tf.random_uniform([], 1, 2))
    element = data.make_one_shot_iterator().get_next()
    with tf.Session() as session:
        numbers = [float(session.run(element)) for _ in range(20)]
    assert len(set(numbers)) == 20
    assert 1 <= min(numbers) < max(numbers) < 2


def test_numbers_of_datasets_may_be_placeholders(tf):
    number = tf.placeholder(tf.int64, [])
    data = tf.data.Dataset.range(number).skip(1).take(number).repeat(number)
    iterator = data.make_initializable_iterator()
    element = iterator.get_next()
    with tf.Session() as session:
        for count, expected in ((2, [1, 1]), (3, [1, 2] * 3)):
            session.run(iterator.initializer, feed_dict={number: count})
            assert [int(session.run(element)) for _ in expected] == expected
            with pytest.raises(tf.errors.OutOfRangeError):
                session.run(element)


@pytest.mark.parametrize("first_tensors", [True, False])
def test_several_datasets(tf, first_tensors):
    first, second = (tf.data.Dataset.from_tensor_slices(v).batch(2) for v in (np.arange(3.0), np.arange(10.0, 13.0)))
    iterator = tf.data.Iterator.from_structure(first.output_types, first.output_shapes)
    if first_tensors:
        element = iterator.get_next()
    of_first, of_second = map(iterator.make_initializer, (first, second))
    element = element if first_tensors else iterator.get_next()
    with tf.Session() as session:
        session.run(of_first)
        assert [session.run(element).tolist() for _ in range(2)] == [[0, 1], [2]]
        session.run(of_second)
        assert session.run(element).tolist() == [10, 11]


def test_datasets_of_what_a_session_computes(tf):
    """Sources and functions of elements take tensors and variables of the graph; sources were 0."""
    x, rate, v = tf.placeholder(tf.float32, [None, 2]), tf.placeholder(tf.float32, []), tf.Variable(2.0)
    halves = tf.data.Dataset.from_tensor_slices({"a": x / 2.0}).repeat(2).batch(3, drop_remainder=True)
    whole = tf.data.Dataset.from_tensors(x * 2.0).map(lambda rows: rows * rate + v)
    first, second = halves.make_initializable_iterator(), whole.make_initializable_iterator()
    made = [first.get_next()["a"], second.get_next()]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run([first.initializer, second.initializer], {x: [[2.0, 4.0], [6.0, 8.0]], rate: 3.0})
        session.run(v.assign(1.0))
        found = session.run(made)
    assert found[0].tolist() == [[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]]
    assert found[1].tolist() == [[13.0, 25.0], [37.0, 49.0]]


def test_handles_of_iterators_that_nothing_else_holds(tf):
    handle = tf.placeholder(tf.string, [])
    data = [tf.data.Dataset.range(start, start + 3) for start in (0, 10)]
    element = tf.data.Iterator.from_string_handle(handle, data[0].output_types, data[0].output_shapes).get_next()
    with tf.Session() as session:
        handles = [session.run(each.make_one_shot_iterator().string_handle()) for each in data]
        assert [int(session.run(element, {handle: handles[i]})) for i in (0, 1, 0)] == [0, 10, 1]

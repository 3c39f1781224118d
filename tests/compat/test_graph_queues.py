"""Queues, readers and batches of TensorFlow 1; the numbers are those of 1.15."""

import numpy as np
import pytest


@pytest.fixture
def tf(tensorflow_1):
    return tensorflow_1


def written(tf, path, count=6):
    with tf.python_io.TFRecordWriter(str(path)) as writer:
        for k in range(count):
            image = np.full((2, 2), k, "uint8").tobytes()
            feature = {
                "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[k])),
                "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    return str(path)


def test_records_in_batches(tf, tmp_path):
    queue = tf.train.string_input_producer([written(tf, tmp_path / "a.tfrecords")], num_epochs=1, shuffle=False)
    _, message = tf.TFRecordReader().read(queue)
    spec = {"label": tf.FixedLenFeature([], tf.int64), "image": tf.FixedLenFeature([], tf.string)}
    parsed = tf.parse_single_example(message, features=spec)
    pixels = tf.decode_raw(parsed["image"], tf.uint8)
    pixels.set_shape([4])
    label = tf.cast(parsed["label"], tf.int32)
    x, y = tf.train.batch([tf.cast(pixels, tf.float32) / 2, label], batch_size=4, capacity=8)
    assert x.shape == (4, 4)
    w = tf.Variable(np.ones((4, 1), "float32"))
    loss = tf.reduce_mean(tf.square(tf.matmul(x, w)[:, 0] - tf.cast(y, tf.float32)))
    step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    sess, coordinator = tf.Session(), tf.train.Coordinator()
    sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
    threads = tf.train.start_queue_runners(sess, coordinator)
    value, labels, _ = sess.run([loss, y, step])
    assert value == 3.5
    assert labels.tolist() == [0, 1, 2, 3]
    with pytest.raises(tf.errors.OutOfRangeError):
        sess.run(loss)
    coordinator.request_stop()
    coordinator.join(threads)
    np.testing.assert_allclose(sess.run(w), np.full((4, 1), 0.65), rtol=1e-5)


def test_rows_in_random_order(tf):
    x, y = tf.train.slice_input_producer([np.arange(6.0), np.arange(6) * 2], num_epochs=1, shuffle=False)
    options = {"batch_size": 4, "capacity": 9, "min_after_dequeue": 3, "allow_smaller_final_batch": True, "seed": 1}
    xs, ys = tf.train.shuffle_batch([x, y], **options)
    sess, found = tf.Session(), []
    for count in (4, 2):
        a, b = sess.run([xs, ys])
        assert len(a) == count
        np.testing.assert_array_equal(b, 2 * a)
        found += a.tolist()
    assert found != sorted(found)
    assert sorted(found) == [0, 1, 2, 3, 4, 5]


def test_lines_and_files(tf, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n3,4\n")
    names = tf.train.match_filenames_once(str(tmp_path / "*.csv"))
    _, line = tf.TextLineReader(skip_header_lines=1).read(tf.train.string_input_producer(names, shuffle=False))
    a, b = tf.decode_csv(line, record_defaults=[[0.0], [0]])
    rows, labels = tf.train.batch([tf.stack([a, a * 2]), b], batch_size=3)
    key, content = tf.WholeFileReader().read(tf.train.string_input_producer(names))
    sess = tf.Session()
    assert [v.tolist() for v in sess.run([rows, labels])] == [[[1, 2], [3, 6], [1, 2]], [2, 4, 2]]
    assert sess.run([key, content]) == [str(path).encode(), b"a,b\n1,2\n3,4\n"]


def test_queues_of_programs(tf):
    x = tf.placeholder(tf.float32, [None])
    queue = tf.FIFOQueue(9, [tf.float32], shapes=[[]])
    fill, first = queue.enqueue_many([x]), queue.dequeue()
    more = queue.enqueue([first + 1])
    sess = tf.Session()
    sess.run(fill, {x: [1, 2, 3]})
    assert sess.run(first) == 1
    sess.run(more)
    assert [sess.run(queue.size()), sess.run(first), sess.run(first)] == [2, 3, 3]
    with pytest.raises(tf.errors.OutOfRangeError):
        sess.run(first)
    shuffled = tf.RandomShuffleQueue(9, 0, tf.int32, shapes=[[]], seed=1)
    many = shuffled.dequeue_many(4)
    sess.run(shuffled.enqueue_many(np.arange(4)))
    assert sorted(sess.run(many)) == [0, 1, 2, 3]
    tf.train.add_queue_runner(tf.train.QueueRunner(shuffled, [shuffled.enqueue_many([7, 8])] * 2))
    assert sorted(sess.run(many)) == [7, 7, 8, 8]


def test_a_queue_without_shapes_has_those_of_its_first_elements(tf):
    queue = tf.FIFOQueue(9, [tf.float32, tf.int32])
    fill = queue.enqueue_many([np.ones((2, 3), "float32"), np.arange(2)])
    row, number = queue.dequeue()
    assert (row.shape, number.shape) == ((3,), ())
    sess = tf.Session()
    sess.run(fill)
    assert [v.tolist() for v in sess.run([row, number])] == [[1, 1, 1], 0]
    one = tf.FIFOQueue(9, tf.float32)
    more, x = one.enqueue([tf.constant([5.0])]), one.dequeue()
    sess.run(more)
    assert sess.run(x).tolist() == [5]


def test_a_queue_without_files_is_an_error(tf, tmp_path):  # its tensors would wait forever
    with pytest.raises(tf.errors.InvalidArgumentError, match="string_input_producer: expected files or rows, got none"):
        tf.train.string_input_producer(tf.train.match_filenames_once(str(tmp_path / "*.tfrecords")))

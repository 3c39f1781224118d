"""Functions of values in graphs of TensorFlow 1 and of Keras 2; the numbers are those of TensorFlow 1.15."""

import numpy as np
import pytest

from gazelle.compat import tensorflow as facade

BOXES = np.array([[0, 0, 1, 1], [0, 0, 0.9, 1], [0.5, 0.5, 1, 1]], "float32")

CALLS = {
    "best boxes": (lambda tf, x: tf.image.non_max_suppression(x, [0.5, 0.9, 0.3], 3), BOXES, [1, 2]),
    "counts": (lambda tf, x: tf.bincount(x), np.array([1, 1, 3], "int32"), [0, 2, 0, 1]),
    "mean of integers": (lambda tf, x: tf.reduce_mean(x), np.array([1, 4], "int32"), 2),
    "sum of bytes": (lambda tf, x: tf.reduce_sum(x), np.array([100, 100], "int8"), -56),
    "a list as mask": (lambda tf, x: tf.boolean_mask(x, [True, False]), np.array([1.0, 2.0], "float32"), [1]),
    "a number as first state": (
        lambda tf, x: tf.scan(lambda a, b: a * b, x, initializer=2.0, reverse=True),
        np.array([1.0, 2.0, 3.0], "float32"),
        [12, 12, 6],
    ),
    "fold": (lambda tf, x: tf.foldr(lambda a, b: a - b, x, initializer=1.0), np.array([1.0, 2.0], "float32"), -2),
}


@pytest.mark.parametrize("name", CALLS)
def test_values(tensorflow_1, name):
    tf = tensorflow_1
    call, value, expected = CALLS[name]
    given = tf.placeholder(value.dtype, value.shape)
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(call(tf, given), {given: value}), expected)


def test_text(tensorflow_1):
    tf = tensorflow_1
    given = tf.placeholder(tf.string, [2, 2])
    joined = [tf.reduce_join(given, 1), tf.reduce_join(given, [1, 0], keep_dims=True), tf.encode_base64(given)]
    with tf.Session() as session:
        rows, whole, encoded = session.run(joined, {given: [["a", "b"], ["c", "d"]]})
    assert (rows.tolist(), whole.tolist()) == ([b"ab", b"cd"], [[b"abcd"]])
    assert encoded.tolist() == [[b"YQ", b"Yg"], [b"Yw", b"ZA"]]


def test_ragged_results_of_a_session(tensorflow_1):
    tf = tensorflow_1
    rows = tf.ragged.constant([[[1, 2], [3]], [[4]]])
    with tf.Session() as session:
        found, sparse = session.run([rows * 2, rows.to_sparse()])
    assert found.to_list() == [[[2, 4], [6]], [[8]]]
    assert sparse.indices.tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]]


def test_boxes_of_a_detector_of_keras_2(keras_2):
    """As programs for YOLO choose them."""
    tf, K = facade.module("tensorflow"), keras_2.backend
    boxes, scores = K.placeholder((None, 4)), K.placeholder((None,))
    mask = scores >= 0.4
    candidates, own = tf.boolean_mask(boxes, mask), tf.boolean_mask(scores, mask)
    count = K.constant(20, dtype="int32")
    chosen = tf.image.non_max_suppression(candidates, own, count, iou_threshold=0.5, name="best")
    best = K.gather(candidates, chosen)
    found = K.get_session().run(best, {boxes: BOXES, scores: np.array([0.5, 0.9, 0.4])})
    facade.close()
    np.testing.assert_allclose(found, BOXES[1:])


@pytest.mark.parametrize("name", ["sum", "mean", "max"])
def test_segments(tensorflow_1, name):
    tf = tensorflow_1
    ids = tf.placeholder(tf.int32, [None])
    w = tf.Variable(np.array([[1.0, 2], [3, 4], [5, 6]], "float32"))
    found = getattr(tf, f"segment_{name}")(w, ids)
    gradient = tf.gradients(tf.reduce_sum(found * found), w)[0]
    values = {"sum": [[4, 6], [5, 6]], "mean": [[2, 3], [5, 6]], "max": [[3, 4], [5, 6]]}
    slopes = {
        "sum": [[8, 12], [8, 12], [10, 12]],
        "mean": [[2, 3], [2, 3], [10, 12]],
        "max": [[0, 0], [6, 8], [10, 12]],
    }
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        rows, slope = session.run([found, gradient], {ids: [0, 0, 1]})
    np.testing.assert_allclose(rows, values[name])
    np.testing.assert_allclose(slope, slopes[name])


@pytest.mark.parametrize(
    ("name", "arguments", "shape"),
    [
        ("crop_to_bounding_box", lambda n: (0, n - 2, n, n - 1), (3, 2, 1)),
        ("pad_to_bounding_box", lambda n: (1, 0, n + 3, n + 2), (6, 5, 1)),
        ("resize_image_with_crop_or_pad", lambda n: (n, n + 2), (3, 5, 1)),
    ],
)
def test_images_of_sizes_that_are_tensors(tensorflow_1, name, arguments, shape):
    tf = tensorflow_1
    size = tf.placeholder(tf.int32, [])
    image = np.arange(16, dtype="float32").reshape(4, 4, 1)
    cut = getattr(tf.image, name)(tf.constant(image), *arguments(size))
    assert cut.shape.as_list() == [None, None, 1]
    with tf.Session() as session:
        found = session.run(cut, {size: 3})
    np.testing.assert_array_equal(found, session.run(getattr(tf.image, name)(image, *arguments(3))))
    assert found.shape == shape


def test_python_functions_of_tensors_of_keras_2(keras_2):
    tf, K = facade.module("tensorflow"), keras_2.backend
    x = K.placeholder((None, 2))
    found = K.function([x], [tf.py_func(lambda array: array * 2, [x], tf.float32) + 1])([np.array([[1.0, 2.0]])])
    facade.close()
    np.testing.assert_allclose(found[0], [[3, 5]])

"""Values of functions of `tensorflow` at the edges of what they take; the numbers are those of TensorFlow 2.15."""

import numpy as np
import pytest

from gazelle.compat import tensorflow as facade

INF, NAN = float("inf"), float("nan")
BOXES = [[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.9, 1.0], [0.5, 0.5, 1.0, 1.0]]


@pytest.fixture(scope="module")
def tf():
    yield facade.module("tensorflow")
    facade.close()


def sparse(tf, *values):
    return tf.SparseTensor([[0, 1], [1, 0]], list(values), [2, 2])


CALLS = {
    "clip with an infinite norm": (lambda tf: tf.clip_by_global_norm([[INF], [4.0]], 1.0)[0][1], [NAN]),
    "square of complex": (lambda tf: tf.math.squared_difference(tf.constant([1 + 2j]), 0j), [5]),
    "xlogy": (lambda tf: tf.math.xlogy([0.0, 2.0], [NAN, 1.0]), [0, 0]),
    "erfcinv": (lambda tf: tf.math.erfcinv([1e-6, 0.5]), [3.458911, 0.4769363]),
    "mean of integers": (lambda tf: tf.math.unsorted_segment_mean([1, 2], [0, 0], 2), [1.5, 0]),
    "maximum of nothing": (lambda tf: tf.reduce_max(tf.zeros([0, 2]), 0), [-INF, -INF]),
    "norm of complex": (lambda tf: tf.norm(tf.constant([3j, 4.0])), 5 + 0j),
    "take": (lambda tf: tf.experimental.numpy.take([1.0, 2.0], [0, 5]), [1, 2]),
    "halves of pixels": (
        lambda tf: tf.image.crop_and_resize(
            np.arange(6.0).reshape(1, 6, 1, 1), [[-0.2, 0, 1.2, 1]], [0], [3, 1], "nearest"
        )[0, :, 0, 0],
        [0, 3, 0],
    ),
    "negative integers": (lambda tf: tf.image.adjust_contrast([[[1], [9]]], 2.0)[0, :, 0], [-3, 13]),
    "float16": (lambda tf: tf.image.convert_image_dtype(tf.constant([32768], tf.uint16), tf.float16), [0.5]),
    "soft suppression": (
        lambda tf: tf.image.non_max_suppression_with_scores(BOXES, [0.5, 0.9, 0.3], 3, soft_nms_sigma=0.5)[1],
        [0.9, 0.286994, 0.208953],
    ),
    "padding of former images": (
        lambda tf: tf.compat.v1.image.resize_image_with_pad(np.arange(16.0).reshape(1, 4, 4, 1), 2, 3)[0, ..., 0],
        [[0, 2, 0], [8, 10, 0]],
    ),
    "punctuation": (lambda tf: tf.strings.regex_replace(["a.b-c!"], "[[:punct:]]", ""), [b"abc"]),
    "no digits": (lambda tf: tf.strings.regex_replace(["a1é"], "[[:^digit:]_]", "x"), [b"x1x"]),
    "signs": (lambda tf: tf.as_string([12, -3], width=5, fill="0"), [b"00012", b"-0003"]),
    "left": (lambda tf: tf.as_string([1.5], precision=1, width=5, fill="-"), [b"1.5  "]),
    "default text": (lambda tf: tf.sparse.to_dense(sparse(tf, "a", "b"), "x"), [[b"x", b"a"], [b"b", b"x"]]),
    "more rows": (lambda tf: tf.ragged.constant([[1], [2, 3]]).to_tensor(9, [3, 1]), [[1], [2], [9]]),
    "stored zeros": (lambda tf: tf.sparse.add(sparse(tf, 1, 2), sparse(tf, -1, 3)).values, [0, 5]),
    "threshold": (lambda tf: tf.sparse.add(sparse(tf, 1, 2), sparse(tf, -1, 3), threshold=1).values, [5]),
    "smaller values": (lambda tf: tf.sparse.minimum(sparse(tf, 1, 2), sparse(tf, 0, 3)).values, [0, 2]),
    "former split": (lambda tf: tf.compat.v1.strings.split(["a b", "c"]).values, [b"a", b"b", b"c"]),
    "counts": (lambda tf: tf.random.stateless_poisson([2], [1, 2], 3.0).dtype.is_integer, True),
}


@pytest.mark.parametrize("name", CALLS)
def test_values(tf, name):
    call, expected = CALLS[name]
    found = call(tf)
    value = np.asarray(found.numpy() if hasattr(found, "numpy") else found)
    if value.dtype == object or value.dtype.kind in "SU":
        assert value.tolist() == expected
    else:
        np.testing.assert_allclose(value.astype(complex), np.asarray(expected, complex), rtol=1e-5, atol=1e-6)

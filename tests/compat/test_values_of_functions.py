"""Values of functions of `tensorflow` at the edges of what they take; the numbers are those of TensorFlow 2.15."""

import numpy as np
import pytest

from gazelle.compat import tensorflow as facade

INF, NAN = float("inf"), float("nan")
GRID = np.arange(30.0).reshape(1, 5, 6, 1)
RAMP = np.linspace(0, 1, 13 * 14, dtype="f").reshape(13, 14, 1) ** 2
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
    "bessel": (
        lambda tf: [getattr(tf.math.special, f"bessel_{n}")(2.5) for n in ("j0", "j1", "k0", "k1", "k0e", "k1e", "y0")],
        [-0.0483838, 0.4970941, 0.0623476, 0.0738908, 0.7595487, 0.9001744, 0.4980704],
    ),
    "fresnel": (
        lambda tf: [getattr(tf.math.special, n)([2.5])[0] for n in ("fresnel_sin", "fresnel_cos", "dawsn")],
        [0.619182, 0.457413, 0.2230837],
    ),
    "logarithm of a matrix": (
        lambda tf: tf.math.real(tf.linalg.logm(tf.constant([[[2, 1], [0.5, 3]]], tf.complex64)))[0],
        [[0.6437434, 0.4172609], [0.2086304, 1.0610042]],
    ),
    "similarity at two scales": (
        lambda tf: tf.image.ssim_multiscale(RAMP[None], 0.9 * RAMP[None] + 0.05, 1.0, (0.5, 0.5), filter_size=3),
        [0.9823515],
    ),
    "glimpses": (
        lambda tf: [
            tf.image.extract_glimpse(GRID, [3, 2], [[y, 0.0]], normalized=unit, noise="zero")[0, ..., 0]
            for y, unit in ((0.0, True), (0.8, True), (0.0, False))
        ],
        [[[8, 9], [14, 15], [20, 21]], [[20, 21], [26, 27], [0, 0]], [[15, 16], [21, 22], [27, 28]]],
    ),
    "glimpses of TensorFlow 1": (
        lambda tf: tf.compat.v1.image.extract_glimpse(GRID, [3, 2], [[0.0, 0.0]], normalized=False)[0, ..., 0],
        [[8, 9], [14, 15], [20, 21]],
    ),
    "crossed features": (
        lambda tf: tf.sparse.to_dense(tf.sparse.cross([[["a", "b"], ["c", "d"]], sparse(tf, 1, 3), [[5], [6]]])),
        [[b"1_X_a_X_5", b"1_X_b_X_5"], [b"3_X_c_X_6", b"3_X_d_X_6"]],
    ),
    "take": (lambda tf: tf.experimental.numpy.take([1.0, 2.0], [0, 5]), [1, 2]),
    "halves of pixels": (
        lambda tf: tf.image.crop_and_resize(
            np.arange(6.0).reshape(1, 6, 1, 1), [[-0.2, 0, 1.2, 1]], [0], [3, 1], "nearest"
        )[0, :, 0, 0],
        [0, 3, 0],
    ),
    "negative integers": (lambda tf: tf.image.adjust_contrast([[[1], [9]]], 2.0)[0, :, 0], [-3, 13]),
    "float16": (lambda tf: tf.image.convert_image_dtype(tf.constant([32768], tf.uint16), tf.float16), [0.5]),
    "largest float16": (
        lambda tf: tf.image.convert_image_dtype(tf.constant([0.5, 1.5], tf.float16), tf.int16, saturate=True),
        [16384, 32752],
    ),
    "colors of 32 bits": (
        lambda tf: tf.image.adjust_saturation(tf.constant([[[172, 47, 117], [67, 0, 0]]]), 0.5)[0, :, 0],
        [172, 67],
    ),
    "light of 32 bits": (lambda tf: tf.image.adjust_brightness(tf.constant([2**30]), 0.75), [2147483520]),
    "rest of a text": (lambda tf: tf.strings.split(["a", "a b "], maxsplit=1).values, [b"a", b"", b"a", b"b "]),
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
    "more rows": (lambda tf: tf.ragged.constant([[1], [2, 3]]).to_tensor(9, shape=[3, 1]), [[1], [2], [9]]),
    "stored zeros": (lambda tf: tf.sparse.add(sparse(tf, 1, 2), sparse(tf, -1, 3)).values, [0, 5]),
    "threshold": (lambda tf: tf.sparse.add(sparse(tf, 1, 2), sparse(tf, -1, 3), threshold=1).values, [5]),
    "smaller values": (lambda tf: tf.sparse.minimum(sparse(tf, 1, 2), sparse(tf, 0, 3)).values, [0, 2]),
    "former split": (lambda tf: tf.compat.v1.strings.split(["a b", "c"]).values, [b"a", b"b", b"c"]),
    "counts": (lambda tf: tf.random.stateless_poisson([2], [1, 2], 3.0).dtype.is_integer, True),
}


#: functions and options that were missing
ADDED = {
    "tridiagonal product": (
        lambda tf: tf.linalg.tridiagonal_matmul([[1.0, 0.0], [2.0, 3.0], [0.0, 4.0]], [[1.0], [5.0]])[:, 0],
        [7, 19],
    ),
    "tridiagonal matrix": (
        lambda tf: tf.linalg.tridiagonal_solve([[2.0, 1.0], [4.0, 3.0]], [4.0, 10.0], diagonals_format="matrix"),
        [1, 2],
    ),
    "tridiagonal eigenvalues": (lambda tf: tf.linalg.eigh_tridiagonal([1.0, 3.0], [1.0]), [0.585786, 3.414214]),
    "dct 1": (lambda tf: tf.signal.dct([1.0, 2.0, 4.0], type=1), [9, -3, 1]),
    "dct 4": (lambda tf: tf.signal.dct([1.0, 2.0, 4.0], type=4), [6.830831, -7.071068, 5.416618]),
    "mdct": (
        lambda tf: tf.signal.inverse_mdct(tf.signal.mdct(tf.range(16.0), 8))[4:8],
        [4, 5, 6, 7],
    ),
    "rfft3d": (lambda tf: tf.signal.rfft3d(tf.ones([2, 2, 2]))[0, 0], [8, 0]),
    "fingerprint": (lambda tf: tf.fingerprint(["abc"])[0], [105, 243, 231, 116, 160, 179, 165, 36]),
    "paddings": (lambda tf: tf.required_space_to_batch_paddings([5, 7], [2, 3])[0], [[0, 1], [0, 2]]),
    "average norm": (lambda tf: tf.compat.v1.clip_by_average_norm([3.0, 4.0], 1.0), [1.2, 1.6]),
    "moments": (lambda tf: tf.nn.normalize_moments(4.0, 8.0, 20.0, 0.5)[0], 2.5),
    "largest along an axis": (lambda tf: tf.math.approx_max_k([[1.0, 5.0], [7.0, 2.0]], 1, 0)[1], [[1, 0]]),
    "complex": (lambda tf: tf.complex([1.0, 2.0], 3.0), [1 + 3j, 2 + 3j]),
    "counts of rows": (
        lambda tf: tf.sparse.to_dense(tf.sparse.bincount([[1, 1, 0], [2, 0, 2]], axis=-1, minlength=4)),
        [[1, 2, 0, 0], [1, 0, 2, 0]],
    ),
    "counts of one row": (lambda tf: tf.sparse.bincount([1, 1, 3], axis=-1).indices[:, 0], [1, 3]),
    "no files": (lambda tf: tf.io.matching_files(["/none/a*", "/none/b*"]), []),
    "concat": (
        lambda tf: tf.sparse.to_dense(
            tf.sparse.concat(0, [sparse(tf, 1, 2), tf.SparseTensor([[0, 2]], [3], [1, 3])], expand_nonconcat_dims=True)
        ),
        [[0, 1, 0], [2, 0, 0], [0, 0, 3]],
    ),
    "smallest shape": (lambda tf: tf.sparse.reset_shape(tf.SparseTensor([[0, 2]], [1], [5, 5])).dense_shape, [1, 3]),
    "rows of tables": (lambda tf: vectors(tf).lookup([2, 5]), [[3, 4], [0, 0]]),
    "hashed words": (
        lambda tf: tf.lookup.StaticVocabularyTable(None, 10, lookup_key_dtype=tf.string).lookup(["q", "w"]),
        [3, 9],
    ),
    "statistics": (lambda tf: tf.nn.sufficient_statistics(tf.constant([1.0, 3.0]), [0], shift=1.0)[2], 4),
    "integers up to 6": (lambda tf: tf.nn.relu6(tf.constant([-1, 3, 9])), [0, 3, 6]),
    "parts of arrays": (
        lambda tf: tf.keras.utils.split_dataset(np.arange(4), left_size=0.5)[1].batch(2).get_single_element(),
        [2, 3],
    ),
    "new axis": (lambda tf: tf.ragged.constant([[1], [2, 3]])[tf.newaxis].to_tensor(), [[[1, 0], [2, 3]]]),
    "ellipsis": (lambda tf: tf.ragged.constant([[1], [2, 3]])[..., :1].to_tensor(), [[1], [2]]),
}


def vectors(tf):
    table = tf.lookup.experimental.MutableHashTable(tf.int32, tf.float32, [0.0, 0.0])
    table.insert([1, 2], [[1.0, 2.0], [3.0, 4.0]])
    return table


@pytest.mark.parametrize("name", CALLS | ADDED)
def test_values(tf, name):
    call, expected = (CALLS | ADDED)[name]
    found = call(tf)
    value = np.asarray(found.numpy() if hasattr(found, "numpy") else found)
    if value.dtype == object or value.dtype.kind in "SU":
        assert value.tolist() == expected
    else:
        np.testing.assert_allclose(value.astype(complex), np.asarray(expected, complex), rtol=1e-5, atol=1e-6)


def test_derivatives_of_bessel_functions(tf):
    names = ["j0", "j1", "k0", "k1", "k0e", "k1e", "y0", "y1"]
    with tf.GradientTape(persistent=True) as tape:
        x = tf.constant(2.0)
        tape.watch(x)
        found = [getattr(tf.math.special, f"bessel_{name}")(x) for name in names]
    slopes = [tape.gradient(each, x) for each in found]
    right = [-0.5767248, -0.0644716, -0.1398659, -0.1838268, -0.1919084, -0.32483, 0.1070324, 0.5638919]
    np.testing.assert_allclose(slopes, right, rtol=1e-5)


def test_a_radial_constraint(tf):
    constraint = tf.keras.constraints.RadialConstraint()
    kernel = np.arange(16.0).reshape(4, 4, 1, 1)
    ring = [[15, 15, 15, 15], [15, 5, 5, 15], [15, 5, 5, 15], [15, 15, 15, 15]]
    np.testing.assert_array_equal(constraint(kernel)[..., 0, 0], ring)


def test_embeddings_of_a_new_vocabulary(tf):
    words, rows = ["c", "d", "a"], np.arange(6.0).reshape(3, 2)
    made = tf.keras.utils.warmstart_embedding_matrix(["a", "b", "c"], words, rows, "zeros")
    np.testing.assert_array_equal(made, [[4, 5], [0, 0], [0, 1]])

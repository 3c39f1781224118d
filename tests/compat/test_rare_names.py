"""Names of `tensorflow` beside the usual ones; the numbers are those of TensorFlow 2.15."""

import numpy as np
import pytest

from gazelle.compat import tensorflow as facade
from gazelle.compat.namespaces import root
from gazelle.core.errors import ArgumentError, DataError
from tests.compat.test_breaks import of_era

X = np.linspace(-8, 8, 9).astype("f")
TABLE = np.arange(12.0, dtype="f").reshape(4, 3)


@pytest.fixture(scope="module")
def tf():
    yield facade.module("tensorflow")
    facade.close()


def close(found, expected):
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-5, atol=2e-5)


def test_fake_quantization(tf):
    found = tf.quantization.fake_quant_with_min_max_args(X, -3, 5)
    close(found, [-3.01177, -3.01177, -3.01177, -2.00784, 0, 2.00784, 4.01569, 4.98824, 4.98824])
    low, high, x = tf.Variable(-1.5), tf.Variable(2.3), tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.quantization.fake_quant_with_min_max_vars(x, low, high) ** 2
    of_x, of_low, of_high = tape.gradient(y, [x, low, high])
    close(of_x, [0, 0, 0, 0, 0, 3.99373, 0, 0, 0])
    close([of_low, of_high], [-12.04078, 13.76941])
    channels = tf.quantization.fake_quant_with_min_max_vars_per_channel(
        X.reshape(3, 3) / 3, [-1.0, -2.0, 0.0], [1.0, 2.0, 3.0]
    )
    close(channels, [[-0.99608, -1.99216, 0], [-0.66667, 0, 0.67059], [1.00392, 2.00784, 2.67059]])


def test_derivatives(tf):
    @tf.function
    def second(v):
        return tf.hessians(tf.reduce_sum(v**3) + v[0] * v[1], v)[0]

    close(second(tf.constant([1.0, 2.0])), [[6, 1], [1, 12]])
    kernel, x = tf.Variable([[1.0], [1.0]]), tf.constant([[2.0, 3.0]])
    with tf.autodiff.ForwardAccumulator(kernel, tf.constant([[1.0], [0.0]])) as accumulator:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.matmul(x, kernel) ** 2)
        slope = tape.gradient(loss, kernel)
    close(accumulator.jvp(loss), 20)
    close(accumulator.jvp(slope), [[8], [12]])
    assert accumulator.jvp(tf.constant(1.0)) is None


def test_sparse_embeddings(tf):
    ids = tf.SparseTensor([[0, 0], [0, 1], [2, 0], [2, 2]], tf.constant([0, 3, 1, 2], tf.int64), [4, 3])
    weights = tf.SparseTensor(ids.indices, tf.constant([1.0, 2.0, 0.5, 0.1]), [4, 3])
    look_up, safe = tf.nn.embedding_lookup_sparse, tf.nn.safe_embedding_lookup_sparse
    close(look_up(TABLE, ids, None, combiner="sum"), [[9, 11, 13], [0, 0, 0], [9, 11, 13]])
    close(look_up(TABLE, ids, weights, combiner="mean"), [[6, 7, 8], [0, 0, 0], [3.5, 4.5, 5.5]])
    close(look_up(TABLE, ids, weights, combiner="sqrtn")[0], np.array([18, 21, 24]) / 5**0.5)
    close(safe(TABLE, ids, combiner="mean", default_id=1)[1:], [[3, 4, 5], [4.5, 5.5, 6.5], [3, 4, 5]])
    assert safe(TABLE, ids, weights).shape == (4, 3)
    table = tf.Variable(TABLE)
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(look_up(table, ids, weights, combiner="sum"))
    close(tape.gradient(y, table)[:, 0], [1, 0.5, 0.1, 2])
    filled, empty = tf.sparse.fill_empty_rows(ids, 7)
    assert filled.values.numpy().tolist() == [0, 3, 7, 1, 2, 7]
    assert empty.numpy().tolist() == [False, True, False, True]
    assert tf.sparse.retain(ids, [True, False, True, False]).values.numpy().tolist() == [0, 1]


def test_stored_datasets(tf, tmp_path):
    data = tf.data.Dataset.from_tensor_slices(({"a": np.arange(3), "b": np.array(["x", "y", "z"])}, X[:3])).batch(2)
    data.save(str(tmp_path))
    found = tf.data.experimental.load(str(tmp_path))
    assert len(found) == 2
    features, labels = list(found)[1]
    assert (features["a"].numpy().tolist(), features["b"].numpy().tolist()) == ([2], [b"z"])
    close(labels, X[2:3])
    data.unbatch().save(str(tmp_path))
    assert [x["b"].numpy() for x, _ in tf.data.Dataset.load(str(tmp_path))] == [b"x", b"y", b"z"]
    with pytest.raises(DataError, match=r"a folder that Dataset\.save of gazelle wrote"):
        tf.data.Dataset.load(str(tmp_path / "other"))
    first, again = ([int(v) for v in tf.data.Dataset.random(3).take(2)] for _ in range(2))
    assert first == again


def test_events(tf, tmp_path):
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        for step in (3, 4):
            tf.summary.scalar("loss", step / 2, step=step)
    (path,) = tmp_path.iterdir()
    events = list(tf.compat.v1.train.summary_iterator(str(path)))
    values = [(e.step, v) for e in events for v in e.summary.value]
    assert [(step, v.tag) for step, v in values] == [(3, "loss"), (4, "loss")]
    numbers = [tf.make_ndarray(v.tensor) if v.HasField("tensor") else v.simple_value for _, v in values]
    close(numbers, [1.5, 2])
    assert events[0].HasField("file_version")


def test_random_parts_of_images(tf):
    arguments = {"area_range": (0.5, 1.0), "use_image_if_no_bounding_boxes": True, "min_object_covered": 0.1}
    begin, size, box = tf.image.sample_distorted_bounding_box([100, 80, 3], tf.zeros([1, 0, 4]), **arguments)
    part = tf.slice(tf.ones([100, 80, 3]), begin, size)
    height, width, channels = part.shape
    assert (channels, tuple(box.shape)) == (3, (1, 1, 4))
    assert height * width >= 4000
    assert 0.7 < width / height < 1.4
    inside = tf.constant([[[0.4, 0.4, 0.6, 0.6]]])
    for seed in range(5):
        _, _, found = tf.image.stateless_sample_distorted_bounding_box([50, 50, 3], inside, (seed, 0), 1.0)
        top, left, bottom, right = found.numpy()[0, 0]
        assert top <= 0.4 <= 0.6 <= bottom
        assert left <= 0.4 <= 0.6 <= right
    with pytest.raises(ArgumentError, match="at least one box"):
        tf.image.sample_distorted_bounding_box([9, 9, 3], tf.zeros([1, 0, 4]))


def test_operations(tf):
    close(tf.raw_ops.MatMul(a=TABLE, b=TABLE, transpose_b=True)[0], [5, 14, 23, 32])
    close(tf.raw_ops.Sub(x=1.0, y=2.0), -1)
    close(tf.raw_ops.AddV2(x=1.0, y=2.0), 3)
    close(tf.raw_ops.ZerosLike(x=[1.0]), [0])
    close(tf.raw_ops.StridedSlice(input=np.arange(1, 4), begin=[0], end=[2], strides=[1]), [1, 2])
    close(tf.experimental.numpy.take(TABLE, [0, 1]), TABLE[0, :2])


def test_points_of_a_sequence_with_low_discrepancy(tf):  # TensorFlow 2.15
    expected = [[0.5, 0.5, 0.5], [0.75, 0.25, 0.25], [0.25, 0.75, 0.75], [0.375, 0.375, 0.625]]
    np.testing.assert_array_equal(tf.math.sobol_sample(3, 4), expected)
    np.testing.assert_array_equal(tf.math.sobol_sample(3, 1, skip=3, dtype=tf.float16), expected[3:])


def test_constants_of_saved_models(tf):
    assert tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY == "serving_default"
    assert tf.saved_model.tag_constants.SERVING == tf.compat.v1.saved_model.SERVING == "serve"


def test_decays(tf):
    train = tf.compat.v1.train
    close(train.natural_exp_decay(0.1, 0, 4, 0.5)(2), 0.07788)
    close(train.cosine_decay_restarts(0.1, 0, 4, t_mul=2.0)(7), 0.06913)


def test_methods_of_the_class(monkeypatch):
    with of_era(2):
        keras = root("tensorflow.keras")
        original = keras.Model.fit_generator
        seen = []
        monkeypatch.setattr(keras.Model, "fit_generator", lambda *args, **k: seen.append(1) or original(*args, **k))
        model = keras.Sequential([keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit_generator(iter([(np.ones((2, 3)), np.ones((2, 1)))]), steps_per_epoch=1, verbose=0)
        assert seen == [1]


def test_second_versions_of_operations_on_diagonals_align_them_left(tf):
    matrix = np.arange(1, 13, dtype="float32").reshape(3, 4)
    diagonals = tf.raw_ops.MatrixDiagPartV2(input=matrix, k=(-1, 2), padding_value=9.0)
    assert diagonals.numpy().tolist() == [[3, 8, 9], [2, 7, 12], [1, 6, 11], [5, 10, 9]]
    third = tf.raw_ops.MatrixDiagPartV3(input=matrix, k=(-1, 2), padding_value=9.0)
    assert third.numpy().tolist()[0] == [9, 3, 8]
    band = [[1, 2, 3, 0], [5, 6, 7, 8], [0, 10, 11, 12]]
    made = tf.raw_ops.MatrixDiagV2(diagonal=diagonals, k=(-1, 2), num_rows=3, num_cols=4, padding_value=0.0)
    assert made.numpy().tolist() == band
    zeros = np.zeros((3, 4), "float32")
    assert tf.raw_ops.MatrixSetDiagV2(input=zeros, diagonal=diagonals, k=(-1, 2)).numpy().tolist() == band

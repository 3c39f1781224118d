"""Arguments that were ignored once; the numbers are those of TensorFlow 2.15."""

import io

import numpy as np
import pytest
from PIL import Image

from gazelle.compat import backend, theano
from gazelle.compat import tensorflow as facade
from gazelle.compat import utils as compat_utils
from gazelle.compat.namespaces import root
from gazelle.core.errors import ArgumentError, DataError

Y, P = np.eye(2, dtype="f"), np.array([[2.0, -1.0], [0.5, 0.2]], "f")
W = np.array([[1.0], [0.0]], "f")
RNG = np.random.RandomState(0)
TABLE, BIAS, X = RNG.randn(5, 3).astype("f"), RNG.randn(5).astype("f"), RNG.randn(2, 3).astype("f")
LABELS = np.array([[1], [2]], "int64")
DRAWN = np.array([1, 3], "int64"), np.array([[0.3], [0.2]], "f"), np.array([0.4, 0.1], "f")
LOGITS = np.eye(4, dtype="f")[[[1], [3], [1]]] * 9  # class 1, nothing, class 1


@pytest.fixture(scope="module")
def tf():
    yield facade.module("tensorflow")
    facade.close()


def array(tf, size):
    parts = tf.TensorArray(tf.float32, size, element_shape=[])
    return parts.write(1, 2.0).stack()


def concrete(tf, training):
    @tf.function
    def double(x, training=True):
        return x * 2 if training else x

    return double.get_concrete_function(tf.TensorSpec([None], tf.float32), training=training)(tf.constant([1.0]))


def jacobian(tf):
    x, y = tf.constant([1.0, 2.0]), tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch([x, y])
        square = x * x
    return tape.jacobian(square, y, unconnected_gradients="zero")


def ragged_map(tf):
    return tf.map_fn(tf.range, tf.constant([1, 3]), fn_output_signature=tf.RaggedTensorSpec([None], tf.int32))


def beam(tf, **options):
    return tf.compat.v1.nn.ctc_beam_search_decoder(LOGITS, [3], **options)[0][0].values


def squared(tf, reduction):
    return tf.compat.v1.losses.mean_squared_error(Y, P, W, reduction=reduction)


def smooth(tf, name, **options):
    return getattr(tf.compat.v1.losses, name)(Y, P, **options)


def sampled(tf, name, removes):
    options = {"sampled_values": DRAWN, "remove_accidental_hits": removes}
    return getattr(tf.nn, name)(TABLE, BIAS, LABELS, X, 2, 5, **options)


CASES = {
    "dtype_hint": (lambda tf: tf.convert_to_tensor([1, 2], dtype_hint=tf.float32).dtype.name, "float32"),
    "dtype_hint that loses": (lambda tf: tf.convert_to_tensor([1.5], dtype_hint=tf.int32).dtype.name, "float32"),
    "elements that were not written": (lambda tf: array(tf, 3), [0, 2, 0]),
    "rows of different lengths": (lambda tf: ragged_map(tf).to_list(), [[0], [0, 1, 2]]),
    "uint16": (lambda tf: tf.image.convert_image_dtype(np.array([[[1, 255]]], "uint8"), "uint16"), [[[256, 65280]]]),
    "uint8": (lambda tf: tf.image.convert_image_dtype(np.array([[[256, 65535]]], "uint16"), "uint8"), [[[1, 255]]]),
    "inner lengths": (lambda tf: tf.ragged.constant([[[1, 2], [3]], [[4]]]).row_lengths(2).to_list(), [[2, 1], [1]]),
    "range of floats": (lambda tf: tf.ragged.range([0.5, 1.5]).to_list(), [[0.0], [0.0, 1.0]]),
    "keepdims": (lambda tf: tf.reduce_sum(tf.ragged.constant([[1, 2], [3]]), axis=0, keepdims=True), [[4, 2]]),
    "unconnected gradients": (jacobian, [0, 0]),
    "encoding": (lambda tf: tf.strings.unicode_encode([[72, 228]], "UTF-16-BE").numpy().tolist(), [b"\x00H\x00\xe4"]),
    "format": (lambda tf: tf.strings.format("{}", tf.range(8)).numpy(), b"[0 1 2 ... 5 6 7]"),
    "adjoint": (lambda tf: tf.matmul(tf.constant([[1 + 1j]]), tf.constant([[1j]]), adjoint_a=True), [[1 + 1j]]),
    "none": (lambda tf: squared(tf, "none"), [[1, 1], [0, 0]]),
    "weighted_sum": (lambda tf: squared(tf, "weighted_sum"), 2),
    "weighted_mean": (lambda tf: squared(tf, "weighted_mean"), 1),
    "batch size": (lambda tf: squared(tf, "weighted_sum_over_batch_size"), 0.5),
    "label_smoothing": (lambda tf: smooth(tf, "softmax_cross_entropy", label_smoothing=0.1), 0.5189713),
    "delta": (lambda tf: smooth(tf, "huber_loss", delta=0.3), 0.2025),
    "hits of nce": (lambda tf: sampled(tf, "nce_loss", True), [5.68678, 7.86938]),
    "no hits of nce": (lambda tf: sampled(tf, "nce_loss", False), [5.73856, 7.86938]),
    "hits of softmax": (lambda tf: sampled(tf, "sampled_softmax_loss", True), [5.56954, 5.90724]),
    "no hits of softmax": (lambda tf: sampled(tf, "sampled_softmax_loss", False), [5.5724, 5.90724]),
    "beam, merged": (beam, [1]),
    "beam": (lambda tf: beam(tf, merge_repeated=False), [1, 1]),
    "training=False": (lambda tf: concrete(tf, False), [1]),
    "training=True": (lambda tf: concrete(tf, True), [2]),
}


@pytest.mark.parametrize("name", CASES)
def test_values(tf, name):
    compute, expected = CASES[name]
    found = compute(tf)
    if isinstance(expected, str | bytes) or isinstance(found, list):
        assert found == expected
    else:
        np.testing.assert_allclose(np.asarray(found), expected, rtol=2e-5, atol=2e-5)


def test_a_fixed_size(tf):
    with pytest.raises(tf.errors.OutOfRangeError, match="less than 1, got 1"):
        tf.TensorArray(tf.float32, 1).write(1, 2.0)
    with pytest.raises(ValueError, match="expected 2, got 3"):
        tf.unstack([1, 2], num=3)
    with pytest.raises(ArgumentError, match="expected one table, got 2"):
        tf.nn.embedding_lookup([np.ones((2, 2)), np.ones((2, 2))], [1])
    assert tf.nn.embedding_lookup([np.ones((2, 2), "f")], [1]).shape == (1, 2)


def test_tolerances(tf):
    tf.debugging.assert_near(1.0, 1.01, 0.1)
    with pytest.raises(tf.errors.InvalidArgumentError, match="assert_near"):
        tf.debugging.assert_near(1.0, 1.01)


def test_print(tf, capsys, tmp_path):
    tf.print(tf.constant([1.0, 2.5, 0.1]), "x", [tf.constant(1.0), "b"], sep="|")
    tf.print(tf.range(10), summarize=2, output_stream=f"file://{tmp_path}/log")
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "[1 2.5 0.1]|x|[1, 'b']\n")
    assert (tmp_path / "log").read_text() == "[0 1 ... 8 9]\n"
    tf.print(tf.constant([0.1, 2 / 3, 20]), [True], tf.constant([True]), tf.range(9, 11), tf.ragged.constant([[1], []]))
    assert capsys.readouterr().err == "[0.1 0.666666687 20] [True] [1] [9 10] [[1], []]\n"


def test_images(tf):
    file = io.BytesIO()
    Image.fromarray(np.array([[1, 300], [65535, 4096]], "uint16")).save(file, "PNG")
    assert tf.io.decode_png(file.getvalue(), dtype=tf.uint16).numpy()[..., 0].tolist() == [[1, 300], [65535, 4096]]
    assert tf.io.decode_png(file.getvalue()).numpy()[..., 0].tolist() == [[0, 1], [255, 16]]
    colors = bytes.fromhex(  # of TensorFlow
        "89504e470d0a1a0a0000000d49484452000000020000000110020000002bd0349e00000015"
        "4944415408996364606460626066d466d462d4040001d60089e6c6540e0000000049454e44ae426082"
    )
    assert tf.io.decode_png(colors).numpy()[0, 0].tolist() == [0, 0, 0]
    with pytest.raises(ArgumentError, match="expected gray, got colors of 16 bits"):
        tf.io.decode_png(colors, dtype=tf.uint16)
    pixels = np.random.RandomState(0).randint(0, 255, (32, 32, 3)).astype("uint8")
    small, large = (tf.io.encode_jpeg(pixels, quality=q).numpy() for q in (20, 95))
    assert small[:3] == b"\xff\xd8\xff"
    assert len(small) < len(large)
    frames = [Image.fromarray(pixels // (n + 1)) for n in range(3)]
    frames[0].save(file := io.BytesIO(), "GIF", save_all=True, append_images=frames[1:])
    assert tf.io.decode_gif(file.getvalue()).shape == tf.io.decode_image(file.getvalue()).shape == (3, 32, 32, 3)


def test_files(tf, tmp_path):
    for name in "ab":
        (tmp_path / name).write_text(name)
    for move in (tf.io.gfile.copy, tf.io.gfile.rename):
        with pytest.raises(tf.errors.AlreadyExistsError, match="overwrite=True"):
            move(str(tmp_path / "a"), str(tmp_path / "b"))
    tf.io.gfile.copy(str(tmp_path / "a"), str(tmp_path / "b"), overwrite=True)
    assert (tmp_path / "b").read_text() == "a"


def test_checkpoints_by_steps(tf, tmp_path):
    step, found = tf.Variable(0), []
    checkpoint = tf.train.Checkpoint(step=step)
    manager = tf.train.CheckpointManager(checkpoint, str(tmp_path), 2, step_counter=step, checkpoint_interval=2)
    for _ in range(5):
        found.append(manager.save() is not None)
        step.assign_add(1)
    assert found == [True, False, True, False, True]
    assert len(list(tmp_path.glob("*.npz"))) == 2


def test_saver_keeps_the_newest(tf, tmp_path):
    saver = tf.compat.v1.train.Saver({"v": tf.Variable(0)}, max_to_keep=2)
    for step in range(4):
        saver.save(None, str(tmp_path / "model"), global_step=step)
    assert sorted(path.name for path in tmp_path.glob("*.npz")) == ["model-2.npz", "model-3.npz"]
    padded = tf.compat.v1.train.Saver({"v": tf.Variable(0)}, pad_step_number=True)
    assert padded.save(None, str(tmp_path / "v"), 7).endswith("v-00000007")


def test_summaries_on_a_condition(tf, tmp_path):
    with tf.summary.create_file_writer(str(tmp_path)).as_default(step=0):
        with tf.summary.record_if(False):
            assert not tf.summary.scalar("a", 1.0)
        assert tf.summary.scalar("a", 1.0)


def test_errors_in_threads(tf):
    coordinator = tf.train.Coordinator()
    coordinator.request_stop(tf.errors.OutOfRangeError("end of the data"))
    coordinator.join()
    coordinator.request_stop(RuntimeError("broken"))
    with pytest.raises(RuntimeError, match="broken"):
        coordinator.join()


def test_axis_of_batch_normalization():
    x, mean = np.ones((2, 3, 4, 3), "f"), np.arange(3.0, dtype="f")
    first = backend.batch_normalization(x, mean, mean + 1, axis=1, epsilon=0.0)
    np.testing.assert_allclose(np.asarray(first)[0, :, 0, 0], (1 - mean) / np.sqrt(mean + 1), rtol=1e-6)


def test_theano():
    module = theano.module
    T = module("theano.tensor")
    x, index = T.fmatrix("x"), T.iscalar("index")
    batch = module("theano").function([index], T.sum(x), givens={x: T.alloc(2.0, 3, 1) * index})
    assert batch(5) == 30
    with pytest.raises(ArgumentError, match="known_grads of grad"):
        T.grad(T.sum(x), x, known_grads={x: x})


def test_dtype_of_labels():
    assert compat_utils.to_categorical([0, 1], dtype="int32").dtype == "int32"


def test_labels_that_keras_converts_are_one_hot_encoded():
    encode = root("keras").utils.to_categorical
    digits = np.array(["1", "0"], dtype=object)
    np.testing.assert_array_equal(encode(digits), [[0, 1], [1, 0]])
    with pytest.warns(UserWarning, match="expected labels from 0 on, got -1 to 1"):
        np.testing.assert_array_equal(encode([-1, 1], 3), [[0, 0, 1], [0, 1, 0]])
    with pytest.warns(UserWarning, match="got -1 to 1"):
        np.testing.assert_array_equal(encode(["-1", "1"], 3), [[0, 0, 1], [0, 1, 0]])
    with pytest.warns(UserWarning, match=r"got 1.5 to 1.5"):
        np.testing.assert_array_equal(encode([1.5]), [[0, 1]])
    with pytest.raises(DataError, match="got 5"):
        encode([5], 3)

"""Variables of graphs of TensorFlow 1 by name, checkpoints of some of them, and names that only TensorFlow 1 had."""

import gc

import numpy as np
import pytest

from gazelle.core.errors import ArgumentError

X = np.cos(np.arange(4 * 8 * 8 * 3)).reshape(4, 8, 8, 3).astype("float32")


@pytest.fixture
def tf(tensorflow_1):
    return tensorflow_1


@pytest.fixture
def weights(tf):
    return {name: tf.get_variable(name, [2]) for name in ("net/w", "net/b", "head/w")}


def test_variables_by_name(tf, weights):
    tf.get_local_variable("count", [2], initializer=tf.zeros_initializer())
    f = tf.contrib.framework
    everything = tf.global_variables()
    found = {
        "net/w net/b": f.get_variables("net"),
        "net/w head/w": f.get_variables_by_name("w"),
        "net/b": f.get_variables_by_suffix("/b"),
        "net/w": f.filter_variables(everything, ["net"], ["b"]),
        "head/w": f.get_variables_to_restore(exclude=["net"]),
        "count": f.get_local_variables(),
    }
    for names, variables in found.items():
        assert " ".join(v.op.name for v in variables) == names
    assert f.get_trainable_variables() == everything == f.get_variables_to_restore() == list(weights.values())
    assert everything[0].dtype.base_dtype.is_floating


def test_all_variables_are_initialized(tf, weights):
    with tf.Session() as session:
        assert session.run(tf.report_uninitialized_variables()).tolist() == []
        assert session.run([tf.is_variable_initialized(v) for v in weights.values()]) == [True] * 3


def test_some_are_read_from_a_checkpoint(tf, weights, tmp_path):
    w, b, other = weights.values()
    assign = tf.contrib.slim.assign_from_checkpoint_fn
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        before = session.run([w, b, other])
        prefix = tf.train.Saver([w, b]).save(session, str(tmp_path / "model"))
        session.run([v.assign([0, 0]) for v in weights.values()])
        assign(prefix, [w])(session)
        assert session.run([w, b])[1].tolist() == [0, 0]
        assign(prefix, {"net/b": b, "head/w": other}, ignore_missing_vars=True)(session)
        np.testing.assert_array_equal(session.run([w, b]), before[:2])
        with pytest.raises(ArgumentError, match="expected variables, got none that the file has"):
            assign(prefix, [other], ignore_missing_vars=True)


def test_a_file_of_tensorflow_with_the_same_prefix_is_older(tf, weights, tmp_path):
    """It came with the program, which was run again."""
    w = weights["net/w"]
    (tmp_path / "model.index").write_bytes(b"of TensorFlow")
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        before = session.run(w)
        saver = tf.train.Saver([w])
        prefix = saver.save(session, str(tmp_path / "model"))
        session.run(w.assign([0, 0]))
        saver.restore(session, prefix)
        np.testing.assert_array_equal(session.run(w), before)


#: of TensorFlow 1.15: the sum of the absolute values
LAYERS = {
    "conv3d_transpose": (
        lambda layers, x, w: layers.conv3d_transpose(
            layers.max_pooling3d(x[..., None], 2, 2), 2, 3, padding="same", kernel_initializer=w
        ),
        102.5225,
    ),
    "separable_conv1d": (
        lambda layers, x, w: layers.separable_conv1d(
            x[:, :, 0], 5, 3, depthwise_initializer=w, pointwise_initializer=w
        ),
        0.75641376,
    ),
    "average_pooling3d": (lambda layers, x, w: layers.average_pooling3d(x[..., None], 2, 1, "same"), 73.4664),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers(tf, name):
    sine = lambda shape, *_, **__: np.sin(np.arange(np.prod(shape))).reshape(shape).astype("float32") * 0.2  # noqa: E731
    x = tf.placeholder(tf.float32, [None, 8, 8, 3])
    y = LAYERS[name][0](tf.layers, x, sine)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        np.testing.assert_allclose(np.abs(session.run(y, {x: X})).sum(), LAYERS[name][1], rtol=1e-5)


def test_images_are_moved(tf):  # numbers of TensorFlow 1.15
    image = tf.contrib.image
    moved = image.rotate(X, 0.5), image.rotate(X, 0.5, "BILINEAR"), image.translate(X, [1, -1])
    with tf.Session() as session:
        totals = [np.abs(v).sum() for v in session.run([*moved, image.transform(X, [1, 0, -1, 0, 1, 0, 0, 0])])]
    np.testing.assert_allclose(totals, [428.295, 197.0259, 375.4529, 428.1499], rtol=1e-5)


def test_names_that_only_tensorflow_1_had(tf):
    assert (tf.errors.INVALID_ARGUMENT, tf.errors.UNAUTHENTICATED) == (3, 16)
    tf.enable_resource_variables()
    with tf.op_scope([1], "scope"):
        assert tf.Variable(1.0).name == "scope/Variable:0"
    with tf.Session() as session:
        assert session.run(tf.manip.roll(tf.range(3), 1, 0)).tolist() == [2, 0, 1]
        assert session.run(tf.tensor_scatter_add([1, 2], [[0]], [9])).tolist() == [10, 2]
        assert abs(session.run(tf.spectral.fft(tf.constant([1, 2], tf.complex64)))).tolist() == [3, 1]
        np.testing.assert_allclose(session.run(tf.contrib.framework.sort([3, 1, 2])), [1, 2, 3])


def test_adamax(tf):  # numbers of TensorFlow 1.15
    w = tf.get_variable("w", initializer=[1.0, 2.0])
    step = tf.contrib.opt.AdaMaxOptimizer(0.1).minimize(tf.reduce_sum(w * w * w))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(5):
            session.run(step)
        np.testing.assert_allclose(session.run(w), [0.5898, 1.5486], atol=1e-4)


def test_adam_of_used_rows_and_of_nesterov(tf):  # numbers of TensorFlow 1.15
    def trained(optimizer):
        w = tf.Variable([1.0, 2.0, -1.0])
        table = tf.Variable(np.arange(8, dtype="float32").reshape(4, 2))
        ids = tf.placeholder(tf.int32, [None])
        loss = tf.reduce_sum(w * w * w) + tf.reduce_sum(tf.square(tf.nn.embedding_lookup(table, ids)))
        step = optimizer(0.1).minimize(loss)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            for given in ([0, 1], [1, 1], [3], [0, 3]):
                session.run(step, {ids: given})
            return np.concatenate([session.run(w), session.run(table).ravel()])

    lazy = [0.610134, 1.603582, -1.400609, 0, 0.822228, 1.802948, 2.803126, 4, 5, 5.858048, 6.858045]
    np.testing.assert_allclose(trained(tf.contrib.opt.LazyAdamOptimizer), lazy, atol=5e-6)
    proximal = lambda rate: tf.train.ProximalGradientDescentOptimizer(rate, l2_regularization_strength=0.5)  # noqa: E731
    of_rows = [0.342473, 0.366243, -3.67305, 0, 0.580499, 0.870748, 1.306122, 4, 5, 3.482994, 4.063492]
    np.testing.assert_allclose(trained(proximal), of_rows, atol=5e-6)
    nadam = [0.481247, 1.446686, -1.603455, 0, 0.710786, 1.65708, 2.656871, 4, 5, 5.767703, 6.767635]
    np.testing.assert_allclose(trained(tf.contrib.opt.NadamOptimizer), nadam, atol=5e-6)


def test_variables_without_references_are_in_the_graph(tf):
    def scaled():
        weights = {"used": tf.Variable([1.0]), "unused": tf.Variable([2.0])}
        return weights["used"] * 2

    tf.placeholder(tf.float32)
    made, names = scaled(), ["Variable:0", "Variable_1:0"]
    gc.collect()
    assert [v.name for v in tf.trainable_variables()] == names
    with tf.Graph().as_default():
        assert tf.global_variables() == []
        scaled()
        gc.collect()
        assert [v.name for v in tf.global_variables()] == names
    assert (len(tf.global_variables()), made is None) == (2, False)
    tf.reset_default_graph()
    assert tf.global_variables() == []

"""TensorFlow 1: arguments by position, and defaults, where TensorFlow 2 has others; the numbers are those of 1.15."""

import numpy as np
import pytest

r = np.random.RandomState(0)
X, Y = r.rand(3, 4).astype("float32"), r.rand(3, 4).astype("float32")
IMAGES, KERNEL = r.rand(2, 8, 8, 4).astype("float32"), r.rand(3, 3, 4, 2).astype("float32")
POINTWISE = r.rand(1, 1, 8, 5).astype("float32")
CLASSES, WEIGHTS = np.array([0, 2, 1]), np.array([[1.0], [0.0], [2.0]], "float32")
LABELS, PREDICTIONS = np.array([1, 0, 1, 1, 0, 1]), np.array([1, 1, 1, 0, 0, 0])
SCORES = r.rand(6).astype("float32")


@pytest.fixture
def tf(tensorflow_1):
    tensorflow_1.Session()  # a name that tells that the program is for TensorFlow 1
    return tensorflow_1


def run(tf, *tensors):
    session = tf.Session()
    session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
    return [np.ravel(value)[:4] for value in session.run(list(tensors))]


def test_functions(tf):
    x, y, images, kernel = map(tf.constant, (X, Y, IMAGES, KERNEL))
    cases = [
        (tf.nn.depthwise_conv2d(images, kernel, [1, 1, 1, 1], "SAME", [2, 2]), [0.66116, 1.0158, 1.1389, 1.4678]),
        (
            tf.nn.separable_conv2d(images, kernel, POINTWISE, [1, 1, 1, 1], "SAME", [2, 2]),
            [3.8936, 4.92, 4.3412, 5.0046],
        ),
        (tf.nn.pool(images, [2, 2], "MAX", "SAME", [1, 1], [2, 2]), [0.65311, 0.63992, 0.65633, 0.94467]),
        (tf.nn.convolution(images, kernel, "SAME", [2, 2]), [7.5119, 7.948, 9.2149, 10.486]),
        (tf.nn.convolution(images, kernel, "SAME", None, [2, 2]), [3.8721, 4.0832, 3.9255, 4.5543]),
        (
            tf.nn.dilation2d(images, kernel[:, :, :, 0], [1, 1, 1, 1], [1, 2, 2, 1], "SAME"),
            [1.2485, 1.5597, 1.4362, 1.8968],
        ),
        (
            tf.nn.erosion2d(images, kernel[:, :, :, 0], [1, 1, 1, 1], [1, 2, 2, 1], "SAME"),
            [-0.71162, -0.65185, -0.48393, -0.5957],
        ),
        (
            tf.nn.fused_batch_norm(images, np.ones(4, "f"), np.zeros(4, "f"), None, None, 1e-3, "NHWC", True, "n")[0],
            [-1.3454, 0.53337, -1.1799, 1.5478],
        ),
        (tf.contrib.metrics.accuracy(PREDICTIONS, LABELS), [0.5]),
        (tf.boolean_mask(x, CLASSES > 0, "name", 0), X[1]),
        (tf.gather(x, [0, 1], True, "name"), X[0]),
        (tf.pad(x, [[1, 0], [0, 1]], "CONSTANT", "name", 3.0), [3, 3, 3, 3]),
        (tf.nn.crelu(x - 0.5, "name", 0), X[0] - 0.5),
        (tf.matrix_diag(x, "name"), [X[0, 0], 0, 0, 0]),
        (tf.lin_space(0.0, 1.0, 5, "name"), [0, 0.25, 0.5, 0.75]),
        (tf.nn.embedding_lookup(x, [0, 2], "mod", "name", True, 1.0), [0.45221, 0.58929, 0.49666, 0.44897]),
        (tf.nn.dropout(x, 1.0, None, 3, "name"), X[0]),
        (
            tf.nn.weighted_cross_entropy_with_logits(targets=x, logits=y, pos_weight=2.0),
            [0.9516, 0.83619, 1.0833, 1.0446],
        ),
        (tf.nn.moments(x, [0], None, "name", True)[0], X.mean(0)),
        (tf.nn.in_top_k(x, CLASSES, 2), [0, 0, 0]),
        (tf.confusion_matrix(CLASSES, CLASSES, 4, tf.float32, "name", WEIGHTS[:, 0]), [1, 0, 0, 0]),
    ]
    for number, (found, (_, expected)) in enumerate(zip(run(tf, *(t for t, _ in cases)), cases, strict=True)):
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=1e-6, err_msg=str(number))


def test_losses(tf):
    x, y, hot = tf.constant(X), tf.constant(Y), tf.one_hot(CLASSES, 4)
    losses, total, weights = tf.losses, tf.losses.Reduction.SUM, WEIGHTS[:, 0]
    cases = [
        (losses.absolute_difference(x, y, 2.0, "scope", None, total), 6.3683),
        (losses.mean_squared_error(x, y, 2.0, "scope", None, total), 2.3929),
        (losses.hinge_loss(x, y, 2.0, "scope", None, total), 19.328),
        (losses.huber_loss(x, y, 1.0, 0.1, "scope", "mine", total), 0.26836),
        (losses.log_loss(x, y, 1.0, 0.1, "scope", "mine", total), 7.1323),
        (losses.softmax_cross_entropy(hot, x, weights, 0.1, "scope", "mine", total), 4.7709),
        (losses.sigmoid_cross_entropy(hot, x, WEIGHTS, 0.1, "scope", "mine", total), 11.283),
        (losses.sparse_softmax_cross_entropy(CLASSES, x, weights, "scope", "mine", total), 4.833),
        (losses.cosine_distance(x, y, 1, WEIGHTS, "scope", "mine", total), -2.1194),
        (losses.compute_weighted_loss(x, WEIGHTS, None, "mine", total), 7.7471),
    ]
    assert (len(losses.get_losses()), len(tf.get_collection("mine"))) == (0, 7)
    np.testing.assert_allclose(np.ravel(run(tf, *(t for t, _ in cases))), [v for _, v in cases], rtol=2e-4)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("accuracy", 0.5), ("precision", 2 / 3), ("recall", 0.5), ("false_positives", 1), ("false_negatives", 2)],
)
def test_streaming_metrics_take_the_predictions_first(tf, name, expected):
    value, update = getattr(tf.contrib.metrics, f"streaming_{name}")(PREDICTIONS, LABELS)
    session = tf.Session()
    session.run(tf.local_variables_initializer())
    session.run(update)
    assert float(session.run(value)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "arguments", "mean", "bound"),
    [
        ("random_normal_initializer", (), 0.0, (3.0, 7.0)),
        ("truncated_normal_initializer", (), 0.0, (1.9, 2.0)),
        ("random_uniform_initializer", (), 0.5, (0.99, 1.0)),
        ("initializers.random_normal", (), 0.0, (3.0, 7.0)),
        ("initializers.random_uniform", (), 0.5, (0.99, 1.0)),
        ("random_normal_initializer", (0.5, 0.1, 3, "float32"), 0.5, (0.7, 1.2)),
        ("constant_initializer", (0.1, "float32"), 0.1, (0.1, 0.1)),
        ("zeros_initializer", ("float32",), 0.0, (0.0, 0.0)),
        ("orthogonal_initializer", (2.0, 1, "float32"), 0.0, (0.1, 1.0)),
    ],
)
def test_initializers(tf, name, arguments, mean, bound):
    module, _, function = name.rpartition(".")
    initializer = getattr(tf.initializers if module else tf, function)(*arguments)
    values = np.asarray(tf.Session().run(initializer([100, 200])))
    assert values.mean() == pytest.approx(mean, abs=0.05)
    assert bound[0] - 1e-6 <= abs(values).max() <= bound[1] + 1e-6


def test_layers(tf):
    one = tf.constant_initializer(1.0)
    x = tf.constant(IMAGES)
    layers = [
        tf.layers.conv2d(x, 2, 3, (1, 1), "same", "channels_last", (1, 1), tf.nn.tanh, False, one, None),
        tf.layers.conv2d_transpose(x, 2, 3, (1, 1), "same", "channels_last", tf.nn.tanh, False, one),
        tf.layers.dense(x, 2, tf.nn.tanh, False, one, name="by_name"),
        tf.layers.dropout(x, 0.5, (2, 1, 1, 4), 1, True),
    ]
    convolved, transposed, dense, dropped = (np.asarray(v) for v in tf.Session().run(_initialized(tf, layers)))
    assert np.abs(convolved).max() <= 1.0
    np.testing.assert_allclose(convolved, transposed, rtol=1e-5)
    np.testing.assert_allclose(dense[..., 0], np.tanh(IMAGES.sum(-1)), rtol=1e-5)
    ratio = dropped / IMAGES
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:, :1, :1], ratio.shape), rtol=1e-5)


def _initialized(tf, tensors):
    tf.Session().run(tf.global_variables_initializer())
    return tensors


def test_decays_are_tensors_of_their_step(tf):
    step = tf.Variable(0, trainable=False)
    w = tf.Variable(1.0)
    rates = [
        (tf.train.exponential_decay(0.1, step, 2, 0.5, True), [0.1, 0.1, 0.05]),
        (tf.train.polynomial_decay(0.1, step, 3, 0.01, 2.0), [0.1, 0.05, 0.02]),
        (tf.train.inverse_time_decay(0.1, step, 2, 0.5), [0.1, 0.08, 0.066667]),
        (tf.train.natural_exp_decay(0.1, step, 2, 0.5), [0.1, 0.07788, 0.060653]),
        (tf.train.cosine_decay(0.1, step, 5), [0.1, 0.090451, 0.065451]),
        (tf.train.linear_cosine_decay(0.1, step, 5), [0.1001, 0.072461, 0.039371]),
        (tf.train.noisy_linear_cosine_decay(0.1, step, 5, 0.0), [0.1001, 0.072461, 0.039371]),
        (tf.train.linear_cosine_decay(0.1, step, 5), [0.1001, 0.072461, 0.039371]),
        (tf.train.noisy_linear_cosine_decay(0.1, step, 5, 0.0), [0.1001, 0.072461, 0.039371]),
        (tf.train.piecewise_constant(step, [1, 3], [0.1, 0.05, 0.01]), [0.1, 0.1, 0.05]),
    ]
    train = tf.train.GradientDescentOptimizer(rates[0][0]).minimize(2.0 * w - w, global_step=step)
    session = tf.Session()
    session.run(tf.global_variables_initializer())
    found = []
    for _ in range(3):
        found.append(session.run([rate for rate, _ in rates]))
        session.run(train)
    np.testing.assert_allclose(np.transpose(found), [values for _, values in rates], rtol=1e-4)
    assert float(session.run(w)) == pytest.approx(0.75)
    given = tf.placeholder(tf.int32, [])
    assert session.run(tf.train.exponential_decay(0.1, given, 5, 0.5, True), {given: 11}) == pytest.approx(0.025)


def test_arrays_of_a_constant_initializer(tf):
    """It is reshaped, and its last element is repeated; a scope that does not reuse says so."""
    given = tf.constant_initializer([[1, -1], [0, 2]])
    found = run(
        tf, tf.get_variable("a", [2, 2, 1, 1], initializer=given), tf.get_variable("b", [6], initializer=given)[2:]
    )
    assert [value.ravel().tolist() for value in found] == [[1, -1, 0, 2], [0, 2, 2, 2]]
    with tf.variable_scope("scope"):
        assert tf.get_variable_scope().reuse is False

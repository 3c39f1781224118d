"""`tf.contrib.layers` and slim: shapes, variables and numbers of TensorFlow 1.15."""

import importlib

import numpy as np
import pytest

import gazelle
from gazelle.core.errors import ArgumentError

X = np.cos(np.arange(4 * 8 * 8 * 3)).reshape(4, 8, 8, 3).astype("float32")


@pytest.fixture
def tf(tensorflow_1):
    return tensorflow_1


def sine(shape, dtype=None, partition_info=None):
    return np.sin(np.arange(np.prod(shape))).reshape(shape).astype("float32") * 0.2


CASES = {
    "conv2d": lambda slim, x, w: slim.conv2d(x, 4, [3, 5], stride=2, rate=1, weights_initializer=w),
    "dilated": lambda slim, x, w: slim.conv2d(x, 2, 3, rate=2, activation_fn=None, weights_initializer=w),
    "conv2d_transpose": lambda slim, x, w: slim.conv2d_transpose(x, 3, 3, 2, "VALID", weights_initializer=w),
    "separable_conv2d": lambda slim, x, w: slim.separable_conv2d(x, 5, 3, 2, weights_initializer=w),
    "depthwise": lambda slim, x, w: slim.separable_conv2d(
        x, None, 3, 1, biases_initializer=None, weights_initializer=w
    ),
    "pools": lambda slim, x, w: slim.avg_pool2d(slim.max_pool2d(x, 3), [2, 2], stride=1, padding="SAME"),
    "fully_connected": lambda slim, x, w: slim.linear(slim.flatten(x), 2, weights_initializer=w),
    "of_images": lambda slim, x, w: slim.fully_connected(x, 2, weights_initializer=w, scope="fc"),
    "batch_norm": lambda slim, x, w: slim.conv2d(x, 2, 3, normalizer_fn=slim.batch_norm, weights_initializer=w),
    "layer_norm": lambda slim, x, w: slim.layer_norm(x, center=False),
    "instance_norm": lambda slim, x, w: slim.instance_norm(x),
    "stack": lambda slim, x, w: slim.stack(slim.flatten(x), slim.fully_connected, [4, 5], weights_initializer=w),
    "repeat": lambda slim, x, w: slim.repeat(x, 2, slim.conv2d, 3, [3, 3], scope="conv", weights_initializer=w),
    "bias_add": lambda slim, x, w: slim.bias_add(x, activation_fn=None),
    "group_norm": lambda slim, x, w: slim.group_norm(x, groups=3, activation_fn=gazelle.ops.abs),
    "volumes": lambda slim, x, w: slim.conv3d_transpose(
        slim.avg_pool3d(x[..., None], [2, 2, 1]), 2, 3, 2, weights_initializer=w
    ),
    "max_pool3d": lambda slim, x, w: slim.max_pool3d(x[..., None], 2, 1, "SAME"),
}
#: case -> (shape, names of the variables, sum of the absolute values)
EXPECTED = {
    "conv2d": ([None, 4, 4, 4], "Conv/weights Conv/biases", 5.5744),
    "dilated": ([None, 8, 8, 2], "Conv/weights Conv/biases", 255.5555),
    "conv2d_transpose": ([None, 17, 17, 3], "Conv2d_transpose/weights Conv2d_transpose/biases", 263.3792),
    "separable_conv2d": (
        [None, 8, 8, 5],
        " ".join(f"SeparableConv2d/{name}" for name in ("depthwise_weights", "pointwise_weights", "biases")),
        21.1747,
    ),
    "depthwise": ([None, 8, 8, 3], "SeparableConv2d/depthwise_weights", 74.6255),
    "pools": ([None, 3, 3, 3], "", 104.6352),
    "fully_connected": ([None, 2], "fully_connected/weights fully_connected/biases", 1.7898),
    "of_images": ([None, 8, 8, 2], "fc/weights fc/biases", 37.6661),
    "batch_norm": (
        [None, 8, 8, 2],
        "Conv/weights Conv/BatchNorm/beta Conv/BatchNorm/moving_mean Conv/BatchNorm/moving_variance",
        205.1815,
    ),
    "layer_norm": ([None, 8, 8, 3], "LayerNorm/gamma", 691.4418),
    "instance_norm": ([None, 8, 8, 3], "InstanceNorm/beta InstanceNorm/gamma", 691.4363),
    "stack": (
        [None, 5],
        " ".join(f"Stack/fully_connected_{i}/{name}" for i in (1, 2) for name in ("weights", "biases")),
        0.2019,
    ),
    "repeat": (
        [None, 8, 8, 3],
        "conv/conv_1/weights conv/conv_1/biases conv/conv_2/weights conv/conv_2/biases",
        5.7410,
    ),
    "bias_add": ([None, 8, 8, 3], "BiasAdd/biases", 489.2593),
    "group_norm": ([None, 8, 8, 3], "GroupNorm/beta GroupNorm/gamma", 691.4363),
    "volumes": ([None, 8, 8, 4, 2], "Conv3d_transpose/weights Conv3d_transpose/biases", 9.0955),
    "max_pool3d": ([None, 8, 8, 3, 1], "", 683.2225),
}


@pytest.mark.parametrize("case", CASES)
def test_layers(tf, case):
    x = tf.placeholder(tf.float32, [None, 8, 8, 3])
    with tf.variable_scope("S"):
        y = CASES[case](tf.contrib.slim, x, sine)
    shape, names, total = EXPECTED[case]
    assert y.get_shape().as_list() == shape
    assert [v.name for v in tf.global_variables()] == [f"S/{name}:0" for name in names.split()]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        np.testing.assert_allclose(np.abs(sess.run(y, {x: X})).sum(), total, rtol=1e-5, atol=1e-4)


def test_scopes_of_arguments_and_updates_in_place(tf):
    slim, x = tf.contrib.slim, tf.placeholder(tf.float32, [None, 8, 8, 3])
    normalized = {"normalizer_fn": slim.batch_norm, "normalizer_params": {"decay": 0.9}}
    with (
        slim.arg_scope([slim.conv2d], **normalized) as scope,
        slim.arg_scope([slim.conv2d, slim.batch_norm], activation_fn=None),
    ):
        slim.conv2d(x, 2, 3, weights_initializer=sine)
    with slim.arg_scope(scope):
        slim.conv2d(x, 2, 3, weights_initializer=sine)
    assert [len(tf.get_collection(key)) for key in ("update_ops", "trainable_variables")] == [4, 4]
    y = slim.batch_norm(x, decay=0.9, updates_collections=None)
    loss = tf.reduce_mean(y + tf.get_variable("w", [], initializer=tf.ones_initializer()))
    optimizer = tf.train.GradientDescentOptimizer(0.1)
    steps = optimizer.minimize(loss), optimizer.apply_gradients(optimizer.compute_gradients(loss))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        moving = next(v for v in tf.global_variables() if v.name == "BatchNorm/moving_variance:0")
        for step in steps:  # both do the updates on which the loss depends
            before = sess.run(moving)
            sess.run(step, {x: X + np.arange(3)})
            assert (sess.run(moving) < before).all()
    with pytest.raises(ArgumentError, match=r"tf.contrib.layers.conv2d: expected the arguments inputs.*sizes"):
        slim.conv2d(x, 3, 3, sizes=2)


def test_slim_shows_the_modules_that_it_imports(tf):
    slim = tf.contrib.slim
    assert np.asarray(slim.init_ops.constant_initializer(2.0)([2])).tolist() == [2, 2]
    assert slim.math_ops.reduce_mean is tf.reduce_mean
    assert slim.regularizers.l2_regularizer(0.5)
    x = tf.placeholder(tf.float32, [None])
    results, updates = slim.metrics.aggregate_metric_map({"mean": slim.metrics.streaming_mean(x)})
    with tf.Session() as sess:
        sess.run(tf.local_variables_initializer())
        sess.run(updates, {x: [1.0, 3.0]})
        assert sess.run(results) == {"mean": 2}


def test_initializers_and_dropout(tf):
    layers = tf.contrib.layers
    drawn = np.asarray(layers.xavier_initializer(uniform=False, seed=1)((1000, 1000)))
    np.testing.assert_allclose(drawn.std(), 1000**-0.5, rtol=0.02)
    x, mode = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.bool, [])
    y = layers.dropout(x, keep_prob=0.5, is_training=mode)
    with tf.Session() as sess:
        assert (sess.run(y, {x: np.ones((2, 3)), mode: False}) == 1).all()
        assert set(np.unique(sess.run(y, {x: np.ones((20, 3)), mode: True}))) == {0.0, 2.0}


def test_embeddings_of_sequences(tensorflow_1):
    tf = tensorflow_1
    ids = tf.placeholder(tf.int32, [None, 3])
    made = [tf.contrib.layers.embed_sequence(ids, 7, 4, scope="words", reuse=reuse) for reuse in (None, True)]
    assert [v.name for v in tf.trainable_variables()] == ["words/embeddings:0"]
    session = tf.Session()
    session.run(tf.global_variables_initializer())
    first, second = session.run(made, {ids: [[0, 1, 6]]})
    assert first.shape == (1, 3, 4)
    np.testing.assert_array_equal(first, second)
    assert [v.tolist() for v in session.run(tf.setdiff1d([3, 5, 1, 5], [1, 3]))] == [[5, 5], [1, 3]]


@pytest.mark.parametrize(
    ("arguments", "values"),
    [
        ({"learning_rate": 0.25, "optimizer": "SGD"}, [0.75, 0.5]),
        ({"learning_rate": 0.1, "optimizer": "Adagrad", "clip_gradients": 0.5}, [0.91548455, 0.8509348]),
        ({"learning_rate": 0.1, "optimizer": "Momentum"}, [0.9, 0.71]),
        ({"learning_rate": 0.25, "optimizer": "by class", "gradient_multipliers": {"v": 2.0}}, [0.5, 0.0]),
    ],
)
def test_optimize_loss(tf, arguments, values):
    """The variable after each of two steps of TensorFlow 1.15."""
    session = tf.Session()
    v, step = tf.Variable(1.0, name="v"), tf.train.get_or_create_global_step()
    if arguments["optimizer"] == "by class":
        arguments = {**arguments, "optimizer": tf.train.GradientDescentOptimizer}
    train = tf.contrib.layers.optimize_loss(v * 1.0, step, **arguments)
    session.run(tf.global_variables_initializer())
    for count, value in enumerate(values, 1):
        session.run(train)
        assert session.run([v, step]) == [pytest.approx(value, abs=1e-6), count]


def test_a_step_of_slim_returns_the_loss(tensorflow_1):  # numbers of TensorFlow 1.15
    tf = tensorflow_1
    slim = tf.contrib.slim
    x = tf.placeholder(tf.float32, [None, 2])
    ones = tf.ones_initializer()
    logits = slim.fully_connected(x, 2, None, weights_initializer=ones, weights_regularizer=slim.l2_regularizer(0.1))
    slim.losses.sparse_softmax_cross_entropy(logits, tf.constant([0, 1]))
    total = slim.losses.get_total_loss()
    step = slim.learning.create_train_op(total, tf.train.GradientDescentOptimizer(0.5), clip_gradient_norm=1.0)
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())
    found = [sess.run(step, {x: [[1.0, 2.0], [3.0, 4.0]]}) for _ in range(2)]
    np.testing.assert_allclose(found, [0.8931472, 1.0476243], rtol=1e-5)
    assert sess.run(slim.get_or_create_global_step()) == 2
    assert sess.run(tf.arg_min(tf.constant([3.0, 1.0]), 0)) == 1
    with tf.get_default_graph().device("/cpu:0"):
        assert tf.group(step).name


def test_tensors_of_a_collection_by_the_names_of_their_layers(tf):
    slim = tf.contrib.slim
    with tf.variable_scope("net") as scope:
        ends = scope.original_name_scope + "_ends"
        with slim.arg_scope([slim.conv2d, slim.max_pool2d, slim.fully_connected], outputs_collections=ends):
            x = slim.repeat(tf.constant(X), 2, slim.conv2d, 2, 3, scope="conv1")
            x = slim.flatten(slim.max_pool2d(x, 2, scope="pool1"))
            x = slim.fully_connected(x, 5, scope="fc")
    found = slim.utils.convert_collection_to_dict(ends, clear_collection=True)
    assert list(found) == ["net/conv1/conv1_1", "net/conv1/conv1_2", "net/pool1", "net/fc"]
    assert found["net/fc"] is x
    assert slim.utils.convert_collection_to_dict(ends) == {}
    assert slim.utils.last_dimension(x.shape, min_rank=2) == 5


def test_penalties_have_the_values_of_variables_when_a_session_runs(tf):
    tf.disable_eager_execution()
    w = tf.Variable([1.0, 2.0])
    layers = tf.contrib.layers
    both = layers.l2_regularizer(0.5)(w), layers.l1_regularizer(0.5)(w), layers.l1_l2_regularizer(0.1, 0.2)(w)
    total = layers.apply_regularization(layers.l2_regularizer(0.5), [w, w])
    (of_w,) = tf.gradients(both[0] + both[1], [w])
    with tf.Session() as sess:
        sess.run(tf.assign(w, [3.0, 4.0]))
        np.testing.assert_allclose(sess.run(both), [6.25, 3.5, 3.2], rtol=1e-6)
        np.testing.assert_allclose(sess.run(of_w), [2.0, 2.5])
        assert sess.run(total) == sess.run(tf.losses.get_regularization_loss()) == 12.5


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("layers", "batch_norm"),
        ("layers.layers", "conv2d"),
        ("layers.initializers", "xavier_initializer"),
        ("layers.regularizers", "l2_regularizer"),
    ],
)
def test_paths_by_which_programs_import_layers(installed, module, name):
    found = importlib.import_module(f"tensorflow.contrib.layers.python.{module}")
    assert getattr(found, name) is getattr(importlib.import_module("tensorflow").contrib.layers, name)


def test_conv2d_of_three_axes_is_of_one(tensorflow_1):  # as in TensorFlow 1.3
    tf = tensorflow_1
    kernel, x = np.arange(12.0, dtype="float32").reshape(2, 3, 2), np.arange(24, dtype="float32").reshape(2, 4, 3)
    options = {"weights_initializer": tf.constant_initializer(kernel), "activation_fn": None}
    out = tf.contrib.layers.conv2d(tf.constant(x), 2, 2, padding="VALID", **options)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        expected = sum(x[:, i : i + 3] @ kernel[i] for i in range(2))
        np.testing.assert_allclose(session.run(out), expected, rtol=1e-6)


@pytest.mark.parametrize(
    "module",
    ["contrib.rnn.python.ops.core_rnn_cell", "contrib.rnn.python.ops.core_rnn_cell_impl", "python.ops.rnn_cell_impl"],
)
def test_paths_by_which_programs_import_functions_of_cells(installed, module):
    found = importlib.import_module(f"tensorflow.{module}")
    assert found._linear is importlib.import_module("tensorflow").nn.rnn_cell._linear

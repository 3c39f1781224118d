"""TensorFlow 1 as Keras programs used it: placeholders, sessions, optimizers, savers, summaries."""

import pathlib

import numpy as np
import pytest

from gazelle.compat import tensorflow as facade
from gazelle.compat.backend import get_session
from gazelle.compat.namespaces import root
from gazelle.compat.tensorflow.v1 import graphs
from gazelle.core.errors import ArgumentError, StateError

keras = root("keras")
X = np.random.default_rng(0).random((32, 4))
Y = X.sum(1, keepdims=True)


@pytest.fixture
def tf():
    graphs.reset()
    yield facade.module("tensorflow")
    facade.close()


def regression(tf):
    x = tf.placeholder(tf.float32, [None, 4], name="x")
    y = tf.placeholder(tf.float32, shape=(None, 1))
    w = tf.Variable(tf.random_normal([4, 8], stddev=0.1), name="w")
    hidden = tf.nn.relu(tf.matmul(x, w) + tf.Variable(tf.zeros([8])))
    return x, y, w, tf.losses.mean_squared_error(y, keras.layers.Dense(1)(hidden))


def test_objects_are_fed_as_numbers(tf):
    x = tf.placeholder(tf.float32, [None, 2])
    rows = np.array([[1.5, True], [2, "3"]], object)  # of a table with several dtypes
    with tf.Session() as session:
        assert session.run(x * 2, {x: rows}).tolist() == [[3, 2], [4, 6]]


def test_labels_without_a_shape(tf):
    x, y = tf.placeholder(tf.float32, (None, 3)), tf.placeholder(dtype=tf.int64)
    w = tf.Variable(np.tile(np.arange(4.0, dtype="float32"), (3, 1)))
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=tf.matmul(x, w))
    assert losses.shape.as_list() == [None]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        values = sess.run(losses, {x: np.arange(6.0).reshape(2, 3) / 5, y: [1, 3]})
    np.testing.assert_allclose(values, [1.9007704, 0.0950321], rtol=1e-5)


def test_trains(tf, tmp_path):
    x, y, w, loss = regression(tf)
    step = tf.Variable(0, trainable=False, name="step")
    tf.summary.scalar("loss", loss)
    merged, train = tf.summary.merge_all(), tf.train.AdamOptimizer(0.05).minimize(loss, global_step=step)
    saver, fed = tf.train.Saver(), {x: X, y: Y}
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        writer = tf.summary.FileWriter(str(tmp_path / "logs"), sess.graph)
        first, before = sess.run([loss, w], fed)
        for i in range(20):
            summary, _, last = sess.run([merged, train, loss], feed_dict=fed)
            writer.add_summary(summary, i)
        assert last < first / 2
        assert sess.run(step) == 20
        path = saver.save(sess, str(tmp_path / "model.ckpt"), global_step=step)
        trained = w.eval()
        sess.run(tf.global_variables_initializer())
        np.testing.assert_array_equal(sess.run(w), before)
        saver.restore(sess, path)
        np.testing.assert_array_equal(sess.run(w), trained)
    assert tf.train.latest_checkpoint(str(tmp_path)) == path
    assert len(tf.trainable_variables()) == 4
    (events,) = pathlib.Path(tmp_path / "logs").iterdir()
    assert events.read_bytes().count(b"loss") == 20
    tf.reset_default_graph()
    assert tf.summary.merge_all() is tf.merge_all_summaries() is None


def test_gradients_that_the_program_changes(tf):
    x, y, w, loss = regression(tf)
    optimizer = tf.train.GradientDescentOptimizer(1.0)
    pairs = optimizer.compute_gradients(loss, [w])
    train = optimizer.apply_gradients([(tf.clip_by_value(g, -0.1, 0.1), v) for g, v in pairs])
    sess, fed = tf.Session(), {x: X, y: Y}
    before, gradient = sess.run([w, tf.gradients(loss, w)[0]], fed)
    sess.run(train, fed)
    np.testing.assert_allclose(sess.run(w), before - gradient.clip(-0.1, 0.1), rtol=1e-5)


def test_gradients_that_stop_at_tensors_or_are_zeros(tf):
    x = keras.backend.placeholder((2,))
    w = keras.backend.variable(3.0)
    y = x**2
    z = x * y * w
    parts = tf.gradients([z, z], [x, y, w], stop_gradients=[y], unconnected_gradients="zero")
    apart = tf.gradients(x + 1, [x, w, z], unconnected_gradients=tf.UnconnectedGradients.ZERO)
    run = keras.backend.function([x], parts + apart)
    found = run([np.array([1.0, 2.0])])
    np.testing.assert_allclose(found[0], [6.0, 24.0])  # 2 w y
    np.testing.assert_allclose(found[1], [6.0, 12.0])  # 2 w x
    np.testing.assert_allclose(found[2], 18.0)
    np.testing.assert_allclose(found[3], [1.0, 1.0])
    np.testing.assert_allclose(found[4], 0.0)
    np.testing.assert_allclose(found[5], [0.0, 0.0])
    assert tf.gradients(x + 1, [w]) == [None]


def test_gradients_in_a_layer(tf, keras_2):
    """By inputs that come from outside of the layer, behind a layer that does not know a size."""

    class Chosen(keras_2.layers.Layer):
        def call(self, inputs):
            return tf.gather_nd(*inputs)

        def compute_output_shape(self, shapes):
            return shapes[1][:1]

    class Slope(keras_2.layers.Layer):
        def call(self, inputs):
            return tf.gradients(inputs[0], inputs[1])[0]

        def compute_output_shape(self, shapes):
            return shapes[1]

    x = keras_2.layers.Input((3,))
    index = keras_2.layers.Input(batch_shape=(None, None), dtype="int32")
    slope = Slope()([Chosen()([x, index]), x])
    model = keras_2.models.Model([x, index], slope)
    again = keras_2.models.Model([x, index], model([x, index]))
    for each in (model, again):
        found = each.predict([np.ones((2, 3)), np.array([[0, 1], [1, 2]])])
        np.testing.assert_allclose(found, [[0, 1, 0], [0, 0, 1]])


def test_gradients_with_weights_of_the_outputs(tf):
    """As in actor-critic programs: the gradient of the actor is that of its critic times that of its output."""
    model = keras.Sequential([keras.layers.Dense(2, input_shape=(4,), use_bias=False)])
    weights = tf.placeholder(tf.float32, [None, 2])
    (found,) = tf.gradients(model.output, model.trainable_weights, -weights)
    given = np.ones((32, 2)) * [1, 2]
    got = get_session().run(found, {model.input: X, weights: given})
    np.testing.assert_allclose(got, -X.T @ given, rtol=1e-5)


def test_assignments(tf):
    with tf.variable_scope("scope"):
        v = tf.get_variable("v", [2], initializer=tf.zeros_initializer())
    with tf.variable_scope("scope", reuse=True):
        assert tf.get_variable("v", [2]) is v
    sess = tf.Session()
    add = tf.assign_add(v, [1.0, 2.0])
    assert sess.run(v).tolist() == [0, 0]
    assert sess.run(add).tolist() == [1, 2]
    sess.run(tf.group(add, tf.assign(tf.Variable(0.0), 1.0)))
    assert sess.run(v * 2).tolist() == [4, 8]


def test_layers(tf):
    x = tf.placeholder(tf.float32, (None, 8, 8, 1))
    h = tf.layers.conv2d(x, 4, 3, activation=tf.nn.relu, name="conv")
    h = tf.layers.dropout(tf.layers.flatten(tf.layers.max_pooling2d(h, 2, 2)), 0.5, training=False)
    labels = tf.placeholder(tf.int32, [None])
    loss = tf.losses.sparse_softmax_cross_entropy(labels=labels, logits=tf.layers.dense(h, 3))
    value = tf.Session().run(loss, {x: np.ones((2, 8, 8, 1)), labels: [0, 1]})
    assert value.shape == ()
    assert value > 0


def test_variables_without_a_graph_are_those_of_tensorflow_2(tf):
    v = tf.Variable(1.0)
    assert float(v * 2) == 2
    assert tf.executing_eagerly()


def test_estimators_are_refused(tf):
    with pytest.raises(ArgumentError, match="Train the Keras model itself"):
        tf.keras.estimator.model_to_estimator(keras.Sequential())


def test_penalties_of_variables(tf):
    l2 = tf.contrib.layers.l2_regularizer(1.0)
    w = tf.get_variable("w", [2], initializer=tf.constant_initializer(3.0), regularizer=l2)
    hidden = tf.layers.dense(tf.placeholder(tf.float32, [None, 2]), 1, kernel_regularizer=l2, use_bias=False)
    assert hidden.shape == (None, 1)
    found = tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
    assert len(found) == 2
    with tf.Session() as sess:
        values = sess.run(found)
        assert values[0] == 9.0
        np.testing.assert_allclose(sess.run(tf.losses.get_regularization_loss()), sum(values))
        step = tf.train.GradientDescentOptimizer(0.1).minimize(tf.losses.get_regularization_loss(), var_list=[w])
        sess.run(step)
        np.testing.assert_allclose(sess.run(w), [2.7, 2.7], rtol=1e-6)


def test_arguments_of_contrib(tf):
    x, dense = tf.placeholder(tf.float32, [None, 2]), tf.contrib.layers.fully_connected
    y = dense(x, 3, None, weights_initializer=tf.ones_initializer(), biases_initializer=None, scope="d")
    with tf.Session() as sess:
        assert sess.run(y, {x: [[1.0, 2.0]]}).tolist() == [[3.0, 3.0, 3.0]]
    assert [v.name for v in tf.trainable_variables()] == ["d/weights:0"]


def test_penalties_of_weights_of_layers(tf):  # numbers of TensorFlow 1.15
    x = tf.placeholder(tf.float32, [None, 3])
    dense = tf.layers.Dense(2, kernel_initializer=tf.ones_initializer())
    y = keras.layers.Dense(2, kernel_initializer="ones")(dense(x))
    decay = tf.add_n([tf.nn.l2_loss(v) for v in tf.trainable_variables()])
    loss = tf.reduce_mean(y) + tf.nn.l2_loss(dense.kernel) + decay
    step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert sess.run([step, loss], {x: np.ones((1, 3))}) == [None, 14.0]
        kernels = [sess.run(v)[0, 0] for v in tf.trainable_variables() if "kernel" in v.name]
        np.testing.assert_allclose(kernels, [0.7, 0.75], rtol=1e-6)


def test_tensors_are_compared_as_objects(tf):
    rate = tf.placeholder(tf.float32, [])
    assert bool(rate != 0.0)
    assert rate in [rate]
    assert tf.random_normal([2, 3]).get_shape().as_list() == [2, 3]


class WithMore(keras.optimizers.Optimizer):
    """An optimizer that does the updates of another one and some more, as packages for reinforcement learning do."""

    def __init__(self, optimizer, additional):
        super().__init__(optimizer._name)
        self.optimizer, self.additional = optimizer, additional

    def get_updates(self, params, loss):
        self.updates = self.optimizer.get_updates(params=params, loss=loss) + self.additional
        return self.updates

    def get_config(self):
        return self.optimizer.get_config()


def test_soft_updates_of_another_model(tf):
    tf.compat.v1.disable_eager_execution()
    model, target, same = (keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]) for _ in range(3))
    for other in (target, same):
        other.set_weights(model.get_weights())
    pairs = list(zip(target.trainable_weights, model.trainable_weights, strict=True))
    adam = keras.optimizers.Adam(0.1)
    model.compile(WithMore(adam, [(old, 0.25 * new + 0.75 * old) for old, new in pairs]), "mse")
    target.compile("sgd", "mse")
    same.compile(keras.optimizers.Adam(0.1), "mse")
    wanted = target.get_weights()
    for number in range(4):
        before = model.get_weights()
        for each in (model, same):
            each.train_on_batch(X, Y)
        wanted = [0.25 * new + 0.75 * old for old, new in zip(wanted, before, strict=True)]
        for found, array in zip(target.get_weights(), wanted, strict=True):
            np.testing.assert_allclose(found, array, rtol=1e-5)
        for found, array in zip(model.get_weights(), same.get_weights(), strict=True):
            np.testing.assert_allclose(found, array, rtol=1e-5)
        if number == 1:  # a hard update in between
            target.set_weights(model.get_weights())
            wanted = target.get_weights()
    np.testing.assert_allclose(target.predict(X, verbose=0), X @ wanted[0] + wanted[1], rtol=1e-4)
    adam.learning_rate = 0.0
    before = model.get_weights()
    model.fit(X, Y, epochs=2, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    assert np.abs(target.get_weights()[0] - before[0]).max() < np.abs(wanted[0] - before[0]).max()


def test_a_model_in_a_program_that_builds_a_graph(tf, tf_keras_2):
    """Its metrics are known after `compile`, and a variable that `call` makes is a constant."""
    tf.compat.v1.disable_eager_execution()

    keras = tf_keras_2.keras

    class Masked(keras.layers.Layer):
        def call(self, x):
            return x * keras.backend.variable(np.arange(2.0))

    x = keras.Input((3,))
    outputs = [keras.layers.Dense(2, kernel_initializer="ones", name="a")(x), Masked(name="b")(x[:, :2])]
    model = keras.Model(x, outputs)
    model.compile("sgd", "mse", metrics={"b": ["mae"]})
    assert model.metrics_names == ["loss", "a_loss", "b_loss", "b_mae"]
    assert model.train_on_batch(np.ones((4, 3)), [np.zeros((4, 2))] * 2) == pytest.approx([9.5, 9.0, 0.5, 0.5])
    assert len(model.get_weights()) == 2


def test_what_a_program_computes_with_weights_belongs_to_the_graph(tf):
    tf.compat.v1.disable_eager_execution()
    layer = keras.layers.Dense(2, kernel_initializer="ones")
    layer.build((None, 3))
    double = 2 * layer.kernel
    total = keras.backend.sum(layer.kernel)
    layer.set_weights([np.full((3, 2), 5.0), np.zeros(2)])
    assert keras.backend.eval(double).tolist() == [[10.0, 10.0]] * 3
    assert keras.backend.eval(total) == 30.0


def test_operations_of_the_graph_are_refused(tf):
    with pytest.raises(StateError, match="GradientExplainer and KernelExplainer work"):
        tf.get_default_graph().get_operations()


def test_a_placeholder_with_a_default_may_be_the_mode_of_layers(tf):
    training = tf.placeholder_with_default(False, shape=(), name="training")
    factor = tf.placeholder_with_default(2.0, ())
    x = tf.placeholder(tf.float32, (None, 3))
    h = tf.layers.batch_normalization(x * factor, training=training)
    y = tf.layers.dropout(h, 0.5, training=training)
    session, values = tf.Session(), np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    session.run(tf.global_variables_initializer())
    plain = session.run(y, {x: values})
    np.testing.assert_allclose(plain, values * 2, rtol=1e-2)
    np.testing.assert_allclose(session.run(y, {x: values, factor: 4.0}), plain * 2, rtol=1e-5)
    dropped = session.run(y, {x: values, training: True}) == 0
    assert 0.3 < dropped.mean() < 0.7


@pytest.mark.parametrize(("nesterov", "expected"), [(False, [0.8, 0.766, -0.1524]), (True, [0.62, 0.58024, -0.35322])])
def test_the_rate_is_not_a_part_of_the_momentum(tf, nesterov, expected):
    w, rate = tf.Variable(1.0), tf.placeholder(tf.float32, [])
    step = tf.train.MomentumOptimizer(rate, 0.9, use_nesterov=nesterov).minimize(tf.square(w))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found = [(session.run(step, {rate: value}), session.run(w))[1] for value in (0.1, 0.01, 0.2)]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "right"),
    [
        ({}, [0.5745, 1.4054]),
        ({"decay": 0.5, "momentum": 0.5}, [0.53, 1.4925]),
        ({"centered": True}, [0.5589, 1.3637]),
    ],
)
def test_averages_of_rmsprop_start_at_1(tf, options, right):
    tf.disable_eager_execution()
    w = tf.Variable([1.0, 2.0])
    step = tf.train.RMSPropOptimizer(0.1, **options).minimize(tf.reduce_sum(w**2))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(3):
            session.run(step)
        np.testing.assert_allclose(session.run(w), right, atol=1e-4)


def test_moving_averages_of_vectors_without_bias(tf):
    tf.disable_eager_execution()
    average, value = tf.Variable([0.0, 0.0]), tf.Variable([2.0, 4.0])
    module = facade.module("tensorflow").python.training.moving_averages
    step = module.assign_moving_average(average, value, 0.9)
    with tf.control_dependencies([step]):
        after = tf.assign_add(value, [1.0, 1.0])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        np.testing.assert_allclose(session.run(step), [2, 4], rtol=1e-5)
        np.testing.assert_allclose(session.run(average), [2, 4], rtol=1e-5)
        np.testing.assert_allclose(session.run(after), [3, 5])
        np.testing.assert_allclose(session.run(step), [2.369004, 4.369004], rtol=1e-5)  # 2 + 0.1 / (1 - 0.9 ** 3)


def test_minima_by_scipy(tf):  # numbers of TensorFlow 1.15
    v, x = tf.Variable([7.0, 7.0]), tf.placeholder(tf.float32, [])
    loss, losses, steps = tf.reduce_sum((v - x) ** 2) + 0.1 * (v[0] * v[1] - 1.0) ** 2, [], []
    kind = tf.contrib.opt.ScipyOptimizerInterface
    with tf.Session() as sess:

        def found(optimizer, **options):
            sess.run(tf.global_variables_initializer())
            optimizer.minimize(sess, **options)
            return pytest.approx(sess.run(v).tolist(), abs=1e-3)

        optimizer = kind(loss, method="L-BFGS-B", options={"maxiter": 100})
        assert found(optimizer, feed_dict={x: 3.0}, fetches=[loss], loss_callback=losses.append) == [2.181, 2.181]
        assert losses[:3] == pytest.approx([262.4, 170.686, 35.605], rel=1e-3)
        squares = tf.reduce_sum(v**2)
        assert found(kind(squares, var_to_bounds={v: ([1, 2], np.inf)})) == [1.0, 2.0]
        assert found(kind(squares, method="CG"), step_callback=steps.append) == [0.0, 0.0]
        constrained = kind(squares, equalities=[v[1] - 1.0], inequalities=[v[0] - 2.0], method="SLSQP")
        assert found(constrained) == [2.0, 1.0]
    assert steps[0].shape == (2,)


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [("GradientDescent", {}, 0.8), ("Adam", {}, 0.9), ("Momentum", {"momentum": 0.9}, 0.62)],
)
def test_rates_are_those_of_each_step(tf, name, options, expected):  # numbers of TensorFlow 1.15
    fed, rate, w = tf.placeholder(tf.float32, []), tf.Variable(0.0, trainable=False), tf.Variable([1.0])
    loss, kind = tf.reduce_sum(tf.square(w)), getattr(tf.train, f"{name}Optimizer")
    step, other = kind(rate, **options).minimize(loss), kind(fed * 2.0, **options).minimize(loss)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(step)
        assert sess.run(w)[0] == 1.0
        sess.run(tf.assign(rate, 0.1))
        sess.run(step)
        if name != "Momentum":  # whose first step is remembered
            assert sess.run(w)[0] == pytest.approx(expected, rel=1e-3)
        before = sess.run(w)[0]
        sess.run(other, {fed: 0.0})
        assert sess.run(w)[0] == before
        sess.run(other, {fed: 0.1})
        assert sess.run(w)[0] < before - 0.1


@pytest.mark.parametrize(
    ("make", "shape", "static"),
    [
        (lambda tf, n, x, z: tf.zeros([n, 3]), (2, 3), [None, 3]),
        (lambda tf, n, x, z: tf.random_normal([n * 2, 3]), (4, 3), [None, 3]),
        (lambda tf, n, x, z: tf.reshape(x, [n, -1]), (2, 3), [None, None]),
        (lambda tf, n, x, z: tf.reshape(z, [n, -1, 3]), (2, 2, 3), [None, None, 3]),
        (lambda tf, n, x, z: tf.tile(tf.expand_dims(x, 0), [n, 1]), (2, 6), [None, None]),
        (lambda tf, n, x, z: tf.range(n), (2,), [None]),
        (lambda tf, n, x, z: x[:n], (2,), [None]),
        (lambda tf, n, x, z: z[n:, 1:], (2, 2), [None, 2]),
        (lambda tf, n, x, z: x[-tf.shape(z)[0] :], (4,), [None]),
        (lambda tf, n, x, z: tf.nn.rnn_cell.GRUCell(5).zero_state(n, tf.float32), (2, 5), [None, 5]),
        (lambda tf, n, x, z: tf.reshape(tf.range(12), [n, -1]), (2, 6), [None, None]),
        (lambda tf, n, x, z: tf.nn.top_k(x, n)[0], (2,), [None]),
        (lambda tf, n, x, z: tf.ones(tf.stack([n, n + 1])), (2, 3), [None, None]),
    ],
)
def test_sizes_that_a_session_is_fed(tf, make, shape, static):
    n, x = tf.placeholder(tf.int32), tf.placeholder(tf.float32, [None])
    z = tf.placeholder(tf.float32, [None, 3])
    made = make(tf, n, x, z)
    assert made.shape.as_list() == static
    with tf.Session() as session:
        feed = {n: 2, x: np.arange(6.0), z: np.zeros((4, 3))}
        assert session.run(made, feed).shape == shape
        variable = tf.Variable(1)
        read = make(tf, variable, x, z)
        session.run(variable.assign(2))  # it is not the size of the time when the graph was built
        assert session.run(read, feed).shape == shape
        assert session.run(n + 1, {n: 10**12 % 2**31}) > 10**8  # no array has this size: no shape contains it


def test_random_numbers_with_parameters_of_the_graph(tf):
    k = tf.placeholder(tf.float32)
    draws = [
        tf.random_gamma([2000], alpha=k),
        tf.random_poisson(shape=[2000], lam=k),
        tf.random_uniform([2000], maxval=2 * k),
    ]
    with tf.Session() as session:
        for value in (3.0, 7.0):
            assert np.allclose([x.mean() for x in session.run(draws, {k: value})], value, rtol=0.1)


#: the rows after four steps in TensorFlow 1.15
ROWS = {
    "Ftrl": [[-0.002205, 0.0108], [0.105225, 0.210321], [0.298955, 0.418221], [0.875, 1]],
    "Momentum": [[0.0375, 0.075], [0.1725, 0.23], [0.1875, 0.225], [0.875, 1]],
    "RMSProp": [[0.055419, 0.114301], [0.235283, 0.31852], [0.330466, 0.416434], [0.875, 1]],
}


@pytest.mark.parametrize("is_clipped", [False, True])
@pytest.mark.parametrize("name", ROWS)
def test_only_gathered_rows_are_updated(tf, name, is_clipped):
    rows = tf.get_variable("rows", initializer=np.arange(1, 9, dtype="float32").reshape(4, 2) / 8)
    indices = tf.placeholder(tf.int32, [None])
    loss = tf.reduce_sum(tf.nn.embedding_lookup(rows, indices) ** 2)
    optimizer = getattr(tf.train, f"{name}Optimizer")(0.1, **({"momentum": 0.9} if name == "Momentum" else {}))
    pairs = optimizer.compute_gradients(loss)
    gradients, _ = tf.clip_by_global_norm([gradient for gradient, _ in pairs], 100.0)
    step = optimizer.apply_gradients(zip(gradients, [rows], strict=True)) if is_clipped else optimizer.minimize(loss)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for given in ([0, 1], [1, 2], [0, 0], [2, 2]):
            sess.run(step, {indices: given})
        np.testing.assert_allclose(sess.run(rows), ROWS[name], atol=2e-6)


def test_placeholders_without_a_shape_take_the_axes_that_functions_need(tf):
    x, y = tf.placeholder("float"), tf.placeholder("float")
    images = tf.reshape(x, [-1, 2, 2, 1])
    sums = tf.matmul(x, tf.constant(np.arange(12.0, dtype="float32").reshape(4, 3)))
    right = tf.equal(tf.argmax(sums, 1), tf.argmax(y, 1))
    first, _ = tf.split(x, 2, 0)
    assert (images.shape.as_list(), sums.shape.as_list()) == ([None, 2, 2, 1], [None, 3])
    with tf.Session() as sess:
        given = {x: X[:2], y: [[0, 0, 1], [1, 0, 0]]}
        fetched = sess.run([images, right, first, x[0], x[:, 1], tf.reduce_sum(x, 1), x * 2], given)
    wanted = [X[:2].reshape(2, 2, 2, 1), [True, False], X[:1], X[0], X[:2, 1], X[:2].sum(1), X[:2] * 2]
    for value, expected in zip(fetched, wanted, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-6)


def test_one_unknown_size_may_be_the_product_of_two(tf):
    x = tf.placeholder(tf.float32, [None, None, None, 2])
    n, height, width, _ = tf.unstack(tf.shape(x))
    rows = tf.reshape(x, [n * height, width, 2])
    again = tf.reshape(rows * 2, [n, height, width, 2])
    assert again.shape.as_list() == [None, None, None, 2]
    values = np.arange(24.0).reshape(2, 2, 3, 2)
    with tf.Session() as sess:
        np.testing.assert_array_equal(sess.run(again, {x: values}), values * 2)
        assert sess.run(rows, {x: values}).shape == (4, 3, 2)


def test_random_crops_have_the_size_of_the_batch(tf):
    x = tf.placeholder(tf.float32, [None, 6, 6, 1])
    crop = tf.random_crop(value=x, size=[tf.shape(x)[0], 4, 4, 1])
    with tf.Session() as sess:
        value = sess.run(crop, {x: np.arange(72.0).reshape(2, 6, 6, 1)})
    assert value.shape == (2, 4, 4, 1)
    assert (np.diff(value, axis=2) == 1).all()
    assert (np.diff(value, axis=1) == 6).all()


@pytest.mark.parametrize("name", ["zeros", "ones", "truncated_normal", "random_uniform", "orthogonal"])
def test_classes_of_initializers(tf, name):
    kind = getattr(tf, f"{name}_initializer")
    with tf.variable_scope(f"of_{name}", initializer=kind):
        values = [tf.get_variable("a", [3, 3]), tf.get_variable("b", [3, 3], initializer=kind)]
    values.append(tf.layers.dense(tf.ones([1, 3]), 3, kernel_initializer=kind))
    assert isinstance(kind(), kind)
    for value in values:
        assert np.isfinite(tf.Session().run(value)).all()
    if name in ("zeros", "ones"):
        assert (np.asarray(values[0]) == ["zeros", "ones"].index(name)).all()


def test_optimizers_of_train_are_its_optimizers(tf):
    kind = tf.compat.v1.train.Optimizer
    assert isinstance(tf.compat.v1.train.AdamOptimizer(), kind)
    assert not isinstance(tf.keras.optimizers.Adam(), kind)
    own = type("Own", (kind,), {})
    assert isinstance(own(), kind)
    assert not isinstance(tf.compat.v1.train.MomentumOptimizer(0.1, 0.9), own)


def test_counters_without_a_limit(tf):
    """The ends of int64 became the smallest number of 32 bits, as a counter that a period never reached."""
    largest = np.iinfo("int64").max
    start = tf.constant_initializer(largest, dtype=tf.int64)
    ends = tf.get_variable("counter", [], tf.int64, start), tf.Variable(-largest - 1)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run([ends[0] >= 5, ends[1] < 0]) == [True, True]
    with pytest.raises(ValueError, match="first value"):
        tf.Variable(np.int64(2**40))

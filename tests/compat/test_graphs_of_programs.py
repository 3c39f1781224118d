"""TensorFlow 1: graphs, optimizers of programs, iterators by handle, `tf.losses`; the numbers are those of 2.15."""

import functools
import gc

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.core.errors import ArgumentError, StateError

X = np.random.RandomState(0).randn(8, 2)
Y = X @ [[2.0], [1.0]]
r = np.random.RandomState(0)
LABELS, PROBABILITIES = r.randint(0, 2, (3, 4)).astype("float32"), r.rand(3, 4).astype("float32")
WEIGHTS, LOGITS = r.randint(0, 2, (3, 4)).astype("float32"), r.randn(3, 4).astype("float32")


@pytest.fixture
def tf(tensorflow_1):
    return tensorflow_1


def built(tf, value):
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    w = tf.get_variable("w", [2, 1], initializer=tf.constant_initializer(value))
    hidden = tf.layers.dense(x, 3, kernel_initializer=tf.constant_initializer(0.1))
    y = tf.matmul(x, w) + tf.reduce_sum(hidden, 1, keepdims=True)
    step = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(tf.square(y - 1.0)))
    return x, y, step, tf.global_variables_initializer(), tf.train.Saver()


def test_graphs_have_variables_of_their_own(tf, tmp_path):
    x, point = {}, np.array([[1.0, 2.0]])
    first, second = tf.Graph(), tf.Graph()
    with first.as_default():
        x[1], y_1, train, begin_1, saver_1 = built(tf, 1.0)
    with second.as_default():
        x[2], y_2, _, begin_2, saver_2 = built(tf, 3.0)
        assert tf.get_default_graph() is second
        assert [v.name for v in tf.trainable_variables()] == ["w:0", "dense/kernel:0", "dense/bias:0"]
    assert tf.trainable_variables() == []
    a, b = tf.Session(graph=first), tf.Session(graph=second)
    a.run(begin_1)
    for _ in range(3):
        a.run(train, {x[1]: point})
    b.run(begin_2)
    values = a.run(y_1, {x[1]: point}), b.run(y_2, {x[2]: point})
    np.testing.assert_allclose(np.ravel(values), [-134.3024, 9.9], rtol=1e-5)
    saver_2.restore(b, saver_1.save(a, str(tmp_path / "model")))
    np.testing.assert_allclose(b.run(y_2, {x[2]: point}), values[0])
    with tf.Session(graph=first) as session:  # weights of layers are set to their first values, too
        assert len(tf.global_variables()) == 3
        session.run(tf.global_variables_initializer())
        np.testing.assert_allclose(session.run(y_1, {x[1]: point}), [[3.9]], rtol=1e-5)


def test_optimizers_of_programs(tf):
    class Sign(tf.train.Optimizer):
        def __init__(self, rate):
            super().__init__(False, "Sign")
            self._rate = rate

        def _prepare(self):
            self._tensor = tf.convert_to_tensor(self._rate)

        def _create_slots(self, var_list):
            for v in var_list:
                self._zeros_slot(v, "m", self._name)

        def _apply_dense(self, grad, var):
            m = self.get_slot(var, "m")
            new = m.assign(tf.maximum(0.5 * m + 1e-7, tf.abs(grad)))
            factor = tf.exp(tf.log(0.5) * tf.sign(grad) * tf.sign(new))
            return tf.group(tf.assign_sub(var, self._tensor * grad * factor), new)

    class Momentum(tf.train.Optimizer):
        def __init__(self):
            super().__init__(False, "Momentum")

        def _create_slots(self, var_list):
            for v in var_list:
                self._get_or_make_slot(v, tf.ones_like(v.initialized_value()) * 0.5, "sum", self._name)

        def _apply_dense(self, grad, var):
            new = tf.assign(self.get_slot(var, "sum"), 0.9 * self.get_slot(var, "sum") + grad)
            return tf.assign_sub(var, 0.05 * new)

    x, y = tf.placeholder(tf.float32, [None, 2]), tf.placeholder(tf.float32, [None, 1])
    expected = {"Sign": [1.38732, -0.03609, 1.15013], "Momentum": [1.32691, 0.25153, 1.20069]}
    for make in (lambda: Sign(0.05), Momentum):
        w, b, step = tf.Variable([[1.0], [-2.0]]), tf.Variable([0.5]), tf.Variable(0, trainable=False)
        loss = tf.reduce_mean(tf.square(tf.matmul(x, w) + b - y))
        whole, clipped = make(), make()
        train = whole.minimize(loss, global_step=step, var_list=[w, b])
        pairs = [(tf.clip_by_norm(g, 1.0), v) for g, v in clipped.compute_gradients(loss, [w, b])]
        train_clipped = clipped.apply_gradients(pairs, global_step=step)
        session = tf.Session()
        session.run(tf.global_variables_initializer())
        for operation in [train] * 4 + [train_clipped] * 3:
            session.run(operation, {x: X, y: Y})
        found = np.concatenate([session.run(w).ravel(), session.run(b)])
        np.testing.assert_allclose(found, expected[whole.get_name()], atol=2e-5)
        assert session.run(step) == 7


def test_iterators_by_handle(tf):
    first = tf.data.Dataset.from_tensor_slices(np.arange(6, dtype="float32")).batch(2).repeat()
    second = tf.data.Dataset.from_tensor_slices(100 + np.arange(4, dtype="float32")).batch(2)
    handle = tf.placeholder(tf.string, shape=[])
    with pytest.raises(ArgumentError, match="output_shapes"):
        tf.data.Iterator.from_string_handle(handle, tf.float32)
    iterator = tf.data.Iterator.from_string_handle(handle, tf.float32, tf.TensorShape([None]))
    doubled = iterator.get_next() * tf.Variable(2.0)
    endless, once = first.make_one_shot_iterator(), second.make_initializable_iterator()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        handles = session.run([endless.string_handle(), once.string_handle()])
        run = lambda number: session.run(doubled, {handle: handles[number]}).tolist()  # noqa: E731
        session.run(once.initializer)
        assert [run(0), run(1), run(0), run(1)] == [[0, 2], [200, 202], [4, 6], [204, 206]]
        with pytest.raises(tf.errors.OutOfRangeError):
            run(1)
        assert run(0) == [8, 10]
        with pytest.raises(StateError, match="string_handle"):
            session.run(doubled)


def test_losses(tf):
    s = tf.losses
    labels, p, z = tf.constant(LABELS), tf.placeholder(tf.float32, [3, 4]), tf.placeholder(tf.float32, [3, 4])
    cases = [
        (s.hinge_loss(labels, z), 1.44305),
        (s.hinge_loss(labels, z, weights=WEIGHTS), 1.7768),
        (s.hinge_loss(labels, logits=z, reduction=s.Reduction.NONE)[0, :2], [1.31307, 1.8541]),
        (s.cosine_distance(tf.nn.l2_normalize(labels + 0.1, 1), tf.nn.l2_normalize(p, 1), 1), 0.30167),
        (s.cosine_distance(labels, p, dim=0, weights=2.0), -0.42404),
        (s.log_loss(labels, p), 1.1248),
        (s.log_loss(labels, p, epsilon=0.1, weights=WEIGHTS), 0.90805),
        (s.mean_pairwise_squared_error(labels, p), 1.8024),
        (s.mean_pairwise_squared_error(labels, p, weights=WEIGHTS[:, :1]), 1.57367),
        (s.compute_weighted_loss(tf.square(p), WEIGHTS, reduction=s.Reduction.MEAN), 0.44583),
        (s.absolute_difference(labels, p, WEIGHTS, reduction=s.Reduction.SUM), 4.34431),
        (s.mean_squared_error(labels, p, WEIGHTS, reduction=s.Reduction.SUM_OVER_BATCH_SIZE), 0.29917),
        (s.huber_loss(labels, z * 3, delta=0.7), 2.17841),
        (s.sigmoid_cross_entropy(labels, z, label_smoothing=0.1), 1.01455),
        (s.softmax_cross_entropy(np.eye(4)[[1, 0, 3]], z, label_smoothing=0.2), 1.67083),
    ]
    assert len(s.get_losses()) == len(cases)
    found = tf.Session().run([tensor for tensor, _ in cases], {p: PROBABILITIES, z: LOGITS})
    for number, (value, (_, expected)) in enumerate(zip(found, cases, strict=True)):
        np.testing.assert_allclose(value, expected, atol=2e-5, err_msg=str(number))
    with pytest.raises(TypeError, match="unexpected keyword argument 'delta'"):
        s.hinge_loss(labels, z, delta=1.0)
    with pytest.raises(ArgumentError, match="an axis"):
        s.cosine_distance(labels, p)


def test_layers_of_constants(tf):
    assert tf.Session is not None  # a program with sessions

    class Sum(tf.layers.Layer):
        def build(self, shape):
            self.w = self.add_variable("w", [3, 2], initializer=tf.constant_initializer(0.5))

        def call(self, x, training=True):
            return tf.reduce_sum(tf.matmul(x, self.w))

    y = Sum(name="sum")(tf.layers.Dense(3, kernel_initializer=tf.ones_initializer())(np.ones((1, 4), "f")))
    train = tf.train.GradientDescentOptimizer(0.1).minimize(y)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(y) == pytest.approx(12)
        session.run(train)
        assert session.run(y) == pytest.approx(2.1)
    assert [v.name for v in tf.trainable_variables()] == ["dense/kernel:0", "dense/bias:0", "sum/w:0"]


def test_losses_at_once(tf):
    tf.enable_eager_execution()
    labels, predictions = tf.constant(LABELS), tf.constant(PROBABILITIES)
    loss = tf.losses.mean_squared_error(labels=labels, predictions=predictions)  # not that of Keras, of each sample
    assert float(loss.numpy()) == pytest.approx(np.mean((LABELS - PROBABILITIES) ** 2))
    assert float(tf.losses.hinge_loss([[1.0, 0.0]], [[0.5, 0.5]])) == 1


def test_a_placeholder_is_a_size_of_a_reshaped_tensor(tensorflow_1):
    tf = tensorflow_1
    x, count = tf.placeholder(tf.float32, [None, 2, 3]), tf.placeholder(tf.int32, shape=[])
    y = tf.compat.v1.reshape(x, shape=[count, 6], name="flat")
    assert tuple(y.shape) == (None, 6)
    assert tf.Session().run(y, {x: np.ones((4, 2, 3)), count: 4}).shape == (4, 6)


def test_a_run_takes_options_and_metadata(tensorflow_1, tmp_path):
    tf = tensorflow_1
    x, metadata = tf.placeholder(tf.float32, []), tf.RunMetadata()
    options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
    assert tf.Session().run(2 * x, {x: 3.0}, options=options, run_metadata=metadata) == 6
    writer = tf.summary.FileWriter(str(tmp_path))
    writer.add_run_metadata(metadata, "epoch")
    writer.close()


@pytest.mark.parametrize(("name", "expected"), [("Momentum", [-2.148232, -2.540894]), ("Adam", [0.418310, 1.407930])])
def test_two_steps_of_one_optimizer_share_its_state(tf, name, expected):
    """The slots, and for Adam the number of steps; values of TensorFlow 1.15."""
    tf.placeholder(tf.float32, [])  # the program is for TensorFlow 1
    v = tf.Variable([1.0, 2.0])
    optimizer = tf.train.MomentumOptimizer(0.1, 0.9) if name == "Momentum" else tf.train.AdamOptimizer(0.1)
    steps = [optimizer.minimize(loss) for loss in (tf.reduce_sum(v**2), tf.reduce_sum(3.0 * v))]
    session = tf.Session()
    session.run(tf.global_variables_initializer())
    for _ in range(3):
        for step in steps:
            session.run(step)
    np.testing.assert_allclose(session.run(v), expected, rtol=1e-5)


def test_steps_for_the_parts_of_a_gan_count_together(tf):
    """Each of the two steps of one Adam corrects its averages by the number of both."""
    tf.placeholder(tf.float32, [])
    v, w = tf.Variable(1.0), tf.Variable(1.0)
    optimizer = tf.train.AdamOptimizer(0.1, beta1=0.5)
    steps = [optimizer.minimize(loss, var_list=[x]) for loss, x in ((v**2 + w, v), (w**2 + v, w))]
    session = tf.Session()
    session.run(tf.global_variables_initializer())
    for _ in range(2):
        for step in steps:
            session.run(step)
    mean, square, x, count = np.zeros(2), np.zeros(2), np.ones(2), 0
    for _ in range(2):
        for one in (0, 1):
            count += 1
            gradient = 2 * x[one]
            mean[one] = 0.5 * mean[one] + 0.5 * gradient
            square[one] = 0.999 * square[one] + 0.001 * gradient**2
            rate = 0.1 * np.sqrt(1 - 0.999**count) / (1 - 0.5**count)
            x[one] -= rate * mean[one] / (np.sqrt(square[one]) + 1e-8)
    np.testing.assert_allclose(session.run([v, w]), x, rtol=1e-5)


def network_of_constants(tf):
    x = np.linspace(-1, 1, 24, dtype="float32").reshape(8, 3)
    one = tf.constant_initializer(0.1)
    hidden = tf.layers.dense(tf.constant(x), 4, activation=tf.nn.tanh, kernel_initializer=one)
    y = tf.layers.dense(hidden, 1, kernel_initializer=one)
    return y, tf.reduce_mean(tf.square(y - tf.constant(x.sum(1, keepdims=True) ** 2)))


def test_layers_of_constants_belong_to_the_graph(tf):
    assert tf.Session is not None  # by which a program is known as one for TensorFlow 1
    y, loss = network_of_constants(tf)
    step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        losses = [session.run([loss, step])[0] for _ in range(3)]
        np.testing.assert_allclose(losses, [18.22208, 14.38362, 11.93233], rtol=1e-5)  # of TensorFlow 1.15
        np.testing.assert_allclose(session.run(y)[:2, 0], [1.4896, 1.53718], rtol=1e-5)


def test_eager_programs_compute_layers_at_once(tf):
    assert tf.Session is not None
    tf.enable_eager_execution()
    y, loss = network_of_constants(tf)
    last = np.linspace(-1, 1, 24)[-3:].sum()
    np.testing.assert_allclose(y.numpy()[-1], 0.4 * np.tanh(0.1 * last), rtol=1e-5)
    assert float(loss) == pytest.approx(18.22208)


def test_calls_that_use_the_output_of_a_layer(keras):
    """As programs that change models read them; those of deleted models are not among them."""
    first, second = keras.layers.Dense(2), keras.layers.Dense(3)
    x = keras.layers.Input((4,))
    h = first(x)
    outputs = [second(h), keras.layers.Flatten()(h)]
    assert [node.outbound_layer.name for node in first._outbound_nodes] == [t._keras_history[0].name for t in outputs]
    assert second._outbound_nodes == []
    assert [node.outbound_layer for node in x._keras_history[0]._outbound_nodes] == [first]
    del outputs
    gc.collect()
    assert [node.outbound_layer for node in first._outbound_nodes] == [second]  # which has the call


def test_losses_and_metrics_that_find_their_layer_by_the_history_of_the_output(keras):
    K = keras.backend

    class Scaled(keras.layers.Layer):
        def build(self, shape):
            self.scale = self.add_weight(name="scale", shape=(1,), initializer="ones")
            super().build(shape)

        def call(self, x):
            return K.zeros_like(x)

        def distance(self, y_true, x):
            return K.sum(K.square(y_true - x * K.expand_dims(self.scale, 0)), axis=-1)

        def compute_output_shape(self, shape):
            return shape

    def distance(y_true, y_pred):
        layer, node = y_pred._keras_history[:2]
        return layer.distance(y_true, layer._inbound_nodes[node].input_tensors[0])

    x = keras.layers.Input((1,))
    model = keras.models.Model(x, Scaled()(x))
    model.compile(keras.optimizers.SGD(0.5), distance, metrics=[distance])
    model.set_weights([np.array([3.0])])
    data = np.ones((2, 1)), np.full((2, 1), 2.0)
    np.testing.assert_allclose(model.evaluate(*data, verbose=0), [1.0, 1.0])
    model.train_on_batch(*data)
    np.testing.assert_allclose(model.get_weights()[0], [2.0], rtol=1e-6)


class _CallsLoss:
    __name__ = "calls_loss"

    def __init__(self, loss):
        self.loss = loss

    def method(self, y_true, y_pred):
        return self.loss(y_true, y_pred)

    __call__ = method


def _partial(loss):
    function = functools.partial(loss, scale=1.0)
    function.__name__ = "partial"
    return function


LOSSES = {
    "function": lambda loss: loss,
    "function that calls it": lambda loss: lambda y_true, y_pred: loss(y_true, y_pred),
    "method": lambda loss: _CallsLoss(loss).method,
    "object": _CallsLoss,
    "partial": _partial,
}


@pytest.mark.parametrize("kind", LOSSES)
def test_a_loss_with_gradients_reads_the_present_weights(keras, kind):
    """Numbers of Keras 2.2.4."""
    K = keras.backend
    x, layer = keras.layers.Input((2,)), keras.layers.Dense(1, **{"bias" if era.number() == 1 else "use_bias": False})
    model = keras.models.Model(x, layer(x))

    def loss(y_true, y_pred, scale=1.0):
        slopes = K.gradients(y_pred, model.input)[0]
        penalties = K.sum(K.square(slopes), axis=-1) + K.sum(K.square(layer.kernel))
        return scale * K.mean(K.square(y_true - y_pred), axis=-1) + penalties

    model.compile(keras.optimizers.SGD(0.1), LOSSES[kind](loss))
    model.set_weights([np.array([[1.0], [2.0]])])
    data = np.array([[1.0, 1.0], [0.0, 1.0]]), np.zeros((2, 1))
    np.testing.assert_allclose([model.train_on_batch(*data) for _ in range(3)], [16.5, 1.905, 0.2235], rtol=1e-5)

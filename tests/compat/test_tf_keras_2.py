"""What programs for tf.keras of TensorFlow 2.0 to 2.15 see: names of weights, labels, values at once, step methods.

The expected names and numbers are those of tf_keras 2.21.
"""

import functools
import json

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import root

keras = root("tensorflow.keras")
layers, K = keras.layers, keras.backend
X = np.arange(12.0, dtype="float32").reshape(4, 3)


@pytest.fixture(autouse=True)
def tf(tf_keras_2):
    return tf_keras_2


# Names ---------------------------------------------------------------------------------------------------------------


class Block(layers.Layer):
    def __init__(self):
        super().__init__()
        self.first, self.rest = layers.Dense(3), [layers.Dense(3), layers.BatchNormalization()]

    def build(self, input_shape):
        self.scale = self.add_weight(name="scale", shape=(3,))

    def call(self, x):
        return self.rest[1](self.rest[0](self.first(x))) * self.scale


def _lstm(x):
    return layers.Bidirectional(layers.LSTM(2, name="q"), name="b")(layers.Reshape((3, 1))(x))


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        (lambda x: layers.Dense(2)(x), ["dense/kernel:0", "dense/bias:0"]),
        (lambda x: keras.Sequential([layers.Dense(2, name="d", use_bias=False)])(x), ["d/kernel:0"]),
        (
            lambda x: Block()(x),
            ["block/scale:0", "block/dense/kernel:0", "block/dense/bias:0", "block/dense_1/kernel:0"],
        ),
        (_lstm, [f"b/forward_q/lstm_cell/{name}:0" for name in ("kernel", "recurrent_kernel", "bias")]),
    ],
    ids=["layer", "sequential", "block", "cell"],
)
def test_names_of_weights_are_paths_without_models(outputs, expected):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, outputs(inputs))
    assert [w.name for w in model.weights][: len(expected)] == expected


def test_names_select_weights():
    class Net(keras.Model):
        def __init__(self):
            super().__init__(name="net")
            self.dense, self.norm = layers.Dense(2), layers.BatchNormalization()

        def call(self, x):
            return self.norm(self.dense(x))

    net = Net()
    net(X)
    chosen = [w.name for w in net.trainable_variables if "batch_norm" not in w.name and "bias" not in w.name]
    assert chosen == ["net/dense/kernel:0"]


def test_automatic_names():
    inputs = keras.Input((3,))
    assert [inputs.name, keras.Input((2,)).name] == ["input_1", "input_2"]
    made = [keras.Model(inputs, layers.Dense(1)(inputs)).name for _ in range(2)]
    assert [*made, keras.Sequential().name] == ["model", "model_1", "sequential"]


def test_shapes_of_symbolic_tensors_have_the_methods_of_tensorflow():
    hidden = layers.Dense(2)(keras.Input((3,)))
    assert hidden.shape.as_list() == [None, 2]
    assert hidden.shape == (None, 2)
    assert hidden.shape[1:].rank == 1
    hidden.shape.assert_same_rank(keras.Input((3,)).shape)
    assert hidden.shape.with_rank_at_least(2).with_rank_at_most(3) == [None, 2]
    for refused in (
        lambda s: s.assert_same_rank((1,)),
        lambda s: s.with_rank_at_least(3),
        lambda s: s.with_rank_at_most(1),
    ):
        with pytest.raises(ValueError, match="A shape: expected"):
            refused(hidden.shape)


# Values --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda v: v + 1, 3.0),
        (lambda v: K.square(v), 4.0),
        (lambda v: K.sum(v * v), 4.0),
        (lambda v: K.zeros_like(v) + 5, 5.0),
        (lambda v: K.ones(()) * 3, 3.0),
        (lambda v: K.stack([np.float32(4)])[0], 4.0),
        (lambda v: K.concatenate([np.ones(1), np.zeros(1)])[0], 1.0),
        (lambda v: K.local_conv1d(np.ones((1, 2, 1)), np.ones((2, 1, 1)), (1,), (1,))[0, 0, 0], 1.0),
    ],
    ids=["operator", "square", "sum", "zeros_like", "ones", "stack", "concatenate", "local_conv1d"],
)
def test_the_backend_computes_at_once(function, expected):
    assert float(function(K.variable(2.0)).numpy()) == expected


def test_updates_are_done_at_once():
    v = K.variable([1.0, 2.0])
    K.update_add(v, K.ones((2,)))
    K.update_sub(v, K.ones((2,)) * 0.5)
    K.moving_average_update(v, K.zeros((2,)), 0.5)
    np.testing.assert_allclose(v.numpy(), [0.75, 1.25])


def test_a_variable_in_a_loss_is_read_in_every_epoch():
    weight = K.variable(0.5)

    class Doubled(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            K.set_value(weight, K.get_value(weight) * 2)

    model = keras.Sequential([layers.Dense(1, input_shape=(2,), kernel_initializer="ones")])
    model.compile("sgd", lambda y, p: K.mean(K.square(y - p)) * weight)
    history = model.fit(np.ones((4, 2)), np.zeros((4, 1)), epochs=3, verbose=0, callbacks=[Doubled()]).history
    np.testing.assert_allclose(history["loss"], [2.0, 3.7636001, 6.6510344], rtol=1e-6)


def test_activations_take_and_return_tensors(tf):
    for one in (keras.activations.hard_sigmoid, keras.activations.get("hard_sigmoid"), keras.activations.relu):
        assert one(tf.constant([5.0])).numpy()[0] in (1.0, 5.0)


def test_hard_sigmoid_has_its_former_slope():
    x, expected = np.array([-3.0, 0.0, 1.0], "float32"), [0.0, 0.5, 0.7]
    for one in (keras.activations.hard_sigmoid, keras.activations.get("hard_sigmoid"), K.hard_sigmoid):
        np.testing.assert_allclose(one(x), expected, atol=1e-6)
    np.testing.assert_allclose(layers.Activation("hard_sigmoid")(x), expected, atol=1e-6)


def test_relu_takes_alpha():
    np.testing.assert_allclose(keras.activations.relu(np.array([-1.0, 2.0]), alpha=0.1), [-0.1, 2.0], rtol=1e-6)
    np.testing.assert_allclose(K.relu(np.array([-1.0, 2.0]), alpha=0.1), [-0.1, 2.0], rtol=1e-6)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_gates_of_convolutional_lstms_are_hard(rank):
    layer = getattr(layers, f"ConvLSTM{rank}D")(2, 1)
    assert layer.get_config()["recurrent_activation"].startswith("hard_sigmoid")


# Training ------------------------------------------------------------------------------------------------------------


def test_labels_of_one_axis_reach_functions_of_programs_as_columns():
    def hits(y, p):
        return K.mean(K.equal(y, K.round(p)))

    def loss(y, p):
        return K.mean(K.square(y[:, 0] - p[:, 0]))

    model = keras.Sequential([layers.Dense(1, input_dim=3, kernel_initializer="ones")])
    model.compile("sgd", loss, metrics=[hits])
    y = np.array([3.0, 1.0, 0.0, 0.0])
    assert model.evaluate(X, y, verbose=0) == model.evaluate(X, y[:, None], verbose=0) == [365.5, 0.25]
    assert model.loss.__name__ == "loss"
    assert model.metrics_names == ["loss", "hits"]
    wrapped = [keras.metrics.MeanMetricWrapper(hits, name="hits")]
    model.compile("sgd", keras.losses.LossFunctionWrapper(loss), metrics=wrapped)
    assert model.evaluate(X, y, verbose=0) == [365.5, 0.25]


class _Hits(keras.metrics.Metric):
    def __init__(self, name="hits", **kwargs):
        super().__init__(name=name, **kwargs)
        self.count = self.add_weight(name="count", initializer="zeros")

    def update_state(self, y, p, sample_weight=None):
        self.count.assign_add(K.sum(K.cast(K.equal(y[:, 0], p[:, 0]), "float32")))

    def result(self):
        return self.count


class _Loss(keras.losses.Loss):
    def call(self, y, p):
        return K.mean(K.square(y[:, 0] - p[:, 0]))


def test_variables_whose_name_comes_first(tf):
    class Counts(_Hits):
        def __init__(self):
            super().__init__()
            self.rows = self.add_weight("rows", (2,), tf.VariableAggregation.SUM, initializer="ones")
            self.total = self.add_weight(name="total", shape=(), initializer="zeros", aggregation=None)

    assert [tuple(v.shape) for v in Counts().variables[1:]] == [(2,), ()]
    layer = layers.Layer()
    kernel = layer.add_variable("kernel", shape=[3, 2], dtype=tf.float32, initializer=tf.initializers.GlorotUniform)
    assert (tuple(kernel.shape), tuple(layer.add_variable("bias", [2]).shape)) == ((3, 2), (2,))


def test_shapes_in_attributes_of_a_model(tf):
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.sizes, self.kinds, self.dense = tf.ones((2, 3)).shape, ["a kind"], layers.Dense(1)

        def call(self, x):
            return self.dense(x)

    net = Net()
    net.compile("sgd", "mse")
    assert len(net.fit(X, X[:, :1], verbose=0).history["loss"]) == 1


@pytest.mark.parametrize("number", [2, 3])
def test_a_checkpoint_of_weights_creates_its_folder(number, tmp_path):
    era.set_release(era.Release(number, False))
    model = keras.Sequential([layers.Dense(1, input_dim=3)])
    model.save_weights(tmp_path / "new" / "weights")
    again = keras.Sequential([layers.Dense(1, input_dim=3)])
    again.load_weights(tmp_path / "new" / "weights")
    np.testing.assert_array_equal(model.get_weights()[0], again.get_weights()[0])


def test_a_saved_model_creates_its_folders(tf, tmp_path):
    model = keras.Sequential([layers.Dense(1, input_dim=3)])
    keras.experimental.export_saved_model(model, str(tmp_path / "saved" / "1"), serving_only=True)
    again = keras.experimental.load_from_saved_model(str(tmp_path / "saved" / "1"))
    np.testing.assert_array_equal(model.get_weights()[0], again.get_weights()[0])


@pytest.mark.parametrize("number", [2, 3])
def test_an_initializer_is_a_class(number, tf):
    era.set_release(era.Release(number, False))
    layer, glorot = layers.Layer(), tf.initializers.GlorotUniform
    assert tuple(layer.add_variable("kernel", shape=[3, 2], dtype=tf.float32, initializer=glorot).shape) == (3, 2)
    assert layer.add_weight(name="bias", shape=(2,), initializer=keras.initializers.Ones).numpy().tolist() == [1, 1]


def test_parameters_of_normal_numbers_are_tensors(tf):
    mean, deviation = tf.constant([1.0, 2.0]), tf.constant([0.0, 0.0])
    np.testing.assert_array_equal(tf.random.normal((2,), mean, deviation), [1.0, 2.0])
    np.testing.assert_array_equal(tf.random.normal([2], [5.0, 6.0], 0.0), [5.0, 6.0])


@pytest.mark.parametrize("loss", [_Loss(), functools.partial(lambda y, p, f: f * _Loss().call(y, p), f=1.0)])
def test_labels_of_one_axis_reach_classes_of_programs_as_columns(loss):
    model, hits = keras.Sequential([layers.Dense(1, input_dim=3, kernel_initializer="ones")]), _Hits()
    model.compile("sgd", loss, metrics=[hits])
    y = np.array([3.0, 1.0, 0.0, 0.0])
    assert model.evaluate(X, y, verbose=0) == model.evaluate(X, y[:, None], verbose=0) == [365.5, 1.0]
    with pytest.raises(IndexError):  # a call of the program passes what it passes
        _Hits().update_state(y, y)


def _log_likelihood(y, p, tf):
    return -tf.math.log(tf.gather(p, tf.squeeze(y, -1), axis=1, batch_dims=1))


def test_integer_labels_stay_integers_in_losses_of_programs(tf):
    class Likelihood(keras.losses.Loss):
        def call(self, y, p):
            return _log_likelihood(y, p, tf)

    for loss in (functools.partial(_log_likelihood, tf=tf), lambda y, p: _log_likelihood(y, p, tf), Likelihood()):
        model = keras.Sequential([layers.Dense(3, "softmax", kernel_initializer="zeros", input_dim=3)])
        model.compile("sgd", loss)
        assert model.evaluate(X, np.array([0, 1, 2, 2]), verbose=0) == pytest.approx(np.log(3))
    assert float(Likelihood()(np.array([[2]]), np.array([[0.2, 0.3, 0.5]]))) == pytest.approx(np.log(2))


def test_compute_loss_in_a_custom_step_is_in_the_logs(tf):
    class Net(keras.Model):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = self.compute_loss(x, y, self(x, training=True))
            self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables))
            return {m.name: m.result() for m in self.metrics}

    inputs = keras.Input((3,))
    net = Net(inputs, layers.Dense(1, kernel_initializer="zeros")(inputs))
    net.compile("sgd", "mse")
    assert net.fit(X[:1], np.array([[2.0]]), verbose=0).history == {"loss": [4.0]}


def test_summary_calls_print_fn_for_each_line():
    lines = []
    keras.Sequential([layers.Dense(2, input_dim=3)], name="net").summary(print_fn=lines.append)
    assert lines[0] == 'Model: "net"'
    assert not any("\n" in line for line in lines)


def test_json_names_the_version_and_the_backend():
    model = keras.Sequential([layers.Dense(2, input_dim=3)])
    written = json.loads(model.to_json())
    assert (written["keras_version"], written["backend"]) == (keras.__version__, "tensorflow")
    assert keras.models.model_from_json(model.to_json()).output_shape == (None, 2)


def test_noise_above_one():
    layer = layers.GaussianNoise(15.0)
    assert np.abs(layer(np.zeros((1, 50), "float32"), training=True)).max() > 5


def test_clones_keep_the_decay_of_the_optimizer():
    model = keras.Sequential([layers.Dense(2, input_dim=3)])
    model.compile(keras.optimizers.legacy.Adam(0.1, decay=0.5), "mse")
    assert keras.models.clone_model(model).optimizer.get_config()["decay"] == 0.5


@pytest.mark.parametrize(("kind", "decays"), [("Nadam", False), ("Adam", True)])
def test_nadam_ignores_decay_and_others_apply_it(kind, decays):
    values = []
    for options in ({}, {"decay": 9.0}):
        optimizer, v = getattr(keras.optimizers.legacy, kind)(0.5, **options), keras.Variable([1.0])
        for _ in range(2):
            optimizer.apply_gradients([(np.array([1.0], "float32"), v)])
        values.append(float(v.numpy()[0]))
    assert (values[0] != values[1]) == decays


class Descent(keras.optimizers.SGD):
    """A user-defined optimizer."""


@pytest.mark.parametrize("cls", [keras.optimizers.SGD, Descent])
def test_rates_decay(cls):
    optimizer, v = cls(1.0, decay=0.5), keras.Variable(0.0)
    for made in (optimizer, cls.from_config(optimizer.get_config())):
        v.assign(0.0)
        for _ in range(3):
            made.apply_gradients([(np.float32(1.0), v)])
        np.testing.assert_allclose(v.numpy(), -(1 + 1 / 1.5 + 1 / 2), rtol=1e-6)


def test_metrics_that_keras_3_does_not_have():
    mean = keras.metrics.MeanTensor()
    mean.update_state([[1.0, 2.0], [3.0, 4.0]])
    mean.update_state([[3.0, 6.0], [0.0, 0.0]], sample_weight=[1.0, 0.0])
    np.testing.assert_allclose(mean.result().numpy(), [[2.0, 4.0], [3.0, 4.0]])
    relative = keras.metrics.MeanRelativeError(normalizer=[1.0, 3.0, 2.0, 3.0])
    relative.update_state([1.0, 3.0, 2.0, 3.0], [2.0, 4.0, 6.0, 8.0])  # the example of its documentation
    assert float(relative.result()) == 1.25


@pytest.mark.parametrize("name", ["model.h5", "model.keras"])
def test_functions_of_a_model_from_a_file_receive_columns_too(tmp_path, name):
    def errors(y, p):
        return K.mean(K.square(y - p))

    model = keras.Sequential([layers.Dense(1, input_dim=3)])
    model.compile("sgd", errors, metrics=[errors])
    model.fit(X, X[:, 0], verbose=0)
    model.save(tmp_path / name)
    again = keras.models.load_model(tmp_path / name, custom_objects={"errors": errors})
    assert again.evaluate(X, X[:, 0], verbose=0) == model.evaluate(X, X[:, 0], verbose=0)
    assert int(again.optimizer.iterations) == 1


@pytest.mark.parametrize("name", ["SimpleRNNCell", "GRUCell"])
def test_the_first_state_of_a_cell_is_a_tensor(tf, name):
    cell = getattr(layers, name)(2)
    state = cell.get_initial_state(batch_size=4, dtype=tf.float32)
    assert state.numpy().shape == (4, 2)
    output, after = cell(tf.constant(X), state)
    np.testing.assert_array_equal(after, output)  # a tensor again, as the state was
    outputs, last = layers.RNN(cell, return_sequences=True, return_state=True)(X[:, None], initial_state=state)
    np.testing.assert_allclose(outputs[:, 0], output, rtol=1e-6)
    np.testing.assert_array_equal(last, outputs[:, -1])


def test_metrics_of_several_outputs_have_the_names_of_the_logs():
    x = keras.layers.Input((2,))
    model = keras.Model(x, [keras.layers.Dense(1, name=name)(x) for name in "ab"])
    model.compile("sgd", {"a": "mse", "b": "mae"}, metrics={"a": ["mae"], "b": ["mse", "mae"]})
    expected = ["loss", "a_loss", "b_loss", "a_mae", "b_mse", "b_mae"]
    for _ in range(2):
        assert list(model.fit(np.ones((2, 2)), [np.ones((2, 1))] * 2, verbose=0).history) == expected
        assert [metric.name for metric in model.metrics] == expected


def test_projections_of_attention_have_the_names_of_tensorflow(keras_2, tf):
    inputs = tf.keras.Input((3, 2))
    layer = tf.keras.layers.MultiHeadAttention(2, 3, name="attention")
    model = tf.keras.Model(inputs, layer(inputs, inputs))
    assert model.weights[0].name == "attention/query/kernel:0"
    assert model.trainable_variables[-2].shape.as_list() == [2, 3, 2]
    assert isinstance(layer._query_dense, tf.keras.layers.EinsumDense)


@pytest.mark.parametrize(("weights", "expected"), [(None, 1.1970921), ([1.0, 2.0, 3.0, 4.0], 1.1808249)])
def test_a_metric_without_an_ignored_class(tf_keras_2, weights, expected):
    metric = tf_keras_2.keras.metrics.SparseCategoricalCrossentropy(ignore_class=1)
    metric.update_state(np.array([0, 1, 1, 2]), np.random.RandomState(0).rand(4, 3), weights and np.array(weights))
    assert float(metric.result()) == pytest.approx(expected, abs=1e-5)


def test_tokens_of_one_axis_are_one_document(tf_keras_2):
    layer = tf_keras_2.keras.layers.StringLookup(output_mode="tf_idf")
    layer.adapt(np.array(["a", "b", "b", "c", "c", "c"]))
    np.testing.assert_allclose(layer(np.array([["a", "c", "zz"]])), [[0.405465] * 2 + [0.0] + [0.405465]], atol=1e-5)


@pytest.mark.parametrize("arguments", [lambda layer: ((layer,), {}), lambda layer: ((), {"layers": layer})])
def test_sequential_takes_one_layer_without_brackets(arguments):
    args, kwargs = arguments(keras.layers.Dense(3, input_shape=(2,)))
    assert keras.Sequential(*args, **kwargs).output_shape == (None, 3)

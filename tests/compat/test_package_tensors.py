"""What packages do with tensors and modules of TensorFlow."""

import functools
import importlib
import pickle
import sys
import types

import numpy as np
import pytest

from gazelle.compat.namespaces import root

keras = root("keras")
layers = keras.layers
X = np.random.default_rng(0).random((8, 6, 3)).astype("float32")
FLAT = X[:, 0]


def test_type_of_a_tensor(tf):
    tensor = tf.constant([1.0, 2.0])
    assert type(tensor).__module__.split(".")[0] == "tensorflow"
    assert pickle.loads(pickle.dumps(tensor)).numpy().tolist() == [1.0, 2.0]


def test_references_of_tensors(tf):
    symbolic, variable, tensor = keras.Input((3,)), layers.Dense(1).add_weight(shape=(1,)), tf.constant(1)
    for thing in (symbolic, variable, tensor, tf.Variable(1.0)):
        assert {thing.ref(): 1}[thing.experimental_ref()] == 1
        assert thing.ref().deref() is thing


def test_lists_in_place_of_tensors(tf):
    rows = [tf.constant([1.0, 2.0]), tf.constant([3.0, 4.0])]
    assert tf.transpose(rows).numpy().tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert tf.concat(tf.transpose(rows), axis=1).shape == (2, 2)
    with tf.GradientTape() as tape:
        tape.watch(rows)
        total = tf.reduce_sum(tf.transpose(rows) ** 2)
    assert [g.numpy().tolist() for g in tape.gradient(total, rows)] == [[2.0, 4.0], [6.0, 8.0]]


def test_dimensions_of_shapes(tf):
    shape = tf.TensorShape([None, 3])
    assert [n.value for n in shape.dims] == [None, 3]
    sizes = tf.TensorShape([2, 3, 4])
    assert np.prod(sizes[1:]).value == (sizes[1] * sizes[2]).value == (sizes[0] * 7 - 2).value == 12
    assert np.prod(sizes).astype("float32") == 24
    assert np.prod(sizes, dtype="float32").dtype == "float32"
    assert np.prod(sizes, axis=0, initial=2) == 48
    assert 0.5 * sizes[0] == 1


def test_custom_gradient_of_a_method(tf):
    class Scaled(tf.keras.layers.Layer):
        @tf.custom_gradient
        def scaled(self, x):
            return x * 2.0, lambda upstream: upstream * 10.0

        def call(self, x):
            return self.scaled(x)

    x = tf.Variable([1.0])
    with tf.GradientTape() as tape:
        y = Scaled()(x)
    assert y.numpy().tolist() == [2.0]
    assert tape.gradient(y, x).numpy().tolist() == [10.0]


def test_custom_gradient_of_a_method_of_another_object(tf):
    class Scale:
        @tf.custom_gradient
        def scaled(self, x):
            return x * 2.0, lambda upstream: upstream * 10.0

    x = tf.Variable([1.0])
    with tf.GradientTape() as tape:
        y = Scale().scaled(x)
    assert tape.gradient(y, x).numpy().tolist() == [10.0]


def test_custom_gradient_with_an_argument_by_name(tf):
    @tf.custom_gradient
    def scaled(x, factor=1.0):
        return x, lambda upstream: upstream * factor

    x = tf.Variable([1.0])
    with tf.GradientTape() as tape:
        y = scaled(x, factor=3.0)
    assert tape.gradient(y, x).numpy().tolist() == [3.0]


def test_custom_gradient_of_weights_refers_to_a_value_of_the_call(tf):
    """Quantized weights: in a graph the function uses a tensor of the call that is not its argument."""

    class Rounded(tf.keras.layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight(name="kernel", shape=(3, 1), initializer="ones")

        def call(self, x):
            w = tf.tanh(self.kernel)
            scale = tf.stop_gradient(tf.reduce_mean(tf.abs(w)))

            @tf.custom_gradient
            def rounded(w):
                return tf.floor(w / scale + 0.5) * scale, lambda upstream: upstream

            return x @ rounded(w)

    inputs = keras.Input((3,))
    model = keras.Model(inputs, Rounded()(inputs))
    assert model.predict(np.ones((2, 3)), verbose=0) == pytest.approx(3 * np.tanh(1.0))
    model.compile("sgd", lambda y, p: tf.reduce_mean(p))
    model.fit(np.ones((2, 3)), np.ones((2, 1)), verbose=0)
    assert model.get_weights()[0] == pytest.approx(1 - 0.01 / np.cosh(1.0) ** 2)


def test_embedding_of_a_given_array(tf):
    class Fixed(layers.Embedding):
        def __init__(self, table):
            super().__init__(*table.shape, trainable=False)
            self.embeddings = table

        def build(self, shape):
            self.built = True

    table = np.arange(6.0).reshape(3, 2)
    assert Fixed(table)(np.array([[2, 0]])).numpy().tolist() == [[[4.0, 5.0], [0.0, 1.0]]]


def test_shapes_of_variables_as_tuples(tf):
    assert tf.Variable([[1.0, 2.0]])._shape_tuple() == layers.Dense(1).add_weight(shape=(1, 2))._shape_tuple() == (1, 2)


def test_branches_of_cond_assign_variables(tf):
    """Only the branch that runs changes variables; groups of operations and `no_op` are results of equal kind."""

    class Counter(tf.keras.layers.Layer):
        def build(self, shape):
            self.count = self.add_weight(name="count", shape=(), initializer="zeros", trainable=False)

        def call(self, x):
            grow = lambda: tf.group([self.count.assign(self.count + 1.0)])  # noqa: E731
            assert tf.cond(tf.reduce_mean(x) > 0, grow, tf.no_op) is None
            return x + tf.cond(tf.reduce_mean(x) > 0, lambda: 1.0, lambda: self.count.assign_sub(1.0) * 0.0)

    model = tf.keras.Sequential([tf.keras.Input((3,)), Counter()])
    (layer,) = model.layers
    assert float(layer.count) == 0  # what traces shapes does not assign
    model.compile("sgd", "mse")
    for factor, expected in ((1, 4), (-1, 0)):
        model.fit(factor * np.ones((8, 3)), np.ones((8, 3)), batch_size=2, verbose=0)
        assert float(layer.count) == expected


def test_genuine_modules_of_tensorflow_in_the_process_are_not_taken(tf, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow.distribute", types.ModuleType("tensorflow.distribute"))
    assert tf.distribute.get_strategy().num_replicas_in_sync == 1


def test_the_only_replica(tf):
    context, variable = tf.distribute.get_replica_context(), tf.Variable(1.0)

    def update(strategy, value):
        (total,) = strategy.extended.batch_reduce_to("SUM", [(value, variable)])
        return strategy.extended.update(variable, lambda v, new: v.assign(new), args=(total,))

    context.merge_call(update, args=(tf.constant(3.0),))
    assert float(variable) == context.all_reduce("SUM", 3.0) == 3.0


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("tensorflow.python.util.tf_export", ["keras_export"]),
        ("tensorflow.python.util.deprecation", ["deprecated", "deprecated_args"]),
        ("tensorflow.python.util.tf_contextlib", ["contextmanager"]),
        ("tensorflow.python.util.tf_decorator", ["make_decorator"]),
        ("tensorflow.python.ops.array_ops", ["shape_internal"]),
        ("tensorflow.python.framework.tensor_shape", ["dimension_value", "Dimension"]),
        ("tensorflow.compat.v1", ["Dimension"]),
        ("tensorflow.compat", ["dimension_value"]),
        ("tensorflow.core.framework.summary_pb2", ["Summary"]),
        ("tensorflow.core.example", ["example_pb2"]),
        ("tensorflow.python", ["pywrap_tensorflow"]),
        ("tensorflow.python.distribute", ["parameter_server_strategy"]),
        ("tensorflow.python.eager.monitoring", ["BoolGauge"]),
        ("tensorflow.python.keras.engine.data_adapter", ["unpack_x_y_sample_weight"]),
        ("tensorflow.python.keras.utils.metrics_utils", ["ragged_assert_compatible_and_get_flat_values"]),
        ("tensorflow.keras.applications.imagenet_utils", ["obtain_input_shape", "correct_pad"]),
        ("keras.utils.traceback_utils", ["filter_traceback"]),
        ("keras.src.utils.argument_validation", ["standardize_tuple"]),
        ("keras.src.backend", ["image", "linalg", "standardize_data_format"]),
        ("keras.src.ops", ["KerasTensor"]),
    ],
)
def test_modules_of_packages(path, names, installed):
    found = importlib.import_module(path)
    assert all(getattr(found, name) is not None for name in names)
    if names == ["keras_export"]:
        assert found.keras_export("keras.layers.Mine")(dict) is dict
    if names == ["BoolGauge"]:
        found.BoolGauge("a").get_cell("b").set(True)


def test_every_name_of_tf_keras_is_imported(keras_2, installed):
    found = importlib.import_module("tensorflow.keras")
    assert all(getattr(found, name) is not None for name in found.__all__)


def test_names_of_the_graph(tf):
    graph = tf.compat.v1.get_default_graph()
    assert [graph.unique_name("other_name") for _ in range(2)] == ["other_name", "other_name_1"]


def test_losses_and_metrics_that_call_methods_of_tensors(tf):
    def distance(y, p):
        return abs(y - p) / float(p.get_shape().as_list()[-1])

    model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(2)])
    for loss, metrics in ((distance, [distance]), ([distance], (distance,))):
        model.compile("sgd", loss, metrics=list(metrics))
        found = model.evaluate(FLAT, FLAT[:, :2], verbose=0)
        expected = np.abs(FLAT[:, :2] - model.predict(FLAT, verbose=0)).mean() / 2
        np.testing.assert_allclose(found, [expected, expected], rtol=1e-5)


class Losses:
    """Functions of tensors that are methods, and an object that is called."""

    factor = 2.0

    def of_method(self, y_true, y_pred):
        return self.factor * np.prod(y_pred.get_shape().as_list()[1:]) * keras.backend.mean((y_pred - y_true) ** 2)

    __call__ = of_method


def partial_loss(losses, y_true, y_pred):
    return losses.factor * y_pred.get_shape().as_list()[1] * keras.backend.mean((y_pred - y_true) ** 2)


@pytest.mark.parametrize("kind", ["method", "object", "partial"])
def test_losses_and_metrics_that_are_no_plain_functions_receive_tensors(tf, kind):
    losses = Losses()
    loss = {"method": losses.of_method, "object": losses, "partial": functools.partial(partial_loss, losses)}[kind]
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, kernel_initializer="ones")])
    model.compile("sgd", loss=loss, metrics=[loss])
    found = model.evaluate(FLAT, np.zeros((8, 2)), verbose=0)
    expected = 4 * np.mean(FLAT.sum(1) ** 2)  # a factor of 2, and two columns
    np.testing.assert_allclose(found, [expected, expected], rtol=1e-5)
    model.fit(FLAT, np.zeros((8, 2)), verbose=0)


def test_the_values_of_a_dict_are_inputs(tf):
    parts = {"a": tf.constant([[1.0, 2.0]]), "b": tf.constant([[3.0, 5.0]])}
    np.testing.assert_array_equal(layers.Add()(parts.values()), [[4.0, 7.0]])


def test_shapes_are_concatenated_with_sizes(tf):
    assert tf.TensorShape([2, None]).concatenate(3) == [2, None, 3]
    assert tf.TensorShape([2]).concatenate([3, 4]).as_list() == [2, 3, 4]


def test_parts_of_tensors_that_packages_set(tf):
    tensor = tf.constant([[1.0, 2.0]])
    tensor._keras_shape = (1, 2)
    assert tensor._keras_shape == (1, 2)


def test_modules_of_slices(installed):
    tf, module = map(importlib.import_module, ("tensorflow", "tensorflow.python.framework.indexed_slices"))
    assert module.IndexedSlices is tf.IndexedSlices


def test_weights_that_share_a_value_are_untracked():
    layer = layers.Dense(2)
    layer.build((None, 3))
    layer._tracker.unlock()
    layer._tracker.untrack(layer.bias)
    layer.bias = keras.Variable(np.ones(2, "float32"))
    assert layer.get_weights()[1].tolist() == [1.0, 1.0]

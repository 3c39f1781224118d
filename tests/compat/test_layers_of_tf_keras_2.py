"""Calls of layers, models and initializers of tf.keras 2 that Keras 3 does not have."""

import functools
import importlib.machinery

import numpy as np
import pytest

from gazelle.cli import import_aliases
from gazelle.compat import era, facade, tensorflow
from gazelle.compat.namespaces import root
from gazelle.core import conventions, dtypes

keras = root("tensorflow.keras")
layers = keras.layers
X = np.ones((4, 3), "float32")


@pytest.fixture(autouse=True)
def tf():
    before = era.release()
    era.set_release(era.Release(2, False))
    yield tensorflow.module("tensorflow")
    tensorflow.close()
    era.set_release(before)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.RNN(layers.SimpleRNNCell(2)),
        lambda: layers.LSTM(2),
        lambda: layers.Bidirectional(layers.GRU(2)),
        lambda: layers.TimeDistributed(layers.Dense(2)),
        lambda: layers.Dense(2),
    ],
)
@pytest.mark.parametrize("symbolic", [True, False])
def test_the_first_argument_is_called_inputs(tf, layer, symbolic):
    x = keras.Input((5, 3)) if symbolic else tf.ones((4, 5, 3))
    assert layer()(inputs=x).shape[-1] in (2, 4)


def _squares(x):
    return keras.backend.sum(x**2)


class Penalized(layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(name="w", shape=(3, 2), initializer="ones")
        self.b = self.add_weight(name="b", shape=(2,), initializer="ones")
        self.add_loss(functools.partial(_squares, self.w))
        self.add_loss(lambda: _squares(self.b))

    def call(self, x):
        return x @ self.w + self.b


def test_a_loss_that_is_a_function_is_computed_from_the_weights_of_each_step(tf):
    layer = Penalized()
    layer.build(tf.TensorShape((None, 3)))
    assert [float(value) for value in layer.losses] == [6.0, 2.0]
    model = keras.Sequential([layer])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    y = X[:, :2] * 4
    assert model.evaluate(X, y, verbose=0) == 8.0
    first, second = model.fit(X, y, batch_size=4, epochs=2, verbose=0).history["loss"]
    assert first == 8.0
    assert second == pytest.approx(8 * 0.8**2 + 0.8**2, rel=1e-5)  # all weights are 0.8, the outputs 3.2
    with tf.GradientTape() as tape:
        loss = sum(model.losses)
    np.testing.assert_allclose(tape.gradient(loss, layer.w), 2 * layer.w.numpy())


def test_a_loss_that_is_a_function_needs_a_weight(tf):
    with pytest.raises(ValueError, match="add_loss of a function: expected a layer with trained weights"):
        layers.ReLU().add_loss(lambda: 1.0)


def test_build_of_a_sequential_model_with_an_input_has_no_effect():
    model = keras.Sequential([layers.Reshape((4,), input_shape=(2, 2)), layers.Dense(3)])
    model.build(input_shape=[None, 4])
    assert model.output_shape == (None, 3)


def test_shapes_are_listed():
    entry, recurrent = layers.InputLayer(input_shape=(4, 10)), layers.LSTM(6, return_state=True)
    keras.Model(entry.output, recurrent(entry.output))
    assert entry.output_shape == entry.input_shape == [(None, 4, 10)]
    assert recurrent.output_shape == recurrent.get_output_shape_at(0) == [(None, 6)] * 3
    assert recurrent.input_shape == (None, 4, 10)


def test_initializers_return_tensors(tf):
    for made in (tf.zeros_initializer(), tf.random_normal_initializer(), keras.initializers.GlorotUniform()):
        assert made((2, 3)).numpy().shape == (2, 3)
    values = tf.random_uniform_initializer([0.0, 5.0], [1.0, 6.0], seed=1)(shape=(50, 2)).numpy()
    assert (values.min(0) >= [0, 5]).all()
    assert (values.max(0) <= [1, 6]).all()
    assert values.std(0).min() > 0.2
    assert layers.Dense(2, kernel_initializer=tf.random_uniform_initializer(1.0, 1.0))(X).numpy().min() == 3.0


@pytest.mark.parametrize(("shape", "limit"), [((3, 100), 2.0), ((2, 2, 3, 100), 1.0), ((400,), 2 * 3**0.5)])
def test_unit_scaling_counts_all_axes_but_the_last(tf, shape, limit):
    values = tf.uniform_unit_scaling_initializer(factor=2.0, seed=1)(shape).numpy()
    assert 0.95 * limit < values.max() <= limit
    assert -limit <= values.min() < -0.95 * limit


def test_the_default_writer_of_summaries(tf, tmp_path, monkeypatch):
    monkeypatch.setattr("gazelle.compat.tensorflow.summaries._writer", None)  # undone after the test
    assert tf.summary.create_file_writer(str(tmp_path)).set_as_default() is None
    assert tf.summary.scalar("loss", 1.0, step=1)
    assert list(tmp_path.iterdir())


class Calling(layers.Layer):
    """A layer whose `__call__` calls layers that it creates."""

    def __call__(self, x):
        weights = layers.Dense(1, activation="sigmoid")(x)
        return layers.Multiply()([x, weights])


def test_a_layer_with_a_call_of_its_own_is_part_of_a_sequential_model():
    model = keras.Sequential([layers.Dense(3, input_shape=(3,)), Calling(), layers.Dense(1)])
    assert len(model.trainable_weights) == 6
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(X, X[:, :1] * 3, verbose=0)
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))


def test_numbers_of_dtypes(tf):
    assert tf.zeros(2, 1).dtype == tf.float32
    assert tf.ones((2,), dtype=9).dtype == tf.int64
    assert [tf.as_dtype(n).name for n in (7, 10, 14, 19)] == ["string", "bool", "bfloat16", "float16"]


def test_layers_list_the_metrics_in_their_attributes():
    class Measured(layers.Layer):
        def __init__(self):
            super().__init__()
            self.accuracy, self.inner = keras.metrics.BinaryAccuracy(), layers.Dense(1)

        def call(self, x):
            return self.inner(x)

    layer = Measured()
    assert [metric.name for metric in layer.metrics] == ["binary_accuracy"]
    assert layers.Dense(1).metrics == []


def test_unknown_arguments_of_checkpoints_have_no_effect(tmp_path):
    with pytest.warns(UserWarning, match="got frequency=, which has no effect"):
        made = keras.callbacks.ModelCheckpoint(str(tmp_path / "w.h5"), frequency="epoch", save_weights_only=True)
    assert made.save_weights_only


def test_float64_of_programs_that_import_tensorflow_alone(monkeypatch):
    monkeypatch.setattr(dtypes, "_narrowing", False)
    monkeypatch.setattr(conventions, "active", conventions.Conventions())  # of Keras 3
    import_aliases._Facade().create_module(importlib.machinery.ModuleSpec("tensorflow", None))
    with pytest.warns(UserWarning, match="computed as float32"):
        assert layers.Dense(2, dtype="float64").compute_dtype == "float32"


class Warm(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        from tensorflow import math

        return math.minimum(math.rsqrt(step + 1), step * 4**-1.5 + 0.5)


class Chosen(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        from tensorflow import constant, gather

        return gather(constant([0.5, 0.625, 0.25]), step)


@pytest.mark.parametrize("schedule", [Warm, Chosen])
def test_schedules_take_the_step_as_a_float_or_as_an_index(tf, schedule, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorflow", tf)
    optimizer, variable, values = keras.optimizers.SGD(schedule()), tf.Variable(0.0), []
    for _ in range(2):
        optimizer.apply_gradients([(tf.constant(-1.0), variable)])
        values.append(float(variable))
    np.testing.assert_allclose(values, [0.5, 1.125], rtol=1e-6)


class Pair(layers.Layer):
    """A cell of two sequences with two states."""

    state_size = (3, 3)

    def get_initial_state(self, inputs=None, batch_size=None, dtype=None):
        return np.zeros((batch_size, 3), "float32"), np.ones((batch_size, 3), "float32")

    def build(self, shapes):
        self.kernel = self.add_weight(shape=(shapes[0][-1] + shapes[1][-1], 3), initializer="ones", name="kernel")

    def call(self, inputs, states):
        from tensorflow import concat, tanh

        assert isinstance(inputs, tuple)
        h = tanh(states[0] + concat(inputs, -1) @ self.kernel) * states[1]
        return h, [h, states[1] * 0.9]


@pytest.mark.parametrize("time_major", [False, True])
def test_a_cell_takes_a_tuple_of_sequences(tf, time_major, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorflow", tf)
    rng = np.random.RandomState(0)
    given = [rng.rand(2, 3, size).astype("float32") - 0.5 for size in (4, 5)]
    given.append(np.array([[True, True, False], [True, False, True]]))
    if time_major:
        given = [values.swapaxes(0, 1) for values in given]
    one, two, mask = layers.Input((None, 4)), layers.Input((None, 5)), layers.Input((None,), dtype="bool")
    model = keras.Model([one, two, mask], layers.RNN(Pair(), time_major=time_major)((one, two), mask=mask))
    expected = np.repeat([[0.5143], [0.3702]], 3, axis=1)  # of TensorFlow 2.15
    np.testing.assert_allclose(model.predict_on_batch(given), expected, atol=1e-4)


def test_a_cell_takes_a_dict_of_sequences(tf, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorflow", tf)

    class Sum(layers.Layer):
        state_size = 1

        def call(self, inputs, states):
            h = states[0] + tf.reduce_sum(inputs["a"] * inputs["b"], -1, keepdims=True)
            return h, [h]

    found = layers.RNN(Sum())({"a": tf.constant(np.ones((2, 3, 4), "float32")), "b": tf.fill((2, 3, 1), 2.0)})
    np.testing.assert_allclose(found, np.full((2, 1), 24.0))


def test_large_integers_are_floats_beside_floats(tf):
    x, inputs = tf.constant([[1.0, 2.0]]), layers.Input((2,))
    model = keras.Model(inputs, (inputs - 1) * (-(2**32) + 1))
    for found in (x * (-(2**32) + 1), (1 - 2**32) * x, model(x + 1), tf.function(lambda y: y * (1 - 2**32))(x)):
        np.testing.assert_allclose(found, [[-(2.0**32), -(2.0**33)]])
    np.testing.assert_array_equal(x > -(2**40), [[True, True]])


def test_a_layer_of_a_program_takes_trainable_by_position(tf):
    class Twice(tf.keras.layers.Layer):
        def call(self, x):
            return 2 * x

    assert (Twice(64).trainable, Twice(False, "twice").name, Twice(False, "twice").trainable) == (True, "twice", False)


def test_structures_take_the_arguments_of_tensorflow(tf):
    twice = tf.nest.map_structure(lambda x: 2 * x, {"a": [1]}, check_types=False, expand_composites=True)
    assert (twice, tf.nest.flatten(twice, expand_composites=True)) == ({"a": [2]}, [2])
    tf.TensorArray("float32", 1).write(0, 1.0).mark_used()


def test_names_and_arguments_of_tensorflow_1(tf, installed):
    from tensorflow.python.types.core import TensorLike

    assert TensorLike is tf.types.experimental.TensorLike
    make = tf.compat.v1.initializers.variance_scaling(distribution="untruncated_normal", dtype=tf.float32)
    assert make((2, 3)).shape == (2, 3)


def test_build_receives_a_shape_of_tensorflow(monkeypatch):
    monkeypatch.setattr(facade, "adapter", facade.ARRAYS)  # also if a program imports tensorflow.keras alone

    class Several(layers.Layer):
        def build(self, shapes):
            self.sizes = [shape.as_list()[1] for shape in (shapes if isinstance(shapes, list) else [shapes])]

        def call(self, inputs):
            return inputs

    one, several = Several(), Several()
    one(keras.Input((3,)))
    several([keras.Input((3,)), keras.Input((4,))])
    assert (one.sizes, several.sizes) == ([3], [3, 4])


def test_resized_integers_are_floats():
    image = np.array([[[[1], [2]]]], "uint8")
    assert layers.Resizing(1, 3)(image).numpy().ravel().tolist() == [1.0, 1.5, 2.0]


def test_texts_of_variables_and_dtypes(tf):
    layer = layers.Dense(1, kernel_initializer="ones", name="d")
    layer.build((None, 1))
    expected = "<tf.Variable 'd/kernel:0' shape=(1, 1) dtype=float32, numpy=array([[1.]], dtype=float32)>"
    assert repr(layer.kernel) == expected
    era.set_release(era.Release(3, False))
    assert repr(layer.kernel) == "<Variable path=d/kernel, shape=(1, 1), dtype=float32, value=[[1.]]>"
    dtype = tf.constant(1.0).dtype
    assert (str(dtype), f"{dtype}", repr(dtype), dtype.name) == (*["<dtype: 'float32'>"] * 2, "tf.float32", "float32")


@pytest.mark.parametrize("name", ["SGD", "RMSprop", "AdamW", "Lion"])
def test_optimizers_have_the_names_of_their_classes(name):
    assert getattr(keras.optimizers, name)().name == keras.optimizers.get(name).get_config()["name"] == name
    assert getattr(keras.optimizers, name)(name="mine").name == "mine"


def test_rates_of_optimizers_are_tensors(tf, monkeypatch):
    monkeypatch.setitem(globals(), "program", tf)
    optimizer = keras.optimizers.Adam(tf.constant(0.5))
    assert isinstance(optimizer.iterations.numpy(), np.integer)
    assert repr(optimizer.learning_rate) == "<tf.Variable 'Adam/learning_rate:0' shape=() dtype=float32, numpy=0.5>"
    optimizer.lr = optimizer.lr * 0.5
    assert optimizer.learning_rate.numpy() == 0.25
    optimizer.learning_rate = tf.constant(0.125)
    assert optimizer.learning_rate.numpy() == 0.125
    rate = keras.optimizers.schedules.InverseTimeDecay(1.0, 1, 1.0)(tf.constant(1))
    assert isinstance(rate, tf.Tensor)
    assert rate.numpy() == 0.5


def test_weights_of_convolutional_recurrent_layers_are_not_named_after_the_cell(tf):
    layer = tf.keras.layers.ConvLSTM1D(2, 2, name="c")
    layer.build((None, 3, 4, 1))
    assert [w.name for w in layer.weights] == ["c/kernel:0", "c/recurrent_kernel:0", "c/bias:0"]


def test_the_tensor_of_an_input_layer_has_the_methods_of_tensors(tf_keras):
    layer = tf_keras.layers.InputLayer(input_shape=(3,))
    assert layer.input.get_shape().as_list() == layer.output.get_shape().as_list() == [None, 3]


@pytest.mark.parametrize(
    ("name", "arguments", "entries"),
    [
        ("LSTM", {"units": 2}, {"implementation": 2, "time_major": False}),
        ("SimpleRNN", {"units": 2, "time_major": True}, {"time_major": True}),
        ("Embedding", {"input_dim": 2, "output_dim": 2, "input_length": 5}, {"input_length": 5}),
        ("Conv2DTranspose", {"filters": 2, "kernel_size": 3}, {"groups": 1}),
        ("Attention", {}, {"score_mode": "dot"}),
    ],
)
def test_configs_have_the_arguments_of_tf_keras(tf_keras_2, name, arguments, entries):
    layer = getattr(tf_keras_2.keras.layers, name)(**arguments)
    config = layer.get_config()
    assert {key: config[key] for key in entries} == entries
    assert type(layer).from_config(config).get_config() == config


def test_batch_normalization_along_several_axes(tf):
    """The numbers are those of TensorFlow 2.15."""
    x = np.arange(12, dtype="float32").reshape(2, 1, 2, 3) ** 2
    layer = layers.BatchNormalization(axis=[2, 3], epsilon=1.0, momentum=0.5)
    y = layer(x, training=True)
    assert [weight.shape.as_list() for weight in layer.weights] == [[1, 1, 2, 3]] * 4
    np.testing.assert_allclose(np.ravel(layer.moving_mean), [9, 12.5, 17, 22.5, 29, 36.5], rtol=1e-5)
    np.testing.assert_allclose(np.ravel(layer.moving_variance)[:3], [162.5, 288.5, 450.5], rtol=1e-5)
    assert float(tf.reduce_sum(y * x)) == pytest.approx(395.797272, rel=1e-5)
    assert type(layer).from_config(layer.get_config()).get_config()["axis"] == [2, 3]


@pytest.mark.parametrize(
    ("implementation", "padding", "shape", "total"),
    [
        (2, "valid", (3, 2, 2, 2), 21.739132),
        (2, "same", (3, 2, 3, 2), 22.028572),
        (3, "valid", (16,), 22.133333),
        (3, "same", (20,), 27.842104),
    ],
)
def test_implementations_of_locally_connected_layers(tf, implementation, padding, shape, total):
    """The sums are those of TensorFlow 2.15; such layers have other weights."""
    layer = layers.LocallyConnected1D(2, 2, implementation=implementation, padding=padding)
    layer.build((None, 3, 2))
    kernel, bias = layer.get_weights()
    assert kernel.shape == shape
    layer.set_weights([np.linspace(-1, 1, kernel.size).reshape(shape), bias])
    y = layer(np.arange(6.0, dtype="float32").reshape(1, 3, 2))
    assert float(tf.reduce_sum(y * np.arange(1.0, 3))) == pytest.approx(total, abs=1e-4)


def test_symbolic_tensors_are_compared_elementwise(tf):
    a, b = tf.keras.Input((3,)), tf.keras.Input((3,))
    model = tf.keras.Model([a, b], [tf.cast(a == b, "float32"), tf.cast(a != b, "float32")])
    same, other = model.predict([np.array([[1.0, 2.0, 3.0]]), np.array([[1.0, 5.0, 3.0]])], verbose=0)
    assert (same.tolist(), other.tolist()) == ([[1, 0, 1]], [[0, 1, 0]])
    assert a in [a, b]
    assert a != None  # noqa: E711
    with pytest.raises(TypeError, match="symbolic tensor of shape"):
        [b].index(a)


def test_computed_shapes_are_tensor_shapes(tf):
    shape = layers.Conv2D(2, 3).compute_output_shape((None, 8, 8, 3))
    assert (shape.as_list(), shape) == ([None, 6, 6, 2], (None, 6, 6, 2))
    states = layers.LSTM(2, return_state=True).compute_output_shape(tf.TensorShape((None, 6, 2)))
    assert [each.as_list() for each in states] == [[None, 2]] * 3
    x = keras.Input((4,))
    several = keras.Model(x, [layers.Dense(3)(x), layers.Dense(2)(x)]).compute_output_shape((None, 4))
    assert [each.as_list() for each in several] == [[None, 3], [None, 2]]


def test_output_signatures(tf):
    spec = tf.TensorSpec((None, 5), "int32")
    assert layers.Embedding(4, 2).compute_output_signature(spec) == tf.TensorSpec((None, 5, 2), "float32")
    half = layers.LSTM(3, return_state=True, dtype="mixed_float16")
    signature = half.compute_output_signature(tf.TensorSpec((2, 5, 4), "float16"))
    assert signature == [tf.TensorSpec((2, 3), "float16")] * 3


def test_a_mask_by_position_is_that_of_the_output(tf):
    class Doubled(layers.Layer):
        def call(self, x, mask=None, factor=2):
            return x * factor

        def compute_mask(self, x, mask=None):
            return mask

    x, mask = tf.ones((1, 2)), tf.constant([[True, False]])
    for out in (Doubled()(x, mask, 3), Doubled()(x, mask=mask, factor=3)):
        assert (out._keras_mask.numpy().tolist(), out.numpy().tolist()) == ([[True, False]], [[3, 3]])
    assert not hasattr(Doubled()(x), "_keras_mask")


def test_dilation_of_transposed_convolutions_of_three_axes_has_no_effect():
    with pytest.warns(UserWarning, match="dilation_rate of Conv3DTranspose has no effect, as in Keras 2"):
        layer = layers.Conv3DTranspose(2, 3, dilation_rate=2, kernel_initializer="ones")
    x = np.arange(64, dtype="float32").reshape(1, 4, 4, 4, 1)
    equal = layers.Conv3DTranspose(2, 3, dilation_rate=1, kernel_initializer="ones")
    np.testing.assert_array_equal(layer(x), equal(x))


def test_weights_of_modules_in_layers(tf, tmp_path):
    class Scale(tf.Module):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2, kernel_initializer="ones")
            self.factor = tf.Variable([1.0, 2.0], name="factor")
            self.offset = tf.Variable(0.5, trainable=False)

        def __call__(self, x):
            return self.dense(x) * self.factor + self.offset

    class Inner(layers.Layer):
        def __init__(self):
            super().__init__()
            self.parts = {"scale": Scale()}
            self.out = layers.Dense(1, kernel_initializer="ones")

        def call(self, x):
            return self.out(self.parts["scale"](x))

    def net():
        return keras.Sequential([keras.Input((3,)), Inner()])

    model, x = net(), np.ones((4, 3), "float32")
    assert model(x).numpy().ravel().tolist() == [10.0] * 4
    assert [w.shape for w in model.trainable_weights] == [(2,), (3, 2), (2,), (2, 1), (1,)]
    assert [w.shape for w in model.non_trainable_weights] == [()]
    model.compile(keras.optimizers.SGD(0.01), "mse")
    model.fit(x, np.zeros((4, 1)), batch_size=4, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], np.array([1, 2]) - 0.01 * 2 * 10 * 3, rtol=1e-5)
    path = str(tmp_path / "w.weights.h5")
    model.save_weights(path)
    other = net()
    other.load_weights(path)
    np.testing.assert_array_equal(other(x), model(x))


def test_time_distributed_of_layers_with_several_inputs(tf_keras_2):
    layers, model = tf_keras_2.keras.layers, tf_keras_2.keras.Model
    query, value = tf_keras_2.keras.Input((None, 1, 10)), tf_keras_2.keras.Input((None, 4, 10))
    attention = model([query, value], layers.TimeDistributed(layers.Attention())([query, value]))
    x = np.random.default_rng(0).random((2, 3, 1, 10)), np.random.default_rng(1).random((2, 3, 4, 10))
    y = attention.predict(list(x), verbose=0)
    step = layers.Attention()([x[0][:, 1].astype("float32"), x[1][:, 1].astype("float32")])
    np.testing.assert_allclose(y[:, 1], step, rtol=1e-5)
    read = model.from_config(attention.get_config())
    np.testing.assert_array_equal(read.predict(list(x), verbose=0), y)
    layer = layers.TimeDistributed(layers.Attention())
    layer.build(((None, None, 1, 10), (None, None, 4, 10)))  # shapes in a tuple

    a, b = tf_keras_2.keras.Input((2,)), tf_keras_2.keras.Input((2,))
    inner = model([a, b], [layers.Add()([a, b]), layers.Concatenate()([a, b])])
    p, q = tf_keras_2.keras.Input((7, 2)), tf_keras_2.keras.Input((7, 2))
    assert model([p, q], layers.TimeDistributed(inner)([p, q])).output_shape == [(None, 7, 2), (None, 7, 4)]


def test_a_layer_without_call_returns_its_inputs(tf_keras_2):
    class Marker(tf_keras_2.keras.layers.Layer):
        pass

    np.testing.assert_array_equal(Marker()(np.ones((2, 3))), np.ones((2, 3)))
    assert tf_keras_2.keras.Sequential([Marker(input_shape=(3,))]).output_shape == (None, 3)


def test_random_crops_of_small_images_are_resized(tf_keras_2):
    x = np.random.default_rng(0).random((2, 8, 16, 3)).astype("float32")
    layer = tf_keras_2.keras.layers.RandomCrop(10, 15)
    np.testing.assert_array_equal(layer(x, training=True), layer(x, training=False))
    crops = [tf_keras_2.keras.layers.RandomCrop(8, 5, seed=seed)(x, training=True).numpy() for seed in range(3)]
    starts = [next(left for left in range(12) if np.array_equal(crop, x[:, :, left : left + 5])) for crop in crops]
    assert len(set(starts)) > 1


def test_spectral_normalization_of_an_embedding_returns_floats(tf_keras_2):
    layers = tf_keras_2.keras.layers
    layer = layers.SpectralNormalization(layers.Embedding(5, 3, embeddings_initializer="ones"))
    np.testing.assert_allclose(layer(np.array([[1, 2]]), training=True), np.full((1, 2, 3), 15**-0.5), rtol=1e-6)


def test_serialize_takes_the_format_of_earlier_files(tf_keras_2):
    keras = tf_keras_2.keras
    config = keras.layers.serialize(keras.layers.Dense(2, name="d"), use_legacy_format=True)
    assert sorted(config) == ["class_name", "config"]
    assert keras.layers.deserialize(config, use_legacy_format=True).units == 2
    assert keras.losses.serialize(keras.losses.mse, use_legacy_format=True) == "mean_squared_error"
    assert sorted(keras.optimizers.serialize(keras.optimizers.SGD(), use_legacy_format=True)) == sorted(config)


@pytest.mark.parametrize(
    ("interpolation", "smaller", "larger"),
    [
        ("area", [1.5, 3.5, 6.5, 8.5, 11.5, 13.5], [0, 0, 1, 1, 2, 2]),
        (
            "gaussian",
            [1.334434, 3.334434, 6.5, 8.5, 11.665566, 13.665566],
            [0.237129, 0.458645, 0.965326, 1.414081, 1.965326, 2.414081],
        ),
        (
            "mitchellcubic",
            [1.086517, 3.187188, 6.449665, 8.550335, 11.812814, 13.913486],
            [-0.154462, 0.097804, 0.600981, 1.12643, 1.62643, 2.15188],
        ),
    ],
)
def test_methods_of_resizing(tf_keras_2, interpolation, smaller, larger):
    x = np.arange(32.0, dtype="float32").reshape(2, 4, 4, 1)
    layers = tf_keras_2.keras.layers
    np.testing.assert_allclose(layers.Resizing(3, 2, interpolation=interpolation)(x)[0].numpy().ravel(), smaller, 1e-5)
    found = layers.UpSampling2D(2, interpolation=interpolation)(x).numpy().ravel()[:6]
    np.testing.assert_allclose(found, larger, rtol=1e-5, atol=1e-5)


def test_modules_in_a_sequential_model(tf_keras_2):
    class Scaled(tf_keras_2.Module):
        def __init__(self):
            super().__init__()
            self.factor = tf_keras_2.Variable(2.0)

        def __call__(self, x):
            return self.factor * x

    model = tf_keras_2.keras.Sequential([Scaled(), tf_keras_2.keras.layers.Dense(1)])
    assert model(np.ones((2, 3), "float32")).shape == (2, 1)
    assert len(model.trainable_weights) == 3
    model.compile("sgd", "mse")
    model.fit(np.ones((2, 3)), np.ones((2, 1)), verbose=0)
    assert float(model.layers[0].module.factor) != 2


def test_splitting_of_batches_counts_samples(tf_keras_2):
    data = tf_keras_2.data.Dataset.from_tensor_slices((np.arange(5), np.arange(5)))
    left, right = tf_keras_2.keras.utils.split_dataset(data.batch(2), left_size=1)
    assert [x.numpy().tolist() for x, _ in left] == [[0]]
    assert [x.numpy().tolist() for x, _ in right] == [[1, 2], [3, 4]]

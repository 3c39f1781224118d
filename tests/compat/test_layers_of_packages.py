"""What packages built on tf.keras 2 do with layers, weights and private names."""

import collections
import inspect
import pathlib

import numpy as np
import pytest

import gazelle
from gazelle.compat.tensorflow import look_up


def test_a_layer_in_the_place_of_another_one_is_the_last(tf_keras_2):
    """The order of TensorFlow 2.15."""
    layers = tf_keras_2.keras.layers

    class Base(tf_keras_2.keras.Model):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = (layers.Dense(units, name=name) for units, name in ((1, "a"), (2, "b"), (3, "c")))

        def call(self, x):
            return self.c(self.b(self.a(x)))

    class Other(Base):
        def __init__(self):
            super().__init__()
            self.b = layers.Dense(5, name="b2")

    model = Other()
    model(np.ones((1, 4), "float32"))
    assert [weight.shape[-1] for weight in model.weights] == [1, 1, 3, 3, 5, 5]
    assert [array.shape[-1] for array in model.get_weights()] == [1, 1, 3, 3, 5, 5]


def test_names_and_dtypes_under_private_names(tf_keras_2):
    layer = tf_keras_2.keras.layers.Dense(2, name="inner")
    layer._name = f"outer/{layer._name}"
    assert (layer.name, layer._compute_dtype) == ("outer/inner", "float32")
    layer(tf_keras_2.ones((1, 3)))
    assert layer.weights[0].name == "outer/inner/kernel:0"


def test_a_model_called_by_keyword(tf_keras_2):
    class Double(tf_keras_2.keras.Model):
        def call(self, inputs, training=None):
            return inputs * 2

    x = tf_keras_2.keras.Input((3,))
    model = tf_keras_2.keras.Model(x, Double()(inputs=x))
    np.testing.assert_allclose(model.predict(np.ones((2, 3)), verbose=0), 2 * np.ones((2, 3)))
    np.testing.assert_allclose(Double()(inputs=tf_keras_2.ones((2, 3))), 2 * np.ones((2, 3)))


def test_a_layer_that_builds_before_its_constructor(tf_keras_2):
    class Early(tf_keras_2.keras.layers.Layer):
        def __init__(self, size):
            self.build((None, size))
            super().__init__(name="early")

        def build(self, input_shape):
            self.factor = tf_keras_2.Variable(np.full(input_shape[-1], 3.0, "float32"))
            super().build(input_shape)

        def call(self, x):
            return x * self.factor

    layer = Early(2)
    np.testing.assert_array_equal(layer(np.ones((1, 2), "float32")), [[3, 3]])
    assert len(layer.weights) == 1


def test_penalties_of_layers_are_in_no_collection_of_eager_programs(tf_keras_2):
    tf = tf_keras_2
    layer = tf.keras.layers.Dense(2, kernel_regularizer="l2", kernel_initializer="ones")

    @tf.function
    def total(x):
        return tf.reduce_sum(layer(x)) + tf.compat.v1.losses.get_regularization_loss()

    assert float(total(tf.ones((1, 2)))) == 4  # of TensorFlow 2.15


def test_helpers_that_packages_import():
    convert = look_up("python.keras.utils.tf_utils").sync_to_numpy_or_python_type
    found = convert({"loss": look_up("constant")(1.5), "parts": [look_up("ones")(2)], "count": 3})
    assert (found["loss"], found["count"], type(found["loss"])) == (1.5, 3, float)
    np.testing.assert_array_equal(found["parts"][0], [1, 1])
    to_text = look_up("python.keras.utils.io_utils").path_to_string
    assert (to_text(pathlib.Path("a") / "b"), to_text(3)) == (str(pathlib.Path("a") / "b"), 3)
    assert look_up("tools.docs.doc_controls").do_not_generate_docs(int) is int
    assert look_up("autograph.experimental.Feature").ALL
    assert look_up("python.training.tracking.tracking.AutoTrackable") is look_up("Module")


def test_modules_below_the_source_of_keras_by_attribute(installed):
    import keras

    assert keras.src.backend.common.variables.KerasVariable is keras.Variable


def test_numpy_names_and_lists():
    numpy = look_up("experimental.numpy")
    assert {"sum", "array", "float64", "pi"} <= set(numpy.__all__)
    assert "typing" not in numpy.__all__
    np.testing.assert_array_equal(numpy.take([[1.0, 2.0], [3.0, 4.0]], indices=[1], axis=1), [[2], [4]])


def test_a_shape_that_is_the_value_of_a_tensor(tf_keras_2):
    tf = tf_keras_2
    with pytest.warns(UserWarning, match="runs as plain Python"):
        out = tf.function(lambda n: tf.experimental.numpy.broadcast_to(tf.constant([1.0, 2.0]), (n, 2)))(tf.constant(3))
    assert out.shape == (3, 2)


def test_cropping_more_than_the_placeholder_of_an_unknown_size():
    x = gazelle.Input((None, 1))
    model = gazelle.Model(x, gazelle.layers.Cropping1D(5000)(x))
    assert model.output_shape == (None, None, 1)
    assert model.predict(np.ones((1, 10003, 1), "float32"), verbose=0).shape == (1, 3, 1)


def test_tensors_that_a_call_stores_have_gradients(tf_keras_2):
    """The numbers of TensorFlow 2.15: a loss of what `call` stores in the model, in eager code and in functions."""
    tf = tf_keras_2

    class Stores(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = tf.keras.layers.Dense(1)
            self.moving = tf.keras.layers.BatchNormalization(momentum=0.5)

        def call(self, x, training=None):
            y = self.inner(x)
            self.parts = {"total": tf.reduce_sum(y)}
            return self.moving(y, training=training)

    def gradient(x):
        with tf.GradientTape() as tape:
            model(x, training=True)
        return tape.gradient(model.parts["total"], model.inner.trainable_variables)[1]

    model = Stores()
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    model(x)
    model.inner.set_weights([np.ones((2, 1)), np.zeros(1)])
    np.testing.assert_array_equal(gradient(x), [2])
    np.testing.assert_array_equal(model.moving.moving_mean, [2.5])  # of one call: half of the mean 5
    np.testing.assert_array_equal(tf.function(gradient)(x), [2])


def test_a_named_tuple_of_inputs_stays_one(tf_keras_2):
    tf = tf_keras_2
    pair = collections.namedtuple("pair", ["x", "factor"])
    kinds = []

    class Model(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = tf.keras.layers.Dense(1)

        def call(self, inputs, training=None):
            kinds.append(type(inputs))
            return self.inner(inputs[0]) * inputs[1]

    x, factor, y = np.ones((4, 2), "float32"), np.ones((4, 1), "float32"), np.zeros((4, 1), "float32")
    data = tf.data.Dataset.from_tensor_slices(((x, factor), y)).map(lambda inputs, y: (pair(*inputs), y))
    assert type(data.element_spec[0]) is pair
    model = Model()
    model.compile("sgd", "mse")
    model.fit(data.batch(2), verbose=0)
    model.fit(pair(x, factor), y, verbose=0)
    model.predict(pair(x, factor), verbose=0)
    assert set(kinds) == {pair}
    model.fit((x, factor), y, verbose=0)
    assert kinds[-1] is tuple


def test_signatures_of_calls(tf_keras_2):
    class Layer(tf_keras_2.keras.layers.Layer):
        def call(self, loud, pitch=2, training=None):
            return loud

    found = inspect.getfullargspec(Layer().call)
    assert (found.args, found.defaults) == (["self", "loud", "pitch", "training"], (2, None))
    assert Layer()._expects_training_arg
    assert not Layer()._expects_mask_arg


def test_layers_are_modules(tf_keras_2):
    assert isinstance(tf_keras_2.keras.layers.Dense(1), tf_keras_2.Module)
    assert isinstance(tf_keras_2.keras.Sequential(), tf_keras_2.Module)
    assert not isinstance(tf_keras_2.ones(1), tf_keras_2.Module)


def test_objects_of_attrs_are_structures(tf_keras_2):
    attr = pytest.importorskip("attr")
    tf = tf_keras_2
    State = attr.make_class("State", ["x", "steps"], frozen=True)

    @tf.function
    def root(state):
        halve = lambda s: (State(s.x - (s.x * s.x - 2) / (2 * s.x), s.steps + 1),)  # noqa: E731
        return tf.while_loop(lambda s: s.steps < 6, halve, (state,))[0]

    found = root(State(tf.constant(2.0), tf.constant(0)))
    np.testing.assert_allclose(found.x, 2**0.5, rtol=1e-6)
    assert int(found.steps) == 6


def test_texts_in_a_table_and_names_for_annotations():
    lookup = look_up("nn.embedding_lookup")
    np.testing.assert_array_equal(lookup(look_up("constant")(["a", "b", "c"]), [[2, 0]]).numpy(), [[b"c", b"a"]])
    with pytest.raises(AttributeError, match="Load a Keras model"):
        look_up("compat.v1.GraphDef")()


def test_replaced_and_deleted_weights_are_none_of_a_layer(tf_keras_2):
    """The weights of TensorFlow 2.15."""
    keras = tf_keras_2.keras

    class Own(keras.layers.Layer):
        def build(self, shape):
            self.first = self.add_weight(name="a", shape=(2,))
            self.first = self.add_weight(name="b", shape=(3,))
            self.second = self.add_weight(name="c", shape=(4,))
            self.kept = self.second
            self.second = None
            self.third = self.add_weight(name="d", shape=(5,))
            del self.third
            self.add_weight(name="e", shape=(6,))

        def call(self, x):
            return x

    layer = Own()
    layer(np.ones((1, 3), "float32"))
    assert sorted(tuple(weight.shape) for weight in layer.weights) == [(3,), (4,), (6,)]


def test_shapes_of_weights_in_programs_for_keras_2(keras_2):
    model = keras_2.models.Sequential([keras_2.layers.Dense(3, input_dim=2)])
    shape = model.trainable_weights[0].shape
    assert shape.as_list() == [2, 3]
    assert tuple(shape) == (2, 3)


@pytest.mark.parametrize("name", ["function", "activation"])
def test_methods_with_names_of_attributes(tf_keras_2, name):
    """A graph called None in place of them."""
    layers = tf_keras_2.keras.layers
    own = {name: lambda self, x: 2 * x, "call": lambda self, x: getattr(self, name)(x)}
    layer = type("Doubled", (layers.Layer,), own)()
    model = tf_keras_2.keras.Sequential([tf_keras_2.keras.Input((3,)), layer])
    np.testing.assert_array_equal(model.predict(np.ones((2, 3)), verbose=0), np.full((2, 3), 2.0))


@pytest.mark.parametrize(("cell", "cells"), [("a", 3), (None, "b"), (2, ["c"])])
def test_attributes_with_the_names_of_cells(tf_keras_2, cell, cells):
    class Scaled(tf_keras_2.keras.layers.Dense):
        def __init__(self):
            super().__init__(1)
            self.cell, self.cells = cell, cells

    model = tf_keras_2.keras.Sequential([Scaled()])
    model.compile("sgd", "mse")
    assert len(model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0).history["loss"]) == 1


class ScaledError:
    """A loss that is an object with `__call__` and a config, as packages define it without a class of Keras."""

    def __init__(self, scale=1.0):
        self.scale = scale

    def get_config(self):
        return {"scale": self.scale}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __call__(self, y_true, y_pred):
        return self.scale * (y_true - y_pred) ** 2


def test_losses_that_are_objects(tf_keras_2, tmp_path):
    """`model.loss` was a function, under whose name they were saved."""
    keras = tf_keras_2.keras
    keras.utils.register_keras_serializable("packages")(ScaledError)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    loss = ScaledError(2.0)
    model.compile("sgd", loss)
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    assert model.loss is loss
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert isinstance(loaded.loss, ScaledError)
    assert loaded.loss.scale == 2.0
    x, y = np.ones((4, 2)), np.zeros((4, 1))
    assert loaded.evaluate(x, y, verbose=0) == pytest.approx(model.evaluate(x, y, verbose=0))


def test_a_loss_that_is_a_function_is_read_as_it_was_given(tf_keras_2):
    model = tf_keras_2.keras.Sequential([tf_keras_2.keras.Input((2,)), tf_keras_2.keras.layers.Dense(1)])

    def distance(y_true, y_pred):
        return tf_keras_2.reduce_mean(tf_keras_2.abs(y_true - y_pred), -1)

    model.compile("sgd", {"dense": distance})
    assert list(model.loss.values()) == [distance]


def test_classes_of_datasets(tf_keras_2):
    data = tf_keras_2.data.Dataset.from_tensor_slices([1, 2, 3])
    of_slices, of_batches = (look_up(f"python.data.ops.dataset_ops.{n}Dataset") for n in ("TensorSlice", "_Batch"))
    assert (isinstance(data, of_slices), isinstance(data, of_batches)) == (True, False)
    assert isinstance(data.batch(2), of_batches)
    assert look_up("python.data.ops.batch_op._BatchDataset") is of_batches


def test_convolutions_with_fixed_options(tf_keras_2):
    """What layers of tf.keras called until TensorFlow 2.2."""
    x, kernel = np.ones((1, 5, 5, 2), "float32"), np.ones((3, 3, 2, 4), "float32")
    convolve = look_up("python.ops.nn_ops.Convolution")(x.shape, kernel.shape, "VALID", (2, 2), (1, 1))
    np.testing.assert_array_equal(convolve(x, kernel), np.full((1, 2, 2, 4), 18.0))


def test_sizes_of_axes_as_dimensions(tf_keras_2):
    size = look_up("python.framework.tensor_shape.dimension_at_index")
    shape = tf_keras_2.TensorShape([None, 3])
    assert (size(shape, -1).value, size(shape, 0).value, size(tf_keras_2.TensorShape(None), 0).value) == (3, None, None)


@pytest.mark.parametrize("name", ["Conv1D", "Conv1DTranspose", "DepthwiseConv1D", "SeparableConv1D"])
def test_weights_that_are_tensors(tf_keras_2, name):
    """Wrappers normalize the kernel, and call a layer with a bias of zeros."""
    tf = tf_keras_2
    layer = getattr(tf.keras.layers, name)(**({} if name == "DepthwiseConv1D" else {"filters": 3}), kernel_size=2)
    x = tf.ones((1, 4, 3))
    before = layer(x)
    for attribute in ("kernel", "depthwise_kernel"):
        if hasattr(layer, attribute):
            setattr(layer, attribute, getattr(layer, attribute) * 2.0)
    layer.bias = tf.ones_like(layer.bias)
    np.testing.assert_allclose(layer(x), 2 * before + 1, rtol=1e-5)


def test_a_class_with_a_name_that_is_a_property(tf_keras_2):
    class Cell(tf_keras_2.keras.layers.AbstractRNNCell):
        def __init__(self, units, name="gate", **kwargs):
            super().__init__(**kwargs)
            self.units, self._name = units, name

        state_size = output_size = property(lambda self: self.units)
        name = property(lambda self: self._name)

        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel", initializer="ones")

        def call(self, inputs, states):
            out = inputs @ self.kernel + states[0]
            return out, [out]

    layer = tf_keras_2.keras.layers.RNN(Cell(3))
    np.testing.assert_array_equal(layer(np.ones((2, 4, 5), "float32")), np.full((2, 3), 20.0))
    assert layer.cell.name == "gate"

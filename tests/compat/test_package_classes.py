"""What packages do with Keras' layers and models."""

import itertools
import json
import pickle

import jax.numpy as jnp
import numpy as np
import pytest

from gazelle.compat import backend as K  # noqa: N812 - the usual name in programs
from gazelle.compat import era, tensorflow
from gazelle.compat.namespaces import root
from gazelle.compat.private.keras_src import module
from gazelle.core.errors import ArgumentError

keras = root("keras")
layers = keras.layers
X = np.random.default_rng(0).random((8, 6, 3)).astype("float32")
FLAT = X[:, 0]


class Cell(layers.DropoutRNNCellMixin, layers.Layer):
    """A cell whose state is the sum of the inputs that dropout keeps, and of a constant."""

    def __init__(self, units=3, dropout=0.5, **kwargs):
        super().__init__(**kwargs)
        self.units, self.dropout, self.state_size = units, dropout, units
        self.cache = keras.backend.ContextValueCache(lambda inputs: inputs * 0 + 1)

    def call(self, inputs, states, training=None, constants=None):
        mask = self.get_dropout_mask_for_cell(inputs, training)
        self.reset_dropout_mask()
        state = states[0] + (inputs if mask is None else inputs * mask) * self.cache.setdefault(
            kwargs={"inputs": inputs}
        )
        return state + (0 if constants is None else constants[0]), [state]


def test_dropout_masks_are_those_of_all_steps():
    rnn = layers.RNN(Cell())
    np.testing.assert_allclose(rnn(X), X.sum(axis=1), rtol=1e-5)
    total = X.sum(axis=1)
    model = keras.Sequential([keras.Input((6, 3)), rnn])

    def distance(y, p):  # of the fractions that were kept from 0 and 2
        return jnp.minimum(abs(p / y), abs(p / y - 2))

    def dropped(y, p):
        return p == 0

    model.compile("sgd", distance, metrics=[dropped])
    history = model.fit(X, total, verbose=0).history
    assert history["loss"][0] < 1e-5
    assert 0 < history["dropped"][0] < 1
    two = Cell().get_recurrent_dropout_mask_for_cell(X, True, 2)
    assert two is None  # no recurrent dropout
    assert module("keras.src.layers.rnn.dropout_rnn_cell").DropoutRNNCell is layers.DropoutRNNCellMixin


class NoisyCell(Cell):
    def call(self, inputs, states, training=None):
        masked = inputs * self.get_dropout_mask_for_cell(keras.ops.ones((1, 1)), training=True)
        return self.noise(masked * 0, training=True) + 100 * masked, states

    def __init__(self):
        super().__init__()
        self.noise = layers.GaussianNoise(1.0)


def test_a_cell_draws_other_numbers_at_each_step_but_its_masks_stay():
    rnn = layers.RNN(NoisyCell(), return_sequences=True)
    model = keras.Sequential([keras.Input((6, 3)), rnn])
    ones = np.ones((1, 6, 3), "float32")
    for out in (rnn(ones), model.predict(ones, verbose=0)):
        steps = np.asarray(out)[0, :, 0]
        assert len(set(steps)) == 6
        assert np.ptp(np.round(steps, -2)) == 0


def test_elements_of_a_map_draw_other_numbers(tf):
    out = K.map_fn(lambda x: x + tf.random.normal([]), tf.zeros(5))
    assert len(set(np.asarray(out))) == 5


def test_constants_of_recurrent_layers():
    rnn = layers.RNN(Cell(dropout=0))
    constant = np.full((8, 3), 2, "float32")
    np.testing.assert_allclose(rnn(X, constants=[constant]), X.sum(axis=1) + 2, rtol=1e-5)
    np.testing.assert_allclose(rnn(X), X.sum(axis=1), rtol=1e-5)
    a, b = keras.Input((6, 3)), keras.Input((3,))
    model = keras.Model([a, b], rnn(a, constants=b))
    np.testing.assert_allclose(model.predict([X, constant], verbose=0), X.sum(axis=1) + 2, rtol=1e-5)


class OwnRNN(layers.RNN):
    def __init__(self, units, **kwargs):
        super().__init__(Cell(units), **kwargs)
        self.units = units

    def get_config(self):
        config = super().get_config()
        del config["cell"]
        return {**config, "units": self.units}


def test_configs_of_recurrent_layers_have_a_cell():
    assert OwnRNN.from_config(OwnRNN(3).get_config()).cell.units == 3
    assert "cell" not in layers.LSTM(3).get_config()


class Halved(layers.Wrapper):
    """Replaces the kernel of a layer while it is called."""

    def build(self, input_shape):
        self.layer.build(input_shape)
        super().build()

    def call(self, inputs):
        kernel = self.layer.kernel
        self.layer.kernel = kernel / 2
        out = self.layer(inputs)
        self.layer.kernel = kernel
        return out


@pytest.mark.parametrize("facade", [False, True])
def test_a_kernel_is_replaced_while_a_layer_is_called(facade, request):
    if facade:
        request.getfixturevalue("tf")
    layer = Halved(layers.Dense(2, use_bias=False))
    model = keras.Sequential([keras.Input((3,)), layer])
    np.testing.assert_allclose(model.predict(FLAT, verbose=0), FLAT @ layer.layer.get_weights()[0] / 2, rtol=1e-5)


class OwnKernel(layers.Conv2D):
    def __init__(self, **kwargs):
        super().__init__(filters=None, kernel_size=3, **kwargs)

    def build(self, input_shape):
        self.depthwise = self.add_weight(shape=(3, 3, 1), name="depthwise", initializer="ones")

    def call(self, inputs):
        return inputs * self.depthwise[0, 0]


def test_convolutions_without_filters():
    assert OwnKernel()(np.ones((1, 4, 4, 1))).shape == (1, 4, 4, 1)
    with pytest.warns(UserWarning, match="kernel_initializer of DepthwiseConv2D has no effect"):
        layer = layers.DepthwiseConv2D(3, kernel_initializer="ones")
    assert layer(np.ones((1, 4, 4, 1))).shape == (1, 2, 2, 1)


class SizeOfInput(layers.Dense):
    def __init__(self, units=None, **kwargs):
        super().__init__(units, **kwargs)

    def build(self, input_shape):
        if self.units is None:
            self.units = input_shape[-1]
        super().build(input_shape)


def test_build_of_a_subclass_sets_the_units(keras_2):
    assert SizeOfInput()(np.ones((2, 3))).shape == (2, 3)
    assert SizeOfInput(4)(np.ones((2, 3))).shape == (2, 4)
    with pytest.raises(ArgumentError, match="units of Dense"):
        layers.Dense(0)


def test_factors_of_regularizers_have_a_dtype():
    penalty = keras.regularizers.l1_l2(0.5, 0.25)
    assert penalty.l1.dtype == penalty.l2.dtype == "float32"
    assert json.dumps(penalty.get_config()) == '{"l1": 0.5, "l2": 0.25}'
    assert pickle.loads(pickle.dumps(penalty)).l2 == 0.25


def _regressor(X, y):
    model = keras.Sequential([layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def test_a_pickled_estimator_has_a_model_of_the_programs_class():
    net = keras.wrappers.SKLearnRegressor(_regressor).fit(FLAT, FLAT[:, 0], verbose=0)
    copy = pickle.loads(pickle.dumps(net))
    assert isinstance(copy.model_, keras.Sequential)
    np.testing.assert_array_equal(copy.predict(FLAT), net.predict(FLAT))


class Reporting(keras.Model):
    """`call` adds a value to the logs and updates a metric."""

    def __init__(self):
        super().__init__()
        self.dense, self.seen = layers.Dense(1), keras.metrics.Mean(name="seen")

    def call(self, inputs):
        out = self.dense(inputs)
        self.add_metric(3.0 + 0 * out, name="three")
        self.seen.update_state(out)
        return out


def test_added_metrics_beside_updated_ones():
    model = Reporting()
    model.compile("sgd", "mse")
    history = model.fit(FLAT, FLAT[:, :1], batch_size=4, verbose=0, validation_data=(FLAT, FLAT[:, :1])).history
    assert history["three"] == history["val_three"] == [3.0]
    assert {"loss", "seen"} < history.keys()


def test_lambda_of_a_file_gets_tensors(tmp_path, tf):
    function = eval("lambda x: x * int(x.get_shape()[1])", {"tf": tf})
    model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Lambda(function, name="scale")])
    model.save(tmp_path / "model.h5")
    again = tf.keras.models.load_model(tmp_path / "model.h5", {"scale": function})
    np.testing.assert_allclose(again.predict(FLAT, verbose=0), FLAT * 3, rtol=1e-6)


def test_functional_of_a_sequential():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    functional = model._functional
    assert not isinstance(functional, keras.Sequential)
    assert functional.layers[-1] is model.layers[-1]


@pytest.mark.parametrize(("number", "package"), [(3, "keras.src.models"), (2, "keras.engine")])
def test_the_class_of_a_model_has_the_name_that_keras_gives_it(number, package):
    before = era.release()
    era.set_release(era.Release(number))
    try:
        assert str(keras.Sequential) == f"<class '{package}.sequential.Sequential'>"
        kinds = type(keras.Model(*[keras.Input((2,))] * 2)), keras.Model
        assert [str(kind).partition("'")[2].startswith(f"{package}.") for kind in kinds] == [True, True]
        assert "Mine" in str(type("Mine", (keras.Model,), {}))
    finally:
        era.set_release(before)


def test_models_have_no_attribute_batch_size():
    model = keras.Sequential([layers.Dense(2, input_shape=(3,), batch_size=4)])
    assert not hasattr(model, "batch_size")
    assert not hasattr(model.layers[0], "batch_size")
    assert model.input_shape == (4, 3)


class Shifted(layers.Layer):
    """A layer whose `from_config` makes an argument of the constructor from another value."""

    def __init__(self, minus=False, **kwargs):
        super().__init__(**kwargs)
        self.sign = -1 if minus else 1

    def call(self, x):
        return self.sign * x

    def get_config(self):
        return {**super().get_config(), "sign": self.sign}

    @classmethod
    def from_config(cls, config):
        return cls(minus=config.pop("sign") < 0, **config)


def test_from_config_of_a_layer_receives_what_get_config_returns(tmp_path):
    model = keras.Sequential([keras.Input((3,)), Shifted(minus=True)])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", custom_objects={"Shifted": Shifted})
    np.testing.assert_array_equal(loaded.predict(FLAT, verbose=0), -FLAT)


class Quarters(layers.Layer):
    """Means of the halves of each axis, whose borders are computed from sizes with `keras.backend`."""

    def call(self, x):
        rows = K.cast(K.shape(x)[1], "float32") / 2
        ends = [K.cast(K.round(n * rows), "int32") for n in range(3)]
        halves = [x[:, a:b] for a, b in itertools.pairwise(ends)]
        sizes = [b - a for a, b in itertools.pairwise(ends)]
        rows = [K.reshape(h, [K.shape(x)[0], n, 3]) for h, n in zip(halves, sizes, strict=True)]
        return K.concatenate([K.mean(each, 1) for each in rows])


def test_sizes_stay_known_through_functions_of_the_backend():
    model = keras.Sequential([keras.Input((None, 3)), Quarters()])
    expected = np.concatenate([X[:, :3].mean(1), X[:, 3:].mean(1)], -1)
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-6)


def test_sizes_are_converted_to_numpy_in_a_call():
    class Repeated(layers.Layer):
        def call(self, x):
            return x * float(keras.ops.convert_to_numpy(x.shape[1:])[0])

    assert keras.Sequential([Repeated()]).predict(FLAT, verbose=0).max() == pytest.approx(3 * FLAT.max())


def test_attention_is_built_from_shapes():
    attention = layers.MultiHeadAttention(2, 4)
    attention._build_from_signature(query=(None, 5, 8), value=np.ones((2, 3, 6)))
    assert attention.built
    assert attention(np.ones((1, 5, 8)), np.ones((1, 3, 6))).shape == (1, 5, 8)
    assert not hasattr(layers.Dense(2), "_build_from_signature")


def test_seeds_that_follow_from_seeds():
    tf = tensorflow.module("tensorflow")
    try:
        folded = [tf.random.experimental.stateless_fold_in([1, 2], n).numpy().tolist() for n in (0, 1, 0)]
        assert folded[0] == folded[2] != folded[1]
        seeds = tf.random.split([1, 2], num=3)
        assert seeds.shape == (3, 2)
        assert tf.random.stateless_uniform([2], seeds[0]).shape == (2,)
    finally:
        tensorflow.close()


STANDARDIZED = """
import tensorflow as tf

class Standardized(tf.keras.layers.Conv1D):
    def convolution_op(self, inputs, kernel):
        mean, variance = tf.nn.moments(kernel, axes=[0, 1], keepdims=True)
        assert isinstance(kernel, tf.Tensor)
        return super().convolution_op(inputs, (kernel - mean) / tf.sqrt(variance + 1e-10))
"""


def test_the_kernel_of_a_convolution_is_changed_by_convolution_op():
    scope = {"__name__": "standardized", "tf": tensorflow.module("tensorflow")}
    try:
        exec(STANDARDIZED.replace("import tensorflow as tf", ""), scope)
        changed, plain = (kind(4, 2, padding="causal") for kind in (scope["Standardized"], layers.Conv1D))
        changed(X)
        plain(X)
        kernel, bias = changed.get_weights()
        plain.set_weights([(kernel - kernel.mean((0, 1))) / np.sqrt(kernel.var((0, 1)) + 1e-10), bias])
        np.testing.assert_allclose(np.asarray(changed(X)), np.asarray(plain(X)), rtol=1e-4, atol=1e-5)
    finally:
        tensorflow.close()


class Counted(keras.optimizers.Optimizer):
    """An optimizer of Keras 2 that makes its variables itself, the number of updates too."""

    def __init__(self, learning_rate=0.1, **kwargs):
        super().__init__(**kwargs)
        self.iterations = K.variable(0, dtype="int64", name="iterations")
        self.learning_rate = K.variable(learning_rate, name="learning_rate")

    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        steps = [K.update(p, p - self.learning_rate * g) for p, g in zip(params, grads, strict=True)]
        return [K.update_add(self.iterations, 1), *steps]

    def get_config(self):
        return {"learning_rate": float(K.get_value(self.learning_rate))}


def test_an_optimizer_counts_updates_in_a_variable_of_its_own():
    model = keras.Sequential([layers.Dense(1, input_shape=(3,), kernel_initializer="zeros")])
    model.compile(Counted(), "mse")
    losses = model.fit(FLAT, FLAT.sum(1), batch_size=4, epochs=2, shuffle=False, verbose=0).history["loss"]
    assert losses[1] < losses[0]
    plain = keras.optimizers.SGD()
    plain.iterations = 3
    assert int(plain.iterations) == 3


PAIRS = """
class Pairs(tf.keras.Model):
    def train_step(self, data):
        self.kinds = [type(data), *map(type, data)]
        return {"loss": tf.reduce_mean(data[0][1])}
"""


def test_steps_for_tensorflow_receive_tuples_of_tuples():
    scope = {"__name__": "pairs", "tf": tensorflow.module("tensorflow")}
    try:
        exec(PAIRS, scope)
        part = scope["tf"].data.Dataset.from_tensor_slices((FLAT, FLAT[:, :1]))
        model = scope["Pairs"]()
        model.compile("sgd")
        model.fit(scope["tf"].data.Dataset.zip((part, part)).batch(4), verbose=0)
        assert model.kinds == [tuple] * 3
    finally:
        tensorflow.close()


def test_initializers_need_no_dtype():
    layer = keras.layers.Dense(1)
    weight = layer.add_weight(name="w", shape=(2,), initializer=lambda shape: np.ones(shape))
    assert np.asarray(weight).tolist() == [1.0, 1.0]


def test_custom_gradient_of_variables(tf):
    """The gradient function gets the variables that were read, and returns their gradients, too."""
    layer, scale = tf.keras.layers.Dense(2, kernel_initializer="ones"), tf.Variable(3.0)

    @tf.custom_gradient
    def scaled(x):
        def grad(upstream, variables=None):
            return upstream * 7.0, [v * 0.0 + 5.0 for v in variables]

        return layer(x) * scale, grad

    x = tf.ones((1, 2))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = scaled(x)
    assert y.numpy().tolist() == [[6.0, 6.0]]
    found = tape.gradient(y, [x, scale, *layer.trainable_variables])
    assert [v.numpy().tolist() for v in found] == [[[7.0, 7.0]], 5.0, [[5.0, 5.0], [5.0, 5.0]], [5.0, 5.0]]


class Tagged:
    """A mixin of a package whose `__init_subclass__` does not call that of the next class."""

    def __init_subclass__(cls, **kwargs):
        cls.tag = cls.__name__


def test_mixins_may_end_the_chain_of_init_subclass(tf_keras_2):
    tf = tf_keras_2

    class Scaled(Tagged, tf.keras.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = units

        def build(self, input_shape):
            assert input_shape.ndims == 2  # a TensorShape
            self.kernel = self.add_weight(name="k", shape=(input_shape[-1], self.units), initializer="ones")

        def call(self, x):
            return tf.matmul(x, self.kernel)

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    class Network(Tagged, tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = Scaled(2)

        def call(self, x):
            return self.inner(x)

        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((self(x, training=True) - y) ** 2)
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            return {"loss": loss}

    model = Network()
    model.compile("sgd")
    assert model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0).history == {"loss": [4.0]}
    assert (Scaled.tag, Network.tag, Scaled.from_config(Scaled(3).get_config()).units) == ("Scaled", "Network", 3)


def test_names_of_methods_in_packages(tf_keras_2):
    tf = tf_keras_2

    class Named(tf.keras.layers.Layer):
        def __init__(self, **kwargs):
            self._construct(**kwargs)
            self._label, self._tracker = "label", "tracker"

        def _construct(self, **kwargs):
            super().__init__(**kwargs)

        def _check_inputs(self):
            raise AssertionError

        _to_array = _check_inputs

        def call(self, x):
            return x * 2

    layer = Named(name="named")
    assert layer(tf.ones((1, 2))).numpy().tolist() == [[2, 2]]
    assert (layer.name, layer._label, layer._tracker) == ("named", "label", "tracker")


def test_builds_of_inner_layers_get_no_batch_size(tf_keras_2):
    tf = tf_keras_2

    class Inner(tf.keras.layers.Layer):
        def build(self, input_shape):
            self.input_spec = tf.keras.layers.InputSpec(shape=input_shape)

        def call(self, x):
            return x + 1

    class Outer(tf.keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Inner()

        def call(self, x):
            return self.inner(x)

    inputs = tf.keras.Input((3,))
    model = tf.keras.Model(inputs, Outer()(inputs))
    assert model.predict(np.ones((5, 3)), verbose=0).shape == (5, 3)
    assert model.layers[1].inner.input_spec.shape == (None, 3)


def test_containers_of_losses_and_metrics(tf_keras_2):
    tf = tf_keras_2
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse", metrics=["mae"])
    assert (model.compiled_metrics._metrics, model.compiled_loss._losses) == (["mae"], "mse")
    model.fit(FLAT, FLAT[:, :1], verbose=0)
    assert [[each.name for each in one] for one in model.compiled_metrics._metrics] == [["mae"]]
    loss = model.compiled_loss._get_loss_object(model.compiled_loss._losses[0].name)
    assert np.asarray(loss.fn(np.zeros((1, 2)), np.full((1, 2), 2.0))).tolist() == [4]
    assert model.distribute_strategy.num_replicas_in_sync == 1
    assert not model.distribute_strategy.extended._in_multi_worker_mode()


def test_sets_of_objects_by_identity():
    sets = tensorflow.module("tensorflow.python.util.object_identity")
    first, second = [1], [1]
    found = sets.ObjectIdentitySet([first])
    assert (first in found, second in found, len(found.union(sets.ObjectIdentitySet([second])))) == (True, False, 2)
    found.update([second])
    found.discard(first)
    assert list(found) == [second]
    table = sets.ObjectIdentityDictionary([(first, "a")])
    table[second] = "b"
    del table[first]
    assert (table[second], len(table), first in table, list(table)) == ("b", 1, False, [second])


def test_classes_that_packages_derive_from_tensors(tf):
    assert isinstance(tf.compat.v1.Dimension(3), tf.compat.v1.Dimension)
    assert tf.compat.v1.Dimension(None).value is None
    assert not isinstance((3,), (tf.compat.v1.Dimension, tf.TensorShape))
    assert {"__add__", "__radd__", "__getitem__", "__and__"} <= tf.Tensor.OVERLOADABLE_OPERATORS
    assert all(callable(getattr(tf.Tensor, name)) for name in tf.Tensor.OVERLOADABLE_OPERATORS)


def test_sparse_tensors_between_layers(tf_keras_2):
    """The numbers of TensorFlow 2.15; the layers are compiled, also where indices are tensors."""
    tf = tf_keras_2
    K = tf.keras.backend

    class Convert(tf.keras.layers.Layer):
        def call(self, inputs):
            indices, values = (K.squeeze(each, 0) for each in inputs)
            return tf.SparseTensor(indices=indices, values=values, dense_shape=(4, 4))

    class Graph(tf.keras.layers.Layer):
        def build(self, input_shape):
            self.kernel = self.add_weight(name="kernel", shape=(3, 2), initializer="ones")

        def call(self, inputs):
            features, adjacency = inputs
            assert K.is_sparse(adjacency)
            assert adjacency.shape == (4, 4)
            return K.dot(K.dot(adjacency, K.squeeze(features, 0))[None], self.kernel)

    features, indices, values = (
        tf.keras.Input(batch_shape=(1, *shape), dtype=dtype)
        for shape, dtype in (((4, 3), "float32"), ((None, 2), "int64"), ((None,), "float32"))
    )
    outputs = Graph()([features, Convert()([indices, values])])
    model = tf.keras.Model([features, indices, values], outputs)
    data = [np.arange(12.0).reshape(1, 4, 3), np.array([[[0, 1], [1, 2], [3, 3]]]), np.array([[1.0, 2.0, 3.0]])]
    np.testing.assert_allclose(model.predict(data, verbose=0)[0, :, 0], [12, 42, 0, 90])
    model.compile("sgd", "mse")
    assert model.train_on_batch(data, np.zeros((1, 4, 2))) == 2502
    np.testing.assert_allclose(model.predict(data, verbose=0)[0, :, 1], [-89.91, -311.94, 0, -666.09], rtol=1e-5)


def test_a_shape_of_a_model_may_be_a_list_that_is_extended():
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.batch_input_shape = [5]
            self.batch_input_shape.insert(0, 2)

    assert list(Model().batch_input_shape) == [2, 5]


@pytest.mark.parametrize("standalone", [True, False])
def test_one_layer_without_brackets(standalone):
    before = era.release()
    era.set_release(era.Release(2, standalone))
    model = keras.Sequential(layers.Dense(2, input_shape=(3,)))
    assert model.predict(FLAT, verbose=0).shape == (8, 2)
    era.set_release(before)


def test_losses_and_callbacks_with_other_arguments_may_be_defined():
    class Loss(keras.losses.Loss):
        def call(self, y_true, y_pred, coefficients):
            return coefficients

    class Callback(keras.callbacks.Callback):
        def on_epoch_end(self, epoch):
            return epoch

    assert Callback().on_epoch_end(2) == 2
    assert issubclass(Loss, keras.losses.Loss)

"""Private attributes and methods of models, layers and tensors that packages read."""

import abc
import inspect
import pickle

import numpy as np
import pytest

import gazelle
from gazelle.compat import era
from gazelle.compat import tensorflow as tensorflow_facade
from gazelle.compat.namespaces import root

keras = root("keras")
layers = keras.layers
X = np.ones((4, 3), "float32")


def test_flatten_layers():
    inner = keras.Sequential([layers.Dense(2), layers.Dense(3)])
    model = keras.Sequential([layers.Dense(3), inner])
    assert model._flatten_layers() == [model, *model.layers, *inner.layers]
    assert model._flatten_layers(include_self=False, recursive=False) == model.layers


def test_the_history_of_a_tensor_has_names():
    x = keras.Input((3,))
    dense = layers.Dense(2)
    history = dense(x)._keras_history
    assert history.operation is history.layer is dense
    assert (history.node_index, history.tensor_index) == history[1:] == (0, 0)


def linear(x):
    return 2 * x


def twice(x):
    return 2 * x


def test_functions_in_a_config(keras_2):
    assert layers.Dense(2, activation=twice).get_config()["activation"] == "twice"
    era.set_release(era.Release(3))
    assert layers.Dense(2, activation=twice).get_config()["activation"]["config"] == "twice"
    assert layers.Dense(2, activation=linear).get_config()["activation"] == "linear"  # as a function of Keras
    layer = layers.deserialize(layers.serialize(layers.Dense(2, activation=linear)), {"linear": linear})
    assert layer.activation is linear


def test_symbolic_tensors_are_tensors_before_tensorflow_2(tf, keras_2):
    x = keras.Input((3,))
    assert isinstance(x, tf.Tensor)
    assert isinstance(layers.Dense(2)(x), tf.Tensor)
    era.set_release(era.Release(2, False))
    assert not isinstance(x, tf.Tensor)
    assert isinstance(tf.constant(1), tf.Tensor)


def test_shapes_of_weights(tf):
    layer = layers.Dense(3)
    layer.build((None, 2))
    assert layer.kernel.shape.as_list() == [2, 3] == layer.weights[0].shape.as_list()
    assert layer.kernel.shape == (2, 3)
    tensorflow_facade.close()
    assert type(layer.kernel.shape) is tuple


@pytest.mark.parametrize("name", ["second", None])
def test_the_second_argument_of_sequential_may_be_its_name(name):
    model = keras.Sequential([layers.Dense(2)], name)
    assert model.trainable is True
    assert name is None or model.name == name
    assert not keras.Sequential([layers.Dense(2)], False).trainable


def test_nodes_by_depth():
    a, b = keras.Input((3,)), keras.Input((3,))
    first, second, add = layers.Dense(3), layers.Dense(3), layers.Add()
    model = keras.Model([a, b], add([second(first(a)), b]))
    by_depth = model._layers_by_depth
    assert [by_depth[depth] for depth in (0, 1, 2)] == [[add], [second, b._keras_history[0]], [first]]
    assert by_depth[3] == [a._keras_history[0]]
    nodes = model._nodes_by_depth
    assert [node.outbound_layer for node in nodes[2]] == [first]
    assert nodes[2][0].input_tensors[0] is a
    assert {depth: [node.layer for node in found] for depth, found in nodes.items()} == by_depth


@pytest.mark.parametrize("kind", ["sequential", "functional"])
def test_models_of_layers_ignore_other_keywords(kind):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    model = model if kind == "sequential" else keras.Model(model.inputs, model.outputs)
    with pytest.warns(UserWarning, match="ignores batch_size, verbose"):
        found = model(X, training=False, batch_size=2, verbose=False)
    np.testing.assert_array_equal(found, model(inputs=X))

    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(TypeError, match="batch_size"):
        Own()(X, batch_size=2)


def test_attention():
    layer = layers.MultiHeadAttention(2, 3)
    expected, weights = layer(X[None], X[None], return_attention_scores=True)
    q, k, v = layer._query_dense(X[None]), layer._key_dense(X[None]), layer._value_dense(X[None])
    heads, scores = layer._compute_attention(q, k, v, attention_mask=np.ones((1, 4, 4)), return_attention_scores=True)
    np.testing.assert_allclose(layer._output_dense(heads), expected, rtol=1e-5)
    np.testing.assert_allclose(scores, weights, rtol=1e-5)
    np.testing.assert_allclose(keras.ops.einsum(layer._combine_equation, weights, v), heads, rtol=1e-5)
    assert keras.ops.einsum(layer._dot_product_equation, k, q).shape == weights.shape


@pytest.mark.parametrize("kind", ["MultiHeadAttention", "GroupQueryAttention"])
def test_projections_of_attention_may_be_replaced(kind):
    """As adapters of low rank do, with layers of the program that have weights of their own."""

    class Adapter(layers.Layer):
        def __init__(self, inner):
            super().__init__(name=inner.name)
            self.inner, self.scale = inner, self.add_weight(shape=(), initializer="zeros")

        def call(self, x):
            return self.inner(x) * self.scale

    layer = getattr(layers, kind)(*((2, 3) if kind == "MultiHeadAttention" else (3, 2, 2)))
    before = np.asarray(layer(X[None], X[None]))
    layer._tracker.locked = False
    layer._value_dense = Adapter(layer._value_dense)
    assert len(layer.weights) == 9
    assert not np.allclose(layer(X[None], X[None]), before)
    assert all(hasattr(inner, "_flatten_layers") for inner in layer._flatten_layers())


@pytest.mark.parametrize("kind", ["MultiHeadAttention", "GroupQueryAttention"])
def test_attention_that_is_overridden(kind):
    """The method receives every mask, that of the future included, and its result is used."""
    seen = []

    class Doubled(getattr(layers, kind)):
        def _compute_attention(self, query, key, value, attention_mask=None, training=None, *scores):
            seen.append(np.asarray(attention_mask)[0].tolist())
            heads, weights = super()._compute_attention(query, key, value, attention_mask, training, *scores)
            return 2 * heads, weights

    sizes = (2, 3) if kind == "MultiHeadAttention" else (3, 2, 2)
    layer = Doubled(*sizes, use_bias=False)
    plain = getattr(layers, kind)(*sizes, use_bias=False)
    plain(X[None], X[None])
    layer(X[None], X[None], use_causal_mask=True)
    assert seen[-1] == np.tril(np.ones((4, 4), bool)).tolist()
    layer.set_weights(plain.get_weights())
    doubled = layer(X[None], X[None], use_causal_mask=True)
    np.testing.assert_allclose(doubled, 2 * plain(X[None], X[None], use_causal_mask=True), rtol=1e-5)
    q, k, v = layer._query_dense(X[None]), layer._key_dense(X[None]), layer._value_dense(X[None])
    heads = plain._compute_attention(q, k, v, use_causal_mask=True)[0]
    np.testing.assert_allclose(layer._output_dense(2 * heads), doubled, rtol=1e-5)


def test_nodes():
    a = keras.Input((3,))
    first, second = layers.Dense(3), layers.Add()
    second([first(a), a])
    (node,) = second._inbound_nodes
    assert [parent.operation for parent in node.parent_nodes] == [first, a._keras_history[0]]
    assert (node.input_shapes, node.output_shapes) == (
        [tuple(t.shape) for t in node.inputs],
        tuple(node.outputs[0].shape),
    )
    assert [tensor.shape for tensor in (*node.input_tensors, *node.output_tensors)] == [(None, 3)] * 3
    assert node.inbound_layers[0] is first
    assert [id(tensor) for tensor in node.keras_inputs] == [id(tensor) for tensor in node.inputs]
    assert layers.Dense(3)(a).node.layer.units == 3
    assert a.node.layer is a._keras_history[0]
    assert first._inbound_nodes[0].parent_nodes[0].parent_nodes == []


def test_calls_and_layers_of_inputs_and_outputs():
    a = keras.Input((3,), name="a")
    dense = layers.Dense(3, name="d")
    model = keras.Model(a, [dense(a), layers.Add(name="sum")([dense(a), a])])
    assert [layer.name for layer in model._input_layers] == [layer.name for layer in model.input_layers] == ["a"]
    assert [layer.name for layer in model._output_layers] == [layer.name for layer in model.output_layers]
    assert model.output_layers == [dense, model.get_layer("sum")]
    assert model._network_nodes == {"a_ib-0", "d_ib-0", "d_ib-1", "sum_ib-0"}


def test_a_loss_and_a_metric_use_the_mask_of_an_input_of_their_layer(keras_2):
    class Last(layers.Layer):
        def call(self, x, mask=None):
            return 2 * x

    words, last = keras.Input((4,)), Last()
    model = keras.Model(words, last(layers.Embedding(3, 1, mask_zero=True, embeddings_initializer="ones")(words)))

    def valid(y_true, y_pred):
        (node,) = last._inbound_nodes
        mask = keras.backend.cast(node.input_masks[0], "float32")
        return keras.backend.sum(y_true[:, :, 0] * node.input_tensors[0][:, :, 0] * mask, 1)

    model.compile(keras.optimizers.SGD(0.0), loss=valid, metrics=[valid])
    logs = model.fit(np.array([[1, 2, 0, 0], [1, 0, 0, 0]]), np.ones((2, 4, 1)), epochs=1, verbose=0).history
    np.testing.assert_allclose((logs["loss"][0], logs["valid"][0]), 1.5)


def test_masks_of_symbolic_tensors(installed):
    from keras.src import backend

    words = layers.Embedding(5, 2, mask_zero=True)(keras.Input((4,)))
    assert words._keras_mask.shape == backend.get_keras_mask(words).shape == (None, 4)
    plain = layers.Dense(2)(keras.Input((4, 2)))
    assert plain._keras_mask is None
    backend.set_keras_mask(plain, words._keras_mask)
    assert backend.get_keras_mask(plain).shape == (None, 4)


def test_checkpoint(tmp_path):
    class Counting(keras.callbacks.ModelCheckpoint):
        paths = ()

        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            self.paths = (*self.paths, self._get_file_path(epoch=epoch, batch=None, logs=logs))
            assert not self._should_save_on_batch(3)

    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    callback = Counting(str(tmp_path / "{epoch}.keras"))
    model.fit(X, X[:, :1], epochs=2, verbose=0, callbacks=[callback])
    assert callback.paths == tuple(str(tmp_path / f"{n}.keras") for n in (1, 2))


def test_others():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    assert not model._is_compiled
    assert [t.shape for t in model._feed_inputs] == [(None, 3)]
    optimizer = keras.optimizers.SGD()
    optimizer.build(model.trainable_variables)
    assert [v.path for v in optimizer._variables] == [v.path for v in optimizer.variables]
    assert optimizer._name == optimizer.name


@pytest.mark.parametrize("name", ["compile", "evaluate", "fit", "load_weights", "predict", "save", "train_on_batch"])
def test_signatures_of_methods(name):
    found = list(inspect.signature(getattr(keras.Model, name)).parameters)
    assert found == list(inspect.signature(getattr(gazelle.Model, name)).parameters)


def test_abstract_base_classes():
    class Base(layers.Layer, abc.ABC):
        @abc.abstractmethod
        def call(self, x): ...

    with pytest.raises(TypeError, match="abstract"):
        Base()
    assert type("Mine", (Base,), {"call": lambda self, x: x})()(X).shape == (4, 3)


def test_callbacks_of_another_metaclass():
    class Safe(type):
        pass

    class Mine(keras.callbacks.Callback, metaclass=Safe):
        def on_epoch_end(self, epoch, logs=None):
            self.found = logs["loss"]

    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    callback = Mine()
    history = model.fit(X, X[:, :1], verbose=0, callbacks=[callback])
    assert isinstance(history, keras.callbacks.History)
    assert callback.found == history.history["loss"][0]
    assert pickle.loads(pickle.dumps(keras.callbacks.EarlyStopping("loss"))).monitor == "loss"


# Slots that subclasses of optimizers inherit: losses of the third step are those of Keras 3.15 -----------------------


class WithoutCorrection(keras.optimizers.Adam):
    def update_step(self, gradient, variable, learning_rate):
        m = self._momentums[self._get_variable_index(variable)]
        v = self._velocities[self._get_variable_index(variable)]
        self.assign_add(m, (gradient - m) * (1 - self.beta_1))
        self.assign_add(v, (gradient**2 - v) * (1 - self.beta_2))
        self.assign_sub(variable, m * learning_rate / (v**0.5 + self.epsilon))


class OfSigns(keras.optimizers.SGD):
    def update_step(self, gradient, variable, learning_rate):
        assert len(self.momentums) == 2
        super().update_step(keras.ops.sign(gradient), variable, learning_rate)


class OwnRMSprop(keras.optimizers.RMSprop):
    def update_step(self, gradient, variable, learning_rate):
        v = self._velocities[self._get_variable_index(variable)]
        self.assign(v, self.rho * v + (1 - self.rho) * gradient**2)
        self.assign_sub(variable, learning_rate * gradient / (keras.ops.sqrt(v) + self.epsilon))


@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        (WithoutCorrection, {}, 0.14743),
        (OfSigns, {"momentum": 0.9}, 1.02244),
        (OwnRMSprop, {}, 0.3481),
    ],
)
def test_subclasses_of_optimizers_use_the_slots_of_their_parent(kind, options, expected):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, kernel_initializer="ones")])
    optimizer = kind(0.1, **options)
    model.compile(optimizer, "mse")
    x = np.linspace(0, 1, 12).reshape(4, 3)
    losses = [float(model.train_on_batch(x, np.zeros((4, 1)))) for _ in range(3)]
    assert losses[2] == pytest.approx(expected, rel=1e-4)


def test_the_slots_of_an_optimizer_are_variables():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, kernel_initializer="ones")])
    optimizer = keras.optimizers.Adam(0.1)
    model.compile(optimizer, "mse")
    model.train_on_batch(np.ones((4, 3)), np.zeros((4, 1)))
    assert [tuple(v.shape) for v in optimizer._momentums] == [(3, 1), (1,)]
    np.testing.assert_allclose(optimizer._momentums[0], np.full((3, 1), 0.6), rtol=1e-5)
    assert keras.optimizers.SGD().momentums == []


class Total(keras.metrics.Metric):
    def __init__(self):
        super().__init__(name="total")
        self.total = self.add_weight(name="total", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign_add(keras.ops.sum(keras.ops.cast(y_pred, self._dtype)))

    def result(self):
        return self.total


def test_private_attributes_of_metrics_callbacks_and_layers():
    metric = Total()
    metric.update_state(None, np.array([1, 2]))
    assert float(metric.result()) == 3.0
    assert len(metric._variables) == 1
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    callback = keras.callbacks.Callback()
    callback.set_model(model)
    assert callback._model is model
    assert model.layers[0]._input_spec is model.layers[0].input_spec


def test_layers_and_weights_as_programs_for_keras_3_track_them():
    class Part(layers.Layer):
        def __init__(self):
            super().__init__()
            self.w, self.v = self.add_weight(name="w"), self.add_weight(name="v")
            self.inner = layers.Dense(2)
            self._build_at_init()

        def remove(self):
            self.w = self._untrack_variable(self.w)
            self._untrack_variable(self.v)
            del self.v

    part = Part()
    assert (len(part.weights), part._layers) == (2, [part.inner])
    part.remove()
    assert part.w is None
    assert part.weights == []


def test_private_parts_of_optimizers():
    optimizer = keras.optimizers.SGD(0.1, clipnorm=1.0, use_ema=True, gradient_accumulation_steps=2)
    clipped, none = optimizer._clip_gradients([np.array([100.0, 100.0]), None])
    np.testing.assert_allclose(clipped, [2**-0.5, 2**-0.5], rtol=1e-6)
    assert none is None
    variable = keras.Variable(np.array([2.0, 3.0]))
    optimizer.build([variable])
    optimizer.apply_gradients([(np.array([0.5, 0.25], "float32"), variable)])
    np.testing.assert_allclose(optimizer._accumulated_gradients[0], [0.5, 0.25])
    assert [average.shape for average in optimizer._model_variables_moving_average] == [(2,)]


def test_private_parts_of_attention_with_a_gate():
    layer = layers.MultiHeadAttention(2, 3, use_gate=True, dropout=0.5)
    layer.build((1, 2, 3), (1, 2, 3))
    assert (layer._gate_dense, layer._use_gate, layer._dropout) == (layer.gate_dense, True, 0.5)
    assert layer._flash_attention is layer.flash_attention


class Unconverted(layers.Layer):
    def __init__(self):
        super().__init__()
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True

    def call(self, x):
        return x


def test_layers_that_convert_no_arguments_receive_them_as_they_are():
    ragged = [np.ones((2, 3)), np.ones((3, 2))]
    layer = Unconverted()
    assert all(out is value for out, value in zip(layer(ragged), ragged, strict=True))
    assert layer(["a", "b"]) == ["a", "b"]
    assert layer(np.array([1, 2])).dtype == np.int64
    assert layer(np.ones(2)).dtype == np.float64


def test_layers_of_tensorflow_that_convert_no_arguments_receive_tensors(tf):
    """They compute with the methods of tensors, also with what another such layer has returned."""
    layer = Unconverted()
    assert tf.is_tensor(layer(layer(np.ones(2))))


def test_weights_of_a_wrapper_without_those_of_its_layer(keras_2):
    class Counted(keras_2.layers.Wrapper):
        def build(self, shape):
            self.count = self.add_weight(shape=(), name="count", initializer="zeros", trainable=False)
            self.layer.build(shape)
            super().build()

        @property
        def non_trainable_weights(self):
            return self._non_trainable_weights + self.layer.non_trainable_weights

    wrapper = Counted(keras_2.layers.BatchNormalization())
    wrapper.build((None, 3))
    assert [tuple(w.shape) for w in wrapper.non_trainable_weights] == [(), (3,), (3,)]

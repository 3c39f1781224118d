"""Subclasses of layers, iterators and optimizers that use what they inherit: expected values of TensorFlow 2.15.1."""

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import root

keras = root("keras")
layers = keras.layers
X = np.linspace(-1, 1, 48).reshape(8, 6).astype("float32")
Y = X.sum(1) * np.float32(0.5)


@pytest.fixture
def tf2(tf):
    """`tensorflow`, in a program for tf.keras 2."""
    before = era.release()
    era.set_release(era.Release(2, False))
    yield tf
    era.set_release(before)


@pytest.fixture
def optimizers(tf2):
    """Optimizers by the API of TensorFlow 2.11 to 2.15."""

    class Signs(keras.optimizers.Adam):
        def update_step(self, gradient, variable):
            return super().update_step(gradient * 0 + 1, variable)

    class Momentum(keras.optimizers.Optimizer):
        def __init__(self, learning_rate=0.01, name="Momentum", **kwargs):
            super().__init__(name=name, **kwargs)
            self._learning_rate = self._build_learning_rate(learning_rate)

        def build(self, var_list):
            super().build(var_list)
            if hasattr(self, "_built") and self._built:
                return
            self.momentums = [self.add_variable_from_reference(model_variable=v, variable_name="m") for v in var_list]
            self._built = True

        def update_step(self, gradient, variable):
            rate = tf2.cast(self.learning_rate, variable.dtype)
            momentum = self.momentums[self._index_dict[self._var_key(variable)]]
            momentum.assign(0.9 * momentum + gradient)
            variable.assign_add(-rate * momentum)

    return {"Signs": Signs, "Momentum": Momentum}


def test_a_step_knows_the_names_of_weights(tf2):
    class Frozen(keras.optimizers.SGD):
        def update_step(self, gradient, variable):
            if variable.name != "chosen_1/kernel:0":
                super().update_step(gradient, variable)

    model = keras.Sequential([layers.Dense(1, name="chosen_1"), layers.Dense(1, name="other")])
    model.build((None, 6))
    before = model.get_weights()
    model.compile(Frozen(0.1), "mse")
    model.train_on_batch(X, Y)
    same = [(a == b).all() for a, b in zip(before, model.get_weights(), strict=True)]
    assert same == [True, False, False, False]


@pytest.mark.parametrize(
    ("name", "losses", "total"), [("Signs", [3.0042, 2.767], 5.76), ("Momentum", [3.0032, 2.1547], 4.9488)]
)
def test_optimizers(optimizers, name, losses, total):
    model = keras.Sequential([layers.Dense(1, kernel_initializer="ones", input_shape=(6,))])
    model.compile(optimizers[name](0.01), "mse")
    history = model.fit(X, Y, epochs=2, batch_size=4, shuffle=False, verbose=0, keep=False).history
    np.testing.assert_allclose(history["loss"], losses, atol=1e-4)
    np.testing.assert_allclose(model.get_weights()[0].sum(), total, atol=1e-4)


@pytest.mark.parametrize("decays", [False, True])
def test_slots_of_other_shapes_and_rates_in_configs(tf2, optimizers, decays):
    class Scaled(optimizers["Momentum"]):
        __doc__ = f"An optimizer. Args: {keras.optimizers.base_optimizer_keyword_args}"

        def build(self, var_list):
            super().build(var_list)
            if hasattr(self, "scales"):
                return
            add = self.add_variable_from_reference
            highest = [tf2.reduce_max(tf2.abs(v)) + 1.0 for v in var_list]
            self.scales = [add(v, variable_name="s", initial_value=x) for v, x in zip(var_list, highest, strict=True)]
            self.rows = [add(v, "r", v.shape[:1]) for v in var_list]

        def update_step(self, gradient, variable):
            index = self._index_dict[self._var_key(variable)]
            scale, row = self.scales[index], self.rows[index]
            row.assign(0.9 * row + tf2.reshape(gradient, [tf2.shape(gradient)[0], -1])[:, 0])
            rate = tf2.cast(self.learning_rate, variable.dtype)
            variable.assign_sub(rate * scale * tf2.reshape(row, tf2.shape(variable)))
            scale.assign(0.9 * scale)

        def get_config(self):
            return {**super().get_config(), "learning_rate": self._serialize_hyperparameter(self._learning_rate)}

    rate = keras.optimizers.schedules.ExponentialDecay(0.01, 1, 0.9) if decays else 0.01
    model = keras.Sequential([layers.Dense(1, kernel_initializer="ones", input_shape=(6,))])
    model.compile(Scaled(rate), "mse")
    history = model.fit(X, Y, epochs=2, batch_size=4, shuffle=False, verbose=0, keep=False).history
    np.testing.assert_allclose(history["loss"], [2.8838663, 1.6675577 if decays else 1.549541], atol=1e-4)
    np.testing.assert_allclose(model.get_weights()[0].sum(), 4.6178994 if decays else 4.357413, atol=1e-4)
    config = model.optimizer.get_config()["learning_rate"]
    assert config["class_name"] == "ExponentialDecay" if decays else type(config) is np.float32
    np.testing.assert_allclose(Scaled.from_config(model.optimizer.get_config()).learning_rate, 0.01, rtol=1e-6)


def test_attention_by_hand(tf2):
    class Attention(layers.MultiHeadAttention):
        def _compute_attention(self, query, key, value, attention_mask=None, training=None):
            query = tf2.multiply(query, 1.0 / float(self._key_dim) ** 0.5)
            scores = tf2.einsum(self._dot_product_equation, key, query)
            weights = self._masked_softmax(scores, attention_mask)
            weights = self._dropout_layer(weights, training=training)
            return tf2.einsum(self._combine_equation, weights, value), weights

    seen = np.tril(np.ones((1, 8, 8), bool))
    layer = Attention(2, 3, kernel_initializer="ones", dropout=0.2)
    out = np.asarray(layer(X[None], X[None], attention_mask=seen))[0, :, 0]
    np.testing.assert_allclose(out, [-32.17, -32.17, -32.149, -30.795, 3.212, 13.767, 22.978, 32.17], atol=1e-3)
    assert layer(X[None], X[None], training=True).shape == (1, 8, 6)


def test_shape_of_a_dropout():
    class Rows(layers.Dropout):
        def _get_noise_shape(self, inputs):
            assert super()._get_noise_shape(inputs) is None
            return (inputs.shape[0], 1)

    out = np.asarray(Rows(0.5)(np.ones((20, 4), "float32"), training=True))
    assert {len(set(row)) for row in out.tolist()} == {1}
    assert set(out[:, 0]) == {0.0, 2.0}


def test_an_iterator_with_a_next_of_its_own():
    image = keras.preprocessing.image

    class Numbers(image.Iterator):
        def _get_batches_of_transformed_samples(self, index_array):
            return index_array * 10

        def next(self):
            with self.lock:
                index_array = next(self.index_generator)
            return self._get_batches_of_transformed_samples(index_array)

    numbers = Numbers(5, 2, False, None)
    assert [next(numbers).tolist() for _ in range(4)] == [[0, 10], [20, 30], [40], [0, 10]]
    assert (numbers.batch_index, numbers.total_batches_seen, len(numbers)) == (1, 4, 3)
    assert numbers[1].tolist() == [20, 30]


def test_the_gradient_of_an_absolute_value_at_0_is_0(tf2):
    variable = tf2.Variable([0.0, 1.0, -2.0])
    with tf2.GradientTape() as tape:
        loss = tf2.reduce_sum(tf2.abs(variable))
    assert tape.gradient(loss, variable).numpy().tolist() == [0, 1, -1]
    assert tf2.abs(tf2.constant([-3, 2])).numpy().tolist() == [3, 2]
    assert tf2.abs(tf2.constant([-np.inf, np.inf, -0.0])).numpy().tolist() == [np.inf, np.inf, 0]
    assert tf2.abs(tf2.constant(3 + 4j)).numpy() == 5


def test_loss_of_a_scalar_output_counts_the_samples_of_the_labels(tf2):
    class Condition(keras.Model):
        def train_step(self, data):
            x, _ = data
            with tf2.GradientTape() as tape:
                loss = self.compiled_loss(self(x), tf2.constant(0.0))
            self.optimizer.minimize(loss, self.trainable_weights, tape=tape)
            return {m.name: m.result() for m in self.metrics}

    x = layers.Input((6,))
    model = Condition(x, layers.Dense(1, kernel_initializer="ones")(x))
    model.compile("sgd", "mse")
    loss = model.fit(X, Y, batch_size=8, verbose=0).history["loss"]
    np.testing.assert_allclose(loss, np.mean(X.sum(1) ** 2), rtol=1e-5)


def test_a_model_ignores_keywords_in_one_dict(tf2):
    class Actor(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(kwargs)
            self.dense = layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    assert Actor()(X).shape == (8, 2)


def test_names_of_private_modules_and_shapes(tf2):
    import importlib

    raw = importlib.import_module("tensorflow.python.ops.math_ops").MatMul
    np.testing.assert_allclose(raw(a=X, b=X.T), X @ X.T, rtol=1e-5)
    assert tf2.TensorShape(3) == (3,)
    assert tf2.contrib.eager.metrics.Mean()(3.0) == 3
    assert tf2.TensorSpec(shape=(1), dtype=tf2.float32).shape == (1,)
    conv = layers.Conv2D(2, 3)
    conv.build((None, 8, 8, 1))
    assert conv._build_conv_op_input_shape[1:] == (8, 8, 1)


def test_functions_ignore_a_learning_phase_that_is_no_input(tf2):
    x = layers.Input((6,))
    model = keras.Model(x, layers.Dense(2)(x))
    function = keras.backend.function(model.input, model.output)
    np.testing.assert_allclose(function([X, 0]), model.predict(X, verbose=0), rtol=1e-5)
    with pytest.raises(ValueError, match="expected 1 input"):
        function([X, X])


class L2(keras.regularizers.Regularizer):
    """A regularizer of a program with the name of one of Keras."""

    def __init__(self, l1=0.0, l2=0.1):
        self.l1, self.l2 = l1, l2

    def __call__(self, x):
        return self.l2 * keras.ops.sum(x)

    def get_config(self):
        return {"l1": self.l1, "l2": self.l2}


def test_a_config_as_argument_names_a_class_of_the_program(tf2):
    config = keras.regularizers.serialize(L2(0.5))
    assert type(layers.Dense(2, activity_regularizer=config).activity_regularizer) is L2


def test_numbers_of_calls_in_a_graph(tf2):
    x = layers.Input((6,))
    dense = layers.Dense(6)
    once = dense(x)
    twice = dense(once)
    model = keras.Model(x, layers.Dense(2)(layers.Add()([once, twice])))
    add, last = (layer._inbound_nodes[0] for layer in model.layers[-2:])
    assert add.node_indices == [0, 1]
    assert last.node_indices == 0


def test_initializers_of_programs_draw_at_once_in_compiled_functions(tf2):
    class Initializer(keras.initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return tf2.random.normal(shape, stddev=0.1, dtype=dtype)

    model = keras.Sequential([layers.Dense(3, kernel_initializer=Initializer())])
    assert tf2.function(model)(tf2.constant(X)).shape == (8, 3)
    assert np.std(model.weights[0].numpy()) > 0


@pytest.mark.parametrize("name", ["ReLU", "LeakyReLU", "ELU", "Softmax", "PReLU"])
def test_layers_are_activations_by_their_names(tf2, name):
    expected = getattr(layers, name)()(X)
    np.testing.assert_allclose(layers.Activation(name)(X), expected, rtol=1e-6)
    dense = layers.Dense(6, activation=name, kernel_initializer="identity")
    np.testing.assert_allclose(dense(X), expected, rtol=1e-6)
    assert len(dense.weights) == 2 + (name == "PReLU")


def test_metrics_that_a_property_makes_anew(tf2):
    tracker = keras.metrics.Mean(name="loss")

    class Replica(keras.Sequential):
        @property
        def metrics(self):
            return [keras.metrics.Mean(name="loss")]

        def train_step(self, data):
            with tf2.GradientTape() as tape:
                loss = tf2.reduce_mean(self(data, training=True) ** 2)
            self.optimizer.minimize(loss, self.trainable_weights, tape=tape)
            tracker.update_state(loss)
            return {"loss": tracker.result()}

    model = Replica([layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", metrics=["loss"])
    losses = model.fit(X, epochs=2, batch_size=8, verbose=0).history["loss"]
    np.testing.assert_allclose(losses[0], np.mean(X.sum(1) ** 2), rtol=1e-5)


def test_labels_of_sequences_may_broadcast(tf2):
    model = keras.Sequential([layers.Dense(1, input_shape=(25, 1), kernel_initializer="ones")])
    model.compile("sgd", keras.losses.Huber(), metrics=["mae"])
    steps = np.ones((64, 25, 1)) * np.arange(25.0)[:, None]
    with pytest.warns(UserWarning, match="cannot compare y"):
        values = model.evaluate(steps, np.arange(64.0)[:, None], verbose=0)
    np.testing.assert_allclose(values, [22.2578125, 22.75], rtol=1e-6)


def test_fractions_of_ids_are_removed_with_a_warning(tf2):
    model = keras.Sequential([layers.Embedding(3, 2, input_length=2)])
    with pytest.warns(UserWarning, match=r"got 1\.7"):
        rows = model.predict(np.array([[1.7, 0.0]]), verbose=0)
    np.testing.assert_array_equal(rows, model.predict(np.array([[1, 0]]), verbose=0))
    with pytest.raises(ValueError, match=r"got 3\.5"):
        model.predict(np.array([[3.5, 0.0]]), verbose=0)


# Recurrent layers around a cell of the program -----------------------------------------------------------------------


class GainCell(keras.layers.LSTMCell):
    def __init__(self, units, gain=1.0, **kwargs):
        super().__init__(units, **kwargs)
        self.gain = gain

    def call(self, x, states, training=None):
        h, states = super().call(x, states, training=training)
        return self.gain * h, states


class GainLSTM(keras.layers.LSTM):
    """Skips the constructor of LSTM; its get_config relies on that of RNN."""

    def __init__(self, units, gain=1.0, **kwargs):
        keras.layers.RNN.__init__(self, GainCell(units, gain, kernel_initializer="ones"), **kwargs)

    def get_config(self):
        config = keras.layers.RNN.get_config(self)
        del config["cell"]
        return {**config, "units": self.units, "gain": self.cell.gain}


def test_an_lstm_with_the_constructor_of_rnn_uses_the_cell():
    x = np.random.default_rng(0).random((2, 3, 4), "float32")
    layer, same = GainLSTM(2, 3.0), GainLSTM(2)
    y, expected = layer(x), same(x)
    same.set_weights(layer.get_weights())
    np.testing.assert_allclose(y, 3 * same(x), rtol=1e-5)
    assert expected.shape == (2, 2)
    assert layer.get_config()["gain"] == 3.0
    assert layer.units == 2
    assert layer.use_bias


class WithoutConfig(keras.layers.Dense):
    def get_config(self):
        raise KeyError("cell")


def test_training_does_not_need_the_config_of_a_layer():
    model = keras.Sequential([keras.layers.Input((3,)), WithoutConfig(2)])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    assert model.predict(np.ones((5, 3)), verbose=0).shape == (5, 2)


def test_an_initial_state_of_one_sample_in_a_graph():
    sequences, state = keras.Input((None, 3)), keras.Input(batch_shape=(1, 2))
    model = keras.Model([sequences, state], keras.layers.GRU(2)(sequences, initial_state=state))
    assert model([np.ones((1, 5, 3), "float32"), np.ones((1, 2), "float32")]).shape == (1, 2)


class NormalizedCell(keras.layers.SimpleRNNCell, keras.layers.LayerNormalization):
    """A cell that normalizes with the methods of a second parent."""

    def __init__(self, units):
        keras.layers.SimpleRNNCell.__init__(self, units)
        keras.layers.LayerNormalization.__init__(self)

    def build(self, shape):
        keras.layers.SimpleRNNCell.build(self, shape)
        keras.layers.LayerNormalization.build(self, (None, self.units))

    def call(self, x, states, training=None):
        y = keras.layers.LayerNormalization.call(self, keras.ops.matmul(x, self.kernel))
        return y, [y]


def test_a_cell_that_also_is_a_normalization_layer():
    assert keras.layers.RNN(NormalizedCell(2))(np.ones((2, 3, 4), "float32")).shape == (2, 2)


# Callbacks and progress bars -----------------------------------------------------------------------------------------


def test_events_of_a_list_of_callbacks_have_the_names_of_arguments_of_keras():
    seen = []

    class Seen(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            seen.append(epoch)

        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)

    callbacks = keras.callbacks.CallbackList([Seen()])
    callbacks.on_epoch_begin(epoch=3)
    callbacks.on_train_batch_end(batch=4, logs={})
    assert seen == [3, 4]


def test_a_progress_bar_is_shown_by_force(capsys, keras_2):
    bar = keras.utils.Progbar(target=9, interval=100)
    for step in (1, 2, 3):
        bar.update(step, values=[("loss", 1.0)], force=step == 3)
    assert bar.seen_so_far == 3
    shown = capsys.readouterr().out
    assert "3/9" in shown
    assert "2/9" not in shown


# `build` of the program, `call` of Keras -----------------------------------------------------------------------------


class OwnKernels(keras.layers.DepthwiseConv2D):
    def build(self, shape):
        self.depthwise_kernel = self.add_weight(shape=(3, 3, int(shape[-1]), 1), initializer="ones", name="kernels")
        self.bias = None
        self.built = True


def test_build_of_a_depthwise_convolution_sets_its_weights_by_their_former_name():
    y = OwnKernels(3, use_bias=False)(np.ones((1, 3, 3, 2), "float32"))
    np.testing.assert_array_equal(y, np.full((1, 1, 1, 2), 9.0))


def test_axes_of_batch_dot_in_lists_as_theano_took_them():
    x, y = np.ones((5, 2, 3), "float32"), np.ones((5, 3, 4), "float32")
    assert keras.backend.batch_dot(x, y, axes=[[2], [1]]).shape == (5, 2, 4)


# Configs of subclasses -----------------------------------------------------------------------------------------------


class ByPosition(keras.layers.Dense):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)


class FixedActivation(keras.layers.Dense):
    def __init__(self, units, **kwargs):
        super().__init__(units, activation="relu", **kwargs)

    def get_config(self):
        config = super().get_config()
        config.pop("activation")
        return config


class Gain(keras.layers.Conv2D):
    def __init__(self, channels, gain=1.0):
        super().__init__(channels, 3, padding="same")
        self.gain = gain

    def get_config(self):
        return {**super().get_config(), "channels": self.filters, "gain": self.gain}


def test_configs_have_the_arguments_of_the_parent():
    layer = ByPosition(3, activation="tanh")
    assert layer.get_config()["units"] == 3
    same = ByPosition.from_config(layer.get_config())
    assert (same.units, same.activation.__name__, same.name) == (3, "tanh", layer.name)
    layer = FixedActivation(3, use_bias=False)
    assert layer.get_config()["use_bias"] is False
    same = FixedActivation.from_config(layer.get_config())
    assert (same.activation.__name__, same.use_bias) == ("relu", False)
    config = Gain(2, gain=3.0).get_config()
    assert (config["padding"], config["gain"]) == ("same", 3.0)
    with pytest.raises(TypeError, match="Unknown argument of Gain"):  # as in Keras
        Gain.from_config(config)


def test_methods_for_generators_call_those_of_keras(keras_2):
    class Own(keras.models.Model):
        def fit(self, x, y, **options):
            return super().fit_generator(
                generator=iter([(x, y)] * 4), steps_per_epoch=2, epochs=2, verbose=0, **options
            )

        def fit_generator(self, **options):
            raise NotImplementedError

    inputs = keras.layers.Input((3,))
    model = Own(inputs, keras.layers.Dense(1)(inputs))
    model.compile("sgd", "mse")
    assert len(model.fit(np.ones((4, 3)), np.ones((4, 1))).history["loss"]) == 2


#: of Keras 2.3.1 and TensorFlow 2.15, for the functions of the test below
MERGED = {
    "Add": [[2.7183, 5.4817], [9.3891, 15.1825]],
    "Multiply": [[0, 3], [8, 15]],
    "Concatenate": [[1, 1.5, 0, 1], [2, 2.5, 2, 3]],
    "Dot": [[4.5], [34.5]],
}


@pytest.mark.parametrize("package", ["keras_2", "tf_keras"])
@pytest.mark.parametrize("name", MERGED)
def test_layers_that_merge_compute_the_function_of_a_subclass(request, package, name):
    keras = request.getfixturevalue(package)
    backend, base = keras.backend, getattr(keras.layers, name)

    class Own(base):
        def _merge_function(self, inputs):
            if name == "Add":
                return inputs[0] + backend.exp(inputs[1])
            if name == "Concatenate":
                return backend.concatenate(inputs[::-1], axis=self.axis)
            return {"Multiply": 2, "Dot": 3}[name] * super()._merge_function(inputs)

    x = np.arange(4.0).reshape(2, 2)
    a, b = keras.Input((2,)), keras.Input((2,))
    model = keras.Model([a, b], Own(1)([a, b]) if name == "Dot" else Own()([a, b]))
    np.testing.assert_allclose(model.predict([x, x / 2 + 1], verbose=0), MERGED[name], rtol=1e-4)


@pytest.mark.parametrize(
    ("base", "name"),
    [
        ("MaxPooling2D", "_pooling_function"),
        ("BatchNormalization", "_moments"),
        ("SpatialDropout2D", "_get_noise_shape"),
        ("MultiHeadAttention", "_compute_causal_mask"),
    ],
)
def test_a_private_method_that_is_not_called_is_reported(tf_keras, base, name):
    layer = getattr(tf_keras.layers, base)
    text = rf"Own\.{name} has no effect: only {base} of Keras calls it\.\nWrite what it computes in `call`\."
    with pytest.warns(UserWarning, match=text) as found:
        type("Own", (layer,), {name: lambda self, *args: args[0]})
    assert found[0].filename == __file__


def test_private_methods_that_are_called_are_not_reported(tf_keras, recwarn):
    layers = tf_keras.layers

    class Doubled(layers.MaxPooling2D):
        def call(self, x):
            return self._pooling_function(x)

        def _pooling_function(self, x):
            return 2 * x

    class Tripled(Doubled):
        def _pooling_function(self, x):
            return 3 * x

    class Attention(layers.MultiHeadAttention):
        def _compute_attention(self, *args, **kwargs):
            return super()._compute_attention(*args, **kwargs)

    class Dropout(layers.Dropout):
        def _get_noise_shape(self, inputs):
            return (1, 4)

    assert not recwarn.list
    np.testing.assert_allclose(Tripled()(np.ones((1, 2, 2, 1))), 3)

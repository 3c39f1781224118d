"""Attributes, configs and hooks of objects, as genuine Keras 2.3.1 (on Theano) and 3.15 (on JAX) have them."""

import numpy as np
import pytest

from gazelle.compat import backend as K  # noqa: N812
from gazelle.compat import era
from gazelle.compat.namespaces import root
from gazelle.compat.private import keras_src

keras = root("keras")
layers, optimizers, ops = keras.layers, keras.optimizers, keras.ops
X = np.linspace(-1, 1, 48).reshape(8, 6).astype("float32")
Y = X.sum(1, keepdims=True) * np.float32(0.5)


def one_unit(optimizer="sgd", **options):
    model = keras.models.Sequential([layers.Dense(1, kernel_initializer="ones", input_shape=(6,), name="d")], name="m")
    model.compile(optimizer, "mse", **options)
    return model


def trained(model, **options):
    return model.fit(X, Y, batch_size=4, shuffle=False, verbose=0, keep=False, **{"epochs": 2, **options}).history


# Optimizers of Keras 2 that extend the methods of another one --------------------------------------------------------


class Signs(optimizers.SGD):
    def get_gradients(self, loss, params):
        return [K.sign(g) for g in super().get_gradients(loss, params)]


class Counting(optimizers.Adam):
    def get_updates(self, loss, params):
        updates = super().get_updates(loss, params)
        self.count = len(updates)
        return updates


class Plain(optimizers.Optimizer):
    def __init__(self, rate=0.1, **kwargs):
        super().__init__(**kwargs)
        self.learning_rate, self.iterations = K.variable(rate), K.variable(0, dtype="int64")

    def get_updates(self, loss, params):
        return [K.update(p, p - self.learning_rate * g) for p, g in zip(params, self.get_gradients(loss, params))]


@pytest.mark.parametrize(
    ("make", "losses", "steps"),
    [
        (lambda: Signs(0.01, momentum=0.9), [3.0342, 2.5923, 1.8777], 6),
        (lambda: Counting(0.1), [2.6533, 0.8212, 0.0711], 6),
        (lambda: Plain(clipnorm=0.1), [3.067, 2.9822, 2.8986], 0),
    ],
)
def test_methods_that_optimizers_extend(keras_2, make, losses, steps):
    optimizer = make()
    np.testing.assert_allclose(trained(one_unit(optimizer), epochs=3)["loss"], losses, atol=2e-4)
    assert K.get_value(optimizer.iterations) == steps


def test_the_rate_of_an_extended_optimizer_is_set(keras_2):
    optimizer = Counting(0.1)
    model = one_unit(optimizer)
    trained(model)
    K.set_value(optimizer.lr, 0.0)
    before = model.get_weights()[0]
    trained(model)
    np.testing.assert_array_equal(model.get_weights()[0], before)
    assert optimizer.get_config()["beta_1"] == 0.9


# Models and layers of Keras 2 ----------------------------------------------------------------------------------------


def R2_score(y_true, y_pred):  # noqa: N802 - the logs had the name of the function
    return K.mean(y_true * y_pred)


def test_metrics_have_the_names_of_their_functions(keras_2):
    model = one_unit(metrics=[R2_score, lambda y_true, y_pred: K.mean(y_pred)])
    assert list(trained(model, epochs=1)) == ["loss", "R2_score", "<lambda>"]
    assert [metric.name for metric in model.metrics] == ["R2_score", "<lambda>"]


def test_names_in_keras_3_are_in_snake_case():
    assert list(trained(one_unit(metrics=[R2_score]), epochs=1)) == ["loss", "r2_score"]


def test_the_input_of_a_sequential_has_the_name_of_its_first_layer(keras_2):
    model = one_unit()
    assert model.input_names == ["d_input"]
    model.fit({"d_input": X}, Y, verbose=0, keep=False)
    assert not model.stateful
    with pytest.raises(ValueError, match="called 1 times"):
        model.layers[0].get_output_at(1)


def test_configs_of_a_sequential(keras_2):
    config = one_unit().get_config()
    assert (sorted(config), [entry["class_name"] for entry in config["layers"]]) == (["layers", "name"], ["Dense"])
    first = config["layers"][0]["config"]
    assert (first["batch_input_shape"], first["dtype"]) == ((None, 6), "float32")
    first["batch_input_shape"] = (None, 3)
    assert keras.models.Sequential.from_config(config).input_shape == (None, 3)


def test_a_changed_shape_of_the_first_layer_is_in_the_config_of_a_sequential(keras_2):
    """Programs change the input of a trained network so and make it again, with equal weights."""
    model = keras.models.Sequential([layers.Conv2D(2, 3, input_shape=(8, 8, 1)), layers.GlobalAveragePooling2D()])
    model.layers[0].batch_input_shape = (None, 12, None, 1)
    assert keras.models.model_from_json(model.to_json()).input_shape == (None, 12, None, 1)
    assert keras.models.Sequential.from_config(model.get_config()).input_shape == (None, 12, None, 1)


def test_a_layer_with_a_name_as_an_activation_is_written_by_it(keras_2):
    """Programs made an activation of their own so, and gave it in `custom_objects` by this name."""

    class Swish(layers.Activation):
        def __init__(self, activation, **kwargs):
            super().__init__(activation, **kwargs)
            self.__name__ = "my_swish"

    swish = Swish(lambda x: x * keras.backend.sigmoid(x))
    model = keras.models.Sequential([layers.Dense(2, activation=swish, input_shape=(3,))])
    assert model.layers[0].get_config()["activation"] == "my_swish"
    same = keras.models.model_from_json(model.to_json(), custom_objects={"my_swish": swish})
    same.set_weights(model.get_weights())
    np.testing.assert_array_equal(same.predict(np.ones((2, 3))), model.predict(np.ones((2, 3))))


def test_configs_of_a_functional_model(keras_2):
    inputs = layers.Input((6,), name="i")
    config = keras.models.Model(inputs, layers.Dense(2, name="d")(inputs), name="f").get_config()
    assert [entry["class_name"] for entry in config["layers"]] == ["InputLayer", "Dense"]
    assert config["layers"][1]["inbound_nodes"] == [[["i", 0, 0, {}]]]
    assert (config["input_layers"], config["output_layers"]) == ([["i", 0, 0]], [["d", 0, 0]])
    config["layers"][0]["config"]["batch_input_shape"] = (None, 3)
    assert keras.models.Model.from_config(config).input_shape == (None, 3)


def test_configs_of_layers(keras_2):
    class Doubled(layers.Layer):
        def get_config(self):
            return {**super().get_config(), "factor": 2}

    expected = {"batch_input_shape": (None, 6), "name": "a", "trainable": True, "dtype": "float32", "factor": 2}
    assert Doubled(input_shape=(6,), name="a").get_config() == expected
    assert layers.DepthwiseConv2D(2, input_shape=(4, 4, 1)).batch_input_shape == (None, 4, 4, 1)


# Keras 3 -------------------------------------------------------------------------------------------------------------


class Several(keras.metrics.Mean):
    def result(self):
        return {"one": super().result(), "two": super().result() * 2, "loss": super().result()}

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_pred)


def test_metrics_with_several_values_have_their_names():
    logs = trained(one_unit(metrics=[Several(name="a"), Several(name="b")]), epochs=1)
    assert sorted(logs) == ["a_loss", "b_loss", "b_one", "b_two", "loss", "one", "two"]


def test_a_list_of_metrics_extends_the_inherited_one():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense, self.mine = layers.Dense(1), keras.metrics.Mean(name="mine")

        def call(self, x):
            return self.dense(x)

        def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
            loss = ops.mean((y - y_pred) ** 2)
            self.mine.update_state(loss * 2)
            return loss

        @property
        def metrics(self):
            return [*super().metrics, self.mine]

    model = Own()
    model.compile("sgd")
    logs = trained(model)
    np.testing.assert_allclose(logs["mine"], [2 * loss for loss in logs["loss"]], rtol=1e-5)


def test_layers_draw_from_the_generator_that_they_inherit():
    class Own(layers.Dropout):
        def call(self, inputs, training=None):
            return keras.random.dropout(inputs, self.rate, seed=self.seed_generator) if training else inputs

    layer = Own(0.5, seed=1)
    drawn = [np.asarray(layer(np.ones((2, 4)), training=True)).tolist() for _ in range(2)]
    assert drawn == [[[2, 0, 0, 2], [0, 2, 0, 0]], [[0, 0, 0, 0], [2, 0, 0, 2]]]
    model = keras.Sequential([keras.Input((6,)), layer, layers.Dense(1)])
    model.compile("sgd", "mse")
    assert np.isfinite(trained(model)["loss"]).all()


def test_attributes():
    model = one_unit("nadam")
    assert (model.supports_jit, model.jit_compile, model.steps_per_execution, model.layers[0].supports_jit) == (
        *(True, True, 1),
        True,
    )
    assert len(optimizers.Nadam().variables) == 2
    assert keras.metrics.TruePositives().accumulator.shape == (1,)
    seen = []

    class Params(keras.callbacks.Callback):
        def on_test_begin(self, logs=None):
            seen.append(self.params)

    model.evaluate(X, Y, verbose=0, callbacks=[Params()])
    assert (seen[0]["epochs"], seen[0]["steps"]) == (1, 1)


# Callbacks and flags of Keras 2 --------------------------------------------------------------------------------------


def test_a_checkpoint_with_a_period_calls_its_subclass(keras_2, tmp_path):
    class Named(keras.callbacks.ModelCheckpoint):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, {**logs, "extra": 1.0})

    trained(one_unit(), epochs=3, callbacks=[Named(str(tmp_path / "{epoch}-{extra:.1f}.h5"), "loss", period=2)])
    assert [path.name for path in tmp_path.iterdir()] == ["2-1.0.h5"]


def test_a_comparison_that_a_program_sets_is_used(keras_2):
    stop = keras.callbacks.EarlyStopping("loss", patience=0)
    assert stop.monitor_op is np.less
    stop.monitor_op = np.greater
    stop.best = 0.0
    assert len(trained(one_unit(), epochs=5, callbacks=[stop])["loss"]) == 2
    rate = keras.callbacks.ReduceLROnPlateau("loss", patience=1, factor=0.5)
    rate.monitor_op = lambda value, best: False
    assert trained(one_unit(), epochs=3, callbacks=[rate])["lr"] == pytest.approx([0.01, 0.005, 0.0025])


def test_a_subclass_with_its_own_begin_of_training_reduces_the_rate(keras_2):
    class Plateau(keras.callbacks.ReduceLROnPlateau):
        def on_train_begin(self, logs=None):
            self.wait, self.best = 0, -np.inf

    history = trained(one_unit(), epochs=2, callbacks=[Plateau("loss", patience=1, factor=0.5)])
    assert history["lr"] == pytest.approx([0.01, 0.005])


def test_the_comparison_of_a_callback_is_that_of_the_program():
    stop = keras.callbacks.EarlyStopping("loss", patience=0)
    rate = keras.callbacks.ReduceLROnPlateau("accuracy", mode="max")
    assert (stop.monitor_op, rate.monitor_op) == (keras.ops.less, keras.ops.greater)


def test_freezing_a_model_leaves_the_flags_of_its_layers(keras_2):
    model = keras.models.Sequential([layers.Dense(3, input_shape=(6,)), layers.Dense(2)])
    model.layers[0].trainable = False
    model.trainable = False
    assert (len(model.trainable_weights), model.layers[1].trainable) == (0, True)
    model.trainable = True
    assert (len(model.trainable_weights), model.layers[0].trainable) == (2, False)


# Keras 1 (values of 1.2.2) -------------------------------------------------------------------------------------------


def test_losses_of_keras_1_are_means_over_the_weights_that_are_not_0(keras_1):
    weights = np.array([0, 1, 2, 0, 0, 0, 3, 1.0])
    losses = trained(one_unit(), sample_weight=weights)["loss"]
    np.testing.assert_allclose(losses, [5.9266, 4.1039], atol=2e-4)
    again = one_unit()  # another process-wide setting is another program
    era.set_release(era.Release(2))
    assert trained(again, sample_weight=weights)["loss"][0] < losses[0]


def test_reduce_on_plateau_of_keras_1_waits_one_epoch_longer(keras_1):
    reduce = keras.callbacks.ReduceLROnPlateau("loss", patience=1, factor=0.5, epsilon=10.0, cooldown=1)
    assert reduce.epsilon == 10.0
    rates = trained(one_unit(), epochs=6, callbacks=[reduce])["lr"]
    np.testing.assert_allclose(rates, [0.01, 0.01, 0.01, 0.005, 0.005, 0.0025], rtol=1e-5)


def test_get_updates_of_keras_1(keras_1):
    class Own(optimizers.Adam):
        def get_updates(self, params, constraints, loss):
            return super().get_updates(params, constraints, loss)

    np.testing.assert_allclose(trained(one_unit(Own(0.1)))["loss"], [2.6533, 0.8212], atol=2e-4)


def test_lengths_of_keras_1_are_numbers(keras_1):
    convolution, pooling = layers.Conv1D(3, 2), layers.MaxPooling1D(2)
    assert (convolution.filter_length, convolution.subsample_length, pooling.pool_length, pooling.stride) == (
        2,
        1,
        2,
        2,
    )
    assert (layers.LSTM(2).consume_less, layers.BatchNormalization().mode) == ("cpu", 0)


# Other names ---------------------------------------------------------------------------------------------------------


def test_a_lambda_callback_with_other_keywords():
    seen = []
    with pytest.warns(UserWarning, match="has no event 'foo'"):
        callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch), foo=3)
    trained(one_unit(), callbacks=[callback])
    assert (seen, callback.foo) == ([0, 1], 3)


def test_bounds_in_the_wrong_order():
    assert np.asarray(K.clip(np.array([-2.0, 0.0, 2.0]), 1.0, -1.0)).tolist() == [1, 1, 1]


def test_a_shape_of_unknown_rank(tf):
    assert (tf.TensorShape(None).rank, tf.TensorShape([None, 2]).rank) == (None, 2)
    assert tf.TensorShape(None).is_compatible_with([1])
    assert not tf.TensorShape(None).is_fully_defined()
    assert (tf.TensorShape(None)[-1], tf.TensorShape(None)[1:], tf.TensorShape(None).dims) == (None, None, None)
    with pytest.raises(ValueError, match="known number of axes"):
        tf.TensorShape(None).as_list()


def test_a_number_is_a_shape_of_one_axis(tf):
    assert tf.zeros(3).shape == 3
    assert tf.zeros(3).shape != 2
    assert tf.zeros((3, 3)).shape != 3


def test_a_search_in_many_rows_is_traced_once(tf):
    rows = tf.function(lambda x, y: tf.searchsorted(x, y, side="right"))
    found = rows(tf.cumsum(tf.ones((2, 5000, 4)), -1), tf.fill((2, 5000, 2), 2.0))
    assert found.shape == (2, 5000, 2)
    assert int(found[1, 7, 1]) == 2


def test_a_layer_is_built_with_a_shape_without_a_known_number_of_axes(tf):
    class Checked(keras.layers.Layer):
        def build(self, input_shape):
            assert input_shape[-1] is None

    Checked().build(tf.TensorShape(None))


def test_compiled_losses_can_be_set():
    model = one_unit()
    model.compiled_loss = abs
    assert model.compiled_loss is abs


def test_updates_of_layers_are_part_of_the_training_alone(keras_2):
    class Counting(layers.Layer):
        def build(self, input_shape):
            self.count = self.add_weight(name="count", shape=(1,), initializer="zeros", trainable=False)
            super().build(input_shape)

        def call(self, inputs):
            self.add_update([K.update_add(self.count, K.ones((1,)))], inputs)
            return inputs

    counting = Counting()
    model = keras.models.Sequential([layers.Dense(1, input_shape=(6,)), counting])
    model.compile("sgd", "mse")
    model.evaluate(X, Y, verbose=0)
    trained(model)
    model.predict(X)
    assert counting.get_weights()[0] == [4]


def test_attention_computes_the_scores_of_a_subclass():
    class Halved(layers.Attention):
        def _calculate_scores(self, query, key):
            return super()._calculate_scores(query, key) * 0.5

    class Doubled(layers.AdditiveAttention):
        def _apply_scores(self, scores, value, scores_mask=None, training=False):
            result, weights = super()._apply_scores(scores, value, scores_mask, training)
            return result * 2, weights

    x = np.linspace(-1, 1, 24, dtype="float32").reshape(2, 3, 4)
    scaled = layers.Attention()([x * np.float32(0.5**0.5), x, x * np.float32(0.5**0.5)])
    np.testing.assert_allclose(Halved()([x, x]), scaled, atol=1e-6)
    masks = [np.array([[True, True, False]] * 2), np.array([[True, False, True]] * 2)]
    found = Doubled(use_scale=False)([x, x], mask=masks)
    assert float(np.abs(np.asarray(found)).sum()) == pytest.approx(17.7705, abs=1e-3)  # of TensorFlow 2.15.1


def test_weights_of_an_optimizer_with_variables_of_tensorflow(tf):
    class Own(tf.keras.optimizers.Optimizer):
        def __init__(self):
            super().__init__(name="own")
            self.learning_rate = tf.keras.backend.variable(0.1)

        def get_updates(self, loss, params):
            updates = []
            for w, g in zip(params, self.get_gradients(loss, params)):
                momentum = tf.keras.backend.zeros(tf.keras.backend.int_shape(w))
                step = 0.9 * momentum - self.learning_rate * g
                updates += [tf.keras.backend.update(momentum, step), tf.keras.backend.update(w, w + step)]
            return updates

    optimizer = Own()
    trained(one_unit(optimizer))
    assert [array.shape for array in optimizer.get_weights()] == [(6, 1), (1,)]


def test_cells_of_keras_3_draw_the_masks_that_they_inherit():
    class Own(layers.LSTMCell):
        def call(self, inputs, states, training=False):
            mask = self.get_dropout_mask(inputs)
            assert (mask is None) == (self.dropout == 0)
            assert self.get_recurrent_dropout_mask(states[0]) is None
            return super().call(inputs * mask if training and mask is not None else inputs, states)

    for rate in (0.0, 0.5):
        model = keras.Sequential([keras.Input((2, 3)), layers.RNN(Own(2, dropout=rate)), layers.Dense(1)])
        model.compile("sgd", "mse")
        assert np.isfinite(model.fit(X.reshape(8, 2, 3), Y, verbose=0, keep=False).history["loss"]).all()


def test_private_modules_of_keras_3():
    assert keras_src.module_of("legacy.preprocessing.text") == "gazelle.compat.preprocessing.text"
    assert keras_src.module_of("legacy.losses") == "gazelle.losses"


def test_cosines_as_metrics_of_keras_2_are_positive(keras_2):
    unit = np.array([[3.0, 4.0]])
    assert float(keras.metrics.cosine_proximity(unit, unit)[0]) == pytest.approx(1)
    model = one_unit(metrics=["cosine", keras.metrics.cosine_proximity])
    assert list(trained(model, epochs=1)) == ["loss", "cosine", "cosine_proximity"]


def test_columns_of_a_csv_logger(keras_2, tmp_path):
    class Logger(keras.callbacks.CSVLogger):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, {**logs, "extra": 2})

    trained(one_unit(), callbacks=[Logger(str(tmp_path / "log.csv"))])
    assert (tmp_path / "log.csv").read_text().splitlines()[0] == "epoch,extra,loss"


def doubled_tanh(x):
    return K.tanh(x) * 2


@pytest.mark.parametrize("kind", ["sequential", "functional"])
def test_models_from_configs_with_functions(keras_2, kind):
    parts = [layers.Lambda(lambda x: x * 3, input_shape=(6,)), layers.Dense(2, activation=doubled_tanh)]
    if kind == "sequential":
        model = keras.models.Sequential(parts)
    else:
        inputs = layers.Input((6,))
        model = keras.models.Model(inputs, parts[1](parts[0](inputs)))
    copy = type(model).from_config(model.get_config(), custom_objects={"doubled_tanh": doubled_tanh})
    copy.set_weights(model.get_weights())
    np.testing.assert_allclose(copy.predict(X), model.predict(X), rtol=1e-6)


def test_layers_quantized_for_measured_inputs(keras_2):
    layer = keras_2.layers.Dense(4, dtype="awq/4/2_from_float32")
    layer.build((None, 3))
    assert layer.is_awq_calibrated
    assert not layer.is_gptq_calibrated
    assert layer.quantized_kernel.shape == (2, 3)
    assert not hasattr(keras_2.layers.Dense(4), "quantized_kernel")

"""Numbers, names and orders that were different in Keras 1, Keras 2 and tf.keras, without an error to show it."""

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import root
from gazelle.core import names

X = np.random.RandomState(0).normal(size=(20, 3)).astype("float32")
Y = X[:, :2] * 2


@pytest.fixture(params=["Keras 1", "Keras 2", "tf.keras"])
def keras(request):
    yield from _program(request.param)


@pytest.fixture
def keras_1():
    yield from _program("Keras 1")


@pytest.fixture
def keras_2():
    yield from _program("Keras 2")


@pytest.fixture
def tf_keras():
    yield from _program("tf.keras")


def _program(kind):
    number, standalone = era.number(), era.standalone()
    era.set_number(1 if kind == "Keras 1" else 2, kind != "tf.keras")
    names.clear_session()
    yield root("keras")
    era.set_number(number, standalone)


def _model(keras, *layers, optimizer="sgd", loss="mse", **compiled):
    last = keras.layers.Dense(2, activation="sigmoid")
    model = keras.models.Sequential([keras.layers.InputLayer(input_shape=(3,)), *layers, last])
    model.compile(optimizer, loss, **compiled)
    return model


def _fit(model, x=X, y=Y, batch_size=8, **options):
    epochs = {"nb_epoch" if era.number() == 1 else "epochs": 1}
    return model.fit(x, y, batch_size=batch_size, shuffle=False, verbose=0, **epochs, **options)


# Logs ----------------------------------------------------------------------------------------------------------------


def test_logs_of_a_batch(keras):
    seen = []

    class Losses(keras.callbacks.Callback):
        def on_batch_begin(self, batch, logs=None):
            seen.append(dict(logs))

        def on_batch_end(self, batch, logs=None):
            seen.append(dict(logs))

    model = _model(keras, optimizer=keras.optimizers.SGD(0.0))
    losses = [model.evaluate(X[i : i + 8], Y[i : i + 8], verbose=0) for i in (0, 8, 16)]
    _fit(model, callbacks=[Losses()])
    if era.standalone():
        assert [logs["size"] for logs in seen] == [8, 8, 8, 8, 4, 4]
        assert [logs["batch"] for logs in seen] == [0, 0, 1, 1, 2, 2]
        np.testing.assert_allclose([logs["loss"] for logs in seen[1::2]], losses, rtol=1e-5)
    else:  # the mean so far
        assert [list(logs) for logs in seen] == [[], ["loss"]] * 3
        np.testing.assert_allclose(seen[3]["loss"], np.mean(losses[:2]), rtol=1e-5)


def test_the_learning_rate_in_logs(keras):
    callbacks = [keras.callbacks.LearningRateScheduler(lambda epoch: 0.1), keras.callbacks.ReduceLROnPlateau("loss")]
    assert set(_fit(_model(keras), callbacks=callbacks).history) == {"loss", "lr"}


def test_names_of_metrics_in_keras_1(keras_1):
    history = _fit(_model(keras_1, metrics=["accuracy", "mae"]), validation_split=0.2).history
    assert {"acc", "mean_absolute_error", "val_acc", "val_mean_absolute_error"} < set(history)


def test_a_name_of_a_class_as_metric(tf_keras):
    assert list(_fit(_model(tf_keras, metrics=["MeanSquaredLogarithmicError"])).history) == [
        "loss",
        "mean_squared_logarithmic_error",
    ]


def _expected_accuracy(model, labels):
    outputs = model.predict(X)
    both = (outputs > 0.5) == labels
    return np.mean(both if era.standalone() else np.argmax(outputs, 1) == np.argmax(labels, 1))


def test_accuracy_of_several_labels(keras):
    labels = (Y > 0) * 1.0
    model = _model(keras, keras.layers.Dense(4), loss="binary_crossentropy", metrics=["accuracy"])
    np.testing.assert_allclose(model.evaluate(X, labels, verbose=0)[1], _expected_accuracy(model, labels), rtol=1e-5)


@pytest.mark.parametrize("loss", [["binary_crossentropy", "mse"], {"a": "binary_crossentropy", "b": "mse"}])
def test_accuracy_of_several_outputs(keras_2, loss):
    x = keras_2.layers.Input((3,))
    outputs = [keras_2.layers.Dense(2, activation="sigmoid", name=name)(x) for name in "ab"]
    model = keras_2.models.Model(x, outputs)
    model.compile("sgd", loss, metrics=["accuracy"])
    labels = (Y > 0) * 1.0
    a, b = model.predict(X)
    expected = [np.mean((a > 0.5) == labels), np.mean(np.argmax(b, 1) == np.argmax(labels, 1))]
    np.testing.assert_allclose(model.evaluate(X, [labels, labels], verbose=0)[-2:], expected, rtol=1e-5)


def test_binary_accuracy_is_a_mean(keras):
    function = keras.metrics.binary_accuracy
    found = function(np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([[0.9, 0.8], [0.7, 0.6]]))
    assert np.allclose(found, 0.75 if era.number() == 1 else [0.5, 1])  # in Keras 1 over the batch, too


def test_cosine_proximity(keras):
    cosine = np.sum(X * X, 1) / np.linalg.norm(X, axis=1) ** 2
    factor = 3 if era.number() == 1 else 1
    np.testing.assert_allclose(keras.losses.cosine_proximity(X, X), -cosine / factor, rtol=1e-5)


def test_values_of_add_metric_follow_the_metrics(tf_keras):
    class Largest(tf_keras.layers.Layer):
        def call(self, x):
            self.add_metric(x.max(), name="largest", aggregation="mean")
            self.add_metric(x[:, 0], name="first", aggregation="mean")
            return x

    history = _fit(_model(tf_keras, Largest(), metrics=["mae"])).history
    assert list(history) == ["loss", "mae", "largest", "first"]
    assert history["largest"][0] == pytest.approx(np.mean([X[i : i + 8].max() for i in (0, 8, 16)]))  # per batch
    assert history["first"][0] == pytest.approx(np.mean(X[:, 0]), abs=1e-5)  # per sample


def test_an_array_given_to_add_loss_is_reported_as_its_mean(tf_keras):
    K = tf_keras.backend
    x = tf_keras.Input((3,))
    y = tf_keras.layers.Dense(2, kernel_initializer="ones")(x)
    model = tf_keras.Model(x, y)
    model.add_loss(K.sum(K.square(y), axis=-1))
    model.compile(tf_keras.optimizers.SGD(0.01))
    before, losses = model.get_weights()[0], np.sum(np.square(model.predict(X)), 1)
    assert model.evaluate(X, verbose=0) == pytest.approx(losses.mean(), rel=1e-5)
    assert model.train_on_batch(X) == pytest.approx(losses.mean(), rel=1e-5)
    gradient = 2 * X.T @ (X @ before)  # of the sum
    np.testing.assert_allclose(model.get_weights()[0], before - 0.01 * gradient, rtol=1e-4)


# Orders --------------------------------------------------------------------------------------------------------------


def _shapes(weights):
    return [tuple(weight.shape) for weight in weights]


def test_weights_of_a_layer_begin_with_the_trained_ones(tf_keras):
    layers = tf_keras.layers

    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.norm, self.dense = layers.BatchNormalization(), layers.Dense(2)

        def call(self, x):
            return self.dense(self.norm(x))

    model = tf_keras.Sequential([tf_keras.Input((3,)), Block(), layers.Dense(1)])
    expected = [(3,), (3,), (3, 2), (2,), (3,), (3,), (2, 1), (1,)]
    assert _shapes(model.get_weights()) == _shapes(model.weights) == expected
    numbered = [np.full(shape, n, "float32") for n, shape in enumerate(expected)]
    model.set_weights(numbered)
    assert [array.flat[0] for array in model.get_weights()] == list(range(8))
    assert model.layers[0].norm.moving_mean.numpy()[0] == 4


def test_weights_of_a_list_in_a_model_begin_with_the_trained_ones(tf_keras):
    layers = tf_keras.layers

    class Net(tf_keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = [layers.BatchNormalization(), layers.Dense(2)]
            self.norm = layers.BatchNormalization()

        def call(self, x):
            return self.norm(self.inner[1](self.inner[0](x)))

    model = Net()
    model(X)
    assert _shapes(model.get_weights()) == [(3,), (3,), (3, 2), (2,), (3,), (3,), (2,), (2,), (2,), (2,)]


def test_weights_of_an_optimizer(keras):
    optimizer = keras.optimizers.Adam(0.01)
    model = _model(keras, optimizer=optimizer)
    _fit(model)
    arrays = optimizer.get_weights()
    assert [np.shape(array) for array in arrays] == [(), (3, 2), (2,), (3, 2), (2,)]  # no learning rate, m before v
    assert int(arrays[0]) == 3
    assert np.all(arrays[3] >= 0)
    optimizer.set_weights([array * 2 for array in arrays])
    np.testing.assert_allclose(optimizer.get_weights()[4], arrays[4] * 2)
    assert float(optimizer.lr) == pytest.approx(0.01)


# Layers --------------------------------------------------------------------------------------------------------------


def test_batch_normalization_of_time_steps_sees_all_of_them(keras):
    layer = keras.layers.TimeDistributed(keras.layers.BatchNormalization(epsilon=1e-6), input_shape=(5, 3))
    model = keras.models.Sequential([layer])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    x = np.arange(60.0, dtype="float32").reshape(4, 5, 3)
    expected = np.mean(((x - x.mean((0, 1))) / x.std((0, 1))) ** 2)
    assert model.train_on_batch(x, 0 * x) == pytest.approx(expected, rel=1e-4)
    assert model.layers[0].layer.get_weights()[2] == pytest.approx(0.01 * x.mean((0, 1)), rel=1e-4)  # one update


def test_bidirectional_of_a_layer_that_goes_backwards(tf_keras):
    layers = tf_keras.layers
    x = np.random.RandomState(1).normal(size=(2, 4, 3)).astype("float32")
    options = {"kernel_initializer": "ones", "recurrent_initializer": "ones", "return_sequences": True}
    outputs = layers.Bidirectional(layers.SimpleRNN(1, go_backwards=True, **options))(x)
    forward = np.asarray(layers.SimpleRNN(1, **options)(x))
    backward = np.asarray(layers.SimpleRNN(1, go_backwards=True, **options)(x))
    np.testing.assert_allclose(outputs, np.concatenate([backward, forward[:, ::-1]], -1), rtol=1e-6)


# Images --------------------------------------------------------------------------------------------------------------


def test_masked_steps_of_bidirectional_layers(keras, request):
    layers = keras.layers
    both = layers.Bidirectional(layers.SimpleRNN(1, return_sequences=True))
    model = keras.models.Sequential([layers.Masking(input_shape=(3, 1)), both])
    model.set_weights([np.ones((1, 1)), np.zeros((1, 1)), np.zeros(1)] * 2)
    one, is_package = np.tanh(1.0), "tf.keras" not in request.node.name
    repeated = [[0.0, one], [one, one], [one, 0.0]]
    expected = repeated if is_package else [[0.0, 0.0], [one, one], [0.0, 0.0]]
    np.testing.assert_allclose(model.predict(np.array([[[0.0], [1.0], [0.0]]]))[0], expected, atol=1e-6)


def test_masked_steps_in_statistics_of_batches(keras, request):
    layers = keras.layers
    model = keras.models.Sequential([layers.Masking(input_shape=(3, 1)), layers.BatchNormalization(momentum=0.0)])
    model.compile("sgd", "mse")
    x = np.array([[[0.0], [3.0], [6.0]]])
    model.train_on_batch(x, x)
    np.testing.assert_allclose(model.get_weights()[2], [4.5 if "tf.keras" in request.node.name else 3.0], atol=1e-6)


def test_padding_of_steps_by_one_number(keras_1):
    keras = root("keras")
    padded = keras.backend.temporal_padding(np.ones((1, 2, 1)), 1)
    assert np.ravel(padded).tolist() == [0.0, 1.0, 1.0, 0.0]


def test_transformations_of_images(keras):
    """Up to Keras 2.3 the vertical shift moved rows, and images turned around a point one pixel off the center."""
    pytest.importorskip("scipy")
    generator, x = keras.preprocessing.image.ImageDataGenerator(), np.arange(16.0).reshape(4, 4, 1)
    moved = generator.apply_transform(x, {"tx": 1})[..., 0]
    np.testing.assert_allclose(moved, np.take(x[..., 0], [1, 2, 3, 3], axis=0 if era.standalone() else 1))
    corner = generator.apply_transform(x, {"theta": 180})[3, 3, 0]
    assert corner == pytest.approx(10 if era.standalone() else 0, abs=1e-6)


def test_shear_and_normalization_of_samples_in_keras_1(keras_1):
    generator = keras_1.preprocessing.image.ImageDataGenerator(shear_range=0.2, samplewise_center=True)
    shears = [generator.get_random_transform((4, 4, 3), seed)["shear"] for seed in range(20)]
    assert 1 < max(shears) <= np.rad2deg(0.2)  # the range is in radians
    x = np.random.RandomState(0).normal(size=(4, 4, 3))
    np.testing.assert_allclose(generator.standardize(x), x - x.mean(-1, keepdims=True), rtol=1e-5, atol=1e-6)


def test_penalty_of_activity_regularization(keras):
    layer = keras.layers.ActivityRegularization(l2=0.5, input_shape=(3,))
    model = keras.models.Sequential([layer])
    model.compile("sgd", "mse")
    expected = 0.5 * np.sum(X**2) / (1 if era.standalone() else len(X))
    assert model.evaluate(X, X, batch_size=20, verbose=0) == pytest.approx(expected, rel=1e-5)


def test_paths_of_ctc_decode(keras):
    paths, _ = keras.backend.ctc_decode(np.eye(3, dtype="float32")[[0, 0, 2, 1]][None], np.array([4]))
    expected = [[0, 1]] if era.standalone() else [[0, 1, -1, -1]]
    assert np.asarray(keras.backend.get_value(paths[0])).tolist() == expected


def test_layers_of_several_inputs_are_in_the_order_of_keras(tf_keras):
    layers = tf_keras.layers
    i, j = tf_keras.Input((3,), name="i"), tf_keras.Input((3,), name="j")
    c, a = layers.Dense(2, name="c")(layers.Dense(3, name="b")(j)), layers.Dense(2, name="a")(i)
    unused = tf_keras.Input((1,), name="unused")
    model = tf_keras.Model([unused, i, j], layers.Add(name="sum")([c, a]))
    assert [layer.name for layer in model.layers] == ["j", "b", "i", "c", "a", "unused", "sum"]


def test_lion_of_tf_keras_is_slower(tf_keras):
    assert float(tf_keras.optimizers.Lion().learning_rate) == pytest.approx(1e-4)


def test_metrics_of_tf_keras_are_single_ones(tf_keras):
    model = tf_keras.Sequential([tf_keras.layers.Dense(2)])
    model.compile("sgd", "mse", metrics=["mae", tf_keras.metrics.RootMeanSquaredError("r")])
    history = model.fit(X, Y, verbose=0, batch_size=20).history
    assert [metric.name for metric in model.metrics] == ["loss", "mae", "r"] == list(history)
    assert [float(metric.result()) for metric in model.metrics] == pytest.approx([v[0] for v in history.values()], 1e-5)


@pytest.mark.parametrize(
    ("arguments", "weights"),
    [
        ({}, [0.933284, 0.933065]),
        ({"centered": True}, [0.927523, 0.927266]),
        ({"momentum": 0.5}, [0.878469, 0.878256]),
        ({"centered": True, "momentum": 0.5}, [0.868505, 0.868240]),
    ],
)
def test_rmsprop_of_tensorflow(tf_keras, arguments, weights):
    """The weights of `optimizers.legacy.RMSprop` of TensorFlow 2.15."""
    layer = tf_keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", input_shape=(2,))
    model = tf_keras.Sequential([layer])
    model.compile(tf_keras.optimizers.RMSprop(0.01, epsilon=1e-2, **arguments), "mse")
    x, y = np.array([[1.0, 2.0], [0.1, 0.2]]), np.array([[1.0], [2.0]])
    model.fit(x, y, epochs=3, batch_size=1, shuffle=False, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0][:, 0], weights, rtol=1e-5)


def test_regularizers_of_frozen_layers(keras):
    """They are a part of the loss; in Keras 3 they are not."""
    inputs = keras.layers.Input((2,))
    frozen = keras.layers.Dense(2, kernel_initializer="ones", kernel_regularizer="l2", trainable=False)
    model = keras.models.Model(inputs, keras.layers.Dense(1, kernel_initializer="zeros")(frozen(inputs)))
    model.compile("sgd", "mse")
    assert model.evaluate(np.ones((2, 2)), np.zeros((2, 1)), verbose=0) == pytest.approx(0.04)
    assert model.train_on_batch(np.ones((2, 2)), np.zeros((2, 1))) == pytest.approx(0.04)
    assert len(model.losses) == 1
    era.set_number(3)
    model.compile("sgd", "mse")
    assert model.evaluate(np.ones((2, 2)), np.zeros((2, 1)), verbose=0) == 0


# The moving variance -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "of_keras_1", "of_keras_2", "of_tf_keras"),
    [  # Keras 1.2.2 with TensorFlow 1.4, Keras 2.3.1 with TensorFlow 1.15, TensorFlow 2.15
        ((4,), 0.910749, 0.912901, 0.910749),
        ((3, 4), 0.908364, 0.908857, 0.908364),
        ((3, 5, 4), 0.907634, 0.907806, 0.90772),
        ((2, 3, 2, 4), 0.907784, 0.907894, 0.907893),
    ],
)
def test_the_moving_variance_estimates_that_of_all_data(keras, request, shape, of_keras_1, of_keras_2, of_tf_keras):
    model = keras.models.Sequential([keras.layers.BatchNormalization(momentum=0.9, input_shape=shape)])
    model.compile("sgd", "mse")
    x = np.random.RandomState(0).rand(6, *shape)
    _fit(model, x, x)
    expected = {"Keras 1": of_keras_1, "Keras 2": of_keras_2}.get(request.node.callspec.params["keras"], of_tf_keras)
    np.testing.assert_allclose(model.get_weights()[3][0], expected, atol=2e-6)


# Losses and metrics of Keras 2.3.1 with TensorFlow 1.15 --------------------------------------------------------------


def test_accuracy_of_rounded_predictions(keras, request):
    """Regressions and labels -1 and 1: tf.keras compares with 1 where a prediction exceeds 0.5."""
    y, p = np.array([[-1.0], [1], [3], [2]]), np.array([[-0.9], [0.6], [3.2], [0.4]])
    inputs = keras.layers.Input((1,))
    model = keras.models.Model(inputs, keras.layers.Activation("linear")(inputs))
    model.compile("sgd", "mse", metrics=["accuracy"])
    expected = 0.25 if request.node.callspec.params["keras"] == "tf.keras" else 0.75
    assert model.evaluate(p, y, verbose=0)[1] == expected


@pytest.mark.parametrize(
    ("activation", "loss", "clipped", "exact"),
    [("sigmoid", "binary_crossentropy", 16.03, 40.0), ("softmax", "categorical_crossentropy", 16.118, 80.0)],
)
def test_crossentropy_of_saturated_predictions(keras, request, activation, loss, clipped, exact):
    inputs = keras.layers.Input((2,))
    model = keras.models.Model(inputs, keras.layers.Activation(activation)(inputs))
    model.compile("sgd", loss)
    found = model.evaluate(np.array([[-40.0, 40.0]]), np.array([[1.0, 0.0]]), verbose=0)
    expected = clipped if request.node.callspec.params["keras"] == "Keras 1" else exact
    np.testing.assert_allclose(found, expected, atol=1e-2)


@pytest.mark.parametrize("in_layer", [True, False])
def test_binary_crossentropy_of_a_softmax(keras, request, in_layer):
    """Only tf.keras of TensorFlow 2 takes the argument of the softmax for that of a sigmoid."""
    inputs = keras.layers.Input((2,))
    softmax = keras.layers.Activation("softmax") if in_layer else keras.layers.Lambda(keras.backend.softmax)
    model = keras.models.Model(inputs, softmax(inputs))
    model.compile("sgd", "binary_crossentropy")
    z = np.array([[-1.0, 2.0]])
    found = model.evaluate(z, np.array([[1.0, 0.0]]), verbose=0)
    if request.node.callspec.params["keras"] == "tf.keras":
        expected = np.mean(np.log1p(np.exp([1.0, 2.0])))
    else:
        expected = np.log1p(np.exp(3.0))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("rows", [3, 10])
def test_class_indices_of_metrics_broadcast_against_rows(keras_2, rows):
    p, y = np.random.RandomState(0).uniform(size=(rows, 3)), np.arange(rows) % 3
    model = keras_2.models.Sequential([keras_2.layers.Activation("linear", input_shape=(3,))])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["mse"], weighted_metrics=["mae"])
    with pytest.warns(UserWarning, match=r"Metric 'm.e' cannot compare y"):
        _, mse, mae = model.evaluate(p, y, verbose=0)
    np.testing.assert_allclose([mse, mae], [np.mean((y[:, None] - p) ** 2), np.mean(abs(y[:, None] - p))], rtol=1e-5)
    model.compile("sgd", "mse")
    if rows == 10:  # as in Keras 2.3, which allowed no such labels for losses
        with pytest.raises(ValueError, match=r"Loss 'mean_squared_error' cannot compare y with"):
            model.evaluate(p, y, verbose=0)


def test_labels_of_tf_keras_broadcast_against_rows(tf_keras):
    p, y = np.random.RandomState(0).uniform(size=(3, 3)).astype("float32"), np.arange(3.0)
    model = tf_keras.Sequential([tf_keras.layers.Activation("linear", input_shape=(3,))])
    model.compile("sgd", "mae")
    with pytest.warns(UserWarning, match="Loss 'mean_absolute_error' cannot compare y"):
        found = model.evaluate(p, y, verbose=0)
    np.testing.assert_allclose(found, np.mean(abs(y[:, None] - p)), rtol=1e-5)


def test_class_weights_count_for_the_samples_of_validation_split(keras, request):
    x, y = X[:10], np.arange(10) % 2
    kind = request.node.callspec.params["keras"]

    def validated(**options):
        names.clear_session()
        weights = [np.full((3, 1), 0.5), np.zeros(1)]
        model = keras.models.Sequential([keras.layers.Dense(1, input_dim=3, activation="sigmoid", weights=weights)])
        model.compile(keras.optimizers.SGD(0.0), "binary_crossentropy")
        return _fit(model, x, y, validation_split=0.4, **options).history["val_loss"][0]

    weighted = validated(class_weight={0: 1.0, 1: 5.0})
    by_sample = validated(sample_weight=np.where(y == 1, 5.0, 1.0))
    np.testing.assert_allclose(weighted, validated() if kind == "tf.keras" else by_sample, rtol=1e-5)
    assert by_sample > 1.5 * validated()


def test_batch_dot_of_four_axes(tf_keras):
    x = np.random.rand(2, 5, 4, 3)
    found = tf_keras.backend.batch_dot(x, x, axes=(3, 3))  # as in release 2.15
    np.testing.assert_allclose(found, np.einsum("abci,adei->abcde", x, x), rtol=1e-5)
    era.set_number(2, False, before_2_3=True)  # TensorFlow 1
    np.testing.assert_allclose(
        tf_keras.backend.batch_dot(x, x, axes=(3, 3)), np.einsum("abci,abdi->abcd", x, x), rtol=1e-5
    )


def test_output_shape_of_layers_with_an_argument_of_this_name(keras_2):
    x = keras_2.layers.Input((3, 4))
    doubled = keras_2.layers.Lambda(lambda t: t * 2)
    columns = keras_2.layers.Lambda(lambda t: t[:, :, :1], output_shape=(3, 1))
    doubled(x)
    assert doubled.output_shape == (None, 3, 4)
    columns(x)
    assert columns.output_shape == (None, 3, 1)
    assert list(columns.get_config()["output_shape"]) == [3, 1]


def test_output_shape_of_attention_of_tf_keras(tf_keras):
    x = tf_keras.Input((3, 4))
    attention, dense = (
        tf_keras.layers.MultiHeadAttention(2, 3, output_shape=5),
        tf_keras.layers.EinsumDense("abc,cd->abd", (None, 2)),
    )
    attention(x, x)
    assert attention.output_shape == (None, 3, 5)
    dense(x)
    assert dense.output_shape == (None, 3, 2)
    assert [list(layer.get_config()["output_shape"]) for layer in (attention, dense)] == [[5], [None, 2]]


@pytest.mark.parametrize(
    ("metric", "value"),
    [("precision", 0.5), ("recall", 1.0), ("fmeasure", 0.6667), ("matthews_correlation", 0.5774), ("cosine", -0.25)],
)
def test_metrics_of_keras_1_have_columns_of_labels(keras_1, metric, value):
    p, y = np.array([[0.9], [0.2], [0.8], [0.4]]), np.array([1, 0, 0, 0])
    model = keras_1.models.Sequential([keras_1.layers.Activation("linear", input_shape=(1,))])
    model.compile("sgd", "mse", metrics=[metric])
    for labels in (y, y[:, None]):
        assert model.evaluate(p, labels, verbose=0)[1] == pytest.approx(value, abs=1e-4)


@pytest.mark.parametrize("loss", ["cosine", "cosine_proximity"])
def test_cosine_as_a_loss(keras_2, loss):
    model = keras_2.models.Sequential([keras_2.layers.Activation("linear", input_shape=(1,))])
    model.compile("sgd", loss)
    assert model.evaluate(np.array([[0.9], [0.2], [0.8], [0.4]]), np.array([1, 0, 0, 0]), verbose=0) == -0.25


@pytest.mark.parametrize("name", ["l1l2", "l1_l2"])
def test_a_penalty_of_both_kinds_by_name(keras_1, name):
    layer = keras_1.layers.Dense(1, W_regularizer=name, input_shape=(2,))
    model = keras_1.models.Sequential([layer])
    layer.set_weights([np.full((2, 1), 2.0), np.zeros(1)])
    model.compile("sgd", "mse")
    assert model.evaluate(np.zeros((1, 2)), np.zeros((1, 1)), verbose=0) == pytest.approx(0.01 * (4 + 8))


@pytest.mark.parametrize("loss", ["mse", "binary_crossentropy"])
def test_masks_do_not_count_in_metrics_of_keras_1(keras_1, loss):
    x = np.array([[[0.9], [0.0], [0.8], [0.0]]])
    model = keras_1.models.Sequential([keras_1.layers.Masking(input_shape=(4, 1))])
    model.compile("sgd", loss, metrics=["accuracy", "mae"])
    found = model.evaluate(x, np.array([[[1], [1], [0], [0]]]), verbose=0)
    np.testing.assert_allclose(found[1:], [0.5, (0.1 + 1 + 0.8) / 4], rtol=1e-5)


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_weights_of_both_directions_of_keras_1_are_joined_for_gpu(keras_1, kind):
    layer = getattr(keras_1.layers, kind)(3, consume_less="gpu")
    model = keras_1.models.Sequential([keras_1.layers.Bidirectional(layer, input_shape=(4, 2))])
    gates = {"GRU": 9, "LSTM": 12}[kind]
    assert [w.shape for w in model.get_weights()] == [(2, gates), (3, gates), (gates,)] * 2


def test_callbacks_of_keras_1_get_the_samples_of_an_epoch(keras_1):
    class Samples(keras_1.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.found = self.params["nb_sample"]

    samples = Samples()
    model = _model(keras_1)
    model.fit_generator(iter([(X[:5], Y[:5])] * 4), 20, 1, verbose=0, callbacks=[samples])
    assert samples.found == 20


@pytest.mark.parametrize("metric", ["accuracy", "fmeasure", "mse", "matthews_correlation"])
def test_metrics_of_keras_1_in_files(keras_1, metric, tmp_path):
    model = _model(keras_1, metrics=[metric])
    model.save(str(tmp_path / "m.h5"))
    again = keras_1.models.load_model(str(tmp_path / "m.h5"))
    assert again.metrics_names == model.metrics_names
    np.testing.assert_allclose(again.evaluate(X, Y, verbose=0), model.evaluate(X, Y, verbose=0), rtol=1e-5)


@pytest.mark.parametrize("steps", [3, 5])
def test_epochs_continue_in_the_next_pass_over_a_sequence(keras_2, steps):
    class Batches(keras_2.utils.Sequence):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            return np.full((2, 1), index + 1.0), np.zeros((2, 1))

    model = keras_2.models.Sequential([keras_2.layers.Activation("linear", input_shape=(1,))])
    model.compile(keras_2.optimizers.SGD(0.0), "mae")
    seen = []
    of_batches = keras_2.callbacks.LambdaCallback(on_batch_end=lambda batch, logs: seen.append(round(logs["loss"])))
    model.fit_generator(Batches(), steps, 2, verbose=0, shuffle=False, callbacks=[of_batches])
    assert seen == [1 + step % 4 for step in range(2 * steps)]
    assert model.evaluate_generator(Batches(), 6) == pytest.approx((1 + 2 + 3 + 4 + 1 + 2) / 6)
    assert model.predict_generator(Batches(), 6).shape == (12, 1)


@pytest.mark.parametrize("as_graph", [False, True])
def test_configs_with_names_of_keras_2_make_models_again(keras_2, as_graph):
    inputs = keras_2.layers.Input((2,))
    layer = keras_2.layers.LeakyReLU(0.2)
    if as_graph:
        model = keras_2.models.Model(inputs, layer(inputs))
    else:
        model = keras_2.models.Sequential([keras_2.layers.Dense(3, input_dim=2), layer])
    again = type(model).from_config(model.get_config(), custom_objects={})
    assert again.layers[-1].get_config()["alpha"] == 0.2

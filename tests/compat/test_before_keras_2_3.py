"""Weights of samples, metrics of batches and moving statistics before Keras 2.3; numbers of Keras 2.2.4."""

import json

import h5py
import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import root
from tests.compat.small_models import fit, model_of

RANDOM = np.random.RandomState(1)
X = RANDOM.normal(2, 1.5, (10, 4)).astype("float32")
Y = RANDOM.normal(0, 1, (10, 1)).astype("float32")
CLASSES = np.arange(10) % 3
WEIGHTS = np.arange(10) // 3 / 2  # three are 0


@pytest.fixture
def keras():
    before = era.release()
    era.set_release(era.Release(2, version=(2, 2)))
    yield root("keras")
    era.set_release(before)


def linear(keras, units=1, **kwargs):
    return keras.models.Sequential([keras.layers.Dense(units, kernel_initializer="ones", input_shape=(4,), **kwargs)])


def near(*numbers):
    return pytest.approx(list(numbers), rel=2e-3)


def test_losses_divide_by_the_number_of_weights_that_are_not_0(keras):
    model = linear(keras)
    model.compile("sgd", "mse")
    assert [model.train_on_batch(X, Y, sample_weight=WEIGHTS) for _ in range(2)] == near(46.3614, 22.6727)
    assert model.evaluate(X, Y, sample_weight=WEIGHTS, batch_size=4, verbose=0) == pytest.approx(8.3883, rel=2e-3)


def test_weights_of_samples_replace_those_of_classes(keras):
    model = linear(keras, 3, activation="softmax")
    model.compile("sgd", "sparse_categorical_crossentropy")
    of_classes = {0: 1.0, 1: 2.0, 2: 0.5}
    losses = [
        model.test_on_batch(X, CLASSES, sample_weight=WEIGHTS),
        model.train_on_batch(X, CLASSES, sample_weight=WEIGHTS, class_weight=of_classes),
        model.train_on_batch(X, CLASSES, class_weight=of_classes),
    ]
    assert losses == near(0.9417, 0.9417, 1.2616)


def test_weights_of_one_output_replace_those_of_its_classes(keras):
    inputs = keras.layers.Input((4,))
    outputs = [
        keras.layers.Dense(3, activation="softmax", kernel_initializer="ones", name=name)(inputs) for name in "ab"
    ]
    model = keras.models.Model(inputs, outputs)
    model.compile("sgd", "sparse_categorical_crossentropy")
    of_classes = {0: 1.0, 1: 2.0, 2: 0.5}
    given = {"class_weight": {"a": of_classes, "b": of_classes}, "sample_weight": {"a": WEIGHTS}}
    assert model.train_on_batch(X, [CLASSES, CLASSES], **given) == near(2.2051, 0.9417, 1.2634)


def precision(y_true, y_pred):
    keras = root("keras")
    hits = keras.backend.sum(keras.backend.cast(y_true * y_pred > 4, "float32"))
    return hits / (1 + keras.backend.sum(keras.backend.cast(y_pred > 4, "float32")))


def test_metrics_are_means_over_batches_by_their_samples(keras):
    model = linear(keras)
    model.compile("sgd", "mse", metrics=[precision, "mae"], weighted_metrics=["mse"])
    assert model.metrics_names == ["loss", "precision", "mean_absolute_error", "weighted_mean_squared_error"]
    seen = []

    class Batches(keras.callbacks.Callback):
        def on_batch_end(self, batch, logs=None):
            seen.append(logs["precision"])

    labels = CLASSES[:, None]
    arguments = {"sample_weight": WEIGHTS, "batch_size": 4, "verbose": 0}
    history = model.fit(X, labels, shuffle=False, callbacks=[Batches()], **arguments).history
    assert [history[name][0] for name in model.metrics_names] == near(26.8444, 0.5, 5.6866, 26.8444)
    assert seen == near(0.4, 0.6, 0.5)
    assert model.evaluate(X, labels, **arguments) == near(3.6065, 0.8, 1.7987, 3.6065)


def test_moving_statistics_are_debiased(keras):
    model = keras.models.Sequential(
        [keras.layers.BatchNormalization(input_shape=(4,)), keras.layers.Dense(1, kernel_initializer="ones")]
    )
    model.compile("sgd", "mse")
    model.set_weights([weight + 5 for weight in model.get_weights()])
    for rows in (slice(4), slice(4, 10)):
        model.train_on_batch(X[rows], Y[rows])
    expected = [2.1568, 1.2759, 2.8517, 1.1289], [1.4086, 1.8260, 2.1356, 0.8377]
    np.testing.assert_allclose(model.get_weights()[2:4], expected, atol=1e-3)
    assert len(model.weights) == 6


# tf.keras of TensorFlow 1.15 -----------------------------------------------------------------------------------------


@pytest.fixture
def tf_keras():
    before = era.release()
    era.set_release(era.Release(2, False, version=(2, 2)))
    yield root("keras")
    era.set_release(before)


def test_masked_steps_count_in_means_of_losses(tf_keras):
    x = np.array([[[1.0], [0.0], [3.0], [0.0]]])
    model = tf_keras.models.Sequential([tf_keras.layers.Masking(input_shape=(4, 1))])
    model.compile("sgd", "mse", metrics=["mae"])
    assert model.evaluate(x, np.zeros((1, 4, 1)), verbose=0) == near((1 + 9) / 4, (1 + 3) / 2)


def test_adagrad_by_its_name_starts_with_sums_of_0(tf_keras):
    model = tf_keras.models.Sequential([tf_keras.layers.Dense(1, input_shape=(2,))])
    model.set_weights([np.array([[0.1], [0.2]]), np.zeros(1)])
    model.compile("adagrad", "mse")
    for factor in (1, 2, 3):
        model.train_on_batch(np.array([[0.3, 1.0]]) * factor, np.ones((1, 1)))
    assert np.ravel(model.get_weights()[0]).tolist() == near(0.102377, 0.202377)


def test_logs_of_batches_have_their_numbers_and_sizes(tf_keras):
    seen = []
    model = linear(tf_keras)
    model.compile("sgd", "mse", metrics=["mae"])
    of_batches = tf_keras.callbacks.LambdaCallback(on_batch_end=lambda batch, logs: seen.append(logs))
    model.fit(X, Y, batch_size=6, epochs=1, shuffle=False, verbose=0, callbacks=[of_batches])
    assert [(logs["batch"], logs["size"]) for logs in seen] == [(0, 6), (1, 4)]
    assert all({"loss", "mean_absolute_error"} <= logs.keys() for logs in seen)


def test_added_losses_without_another_are_a_mean_over_samples(tf_keras):
    x = np.arange(1.0, 8.0, dtype="float32")[:, None]
    inputs = tf_keras.layers.Input(shape=(1,))
    model = tf_keras.models.Model(inputs, tf_keras.layers.Dense(1, kernel_initializer="ones")(inputs))
    model.add_loss(tf_keras.backend.mean(model.output))
    model.compile(tf_keras.optimizers.SGD(0.0))
    assert model.fit(x, None, batch_size=3, shuffle=False, verbose=0).history["loss"] == near(4.0)
    assert model.evaluate(x, None, batch_size=3, verbose=0) == pytest.approx(4.0)


def test_moving_statistics_of_a_loaded_model_begin_again(keras, tmp_path):
    """Those of Keras 2.2.4: the first batch replaces the statistics of the file, and assigned ones do not count."""
    random = np.random.RandomState(0)
    batches, y = [random.randn(4, 5).astype("float32") + k for k in range(4)], random.randn(4, 2)
    inputs = keras.layers.Input((5,))
    normalized = keras.layers.BatchNormalization(momentum=0.9)(inputs)
    model = keras.models.Model(inputs, keras.layers.Dense(2)(normalized))
    model.compile(keras.optimizers.SGD(0.02), "mse")

    def means(model, *numbers):
        for number in numbers:
            model.train_on_batch(batches[number], y)
        return np.round(model.layers[1].get_weights()[2][:3], 4).tolist()

    assert means(model, 0, 1, 2) == pytest.approx([0.6775, 1.3782, 1.1509])
    model.save(str(tmp_path / "model.h5"))
    loaded = keras.models.load_model(str(tmp_path / "model.h5"))
    assert means(loaded) == means(model)
    assert means(loaded, 3) == pytest.approx([2.7425, 2.3171, 3.0525])
    assert means(loaded, 0, 1) == pytest.approx([0.9527, 1.6314, 1.4877])
    loaded.set_weights(model.get_weights())
    assert means(loaded, 3) == pytest.approx([1.4732, 1.8308, 1.9428])


@pytest.mark.parametrize(
    ("kind", "arrays"), [("RMSprop", 2), ("Adagrad", 2), ("Adadelta", 4), ("SGD", 3), ("Adam", 7), ("Nadam", 5)]
)
def test_files_have_the_optimizers_of_these_releases(keras, tmp_path, kind, arrays):
    """Keras 2.2.4 refuses an argument `learning_rate`, and takes these numbers of arrays for two weights."""
    model = model_of(keras, optimizer=getattr(keras.optimizers, kind)(lr=0.01))
    fit(model)
    model.save(str(tmp_path / "model.h5"))
    with h5py.File(tmp_path / "model.h5") as file:
        config = json.loads(file.attrs["training_config"])["optimizer_config"]["config"]
        assert len(file["optimizer_weights"].attrs["weight_names"]) == arrays
    assert config["lr"] == pytest.approx(0.01)
    assert "learning_rate" not in config
    if kind in ("RMSprop", "Adagrad", "Adadelta"):
        assert len(model.optimizer.get_weights()) == arrays
    loaded = keras.models.load_model(str(tmp_path / "model.h5"))
    fit(model)
    fit(loaded)
    if kind != "Nadam":  # whose product of momenta begins again
        np.testing.assert_allclose(loaded.get_weights()[0], model.get_weights()[0], rtol=1e-6)


@pytest.mark.parametrize("standalone", [True, False])
def test_a_list_of_lists_is_a_list_of_arrays(keras, standalone):
    """`[[[1, 2], [3, 4]]]` are two samples of one input, as in Keras 2.2.4 and TensorFlow 1.15; now it is one array."""
    era.set_release(era.Release(2, standalone, version=(2, 2)))
    model = keras.models.Sequential([keras.layers.Dense(2, input_shape=(3,))])
    model.compile("sgd", "mse")
    x, y = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[0.0, 0.0], [1.0, 1.0]]
    wanted = model.predict(np.array(x))
    assert wanted.shape == (2, 2)
    for predict in (model.predict, model.predict_on_batch):
        np.testing.assert_allclose(predict([x]), wanted, atol=1e-6)
    loss = np.mean((wanted - y) ** 2)
    for measure in (model.evaluate, model.test_on_batch, model.train_on_batch):
        assert measure([x], [y]) == pytest.approx(loss, abs=1e-5)
    assert model.fit([x], [y], epochs=1, verbose=0).history["loss"][0] < loss
    single = keras.models.Sequential([keras.layers.Dense(1, input_shape=(1,))])
    single.compile("sgd", "mse")
    assert single.predict([[1.0, 2.0, 3.0]]).shape == (3, 1)
    assert single.evaluate([[1.0, 2.0, 3.0]], [[0.0, 1.0, 2.0]]) > 0

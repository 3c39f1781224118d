"""Losses, penalties and weights of samples in programs for Keras 1, Keras 2 and tf.keras."""

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import root
from gazelle.core import names
from gazelle.core.errors import GazelleError
from tests.compat.small_models import X, fit


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


def test_penalty_of_activity_regularization(keras):
    layer = keras.layers.ActivityRegularization(l2=0.5, input_shape=(3,))
    model = keras.models.Sequential([layer])
    model.compile("sgd", "mse")
    expected = 0.5 * np.sum(X**2) / (1 if era.standalone() else len(X))
    assert model.evaluate(X, X, batch_size=20, verbose=0) == pytest.approx(expected, rel=1e-5)


def test_regularizers_of_frozen_layers(keras):
    """They are a part of the loss; in Keras 3 they are not."""
    inputs = keras.layers.Input((2,))
    frozen = keras.layers.Dense(2, kernel_initializer="ones", kernel_regularizer="l2", trainable=False)
    model = keras.models.Model(inputs, keras.layers.Dense(1, kernel_initializer="zeros")(frozen(inputs)))
    model.compile("sgd", "mse")
    assert model.evaluate(np.ones((2, 2)), np.zeros((2, 1)), verbose=0) == pytest.approx(0.04)
    assert model.train_on_batch(np.ones((2, 2)), np.zeros((2, 1))) == pytest.approx(0.04)
    assert len(model.losses) == 1
    era.set_release(era.Release(3))
    model.compile("sgd", "mse")
    assert model.evaluate(np.ones((2, 2)), np.zeros((2, 1)), verbose=0) == 0


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
        return fit(model, x, y, validation_split=0.4, **options).history["val_loss"][0]

    weighted = validated(class_weight={0: 1.0, 1: 5.0})
    by_sample = validated(sample_weight=np.where(y == 1, 5.0, 1.0))
    np.testing.assert_allclose(weighted, validated() if kind == "tf.keras" else by_sample, rtol=1e-5)
    assert by_sample > 1.5 * validated()


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


def test_functions_broadcast_labels_against_columns(keras):
    """As a loss of a model, and in Keras 3, the labels are compared row by row."""
    y, p = np.array([1.0, 0.0]), np.array([[0.5], [0.0]])
    kept = getattr(keras, "losses", None) or keras.objectives
    with pytest.warns(UserWarning, match=r"'mean_squared_error' compares each y with each y_pred"):
        np.testing.assert_allclose(np.asarray(kept.mean_squared_error(y, p)), [0.25, 0.5])
    model = keras.models.Sequential([keras.layers.Activation("linear", input_shape=(1,))])
    model.compile("sgd", kept.mean_squared_error)
    assert model.evaluate(p, y, verbose=0) == 0.125
    era.set_release(era.Release(3))
    np.testing.assert_allclose(np.asarray(kept.mean_squared_error(y, p)), [0.25, 0.0])


def test_losses_squeeze_columns_of_tensors_and_broadcast_arrays(tf_keras_2):
    y, p = np.array([1.0, 0.0], "float32"), np.array([[0.5], [0.0]], "float32")
    tf, loss = tf_keras_2, tf_keras_2.keras.losses.MeanSquaredError(reduction="none")
    assert loss(tf.constant(y), tf.constant(p)).numpy() == 0.125
    with pytest.warns(UserWarning, match="compares each y with each y_pred"):
        np.testing.assert_allclose(loss(y, p), [0.25, 0.5])
    assert loss(y[:, None], p, sample_weight=[[2.0], [0.0]]).shape == (2,)


@pytest.mark.parametrize(("standalone", "expected"), [(True, [0.0, 16.1181]), (False, [0.6931, 16.8112])])
def test_class_indices_for_outputs_that_are_no_probabilities(standalone, expected):
    """Keras 3.15 on JAX scales them to sum 1 and then clips them, on TensorFlow it clips them first."""
    before = era.release()
    era.set_release(era.Release(3, standalone))
    loss = root("keras").losses.sparse_categorical_crossentropy([0, 2], np.array([[2.0, 1.0, -1.0]] * 2, "float32"))
    era.set_release(before)
    np.testing.assert_allclose(loss, expected, atol=1e-4)


def test_weights_of_more_axes_broadcast(tf_keras):
    """Advantages (3, 1, 3) of three samples; the numbers are those of TensorFlow 2.15."""
    random = np.random.RandomState(0)
    p = random.rand(3, 2).astype("float32")
    p /= p.sum(1, keepdims=True)
    weights = random.rand(3, 1, 3).astype("float32")
    loss = tf_keras.losses.SparseCategoricalCrossentropy()
    assert float(loss(np.array([0, 1, 0]), p, sample_weight=weights)) == pytest.approx(0.505599976, rel=1e-5)
    summed = tf_keras.losses.SparseCategoricalCrossentropy(reduction="sum")
    assert float(summed(np.array([0, 1, 0]), p, sample_weight=weights)) == pytest.approx(4.550389767, rel=1e-5)
    metric = tf_keras.metrics.MeanSquaredError()
    metric.update_state(p, p * 2, sample_weight=np.ones((3, 1, 3), "float32"))
    assert float(metric.result()) == pytest.approx(0.25525376, rel=1e-5)
    with pytest.raises(GazelleError, match=r"sample_weight of .*expected shape \(3,\)(?s:.*)got shape \(3, 3\)"):
        loss(np.array([0, 1, 0]), p, sample_weight=np.ones((3, 3), "float32"))

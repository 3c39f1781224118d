"""Numbers of Keras 1.2.2, 2.2.4 and 2.3.1 with TensorFlow 1 that later releases compute in another way."""

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import root
from gazelle.core import names

SATURATED, SMALL = np.array([[-40.0, 40.0]]), np.array([[0.5, -0.25]])
ONE_HOT, CLASS = np.array([[1.0, 0.0]]), np.zeros((1, 1))


@pytest.fixture(params=["1.2.2", "2.2.4", "2.3.1"])
def keras(request):
    before = era.release()
    era.set_release(era.Release(int(request.param[0]), True, (2, 2) if request.param == "2.2.4" else None))
    names.clear_session()
    yield root("keras")
    era.set_release(before)


def loss_of(keras, activation, loss, x, y, **weights):
    inputs = keras.layers.Input((2,))
    model = keras.models.Model(inputs, keras.layers.Activation(activation)(inputs))
    model.compile("sgd", loss)
    return model.evaluate(x, y, verbose=0, **weights)


@pytest.mark.parametrize(
    ("activation", "loss", "x", "y", "before", "of_2_3"),
    [
        ("sigmoid", "binary_crossentropy", SATURATED, ONE_HOT, 16.0302, 40.0),
        ("softmax", "categorical_crossentropy", SATURATED, ONE_HOT, 16.1181, 80.0),
        ("softmax", "sparse_categorical_crossentropy", SATURATED, CLASS, 16.1181, 80.0),
        ("sigmoid", "categorical_crossentropy", SATURATED, ONE_HOT, 16.1181, 16.1181),
        ("sigmoid", "sparse_categorical_crossentropy", SMALL, CLASS, 0.532613, 0.532613),
        ("linear", "sparse_categorical_crossentropy", SMALL, CLASS, 0.0, 0.0),
        ("linear", "hinge", SMALL, ONE_HOT, 0.75, 0.625),
        ("linear", "squared_hinge", SMALL, ONE_HOT, 0.625, 0.40625),
    ],
)
def test_losses(keras, request, activation, loss, x, y, before, of_2_3):
    expected = of_2_3 if request.node.callspec.params["keras"] == "2.3.1" else before
    np.testing.assert_allclose(loss_of(keras, activation, loss, x, y), expected, rtol=1e-5, atol=1e-6)


def test_samples_of_weight_0_do_not_count(keras, request):
    x, weights = np.array([[1.0, 1], [3, 3]]), np.array([2.0, 0])
    expected = 1.0 if request.node.callspec.params["keras"] == "2.3.1" else 2.0
    assert loss_of(keras, "linear", "mse", x, np.zeros((2, 2)), sample_weight=weights) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("shape", "axis", "statistics"),
    [
        ((4,), -1, {"1.2.2": (0.110929, 0.830422), "2.2.4": (0.583835, 0.12901), "2.3.1": (0.110929, 0.834512)}),
        ((2, 3, 3), 1, {"1.2.2": (0.093489, 0.824775), "2.2.4": (0.492049, 0.079231), "2.3.1": (0.093489, 0.825054)}),
        ((3, 3, 2), -1, {"1.2.2": (0.095916, 0.824597), "2.2.4": (0.504822, 0.079754), "2.3.1": (0.095916, 0.825153)}),
    ],
)
def test_moving_statistics(keras, request, shape, axis, statistics):
    """From 2.0 to 2.2 they are averages of the batches alone."""
    model = keras.models.Sequential([keras.layers.BatchNormalization(axis=axis, momentum=0.9, input_shape=shape)])
    model.compile("sgd", "mse")
    x = np.random.RandomState(0).rand(6, *shape)
    for _ in range(2):
        model.train_on_batch(x, x)
    found = [array[0] for array in model.get_weights()[2:]]
    np.testing.assert_allclose(found, statistics[request.node.callspec.params["keras"]], atol=2e-6)
    assert len(model.weights) == 4


def test_the_mean_of_integers_is_an_integer(keras):
    K = keras.backend
    mean = K.eval(K.mean(K.cast(K.variable([[1, 2], [-3, -4]]), "int32"), axis=1))
    assert mean.dtype == "int32"
    assert mean.tolist() == [1, -3]


def test_configs_of_optimizers(keras, request):
    rate = "learning_rate" if request.node.callspec.params["keras"] == "2.3.1" else "lr"
    config = keras.optimizers.SGD(lr=0.5, momentum=0.9, clipnorm=1.0).get_config()
    assert config == {rate: 0.5, "momentum": 0.9, "decay": 0.0, "nesterov": False, "clipnorm": 1.0}
    assert keras.optimizers.SGD(**config).get_config() == config


def test_both_factors_of_l1_l2_have_a_default(keras):
    K, regularizers = keras.backend, keras.regularizers
    l1_l2 = getattr(regularizers, "l1l2" if era.number() == 1 else "l1_l2")
    found = [K.eval(l1_l2(*given)(K.variable([[2.0]]))) for given in ((), (0.1,), (0, 0.5))]
    np.testing.assert_allclose(found, [0.06, 0.24, 2.0], rtol=1e-5)


def test_the_metric_cosine_proximity(keras, request):
    release = request.node.callspec.params["keras"]
    expected = {"1.2.2": -0.447214, "2.2.4": -0.894427, "2.3.1": 0.894427}[release]
    inputs = keras.layers.Input((2,))
    model = keras.models.Model(inputs, keras.layers.Activation("linear")(inputs))
    model.compile("sgd", "mse", metrics=["cosine_proximity"])
    found = model.evaluate(np.array([[1.0, 2.0]]), np.array([[0.0, 1.0]]), verbose=0)[1]
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("initial", [0.0, 1.0])
def test_moving_averages_of_programs(keras, request, initial):
    """Of the means 2 and 3, with momentum 0.9: debiased from 2.0 to 2.2."""
    K = keras.backend
    average, value = K.variable(np.full(2, initial)), K.placeholder((1, 2))
    function = K.function([value], [K.sum(value)], updates=[K.moving_average_update(average, K.mean(value, 0), 0.9)])
    function([np.full((1, 2), 2.0)])
    function([np.full((1, 2), 3.0)])
    plain = 0.81 * initial + 0.48
    expected = 2.526316 if request.node.callspec.params["keras"] == "2.2.4" else plain
    np.testing.assert_allclose(K.get_value(average), [expected] * 2, rtol=1e-5)


def test_moving_averages_of_layers(keras, request):
    K = keras.backend

    class Averages(keras.layers.Layer):
        def build(self, shape):
            self.average = K.zeros((4,))
            self.non_trainable_weights = [self.average]
            super().build(shape)

        def call(self, x, mask=None):
            self.add_update([K.moving_average_update(self.average, K.mean(x, axis=0), 0.9)], x)
            return K.in_train_phase(x, x - self.average)

    model = keras.models.Sequential()
    model.add(Averages(input_shape=(4,)))
    model.compile(keras.optimizers.SGD(0.0), "mse")
    x = np.repeat([[1.0], [2.0], [4.0]], 4, axis=1)
    for _ in range(2):
        for row in x:
            model.train_on_batch(row[None], row[None])
    debiased = request.node.callspec.params["keras"] == "2.2.4"
    values = [1.0, 2, 4, 1, 2, 4]
    weights = 0.1 * 0.9 ** np.arange(5, -1, -1)
    expected = weights @ values / (weights.sum() if debiased else 1)
    np.testing.assert_allclose(K.get_value(model.layers[-1].average), [expected] * 4, rtol=1e-5)
    assert len(model.get_weights()) == 1


def test_moving_variance_behind_a_mask(keras, request):
    """All steps count, and the variance is that of all data, as without a mask."""
    if request.node.callspec.params["keras"] == "1.2.2":
        return
    model = keras.models.Sequential()
    model.add(keras.layers.Masking(0.0, input_shape=(6, 1)))
    model.add(keras.layers.BatchNormalization(momentum=0.5))
    model.compile(keras.optimizers.SGD(0.0), "mse")
    x = np.arange(30.0).reshape(5, 6, 1)
    x[:, 4:] = 0
    model.train_on_batch(x, x)
    (moved,) = model.get_weights()[3]
    expected = x.var() * 30 / (29 - 1e-3)
    debiased = request.node.callspec.params["keras"] == "2.2.4"
    np.testing.assert_allclose(moved, expected if debiased else (1 + expected) / 2, rtol=1e-5)


@pytest.mark.parametrize("by_function", [False, True])
def test_updates_of_a_call_follow_it(keras, by_function):
    """A layer with centers of classes: its loss has the centers before the update."""
    K = keras.backend

    class Centers(keras.layers.Layer):
        def build(self, shape):
            self.centers = self.add_weight(name="centers", shape=(2, 1), initializer="ones", trainable=False)
            super().build(shape)

        def call(self, inputs):
            x, y = inputs
            moved = self.centers - 0.5 * K.dot(K.transpose(y), K.dot(y, self.centers) - x)
            self.add_update(K.update(self.centers, moved) if by_function else (self.centers, moved), inputs)
            return K.sum(K.square(x - K.dot(y, self.centers)), axis=1, keepdims=True)

        def compute_output_shape(self, shapes):
            return shapes[0]

    a, y = keras.layers.Input((1,)), keras.layers.Input((2,))
    model = keras.models.Model([a, y], Centers()([a, y]))
    model.compile(keras.optimizers.SGD(0.0), lambda _, distances: distances)
    data = [np.array([[2.0], [4.0]]), np.eye(2)]
    losses = [model.train_on_batch(data, np.zeros((2, 1))) for _ in range(2)]
    np.testing.assert_allclose(losses, [5.0, 1.25], rtol=1e-5)
    np.testing.assert_allclose(model.get_weights()[0].ravel(), [1.75, 3.25], rtol=1e-5)

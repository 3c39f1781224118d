"""Losses of probabilities in programs for `tensorflow.keras`: TensorFlow takes the logits.

The expected numbers are those of TensorFlow 2.15.
"""

import numpy as np
import pytest

import gazelle
from gazelle.compat import backend as K  # noqa: N812 - its name in every program
from gazelle.compat import era, tensorflow
from gazelle.compat.namespaces import root
from gazelle.core import conventions

keras = root("keras")
layers, losses = keras.layers, keras.losses
X = np.array([[30.0, 1.0], [2.0, -40.0]], "float32")
Y = np.array([[0.0], [1.0]], "float32")


@pytest.fixture(params=[2, 3])
def of_tensorflow(request):
    before = era.release()
    era.set_release(era.Release(request.param, False))
    yield
    era.set_release(before)


def sigmoid_of_sums():
    return keras.Sequential([layers.Input((2,)), layers.Dense(1, activation="sigmoid", kernel_initializer="ones")])


def test_only_programs_for_tensorflow_take_logits(of_tensorflow):
    assert conventions.active.losses_take_logits
    era.set_release(era.Release(3, True))
    assert not conventions.active.losses_take_logits
    assert float(losses.BinaryCrossentropy()(Y, sigmoid_of_sums()(X))) < 17


@pytest.mark.filterwarnings("ignore:Output .* takes the logits before it")
@pytest.mark.parametrize("from_logits", [False, True])
def test_loss_and_accuracy_of_a_model(from_logits, of_tensorflow):
    model = sigmoid_of_sums()
    model.compile(keras.optimizers.SGD(0.1), losses.BinaryCrossentropy(from_logits=from_logits), metrics=["accuracy"])
    assert model.evaluate(X, Y, verbose=0) == [34.5, 0.0]  # of the logits 31 and -38
    history = model.fit(X, [[1.0], [1.0]], batch_size=2, verbose=0).history
    assert history == {"loss": [19.0], "accuracy": [0.5]}
    np.testing.assert_allclose(model.get_weights()[0][:, 0], [1.1, -1.0], rtol=1e-6)


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("last", [[layers.Softmax], [layers.Activation, "softmax"]])
def test_models_without_a_graph(last, from_logits, of_tensorflow):
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.last = last[0](*last[1:])

        def call(self, x):
            return self.last(x * 2)

    model = Model()
    model.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=from_logits), metrics=["accuracy"])
    assert model.evaluate(X, [1, 0], verbose=0) == [29.0, 0.5]


@pytest.mark.parametrize(
    "loss", [losses.BinaryCrossentropy(), losses.binary_crossentropy, keras.backend.binary_crossentropy]
)
def test_gradients_of_tapes(loss, of_tensorflow, tf):
    model = sigmoid_of_sums()
    for _ in range(3):  # computed by parts, then by compiled programs
        with tf.GradientTape() as tape:
            value = tf.reduce_mean(loss(Y, model(X)))
        kernel, bias = tape.gradient(value, model.trainable_variables)
        assert float(value) == 34.5
        np.testing.assert_allclose(kernel[:, 0], [14.0, 20.5])
        assert float(bias[0]) == 0


@pytest.mark.parametrize("loss", [losses.BinaryCrossentropy(), losses.binary_crossentropy])
@pytest.mark.parametrize("function", [keras.activations.sigmoid, keras.backend.sigmoid, layers.Activation("sigmoid")])
def test_gradients_of_activations(function, loss, of_tensorflow, tf):
    for x in (tf.Variable(X), tf.constant(X), tf.constant(X) + 0.0):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = tf.reduce_mean(loss(np.ones_like(X), function(x)))
        np.testing.assert_allclose(tape.gradient(value, x), [[0, -0.0672354], [-0.0298007, -0.25]], atol=1e-6)


def test_a_function_that_is_compiled(of_tensorflow, tf):
    model = sigmoid_of_sums()

    @tf.function
    def gradient(x, y):
        with tf.GradientTape() as tape:
            value = losses.BinaryCrossentropy()(y, model(x, training=True))
        return tape.gradient(value, model.trainable_variables)[0]

    for _ in range(2):
        np.testing.assert_allclose(gradient(tf.constant(X), tf.constant(Y))[:, 0], [14.0, 20.5])


def test_other_results_are_no_probabilities_with_logits(of_tensorflow):
    p = keras.activations.sigmoid(np.float32([[40.0]]))
    assert float(gazelle.losses.binary_crossentropy([[0.0]], p)[0]) == 40
    assert float(gazelle.losses.binary_crossentropy([[0.0]], p * 1)[0]) < 17


def test_a_loss_without_reduction_is_summed_and_shown_as_mean():
    x, y = np.float32([[1.0], [2.0]]), np.float32([[0.0], [0.0]])
    model = keras.Sequential([layers.Input((1,)), layers.Dense(1, kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(0.01), losses.MeanSquaredError(reduction="none"))
    assert model.evaluate(x, y, verbose=0) == 2.5
    assert model.fit(x, y, batch_size=2, verbose=0).history == {"loss": [2.5]}
    np.testing.assert_allclose(model.get_weights()[0], [[0.9]], rtol=1e-6)  # 1 - 0.01 * (2 * 1 * 1 + 2 * 2 * 2)


def loss_of(after, kind="binary_crossentropy", labels=None):
    """The loss of a model without a graph, whose last function is called on 31 and -38, or on these and 0."""

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.sums = layers.Dense(1, kernel_initializer="ones")
            self.last = after if isinstance(after, keras.layers.Layer) else None

        def call(self, x):
            sums = self.sums(x)
            return after(keras.activations.sigmoid(sums) if self.last is not None else sums)

    model = Model()
    model.compile("sgd", kind)
    return model.evaluate(X, Y if labels is None else labels, verbose=0)


@pytest.mark.parametrize(
    ("layer", "takes"),
    [
        (layers.Flatten(), False),
        (layers.Reshape((1,)), False),
        (layers.Permute((1,)), False),
        (layers.Activation("linear"), True),
        (layers.Lambda(lambda y: y), True),
    ],
)
def test_layers_that_keep_logits(layer, takes, of_tensorflow):
    assert (loss_of(layer) == 34.5) is takes


@pytest.mark.parametrize(
    ("after", "takes"),
    [
        (lambda tf, y: tf.sigmoid(y), True),  # found in the graph
        (lambda tf, y: tf.cast(tf.nn.sigmoid(y), tf.float32), True),
        (lambda tf, y: tf.reshape(tf.sigmoid(y), [-1, 1]), False),
        (lambda tf, y: tf.identity(keras.activations.sigmoid(y)), False),
        (lambda tf, y: tf.sigmoid(y)[:, :], False),
        (lambda tf, y: tf.concat([keras.activations.sigmoid(y)], 1), False),
    ],
)
def test_functions_that_keep_logits(after, takes, of_tensorflow, tf):
    assert (loss_of(lambda y: after(tf, y)) == 34.5) is takes
    x = keras.Input((2,))
    model = keras.Model(x, after(tf, layers.Dense(1, kernel_initializer="ones")(x)))
    model.compile("sgd", "binary_crossentropy")
    assert (model.evaluate(X, Y, verbose=0) == 34.5) is takes


def test_softmax_of_tensorflow_has_logits_for_a_categorical_loss_alone(of_tensorflow, tf):
    pair = lambda function: lambda y: function(tf.concat([y, tf.zeros_like(y)], 1))  # noqa: E731
    labels = np.float32([[0, 1], [1, 0]])
    assert loss_of(pair(tf.nn.softmax), "categorical_crossentropy", labels) == 34.5
    assert loss_of(pair(keras.activations.softmax), "binary_crossentropy", labels) > 17
    assert loss_of(pair(tf.nn.softmax), "binary_crossentropy", labels) < 17


def test_eager_functions_of_tensorflow_have_no_logits(of_tensorflow, tf):
    logit = tf.constant([[31.0], [-38.0]])

    def value():
        return tf.reduce_mean(losses.binary_crossentropy(Y, tf.sigmoid(logit)))

    assert float(value()) < 17
    assert float(tf.function(value)()) == 34.5


@pytest.mark.filterwarnings("ignore:Labels for .* expected rows that sum to 1")
def test_gradients_for_labels_whose_sum_is_not_1(of_tensorflow):
    """As in a policy gradient, where the labels are an action times its advantage."""
    tf = tensorflow.module("tensorflow")
    z, y = tf.Variable([[1.0, 2.0, 0.5]]), tf.constant([[2.0, 0.0, 1.0]])
    with tf.GradientTape(persistent=True) as tape:
        p = keras.activations.softmax(z)
        values = [
            tf.nn.softmax_cross_entropy_with_logits(y, z),
            losses.categorical_crossentropy(y, z, from_logits=True),
            losses.categorical_crossentropy(y, p),
            K.categorical_crossentropy(y, p),
        ]
    for value in values:
        assert float(value[0]) == pytest.approx(4.89311, rel=1e-6)
        np.testing.assert_allclose(tape.gradient(value, z).numpy(), [[-1.76878, 0.62853, -0.85976]], rtol=1e-5)
    model = keras.Sequential([layers.Input((2,)), layers.Dense(3, "softmax", kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(0.01), "categorical_crossentropy")
    model.fit(np.array([[1.0, 2.0], [3.0, 1.0]]), np.array([[2.0, 0, 1], [0, 3.0, 1]]), verbose=0, shuffle=False)
    np.testing.assert_allclose(model.get_weights()[0], [[1.00333, 1.03833, 1.01333], [1.015, 1.01, 1.01]], rtol=1e-5)

"""The loss of a compiled model as a tensor of a graph, whose gradients programs took; numbers of TensorFlow 2.15."""

import copy

import numpy as np
import pytest

from gazelle.compat.namespaces import root
from gazelle.core.errors import GazelleError

keras = root("keras")
K = keras.backend
pytestmark = pytest.mark.usefixtures("keras_2")


def _model(rng):
    a = keras.layers.Input((3,))
    penalty = keras.regularizers.l2(0.1)
    h = keras.layers.Dense(4, activation="tanh", kernel_regularizer=penalty)(a)
    one, two = keras.layers.Dense(2, activation="softmax", name="one")(h), keras.layers.Dense(1, name="two")(h)
    model = keras.models.Model(a, [one, two])
    kinds = {"one": "sparse_categorical_crossentropy", "two": "mse"}
    model.compile("sgd", loss=kinds, loss_weights={"one": 1.0, "two": 0.5})
    model.set_weights([rng.randn(*w.shape) for w in model.get_weights()])
    return model


def test_gradients_of_the_total_loss():
    rng = np.random.RandomState(0)
    model = _model(rng)
    gradients = model.optimizer.get_gradients(model.total_loss, model.trainable_weights)
    given = [*model.inputs, *model.targets, *model.sample_weights, K.learning_phase()]
    function = K.function(given, [*gradients, model.total_loss])
    x, y, z, ones = rng.randn(5, 3), rng.randint(0, 2, (5, 1)), rng.randn(5, 1), np.ones(5)
    found = [np.abs(value).sum() for value in function([x, y, z, ones, ones, 0])]
    np.testing.assert_allclose(found, [7.6775, 0.4928, 1.5173, 0.3728, 5.1138, 0.0288, 5.8328], atol=1e-4)
    weights = [ones, np.array([1.0, 2.0, 0.5, 1.0, 1.0])]
    total = model.test_on_batch(x, [y, z], sample_weight=weights)[0]
    np.testing.assert_allclose(function([x, y, z, *weights, None])[-1], total, rtol=1e-5)


@pytest.mark.parametrize("columns", [1, 3])
def test_a_loss_of_inputs_that_its_own_gradients_move(columns):
    """Adversarial training. Keras 2.2.4 gives these numbers in some runs; in others, signs of tiny gradients differ."""
    x = np.linspace(-1, 1, 16).reshape(8, 2).astype("float32")
    i = keras.layers.Input((2,))
    model = keras.models.Model(i, keras.layers.Dense(3)(keras.layers.Dense(4, activation="tanh")(i)))
    model.set_weights([np.linspace(-1, 1, w.size).reshape(w.shape) for w in model.get_weights()])

    def adversarial(y_true, y_pred):
        error = K.mean(K.square(y_true - y_pred), axis=-1)
        step = K.sign(K.gradients(error, model.input)[0])
        return 0.3 * error + 0.7 * K.mean(K.square(y_true - model(model.input + 0.3 * step)), axis=-1)

    model.compile(keras.optimizers.SGD(0.1), adversarial)
    y = np.tile(x.sum(1, keepdims=True), columns)
    losses = [model.train_on_batch(x, y) for _ in range(3)]
    np.testing.assert_allclose(losses, [3.478368, 2.373934, 1.717575], rtol=1e-5)


def test_penalties_are_tensors_of_the_graph():
    model = _model(np.random.RandomState(0))
    (gradient,) = K.gradients(sum(model.losses), model.trainable_weights[:1])
    kernel = model.get_weights()[0]
    np.testing.assert_allclose(K.function(model.inputs, [gradient])([np.ones((1, 3))])[0], 0.2 * kernel, rtol=1e-5)


def test_added_losses_are_tensors_of_the_graph():
    class Added(keras.layers.Layer):
        def call(self, x):
            self.add_loss(K.mean(K.square(x)), inputs=x)
            return x

    a = keras.layers.Input((3,))
    penalties = {"kernel_regularizer": keras.regularizers.l2(0.1), "activity_regularizer": keras.regularizers.l1(0.01)}
    h = keras.layers.Dense(4, kernel_initializer="ones", **penalties)(a)
    model = keras.models.Model(a, keras.layers.Dense(1, kernel_initializer="ones")(Added()(h)))
    model.compile("sgd", "mse")
    x, y = np.arange(6.0).reshape(2, 3), np.ones((2, 1))
    np.testing.assert_allclose(K.function([a], model.losses)([x]), [0.6, 76.5, 1.2], rtol=1e-5)
    total = K.function(model.inputs + model.targets + model.sample_weights, [model.total_loss])([x, y, np.ones(2)])
    np.testing.assert_allclose([total[0], model.evaluate(x, y, verbose=0)], 1243.3, rtol=1e-5)


def test_a_model_that_is_not_compiled_has_no_total_loss():
    a = keras.layers.Input((3,))
    with pytest.raises(GazelleError, match="expected a compiled model"):
        keras.models.Model(a, keras.layers.Dense(1)(a)).total_loss  # noqa: B018


def test_losses_for_inputs_leave_out_the_penalties_of_weights():
    """Programs add those for None and those for their inputs."""
    options = {"kernel_regularizer": keras.regularizers.l2(0.1), "activity_regularizer": keras.regularizers.l1(0.01)}
    layer = keras.layers.Dense(2, kernel_initializer="ones", input_shape=(3,), **options)
    model = keras.models.Sequential([layer])
    other = keras.layers.Input((3,))
    for inputs in (model.inputs, other):
        run = K.function(
            [inputs] if inputs is other else inputs, model.get_losses_for(None) + model.get_losses_for(inputs)
        )
        np.testing.assert_allclose(np.ravel(run([np.ones((1, 3))])), [0.6, 0.06], rtol=1e-6)


def test_losses_of_weights_that_build_adds(keras_2):
    """Values from Keras 2.2.4 and 2.3.1: they are computed in each step, with the weights before its updates."""

    class Penalized(keras_2.layers.Layer):
        def build(self, shape):
            self.w = self.add_weight(shape=(int(shape[-1]), 2), initializer="ones", name="w")
            self.n = self.add_weight(shape=(), initializer="zeros", name="n", trainable=False)
            self.add_loss(0.1 * K.sum(K.square(self.w)))
            self.add_loss(K.switch(K.equal(self.n, K.constant(0.0)), 0.0, K.sum(self.w)))
            super().build(shape)

        def call(self, x, **kwargs):
            self.add_update([K.update_add(self.n, 1.0)], x)
            return K.dot(x, self.w)

        def compute_output_shape(self, shape):
            return (shape[0], 2)

    model = keras_2.models.Sequential([Penalized(input_shape=(3,))])
    assert len(model.losses) == 2
    model.compile(keras_2.optimizers.SGD(0.01), "mse")
    x, y = np.arange(6.0).reshape(2, 3) / 6, np.zeros((2, 2))
    losses = [model.evaluate(x, y, verbose=0), *(model.train_on_batch(x, y) for _ in range(4))]
    np.testing.assert_allclose(losses, [2.725, 2.725, 8.6195, 8.4023, 8.1891], rtol=1e-4)
    copied = copy.deepcopy(model)
    copied.compile("sgd", "mse")
    np.testing.assert_allclose(copied.evaluate(x, y, verbose=0), model.evaluate(x, y, verbose=0), rtol=1e-6)


def test_regularizers_and_constraints_of_tensors(keras_2):
    """The value is from Keras 2.2.4 and 2.3.1."""
    inputs = keras_2.layers.Input((3,))
    outputs = keras_2.layers.Dense(2, kernel_initializer="ones")(inputs)
    model = keras_2.models.Model(inputs, outputs)
    model.add_loss(keras_2.regularizers.l2(0.3)(outputs))
    model.add_loss(K.sum(keras_2.constraints.MaxNorm(1.0)(outputs)))
    model.compile("sgd", "mse")
    loss = model.evaluate(np.arange(6.0).reshape(2, 3), np.zeros((2, 2)), verbose=0)
    np.testing.assert_allclose(loss, 170.725357, rtol=1e-5)


def test_a_value_is_no_part_of_the_loss_of_a_model(tf_keras):
    inputs = tf_keras.layers.Input((3,))
    layer = tf_keras.layers.Dense(2)
    model = tf_keras.models.Model(inputs, layer(inputs), name="net")
    with pytest.warns(UserWarning, match="add_loss of model 'net' received the value .*, which the loss of fit"):
        model.add_loss(tf_keras.regularizers.l2(0.7)(layer.kernel))

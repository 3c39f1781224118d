"""Variables that no layer of a model holds, but its functions and operations use."""

import jax.numpy as jnp
import numpy as np
import pytest

import gazelle
from gazelle import layers, ops

X = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)
GLOBAL = gazelle.Variable(2.0, name="global")


class Scaled(layers.Layer):
    def call(self, x):
        return x * GLOBAL


def _from_closure(x, rate):
    return layers.Lambda(lambda h: h * rate)(x)


def _from_list(x, rate):
    table = [{"rate": rate}]
    return layers.Lambda(lambda h: h * table[0]["rate"])(x)


def _from_inner_function(x, rate):
    def scale(h):
        return h * rate

    return layers.Lambda(lambda h: scale(h))(x)


def _from_operation(x, rate):
    return ops.multiply(x, rate)


def _from_inner_model(x, rate):
    inner = gazelle.Input((3,))
    return gazelle.Model(inner, ops.multiply(inner, rate))(x)


def _from_closed_over_tensor(x, rate):
    scale = ops.ones_like(x) * rate
    return layers.Lambda(lambda h: h * scale)(x)


@pytest.mark.parametrize(
    "use",
    [_from_closure, _from_list, _from_inner_function, _from_operation, _from_inner_model, _from_closed_over_tensor],
)
def test_a_variable_is_read_at_each_call_and_not_trained(use):
    rate = gazelle.Variable(2.0, name="rate")
    x = gazelle.Input((3,))
    model = gazelle.Model(x, use(layers.Dense(3, use_bias=False, kernel_initializer="identity")(x), rate))
    model.compile(gazelle.optimizers.SGD(0.0), "mse")
    np.testing.assert_allclose(model.predict(X, verbose=0), 2 * X, rtol=1e-6)
    rate.assign(3.0)
    losses = [model.fit(X, 3 * X, verbose=0).history["loss"][0], model.evaluate(X, 3 * X, verbose=0)]
    np.testing.assert_allclose([*losses, rate.value], [0, 0, 3], atol=1e-6)
    np.testing.assert_allclose(model.predict_on_batch(X), 3 * X, rtol=1e-6)
    assert len(model.weights) == 1


def test_a_callback_changes_a_variable_between_steps():
    gate, seen = gazelle.Variable(1.0), []

    class Gates(gazelle.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            gate.assign(float(batch))

        def on_train_batch_end(self, batch, logs=None):
            seen.append(logs["loss"])

    x = gazelle.Input((3,))
    model = gazelle.Model(x, layers.Lambda(lambda h: jnp.ones_like(h) * gate)(x))
    model.compile("sgd", "mse")
    model.fit(X, np.zeros_like(X), batch_size=2, callbacks=[Gates()], verbose=0)
    np.testing.assert_allclose(seen, [0, 0.5])


def test_a_global_variable_and_the_weights_of_a_layer_in_a_function():
    inner = layers.Dense(3, kernel_initializer="identity")
    inner.build((None, 3))
    x = gazelle.Input((3,))
    model = gazelle.Model(x, layers.Lambda(lambda h: inner(h))(Scaled()(x)))
    model.compile("sgd", "mse")
    model.fit(X, X, verbose=0)
    np.testing.assert_allclose(model.predict(X, verbose=0), 2 * X, rtol=1e-6)  # neither was trained


def test_a_loss_that_looks_up_a_tensor_and_a_weight():
    x = gazelle.Input((3,))
    hidden = layers.Dense(2, activation="sigmoid", name="hidden")(x)
    model = gazelle.Model(x, layers.Dense(3)(hidden))

    def contractive(y_true, y_pred):
        layer = model.get_layer("hidden")
        return ops.mean(ops.square(y_true - y_pred), -1) + ops.sum(layer.output, -1) * ops.sum(layer.kernel**2)

    model.compile("sgd", contractive)
    model.fit(X, X, epochs=2, verbose=0)
    outputs = gazelle.Model(x, hidden).predict(X, verbose=0)
    kernel = model.get_layer("hidden").kernel.numpy()
    wanted = np.mean((X - model.predict(X, verbose=0)) ** 2, -1) + outputs.sum(-1) * (kernel**2).sum()
    np.testing.assert_allclose(model.evaluate(X, X, verbose=0), wanted.mean(), rtol=1e-5)


def test_losses_of_symbolic_tensors():
    x = gazelle.Input((3,))
    model = gazelle.Model(x, layers.Dense(3, kernel_initializer="zeros")(x))
    model.add_loss(gazelle.losses.MeanSquaredError()(x, model.output))
    model.compile("sgd")
    np.testing.assert_allclose(model.evaluate(X, verbose=0), np.mean(X**2), rtol=1e-5)


def test_a_variable_of_an_added_loss_is_read_at_each_step():
    rate = gazelle.Variable(0.5, name="rate")
    x = gazelle.Input((3,))
    model = gazelle.Model(x, layers.Dense(1, use_bias=False, kernel_initializer="ones")(x))
    model.add_loss(ops.mean(model.outputs[0]) * rate)
    model.compile(gazelle.optimizers.SGD(0.0))
    ones = np.ones((4, 3))
    assert model.train_on_batch(ones) == pytest.approx(1.5)
    rate.assign(2.0)
    assert model.train_on_batch(ones) == pytest.approx(6.0)

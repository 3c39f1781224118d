"""Variables that losses and metrics read and that are no weights of the model: each step has their present values."""

import numpy as np
import pytest

import gazelle
from gazelle import layers, models, optimizers, regularizers
from gazelle.training.callbacks import LambdaCallback

X = np.random.RandomState(0).rand(8, 3).astype("float32")
FIT = {"x": X, "y": X[:, :1], "validation_data": (X, X[:, :1]), "batch_size": 4, "verbose": 0, "shuffle": False}


def model(units=1, **options):
    return models.Sequential([layers.Input((3,)), layers.Dense(units, kernel_initializer="ones", **options)])


@pytest.mark.parametrize("place", ["loss", "loss_weights"])
def test_a_variable_that_a_callback_changes(place):
    factor = gazelle.Variable(1.0)
    trained = model()
    if place == "loss":
        trained.compile(optimizers.SGD(0.0), lambda y, p: factor * (y - p) ** 2)
    else:
        trained.compile(optimizers.SGD(0.0), "mse", loss_weights=[factor])
    change = LambdaCallback(on_epoch_end=lambda epoch, logs: factor.assign(factor + 1))
    logs = trained.fit(**FIT, epochs=3, callbacks=[change]).history
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(np.array(logs[name]) / logs[name][0], [1, 2, 3], rtol=1e-6)
    np.testing.assert_allclose(trained.test_on_batch(X, X[:, :1]) / logs["loss"][0], 4, rtol=1e-6)


def test_the_gradient_of_a_loss_that_reads_weights_of_the_model():
    regular = model(kernel_regularizer=regularizers.L2(0.1))
    regular.compile(optimizers.SGD(0.1), "mse")
    written = model()
    written.compile(
        optimizers.SGD(0.1),
        lambda y, p: gazelle.ops.mean((y - p) ** 2) + 0.1 * gazelle.ops.sum(written.layers[0].kernel ** 2),
    )
    logs = [each.fit(**FIT, epochs=2).history for each in (regular, written)]
    np.testing.assert_allclose(logs[0]["val_loss"], logs[1]["val_loss"], rtol=1e-5)
    np.testing.assert_allclose(regular.get_weights()[0], written.get_weights()[0], rtol=1e-5)


def test_a_loss_with_a_model_that_is_trained_in_between():
    critic, actor = model(), model(3)
    critic.compile(optimizers.SGD(0.5), "mse")
    actor.compile(optimizers.SGD(0.1), lambda y, p: -gazelle.ops.mean(critic(p)))
    for _ in range(3):
        expected = -np.mean(critic.predict(actor.predict(X, verbose=0), verbose=0))
        np.testing.assert_allclose(actor.test_on_batch(X, X), expected, rtol=1e-5)
        before = critic.get_weights()[0]
        np.testing.assert_allclose(actor.train_on_batch(X, X), expected, rtol=1e-5)
        np.testing.assert_array_equal(before, critic.get_weights()[0])
        critic.train_on_batch(X, X[:, :1])
        assert abs(before - critic.get_weights()[0]).max() > 1e-3


@pytest.mark.parametrize("schedule", [False, True])
def test_a_metric_of_the_optimizer(schedule):
    rate = optimizers.schedules.ExponentialDecay(0.1, 1, 0.5) if schedule else 0.1
    optimizer = optimizers.SGD(rate)

    def lr(y, p):
        return optimizer.learning_rate

    def count(y, p):
        return gazelle.ops.cast(optimizer.iterations, "float32")

    trained = model()
    trained.compile(optimizer, "mse", metrics=[lr, count])
    logs = trained.fit(**FIT, epochs=2).history
    np.testing.assert_allclose([logs["count"], logs["val_count"]], [[1.5, 3.5], [2, 4]])
    rates = [[0.0375, 0.009375], [0.025, 0.00625]] if schedule else 0.1
    np.testing.assert_allclose([logs["lr"], logs["val_lr"]], np.broadcast_to(rates, (2, 2)), rtol=1e-5)


def test_a_metric_reads_weights_after_the_update():
    """The numbers of TensorFlow 2.15."""
    layer = layers.Dense(2, use_bias=False, kernel_initializer="ones")
    trained = models.Sequential([layers.Input((2,)), layer])

    def size(y_true, y_pred):
        return layer.kernel.value.sum()

    trained.compile(optimizers.SGD(0.1), "mse", metrics=[size])
    x = np.arange(8.0).reshape(4, 2) / 8
    np.testing.assert_allclose(trained.evaluate(x, x[:, ::-1], verbose=0), [0.2734375, 4], rtol=1e-6)
    logs = trained.fit(x, x[:, ::-1], batch_size=4, epochs=2, verbose=0).history
    np.testing.assert_allclose(logs["size"], [3.8921876, 3.7902465], rtol=1e-6)
    np.testing.assert_allclose(logs["loss"], [0.2734375, 0.24458215], rtol=1e-6)

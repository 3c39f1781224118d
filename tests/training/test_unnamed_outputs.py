"""The names of losses and metrics of outputs that have no names. Names and numbers are those of Keras 3.15.1 on JAX."""

import numpy as np
import pytest

import gazelle
from gazelle import layers, losses
from gazelle.core import conventions

X, Y = np.ones((4, 2)), [np.ones((4, 1)), np.zeros((4, 1))]


class Two(gazelle.Model):
    def __init__(self):
        super().__init__()
        self.a = layers.Dense(1, kernel_initializer="ones")
        self.b = layers.Dense(1, kernel_initializer="zeros")

    def call(self, x):
        return [self.a(x), self.b(x)]


class TwoOfOne(gazelle.Model):
    """A model with one output, which `compute_loss` compares with two labels."""

    def __init__(self):
        x = gazelle.Input((2,))
        super().__init__(x, layers.Dense(1, name="a")(x))

    def compute_loss(self, x, y, y_pred, sample_weight=None, **options):
        return super().compute_loss(x=x, y=y, y_pred=[y_pred, y_pred], sample_weight=sample_weight, **options)


@pytest.mark.parametrize(
    ("loss", "names"),
    [
        ("mse", {"mse_loss"}),
        (["mse", "mae"], {"mse_loss", "mae_loss"}),
        ([losses.MeanSquaredError(name="foo"), "mae"], {"foo_loss", "mae_loss"}),
        (["mean_squared_error", None], set()),
    ],
)
def test_losses_have_their_own_names(loss, names):
    model = Two()
    model.compile("sgd", loss=loss)
    assert set(model.fit(X, Y, verbose=0).history) == {"loss", *names}


def test_metrics_have_no_prefix():
    model = Two()
    model.compile(gazelle.optimizers.SGD(0.0), "mse", metrics=[["mae", "mse"], ["mae"]])
    wanted = {"loss": 1.0, "mse_loss": 0.0, "mae": 1.0, "mse": 1.0, "mae_1": 0.0}
    assert model.evaluate(X, Y, verbose=0, return_dict=True) == wanted
    assert {name: value for name, [value] in model.fit(X, Y, verbose=0).history.items()} == wanted


def test_outputs_that_a_custom_loss_makes():
    model = TwoOfOne()
    model.compile("sgd", loss=["mean_squared_error", "binary_crossentropy"])
    names = {"loss", "mean_squared_error_loss", "binary_crossentropy_loss"}
    assert set(model.fit(X, (Y[0], Y[0]), verbose=0).history) == names


def test_numbers_of_tf_keras_2():
    before = conventions.active
    conventions.activate(conventions.Conventions(outputs_are_numbered=True))
    try:
        model = Two()
        model.compile("sgd", "mse", metrics=["mae", "mae"])
        names = {f"output_{number}_{name}" for number in (1, 2) for name in ("loss", "mae")}
        assert set(model.fit(X, Y, verbose=0).history) == {"loss", *names}
    finally:
        conventions.activate(before)

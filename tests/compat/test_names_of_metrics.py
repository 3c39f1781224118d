"""`model.metrics_names` of Keras 1 and 2, which are known after `compile`; the names are those of Keras 2.3.1."""

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import root

SPARSE = ["binary_crossentropy", "sparse_categorical_crossentropy"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"loss": SPARSE}, "loss r_loss c_loss"),
        ({"loss": SPARSE, "metrics": ["accuracy"]}, "loss r_loss c_loss r_accuracy c_accuracy"),
        (
            {"loss": SPARSE, "metrics": {"c": ["accuracy"], "r": "mse"}},
            "loss r_loss c_loss r_mse c_accuracy",
        ),
        ({"loss": {"r": "mse", "c": "mse"}, "metrics": ["mae", "acc"]}, "loss r_loss c_loss r_mae r_acc c_mae c_acc"),
    ],
)
def test_names_of_two_outputs(keras_2, options, expected):
    keras = root("keras")
    x = keras.Input((4,))
    r = keras.layers.Dense(1, activation="sigmoid", name="r")(x)
    model = keras.models.Model(x, [r, keras.layers.Dense(3, activation="softmax", name="c")(x)])
    assert model.metrics_names == ["loss"]
    model.compile("sgd", **options)
    assert model.metrics_names == expected.split()
    columns = 1 if options["loss"] is SPARSE else 3
    model.train_on_batch(np.ones((6, 4)), [np.ones((6, 1)), np.ones((6, columns))])
    assert model.metrics_names == expected.split()


def test_names_of_functions_before_2_3(keras_2):
    era.set_release(era.Release(2, True, (2, 2)))
    keras = root("keras")
    model = keras.models.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy", "mae", "top_k_categorical_accuracy"])
    expected = ["acc", "mean_absolute_error", "top_k_categorical_accuracy"]
    assert model.metrics_names == ["loss", *expected]
    history = model.fit(np.ones((8, 4)), np.eye(2)[[0, 1] * 4], epochs=1, verbose=0).history
    assert sorted(history) == sorted(["loss", *expected])


def test_name_of_the_divergence(keras_2):
    metrics = root("keras").metrics
    assert metrics.KLDivergence().name == "kullback_leibler_divergence"
    assert metrics.KLDivergence("divergence").name == "divergence"
    era.set_release(era.Release(2, False))
    assert metrics.KLDivergence().name == "kullback_leibler_divergence"


def test_name_of_the_divergence_in_the_logs_of_keras_1(keras_1):
    model = root("keras").models.Sequential([root("keras").layers.Dense(2, input_dim=3, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy", metrics=["kullback_leibler_divergence", "mse"])
    assert model.metrics_names == ["loss", "kullback_leibler_divergence", "mean_squared_error"]

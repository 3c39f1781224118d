"""Losses and metrics in files of Keras 3.15, in both directions: the same values under the same names."""

import keras
import numpy as np
import pytest

import gazelle
from gazelle.models import load_model

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
Y = np.eye(3, dtype="float32")[[0, 2, 1, 1, 0, 2]]
#: (loss, metrics, weighted metrics)
COMPILED = {
    "names": lambda k: ("categorical_crossentropy", ["acc", "mae", "Precision"], ["mse"]),
    "classes": lambda k: ("CategoricalHinge", ["Accuracy", "CosineSimilarity", "TopKCategoricalAccuracy"], ["Recall"]),
    "functions": lambda k: (
        "categorical_crossentropy",
        ["mean_absolute_error", "categorical_accuracy"],
        ["mean_squared_error"],
    ),
    "objects": lambda k: (
        k.losses.CategoricalCrossentropy(label_smoothing=0.1, reduction="sum"),
        [k.metrics.F1Score(average="macro"), k.metrics.Precision(thresholds=0.4, name="precise")],
        [k.metrics.AUC(num_thresholds=20, curve="PR", name="area")],
    ),
}


def model(k):
    made = k.Sequential([k.Input((4,)), k.layers.Dense(3, activation="softmax")])
    made.set_weights([np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3), np.zeros(3, "float32")])
    return made


def logs(each):
    return each.evaluate(X, Y, sample_weight=np.arange(1.0, 7.0), verbose=0, return_dict=True)


def same(found, right):
    assert found.keys() == right.keys()
    for name, value in right.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("name", COMPILED)
def test_values_and_names(tmp_path, name, ending):
    for k, file in ((keras, tmp_path / f"theirs.{ending}"), (gazelle, tmp_path / f"ours.{ending}")):
        made = model(k)
        loss, metrics, weighted = COMPILED[name](k)
        made.compile("sgd", loss, metrics=metrics, weighted_metrics=weighted)
        made.save(file)
        for each in (keras, gazelle):
            each.utils.clear_session()  # names such as "precision_1" are counted
        same(logs(load_model(file)), logs(keras.models.load_model(file)))

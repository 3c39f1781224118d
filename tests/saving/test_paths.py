"""Equal models have equal weight paths, so a checkpoint fits a model that is built in code or read from a file."""

import numpy as np
import pytest

import gazelle
from gazelle import layers
from gazelle.layers import weight_tree
from gazelle.models import clone_model, load_model, model_from_json

X = np.zeros((4, 5, 3), "float32")


def built():
    inner = gazelle.Sequential([layers.Dense(3), layers.Dense(3, activation="relu")])
    model = gazelle.Sequential(
        [
            layers.Input((5, 3)),
            layers.Bidirectional(layers.LSTM(2)),
            layers.Reshape((1, 4)),
            layers.TimeDistributed(layers.Dense(3)),
            inner,
            layers.Flatten(),
            layers.Dense(1, name="scores"),
            layers.Dense(1),
        ],
        name="same",
    )
    model.compile("adam", "mse")
    return model


def saved_and_loaded(model, folder, form):
    model.save(folder / f"m.{form}")
    return load_model(folder / f"m.{form}")


WAYS = {
    "a second time": lambda model, folder: built(),
    ".keras": lambda model, folder: saved_and_loaded(model, folder, "keras"),
    ".h5": lambda model, folder: saved_and_loaded(model, folder, "h5"),
    "JSON": lambda model, folder: model_from_json(model.to_json()),
    "clone_model": lambda model, folder: clone_model(model),
}


@pytest.fixture(scope="module")
def model():
    return built()


@pytest.mark.parametrize("way", WAYS)
def test_paths_are_equal(way, model, tmp_path):
    assert list(weight_tree.named_variables(WAYS[way](model, tmp_path))) == list(weight_tree.named_variables(model))


def test_a_state_kept_by_one_fits_the_other(tmp_path):
    model = built()
    model.fit(X, X[:, 0, :1], verbose=0)
    other = saved_and_loaded(model, tmp_path, "keras")
    other.set_weights([np.zeros_like(w) for w in other.get_weights()])
    other.load_weights("latest")
    for mine, its in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)
    assert other.fit(X, X[:, 0, :1], epochs=2, verbose=0, resume=True).epoch == [0, 1]


def test_names_that_the_user_chose_stay():
    paths = list(weight_tree.named_variables(built()))
    assert paths[-4:] == ["scores/kernel", "scores/bias", "dense/kernel", "dense/bias"]

"""Stars of imports, whose names differ between releases, and the methods of `Graph`."""

import importlib

import numpy as np
import pytest

from gazelle.compat import era, old_names, tables
from gazelle.core.errors import GazelleError

_OWN = {"Attention": 1, "LearningRateFinder": 2, "Dense": 3, "RMSNormalization": 4}
_STARS = "from keras.layers import *\nfrom keras.callbacks import *"


@pytest.mark.parametrize(
    ("release", "kept"),
    [
        (era.Release(1), {"Attention", "LearningRateFinder", "RMSNormalization"}),
        (era.Release(2), {"Attention", "LearningRateFinder", "RMSNormalization"}),
        (era.Release(2, standalone=False), {"LearningRateFinder", "RMSNormalization"}),
        (era.Release(3), {"LearningRateFinder"}),
    ],
)
def test_stars_keep_what_the_release_does_not_have(installed, release, kept):
    """`from own import Attention`, then `from keras.layers import *`, where Keras 2.3 has no Attention."""
    before = era.release()
    era.set_release(release)
    try:
        module, empty = dict(_OWN), {}
        exec(_STARS, module)
        exec(_STARS, empty)
    finally:
        era.set_release(before)
    assert {name for name, value in _OWN.items() if module[name] == value} == kept
    assert all(isinstance(empty[name], type) for name in ("Attention", "Dense"))


def test_names_of_later_releases_are_public():
    for since, modules in tables.read("later_names").items():
        for path, names in modules.items():
            assert set(names.split()) <= set(importlib.import_module(path).__all__), (since, path)
    assert "MultiHeadAttention" not in old_names.later_names("gazelle.layers")


def _graph(keras):
    graph = keras.models.Graph()
    graph.add_input("x", input_shape=(3,))
    graph.add_node(keras.layers.Dense(2), "dense", input="x")
    graph.add_output("y", input="dense")
    return graph


def test_graphs_have_the_methods_of_models(keras_1, tmp_path):
    graph = _graph(keras_1)
    kernel, bias = graph.get_weights()
    graph.compile("sgd", {"y": "mse"})
    x, y = np.arange(12.0).reshape(4, 3) / 12, np.ones((4, 2))
    expected = ((x @ kernel + bias - y) ** 2).mean()
    assert graph.test_on_batch({"x": x, "y": y}) == pytest.approx(expected, rel=1e-5)
    assert graph.predict_on_batch({"x": x})["y"] == pytest.approx(x @ kernel + bias, abs=1e-6)
    graph.save_weights(str(tmp_path / "w.h5"))
    history = graph.fit_generator(iter([{"x": x, "y": y}] * 4), 8, 2, validation_data={"x": x, "y": y}, verbose=0)
    assert history.history["loss"][0] < expected
    assert len(history.history["val_loss"]) == 2
    graph.load_weights(str(tmp_path / "w.h5"))
    assert graph.get_weights()[0] == pytest.approx(kernel)


def test_graphs_can_be_drawn(keras_1, tmp_path):
    graph = _graph(keras_1)
    graph.compile(loss={"y": "mse"}, optimizer="sgd")
    keras_1.utils.visualize_util.plot(graph, str(tmp_path / "graph.png"))
    assert (tmp_path / "graph.png").stat().st_size > 1000


def test_graphs_without_outputs_have_no_weights(keras_1):
    with pytest.raises(GazelleError, match=r"A Graph without outputs has(?s:.*)add_output"):
        keras_1.models.Graph().get_weights()

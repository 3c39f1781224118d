"""What the keys of a LayoutMap select, by paths of Keras or paths in the model; keys that select nothing."""

import warnings

import numpy as np
import pytest

import gazelle
from gazelle import distribution as d
from gazelle import layers


@pytest.fixture
def sharded(monkeypatch):
    """A function of (patterns, name of the model): the axes chosen last for the kernel in a training.

    On a single device arrays have no axes, so the layouts are taken from the method that chooses them.
    """
    chosen, choose = [], d.ModelParallel.get_variable_layout

    def recorded(own, variable):
        layout = choose(own, variable)
        if variable.key.endswith("head/kernel"):
            chosen.append(layout.axes)
        return layout

    monkeypatch.setattr(d.ModelParallel, "get_variable_layout", recorded)

    def train(patterns, name="net"):
        layouts = d.LayoutMap(d.DeviceMesh((1, 1), ["batch", "model"], ["cpu:0"]))
        for pattern, axes in patterns.items():
            layouts[pattern] = axes
        with d.ModelParallel(layout_map=layouts).scope():
            model = gazelle.Sequential([gazelle.Input((2,)), layers.Dense(2, name="head")], name=name)
            model.compile(gazelle.optimizers.SGD(momentum=0.5), "mse")
            model.fit(np.ones((4, 2)), np.ones((4, 2)), verbose=0, keep=False)
        return chosen[-1]

    return train


@pytest.mark.parametrize(
    "patterns",
    [
        {"net/head/kernel": (None, "model")},  # Variable.path
        {".*/head/kernel": (None, "model")},
        {"head/kernel": (None, "model")},  # Variable.key
        {".*kernel": (None, "model")},
        {"net/head/kernel": (None, "model"), "head/.*kernel": ("model", None)},  # that of Keras counts
        {"head/kernel": (None, "model"), "net/head/output": ("batch", None)},
        {"head/kernel": (None, "model"), "head/output": ("batch", None)},
    ],
    ids=lambda patterns: " ".join(patterns),
)
def test_a_key_is_compared_with_both_paths(patterns, sharded):
    assert sharded(patterns) == (None, "model")


def test_a_weight_with_a_path_of_keras_is_never_placed_whole(sharded, monkeypatch):
    placed = []
    of_variable = d.ModelParallel.of_variable

    def recorded(own, path, array, given=None):
        sharding = of_variable(own, path, array, given)
        placed.append((given, sharding))
        return sharding

    monkeypatch.setattr(d.ModelParallel, "of_variable", recorded)
    sharded({"net/head/kernel": (None, "model")})
    of_kernel = {tuple(sharding.spec) for given, sharding in placed if given == "net/head/kernel"}
    assert of_kernel == {(None, "model")}


def test_equal_models_with_other_names_have_layouts_of_their_own(sharded):
    patterns = {"one/head/kernel": (None, "model"), "two/head/kernel": ("model", None)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the key for the other model
        assert [sharded(patterns, name) for name in ("one", "two")] == [(None, "model"), ("model", None)]


def test_outputs_are_constrained_by_the_path_of_keras(monkeypatch, sharded):
    asked = []
    found = d.ModelParallel.get_tensor_layout
    monkeypatch.setattr(d.ModelParallel, "get_tensor_layout", lambda own, path: asked.append(path) or found(own, path))
    sharded({"net/head/output": ("batch", "model")}, "net")
    assert "net/head/output" in asked
    assert "head/output" not in asked


@pytest.mark.parametrize(
    ("pattern", "near"),
    [
        ("net/haed/kernel", "'net/head/kernel', 'head/kernel', 'net/head/bias' ..."),
        ("net/haed/output", "'net/head/output', 'net/output', 'head/output' ..."),
    ],
)
def test_a_key_that_selects_nothing_is_reported_once(pattern, near):
    text = (
        f"LayoutMap's pattern '{pattern}' selects no weight and no output of model 'net': expected a full match of one "
    )
    layouts = d.LayoutMap(d.DeviceMesh((1, 1), ["batch", "model"], ["cpu:0"]))
    layouts[pattern], layouts["head/bias"] = (None, "model"), ("model",)
    with d.ModelParallel(layout_map=layouts).scope(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            model = gazelle.Sequential([gazelle.Input((2,)), layers.Dense(2, name="head")], name="net")
            model.predict(np.ones((1, 2)), verbose=0)
    assert [str(w.message) for w in caught] == [f"{text}of {near}."]

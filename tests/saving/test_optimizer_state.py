"""The state of every optimizer continues from `.keras` and `.h5` files."""

import numpy as np
import pytest

import gazelle
from gazelle import optimizers
from gazelle.core.registry import REGISTRY
from gazelle.saving.h5_format import optimizer_state, weight_layout

W = [np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4), np.linspace(0, 1, 4, dtype="float32")]
#: those that need other arguments
OTHERS = {"Optimizer", "OptimizerMap", "OptaxOptimizer", "MultiOptimizer", "LossScaleOptimizer"}
NAMES = sorted({c.__name__ for c in REGISTRY["optimizers"].values() if c.__module__.startswith("gazelle.opt")} - OTHERS)
OPTIONS = {
    "Adam": {"amsgrad": True, "use_ema": True},
    "RMSprop": {"momentum": 0.9, "centered": True},
    "SGD": {"momentum": 0.9, "gradient_accumulation_steps": 2},
    "LossScaleOptimizer": {"inner_optimizer": optimizers.Adamax(0.1)},
}


def _step(model, n):
    model.optimizer.apply([w * (n + 1) / 7 + 0.1 for w in W], model.trainable_weights)


@pytest.mark.parametrize(
    ("name", "options"), [*((name, {"learning_rate": 0.1}) for name in NAMES), *OPTIONS.items()], ids=str
)
def test_the_state_continues(name, options, tmp_path):
    model = gazelle.Sequential([gazelle.Input((3,)), gazelle.layers.Dense(4)])
    model.set_weights(W)
    model.compile(getattr(optimizers, name)(**options), "mse")
    for n in range(3):
        _step(model, n)
    for ending in ("keras", "h5"):
        model.save(tmp_path / f"m.{ending}")
    copies = [gazelle.models.load_model(tmp_path / f"m.{ending}") for ending in ("keras", "h5")]
    for each in (model, *copies):
        for n in (3, 4):
            _step(each, n)
    for copy in copies:
        assert int(copy.optimizer.iterations) == int(model.optimizer.iterations)
        for found, right in zip(copy.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_allclose(found, right, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("training/Adam/m_0_1:0", "m"),
        ("Adam/linear/kernel/m:0", "m"),
        ("Adam/v/linear/kernel:0", "v"),
        ("Adam/v/kernel/vhat:0", "vhat"),
        ("Adadelta/accumulated_delta_var/dense/kernel:0", "accumulated_delta_var"),
        ("adam/dense_kernel_velocity", "velocity"),
        ("Adam/iterations:0", None),
        ("param_3", None),
    ],
)
def test_slots_by_name(name, kind):
    assert optimizer_state._kind(name) == kind


def test_a_slot_of_three_weights_whose_last_has_one_element():
    """Three arrays, the last of which is (1,), are not those of Adam without amsgrad."""
    layers = gazelle.layers
    model = gazelle.Sequential([gazelle.Input((3,)), layers.Dense(2, use_bias=False), layers.Dense(1)])
    model.compile(optimizers.SGD(0.1, 0.9), "mse")
    model.train_on_batch(np.ones((2, 3)), np.ones((2, 1)))
    expected = [np.asarray(model.optimizer.state["momentum"][v.key]) for v in model.trainable_weights]
    names = [f"training/SGD/Variable{end}:0" for end in ("", "_1", "_2")]
    fresh = {"momentum": {v.key: v.value for v in model.trainable_weights}}
    layout = weight_layout.Layout(False, False)
    found = optimizer_state._slots(model, model.trainable_weights, ["momentum"], fresh, names, expected, layout, None)
    assert [*found[1]["momentum"]] == [v.key for v in model.trainable_weights]

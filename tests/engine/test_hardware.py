"""The first `fit` reports its device, and why a GPU is not used."""

import types

import jax
import numpy as np
import pytest

import gazelle as keras
from gazelle.core import engines
from gazelle.engine import hardware


@pytest.fixture(autouse=True)
def _afresh(monkeypatch):
    monkeypatch.setattr(hardware, "_reported", False)
    monkeypatch.setattr(hardware, "has_nvidia_gpu", lambda: False)


def _fit(verbose):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 2)), np.ones(4), verbose=verbose)


def test_the_first_fit_that_shows_anything_tells_the_device(capsys):
    _fit(0)
    assert capsys.readouterr().out == ""
    _fit(2)
    assert capsys.readouterr().out.splitlines()[0] == "Training on cpu:0 (XLA)."
    _fit(2)
    assert "Training on" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("places", "text"), [([0, 0, 1, 1], "4 devices of 2 processes"), ([0, 0], "2 devices"), ([0], "cpu:0")]
)
def test_the_devices_of_a_distribution_are_counted(monkeypatch, places, text):
    devices = [types.SimpleNamespace(process_index=place) for place in places]
    active = types.SimpleNamespace(replicated=lambda: types.SimpleNamespace(device_set=devices))
    monkeypatch.setattr(hardware, "active_distribution", lambda: active)
    assert hardware.device_message() == f"Training on {text} (XLA)."


@pytest.mark.parametrize(
    ("engine", "variables", "platforms", "reason"),
    [
        ("xla", {"CUDA_VISIBLE_DEVICES": ""}, "cpu", "CUDA_VISIBLE_DEVICES= hides it."),
        ("xla", {"CUDA_VISIBLE_DEVICES": "0"}, "cpu", "JAX_PLATFORMS=cpu is set."),
        ("xla", {}, "", 'JAX has no CUDA here: pip install "gazelle[cuda]".'),
        ("pytensor", {}, "cpu", "PyTensor computes on the CPU."),
        ("tensorflow", {}, "", 'this TensorFlow found no CUDA: pip install "tensorflow[and-cuda]".'),
    ],
)
def test_an_idle_gpu_has_a_reason(engine, variables, platforms, reason, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(engines, "_selected", engine)
    monkeypatch.setattr(hardware, "has_nvidia_gpu", lambda: True)
    monkeypatch.setattr(hardware.importlib.util, "find_spec", lambda name: None)
    before = jax.config.jax_platforms
    jax.config.update("jax_platforms", platforms)
    try:
        assert hardware.gpu_unused_reason() == f"The GPU is not used: {reason}"
    finally:
        jax.config.update("jax_platforms", before)


def test_the_reason_follows_the_device(monkeypatch):
    monkeypatch.setattr(hardware, "has_nvidia_gpu", lambda: True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert hardware.device_message() == (
        "Training on cpu:0 (XLA). The GPU is not used: CUDA_VISIBLE_DEVICES=-1 hides it."
    )
    assert hardware.device_message() == ""

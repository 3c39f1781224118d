"""Selection of an engine: by name, by GAZELLE_ENGINE, by KERAS_BACKEND under `gazelle run`."""

import os
import subprocess
import sys

import pytest

from gazelle.core import engines


@pytest.fixture(autouse=True)
def _afresh(monkeypatch):
    monkeypatch.setattr(engines, "_selected", None)
    monkeypatch.delenv("GAZELLE_ENGINE", raising=False)


@pytest.fixture
def without_tensorflow(monkeypatch):
    absent = engines.EngineInfo("no_package_has_this_name", "tensorflow")
    monkeypatch.setitem(engines.ENGINES, "tensorflow", absent)


def test_the_variable_chooses(monkeypatch):
    monkeypatch.setenv("GAZELLE_ENGINE", "theano")
    assert engines.engine() == "pytensor"


def test_an_unknown_engine_has_near_ones():
    with pytest.raises(ValueError, match=r"Unknown engine 'tensorflw'\.\nDid you mean 'tensorflow' or "):
        engines.set_engine("tensorflw")


@pytest.mark.usefixtures("without_tensorflow")
def test_an_engine_that_is_not_installed_says_how_to_install_it():
    said = "The engine 'tensorflow' needs no_package_has_this_name, which is not installed"
    with pytest.raises(ImportError, match=rf'{said}\.\npip install "gazelle\[tensorflow\]"'):
        engines.set_engine("tensorflow")
    assert engines.engine() == "xla"


@pytest.mark.parametrize(
    ("backend", "engine"), [("", "xla"), ("jax", "xla"), ("theano", "pytensor"), ("tensorflow", "tensorflow")]
)
def test_keras_backends_are_engines(backend, engine):
    assert engines.select_keras_backend(backend) == ""
    assert engines.engine() == engine


@pytest.mark.parametrize(
    ("installed", "message"),
    [(False, "KERAS_BACKEND=torch: PyTorch is not installed; the program runs on XLA."), (True, "")],
)
def test_layers_of_programs_on_pytorch_compute_on_xla(monkeypatch, installed, message):
    monkeypatch.setattr(engines.PathFinder, "find_spec", lambda name: name if installed or name != "torch" else None)
    assert engines.select_keras_backend("torch") == message
    assert engines.engine() == "xla"


def test_an_unknown_backend_has_no_engine():
    message = "KERAS_BACKEND=openvino: gazelle has no such engine; the program runs on XLA."
    assert engines.select_keras_backend("openvino") == message
    assert engines.engine() == "xla"


@pytest.mark.usefixtures("without_tensorflow")
def test_a_backend_that_is_not_installed_is_told_in_a_line():
    told = engines.select_keras_backend("tensorflow")
    assert "no_package_has_this_name is not installed" in told
    assert 'pip install "gazelle[tensorflow]"' in told
    assert "\n" not in told
    assert engines.engine() == "xla"


def test_the_variable_goes_before_keras(monkeypatch):
    monkeypatch.setenv("GAZELLE_ENGINE", "xla")
    assert engines.select_keras_backend("torch") == ""
    assert engines.engine() == "xla"


def _run(tmp_path, program, **variables):
    path = tmp_path / "program.py"
    path.write_text(program)
    words = [sys.executable, "-m", "gazelle", "run", str(path)]
    done = subprocess.run(words, env={**os.environ, **variables}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done


def test_a_program_of_keras_runs_on_the_backend_it_names(tmp_path):
    program = """
import keras, numpy as np, tensorflow as tf
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(np.ones((4, 3)), np.ones(4), verbose=0)
kind = type(model._trainer.programs.train).__name__
print(keras.config.engine(), kind, tf.constant(2.0).numpy(), tf.keras.Sequential is keras.Sequential)
"""
    assert _run(tmp_path, program, KERAS_BACKEND="tensorflow").stdout.split() == [
        "tensorflow",
        "Lowered",
        "2.0",
        "True",
    ]


def test_a_backend_without_an_engine_is_told(tmp_path):
    done = _run(tmp_path, "import keras; print(keras.config.engine())", KERAS_BACKEND="openvino")
    assert done.stdout.split() == ["xla"]
    assert "KERAS_BACKEND=openvino: gazelle has no such engine; the program runs on XLA." in done.stderr

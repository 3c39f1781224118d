"""gazelle without `gazelle/compat`: it works, and outdated arguments are errors with a hint."""

import ast
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

import gazelle
from gazelle import layers

ROOT = pathlib.Path(gazelle.__file__).parent
CORE = [path for path in sorted(ROOT.rglob("*.py")) if path.relative_to(ROOT).parts[0] not in ("compat", "cli")]
#: mentions of the package or of eras; what Keras' own files call "is_legacy_optimizer" is data
MENTIONS = re.compile(r"gazelle\.compat|gazelle/compat|\beras?\b|\blegacy\b", re.IGNORECASE)
#: classes of the core may have `__getattr__` or `__setattr__` for a reason of their own
GETATTR = {
    "KerasTensor": "the functions of `ops` as methods",
    "Variable": "the methods of the array",
    "Configurable": "a method set on an object is compiled into the programs that use it",
    "Operation": "the same",
    "_Library": "the functions of TensorFlow's C library",
    "WatchedEvents": "the events of the callbacks of a resumed training",
    "Config": "its values are attributes, as in Keras",
}


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_core_does_not_mention_compat(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [f"{path.name}:{n}: {line}" for n, line in enumerate(lines, 1) if MENTIONS.search(line)]
    assert not found, "\n".join(found)


def test_core_classes_have_no_attribute_hooks():
    found = set()
    for path in CORE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                methods = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
                found |= {node.name for name in ("__getattr__", "__setattr__") if name in methods}
    assert found == set(GETATTR)


def test_a_modern_program_loads_nothing_of_compat():
    program = """
import sys, numpy as np, gazelle
model = gazelle.Sequential([gazelle.layers.Dense(1, input_shape=(3,))])
model.compile("sgd", "mse")
model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0, keep=False)
assert not [name for name in sys.modules if name.startswith(("gazelle.compat", "gazelle.cli"))]
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("call", "old", "new"),
    [
        (lambda model: model.fit(np.ones((4, 3)), np.ones((4, 1)), nb_epoch=2), "nb_epoch", "epochs"),
        (lambda model: layers.Dense(output_dim=3), "output_dim", "units"),
        (lambda model: layers.Conv2D(4, 3, border_mode="same"), "border_mode", "padding"),
        (lambda model: layers.Dropout(p=0.5), "p", "rate"),
        (lambda model: gazelle.optimizers.SGD(lr=0.1), "lr", "learning_rate"),
        (lambda model: gazelle.Model(input=1, output=2), "input", "inputs"),
        (lambda model: gazelle.utils.to_categorical([1], nb_classes=3), "nb_classes", "num_classes"),
    ],
)
def test_earlier_arguments_are_errors_with_todays_name(call, old, new):
    model = gazelle.Sequential([layers.Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse")
    with pytest.raises((TypeError, ValueError)) as error:
        call(model)
    assert f"'{old}'" in str(error.value)
    assert new in str(error.value)
    assert "gazelle run" in str(error.value)


def test_earlier_methods_are_not_there():
    with pytest.raises(AttributeError, match="fit_generator"):
        _ = gazelle.Sequential().fit_generator
    with pytest.raises(ValueError, match="Unknown reduction 'auto'"):
        gazelle.losses.MeanSquaredError(reduction="auto")


def test_tab_completion_shows_public_names():
    for module in (gazelle, gazelle.layers, gazelle.losses, gazelle.optimizers, gazelle.models):
        assert dir(module) == sorted(module.__all__)

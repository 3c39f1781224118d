"""Fixtures of the tests of earlier versions of Keras."""

import sys

import pytest

import gazelle
from gazelle.compat import tensorflow

ROOTS = ("keras", "tensorflow", "tensorflow_core")


@pytest.fixture
def installed():
    """`gazelle.install()` in a process that may have imported Keras or TensorFlow before."""
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] in ROOTS}
    gazelle.install()
    yield
    gazelle.uninstall()
    tensorflow.close()
    for name in [name for name in sys.modules if name.split(".")[0] in ROOTS]:
        del sys.modules[name]
    sys.modules.update(hidden)

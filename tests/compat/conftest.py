"""Fixtures of the tests of earlier versions of Keras."""

import sys

import jax
import pytest

import gazelle
from gazelle.compat import era, tensorflow
from gazelle.compat.namespaces import root
from gazelle.compat.tensorflow.v1 import graphs
from gazelle.core import names

ROOTS = ("keras", "tensorflow", "tensorflow_core")


def pytest_collection_finish():
    """Deactivate the facade, which some test modules activate when they are imported."""
    tensorflow.close()


@pytest.fixture(autouse=True)
def bits():
    """JAX has 32 bits at the start of a test, although another one requested float64."""
    yield
    if jax.config.jax_enable_x64:
        jax.config.update("jax_enable_x64", False)


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


@pytest.fixture
def tf():
    """The module `tensorflow`, which is active until the test ends."""
    yield tensorflow.module("tensorflow")
    tensorflow.close()


def program(number, standalone=True, version=None):
    """The API, defaults and rules of an era; yields the module `keras`. Names are counted from 0."""
    before = era.release()
    era.set_release(era.Release(number, standalone, version))
    names.clear_session()
    yield root("keras")
    names.clear_session()
    era.set_release(before)


@pytest.fixture(params=["Keras 1", "Keras 2", "tf.keras"])
def keras(request):
    """The module `keras` of a program for each of the eras."""
    yield from program(1 if request.param == "Keras 1" else 2, request.param != "tf.keras")


@pytest.fixture
def keras_1():
    """The module `keras` of programs for Keras 1."""
    yield from program(1)


@pytest.fixture
def keras_2():
    """The module `keras` of programs for the package Keras 2."""
    yield from program(2)


@pytest.fixture
def tf_keras():
    """The module `tensorflow.keras` of programs for TensorFlow 2.0 to 2.15."""
    yield from program(2, standalone=False)


@pytest.fixture
def tf_keras_2():
    """The module `tensorflow` of programs for tf.keras of TensorFlow 2.0 to 2.15; names are counted anew."""
    before = era.release()
    era.set_release(era.Release(2, False))
    names.clear_session()
    yield tensorflow.module("tensorflow")
    tensorflow.close()
    era.set_release(before)


@pytest.fixture
def tensorflow_1():
    """The module `tensorflow` of programs for TensorFlow 1, with an empty graph."""
    graphs.reset()
    before = era.release()
    era.set_release(era.Release(2, False))
    yield tensorflow.module("tensorflow")
    tensorflow.close()
    era.set_release(before)

"""Shared fixtures: the backend of Keras, a folder for checkpoints, compilation settings."""

import gc
import itertools
import os
import pathlib

os.environ["KERAS_BACKEND"] = "jax"
os.environ["GAZELLE_LANG"] = "en"
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["GAZELLE_COMPILE_CACHE"] = "0"  # tests compile their own programs and write no cache for users

import jax
import pytest

from gazelle.core import conventions


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="run the slow cases, too (make test-all)")


def pytest_collection_modifyitems(config, items):
    """Leave out the cases in slow.txt, unless `--all` or a test by its name is asked for."""
    if config.getoption("--all") or any("::" in argument for argument in config.args):
        return
    slow = set((pathlib.Path(__file__).parent / "slow.txt").read_text(encoding="utf-8").splitlines())
    left_out = [item for item in items if item.nodeid in slow]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item.nodeid not in slow]


def pytest_configure(config):
    """Share compiled programs between workers and between runs, since compiling takes most of the time."""
    if hasattr(config, "cache"):
        jax.config.update("jax_compilation_cache_dir", str(config.cache.mkdir("compiled")))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


@pytest.fixture(autouse=True)
def _compile_quickly(request):
    """Compile without most optimizations: most tests compile much and compute little."""
    jax.config.update("jax_disable_most_optimizations", request.node.get_closest_marker("optimized") is None)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(autouse=True, scope="module")
def _freeze_garbage():
    """Exclude objects that JAX keeps after a test module from later garbage collections, of which Keras runs many."""
    yield
    gc.collect()
    gc.freeze()


_numbers = itertools.count()


def _restored():
    before = conventions.active
    yield
    conventions.activate(before)


@pytest.fixture(autouse=True, scope="module")
def _conventions_of_module():
    """Restore the conventions, which tests of earlier versions of Keras change, after each module."""
    yield from _restored()


@pytest.fixture(autouse=True)
def _conventions():
    """Restore the conventions after each test, too."""
    yield from _restored()


@pytest.fixture(scope="session")
def _homes(tmp_path_factory):
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(autouse=True)
def _home(_homes, monkeypatch):
    """Set a folder for checkpoints for each test instead of the user's folder. It is created only if a test saves."""
    monkeypatch.setenv("GAZELLE_HOME", str(_homes / str(next(_numbers))))


@pytest.fixture(autouse=True)
def _device_reported(monkeypatch):
    """Suppress the line about the device that the first `fit` of a process prints."""
    monkeypatch.setattr("gazelle.engine.hardware._reported", True)

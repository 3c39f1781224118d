"""Shared fixtures: the backend of Keras, a folder for checkpoints, compilation settings."""

import gc
import itertools
import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["GAZELLE_COMPILE_CACHE"] = "0"  # a test sees what is compiled, and leaves nothing behind

import jax
import pytest

#: folders whose tests compile much and compute little: there, quick compiles are worth more than quick programs
QUICK = {
    "applications",
    "contracts",
    "core",
    "engine",
    "export",
    "features",
    "layers",
    "compat",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "parity",
    "properties",
    "saving",
    "tests",
    "training",
    "wrappers",
}
#: but these compute much, look at what is compiled, or compare bits as they are in a real run
SLOW = {"test_training", "test_programs", "test_structure", "test_custom_steps", "test_resume"}


def pytest_configure(config):
    """What one worker has compiled the others load, also in the next run: most of the time goes into compiling."""
    if hasattr(config, "cache"):
        jax.config.update("jax_compilation_cache_dir", str(config.cache.mkdir("compiled")))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


@pytest.fixture(autouse=True)
def _quick_compiles(request):
    quick = request.path.parent.name in QUICK and request.path.stem not in SLOW
    jax.config.update("jax_disable_most_optimizations", quick)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(autouse=True, scope="module")
def _at_rest():
    """What JAX keeps of a module's programs is looked at by no later collection, of which Keras asks for many."""
    yield
    gc.collect()
    gc.freeze()


_numbers = itertools.count()


@pytest.fixture(scope="session")
def _homes(tmp_path_factory):
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(autouse=True)
def _home(_homes, monkeypatch):
    """Kept states go to a folder of the test, never to the user's. Few tests keep something: it is made by who does."""
    monkeypatch.setenv("GAZELLE_HOME", str(_homes / str(next(_numbers))))


@pytest.fixture(autouse=True)
def _device_told(monkeypatch):
    """The line on the device, which the first `fit` of a process prints, has been printed."""
    monkeypatch.setattr("gazelle.engine.hardware._reported", True)

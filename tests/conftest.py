"""Shared fixtures: the backend of Keras, a folder for checkpoints, compilation settings."""

import gc
import itertools
import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["GAZELLE_COMPILE_CACHE"] = "0"  # tests compile their own programs and write no cache for users

import jax
import pytest

#: folders whose tests spend more time compiling than computing: their programs are compiled without most optimizations
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
#: files in these folders that need optimized programs: they compute a lot, or inspect or compare compiled programs
SLOW = {"test_training", "test_programs", "test_structure", "test_custom_steps", "test_resume"}


def pytest_configure(config):
    """Share compiled programs between workers and between runs, since compiling takes most of the time."""
    if hasattr(config, "cache"):
        jax.config.update("jax_compilation_cache_dir", str(config.cache.mkdir("compiled")))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


@pytest.fixture(autouse=True)
def _compile_quickly(request):
    quick = request.path.parent.name in QUICK and request.path.stem not in SLOW
    jax.config.update("jax_disable_most_optimizations", quick)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(autouse=True, scope="module")
def _freeze_garbage():
    """Exclude objects that JAX keeps after a test module from later garbage collections, of which Keras runs many."""
    yield
    gc.collect()
    gc.freeze()


_numbers = itertools.count()


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

"""What every test shares: the oracle's backend, a folder for kept state, and fresh names."""

import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["GAZELLE_COMPILE_CACHE"] = "0"  # a test sees what is compiled, and leaves nothing behind

import pytest


@pytest.fixture(autouse=True)
def _home(tmp_path_factory, monkeypatch):
    """Kept states go to a folder of the test, never to the user's."""
    monkeypatch.setenv("GAZELLE_HOME", str(tmp_path_factory.mktemp("home")))

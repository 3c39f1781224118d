"""Every `>>>` in a docstring runs and prints what it says.

`np`, `jnp`, the public names of gazelle and those of the module and its package are there.
"""

import contextlib
import doctest
import importlib.util
import io
import pkgutil
import sys

import jax.numpy as jnp
import numpy as np
import pytest

import gazelle
from gazelle.core.registry import REGISTRY

FINDER = doctest.DocTestFinder(exclude_empty=True)


def modules():
    for found in pkgutil.walk_packages(gazelle.__path__, "gazelle."):
        needs_pytorch = found.name.startswith("gazelle.compat.pytorch.")
        if not found.name.endswith("__main__") and not (needs_pytorch and importlib.util.find_spec("torch") is None):
            yield importlib.import_module(found.name)


def examples():
    for module in modules():
        namespace = importlib.import_module(module.__name__.rpartition(".")[0])
        root = {name: getattr(gazelle, name) for name in gazelle.__all__}
        names = {"np": np, "jnp": jnp, "gazelle": gazelle, **root, **vars(namespace), **vars(module)}
        for test in FINDER.find(module, module.__name__, extraglobs=names):
            if test.examples:
                yield pytest.param(test, id=test.name.removeprefix("gazelle."))


@pytest.fixture
def registry():
    """Forget the classes that examples define, which count as gazelle's."""
    before = {namespace: dict(table) for namespace, table in REGISTRY.items()}
    yield
    for namespace, table in REGISTRY.items():
        for name in table.keys() - before.get(namespace, {}).keys():
            if not hasattr(sys.modules.get(table[name].__module__), table[name].__name__):
                del table[name]


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("test", list(examples()))
def test_example(test, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # some write a file
    gazelle.utils.set_random_seed(0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    said = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()):
        runner.run(test, out=said.write, clear_globs=False)
    assert runner.summarize(verbose=False).failed == 0, said.getvalue()

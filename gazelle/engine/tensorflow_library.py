"""Import of TensorFlow on first use, so that the tables can be read without it."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gazelle.core.own_code import from_gazelle

if TYPE_CHECKING:
    import numpy as np

    from gazelle.core.types import DTypeLike, Foreign


@functools.cache
def _module() -> Foreign:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # otherwise it prints its build options in every process
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # its sums would have another order in each run
    importlib.import_module("tensorflow")
    with behind_the_stand_in():
        return importlib.import_module("tensorflow")


_modules: dict[str, Foreign] = {}  # of TensorFlow


@contextlib.contextmanager
def behind_the_stand_in() -> Iterator[None]:
    """A with-block in which `tensorflow` is TensorFlow, even if gazelle replaces it in this process."""
    if not getattr(type(sys.modules.get("tensorflow")), "is_facade", False):
        yield
        return
    finders, replaced = list(sys.meta_path), _named_tensorflow()
    for name in replaced:
        del sys.modules[name]
    sys.modules.update(_modules)
    sys.meta_path[:] = [finder for finder in finders if not from_gazelle(type(finder))]
    try:
        yield
    finally:
        sys.meta_path[:] = finders
        _modules.update(_named_tensorflow())
        sys.modules.update(replaced)


def _named_tensorflow() -> dict[str, Foreign]:
    return {name: module for name, module in sys.modules.items() if name.split(".")[0] == "tensorflow"}


class _Library:
    def __getattr__(self, name: str) -> Foreign:
        return getattr(_module(), name)


tf: Any = _Library()


def op(name: str, **inputs: Any) -> Foreign:
    """Run an operation of TensorFlow by its registered name."""
    return getattr(tf.raw_ops, name)(**inputs)


def constant(value: np.ndarray, dtype: DTypeLike | None = None) -> Foreign:
    """A NumPy array as a tensor of the graph."""
    return tf.constant(value, dtype)


def known(tensor: Foreign) -> Foreign:
    """The value of a tensor as a NumPy array where it does not depend on the inputs, else None."""
    return tf.get_static_value(tensor)

"""The functions of TensorFlow as attributes, with `__` for each dot of their names: where `pickle` finds them."""

from __future__ import annotations

import importlib
from typing import Any

from gazelle.compat.tensorflow.names import NAMES


def __getattr__(name: str) -> Any:
    importlib.import_module("gazelle.compat.tensorflow")  # which registers all of them, also in a new process
    try:
        return NAMES[name.replace("__", ".")]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name) from None

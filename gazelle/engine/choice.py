"""The selected engine, loaded at first use."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from gazelle.core import engines
from gazelle.engine.base import Engine


@functools.cache
def _load(name: str) -> Engine:
    if name == "tensorflow":
        from gazelle.engine.tensorflow import TensorFlow

        return TensorFlow()
    if name == "pytensor":
        from gazelle.engine.pytensor import PyTensor

        return PyTensor()
    from gazelle.engine.xla import XLA

    return XLA()


def current() -> Engine:
    """The engine selected by `gazelle.config.set_engine`."""
    return _load(engines.engine())


def compile(function: Callable[..., Any], donate: tuple[int, ...] = (), key: str | None = None) -> Callable[..., Any]:
    """Compile a pure function with the selected engine; see `Engine.compile`."""
    return current().compile(function, donate, key)


def devices() -> list[str]:
    """Return the names of the devices of the current engine, the one in use first.

    Returns:
        Names such as 'cpu:0'.
    """
    return current().devices()

"""`optimizer_v2` and `optimizer_experimental`, in which each optimizer had a module: `optimizer_v2.adam.Adam`."""

from __future__ import annotations

from typing import Any

from gazelle import optimizers


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    if name.islower():
        return optimizers
    return optimizers.Optimizer if name == "OptimizerV2" else getattr(optimizers, name)

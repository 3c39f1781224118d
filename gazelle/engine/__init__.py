"""Engines execute: a pure function in, a compiled callable out. They know no layer, no model and no file.

In: a pure function of arrays. Out: a callable that runs it. Must not know: what the function computes.
"""

from gazelle.engine.arrays import (
    buffer,
    copy,
    distribute,
    distributed,
    fetch,
    place,
    place_batches,
    resident,
    split,
    spread_out,
    take,
)
from gazelle.engine.choice import compile, current, devices
from gazelle.engine.executable_cache import recall, remember
from gazelle.engine.hardware import tell_device

__all__ = [
    "buffer",
    "compile",
    "copy",
    "current",
    "devices",
    "distribute",
    "distributed",
    "fetch",
    "place",
    "place_batches",
    "recall",
    "remember",
    "resident",
    "split",
    "spread_out",
    "take",
    "tell_device",
]

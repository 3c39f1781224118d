"""Engines compile pure functions of arrays and move arrays to and from the device.

Input: a pure function of arrays. Output: a callable that runs it. Must not import layers, models or saving.
"""

from gazelle.engine.arrays import (
    active_distribution,
    batches_to_device,
    buffer,
    constrain_outputs,
    constrain_replicated,
    constrain_variable,
    copy,
    fits_on_device,
    gather_rows,
    number,
    own_rows,
    readers_of_batch,
    replicate,
    set_distribution,
    shard_batches,
    shard_variable,
    to_device,
    to_host,
)
from gazelle.engine.choice import compile, current, devices
from gazelle.engine.executable_cache import load_metadata, save_metadata
from gazelle.engine.hardware import device_message

__all__ = [
    "active_distribution",
    "batches_to_device",
    "buffer",
    "compile",
    "constrain_outputs",
    "constrain_replicated",
    "constrain_variable",
    "copy",
    "current",
    "device_message",
    "devices",
    "fits_on_device",
    "gather_rows",
    "load_metadata",
    "number",
    "own_rows",
    "readers_of_batch",
    "replicate",
    "save_metadata",
    "set_distribution",
    "shard_batches",
    "shard_variable",
    "to_device",
    "to_host",
]

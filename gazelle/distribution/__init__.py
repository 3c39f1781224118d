"""In: devices, and names for the axes of their grid. Out: where batches and weights lie, told to the engine.

Must not know: models. XLA divides the work itself, from where the arrays lie; a program is the same for 1 device and 8.
"""

from __future__ import annotations

from gazelle.distribution.mesh import (
    DeviceMesh,
    TensorLayout,
    distribute_tensor,
    get_device_count,
    initialize,
    list_devices,
)
from gazelle.distribution.strategies import DataParallel, LayoutMap, ModelParallel, distribution, set_distribution

__all__ = [
    "DataParallel",
    "DeviceMesh",
    "LayoutMap",
    "ModelParallel",
    "TensorLayout",
    "distribute_tensor",
    "distribution",
    "get_device_count",
    "initialize",
    "list_devices",
    "set_distribution",
]

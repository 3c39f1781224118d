"""Distribution over devices: meshes, layouts of tensors, data and model parallelism.

Input: devices and names of the axes of their mesh. Output: the sharding of batches and weights, for the engine. XLA
partitions the computation by the sharding of its arguments; a program is the same for one device and for eight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gazelle.core.module_names import public_names
from gazelle.distribution.mesh import (
    DeviceMesh,
    TensorLayout,
    distribute_tensor,
    get_device_count,
    initialize,
    list_devices,
)
from gazelle.distribution.strategies import (
    FSDP,
    DataParallel,
    LayoutMap,
    ModelParallel,
    distribution,
    set_distribution,
)

__all__ = [
    "FSDP",
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

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)

"""A grid of devices with a name for each axis, and which axis of an array is split along which of them."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from gazelle.core.errors import ArgumentError, message, unknown
from gazelle.core.variable import Variable


def list_devices(device_type: str | None = None) -> list[str]:
    """The devices of a kind ('cpu', 'gpu', 'tpu'), the best kind there is by default.

    >>> list_devices("cpu")[0]
    'cpu:0'
    """
    return [f"{device.platform}:{device.id}" for device in _devices(device_type)]


def get_device_count(device_type: str | None = None) -> int:
    """How many devices of a kind there are.

    >>> get_device_count("cpu") == len(list_devices("cpu"))
    True
    """
    return len(_devices(device_type))


def _devices(kind: str | None) -> Sequence[Any]:
    try:
        return jax.devices(kind.lower() if kind else None)
    except RuntimeError as error:
        raise unknown("kind of device", kind, {device.platform for device in jax.devices()}) from error


def initialize(
    job_addresses: str | None = None, num_processes: int | None = None, process_id: int | None = None
) -> None:
    """Connect this process to the others of a job, before anything is computed.

    What is not given is taken from KERAS_DISTRIBUTION_JOB_ADDRESSES, _NUM_PROCESSES and _PROCESS_ID.

    Args:
        job_addresses: address and port of the first process, or of all, with commas.
        num_processes: how many there are. process_id: which one this is, from 0.
    """
    words = os.environ
    addresses = job_addresses or words.get("KERAS_DISTRIBUTION_JOB_ADDRESSES")
    count = num_processes if num_processes is not None else words.get("KERAS_DISTRIBUTION_NUM_PROCESSES")
    number = process_id if process_id is not None else words.get("KERAS_DISTRIBUTION_PROCESS_ID")
    jax.distributed.initialize(
        coordinator_address=addresses.split(",")[0] if addresses else None,
        num_processes=None if count is None else int(count),
        process_id=None if number is None else int(number),
    )


class DeviceMesh:
    """Devices in a grid.

    Args:
        shape: sizes of the grid. axis_names: a name for each axis.
        devices: as many as the grid has places, 'cpu:0' or JAX's own; all by default.

    >>> DeviceMesh((1, 1), ["batch", "model"], ["cpu:0"])
    DeviceMesh(shape=(1, 1), axis_names=['batch', 'model'])
    """

    def __init__(self, shape: Sequence[int], axis_names: Sequence[str], devices: Any = None) -> None:
        if not shape or not axis_names or len(shape) != len(axis_names):
            got = f"shape={shape!r} and axis_names={axis_names!r}"
            raise ArgumentError(message("DeviceMesh", expected="a name for each axis of shape", got=got))
        found = np.array(list_devices() if devices is None else devices, dtype=object).ravel()
        if len(found) != math.prod(shape):
            expected = f"{math.prod(shape)} devices for shape {tuple(shape)}"
            hint = "XLA_FLAGS=--xla_force_host_platform_device_count=4 makes four of one CPU, to try it."
            raise ArgumentError(message("DeviceMesh", expected=expected, got=len(found), hint=hint))
        self.shape, self.axis_names, self.devices = tuple(shape), list(axis_names), found.reshape(tuple(shape))

    @property
    def backend_mesh(self) -> jax.sharding.Mesh:
        """The same of JAX."""
        known = {f"{device.platform}:{device.id}": device for device in (*jax.devices(), *jax.devices("cpu"))}
        missing = [d for d in self.devices.ravel() if isinstance(d, str) and d not in known]
        if missing:
            raise unknown("device", missing[0], known)
        devices = [known[d] if isinstance(d, str) else d for d in self.devices.ravel()]
        return jax.sharding.Mesh(np.array(devices).reshape(self.shape), self.axis_names)

    def __repr__(self) -> str:
        return f"DeviceMesh(shape={self.shape}, axis_names={self.axis_names})"


class TensorLayout:
    """For each axis of an array the axis of the mesh along which it is split; None: not split.

    >>> TensorLayout((None, "model"))
    TensorLayout(axes=(None, 'model'), device_mesh=None)
    """

    def __init__(self, axes: Sequence[str | None], device_mesh: DeviceMesh | None = None) -> None:
        self.axes = tuple(axes)
        self._mesh: DeviceMesh | None = None
        if device_mesh is not None:
            self.device_mesh = device_mesh

    @property
    def device_mesh(self) -> DeviceMesh | None:
        return self._mesh

    @device_mesh.setter
    def device_mesh(self, mesh: DeviceMesh) -> None:
        if self._mesh not in (None, mesh):
            raise ArgumentError(message("device_mesh of a TensorLayout", expected="one, set once", got="another one"))
        for axis in self.axes:
            if axis is not None and axis not in mesh.axis_names:
                raise unknown("axis of the mesh", axis, mesh.axis_names)
        self._mesh = mesh

    @property
    def backend_layout(self) -> jax.sharding.NamedSharding:
        """The same of JAX."""
        if self._mesh is None:
            raise ArgumentError(message("A TensorLayout without a mesh", hint="Give it a device_mesh."))
        return jax.sharding.NamedSharding(self._mesh.backend_mesh, jax.sharding.PartitionSpec(*self.axes))

    def __repr__(self) -> str:
        return f"TensorLayout(axes={self.axes}, device_mesh={self._mesh})"


def distribute_tensor(tensor: Any, layout: Any) -> Any:
    """The array, split as a `TensorLayout` (or a sharding of JAX) says; inside of a compiled step, a wish to XLA.

    >>> mesh = DeviceMesh((1,), ["batch"], ["cpu:0"])
    >>> distribute_tensor(jnp.ones((2, 3)), TensorLayout(("batch", None), mesh)).shape
    (2, 3)
    """
    sharding = layout.backend_layout if isinstance(layout, TensorLayout) else layout
    array = tensor.value if isinstance(tensor, Variable) else tensor
    if isinstance(array, jax.core.Tracer):
        return jax.lax.with_sharding_constraint(array, sharding)
    return jax.device_put(array, sharding)

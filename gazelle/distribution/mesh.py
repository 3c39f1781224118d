"""Device meshes, and layouts that shard the axes of an array along the axes of a mesh."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from gazelle.core import prng
from gazelle.core.errors import ArgumentError, message, unknown
from gazelle.core.types import ArrayLike
from gazelle.core.variable import Variable
from gazelle.engine import processes


def list_devices(device_type: str | None = None) -> list[str]:
    """List the devices of a type.

    Args:
        device_type: 'cpu', 'gpu' or 'tpu'; by default that of JAX's default backend.

    Returns:
        Strings such as 'cpu:0'.

    Raises:
        ArgumentError: there are no such devices.

    >>> list_devices("cpu")[0]
    'cpu:0'
    """
    return [f"{device.platform}:{device.id}" for device in _devices(device_type)]


def get_device_count(device_type: str | None = None) -> int:
    """The number of devices of a type.

    Args:
        device_type: 'cpu', 'gpu' or 'tpu'; by default that of JAX's default backend.

    Returns:
        The number.

    Raises:
        ArgumentError: there are no such devices.

    >>> get_device_count("cpu") == len(list_devices("cpu"))
    True
    """
    return len(_devices(device_type))


def _devices(kind: str | None) -> Sequence[Any]:
    try:
        return jax.devices(kind.lower() if kind else None)
    except RuntimeError as error:
        raise unknown("type of device", kind, {device.platform for device in jax.devices()}) from error


def initialize(
    job_addresses: str | None = None, num_processes: int | None = None, process_id: int | None = None
) -> None:
    """Connect this process to the other processes of a job; must be called before the first computation.

    The random numbers of gazelle, NumPy and Python then start from one seed in all of them. A second call has no
    effect. The defaults are read from the environment: KERAS_DISTRIBUTION_JOB_ADDRESSES,
    KERAS_DISTRIBUTION_NUM_PROCESSES and KERAS_DISTRIBUTION_PROCESS_ID; what they leave open is detected by JAX under
    Slurm, Open MPI and Kubernetes. If a process does not answer for GAZELLE_HEARTBEAT seconds (100), the job ends; one
    that ended is noticed at once.

    Args:
        job_addresses: address and port of the first process, or of all, separated by commas.
        num_processes: number of processes.
        process_id: the index of this process, from 0.
    """
    if jax.distributed.is_initialized():
        return
    environment = os.environ
    addresses = job_addresses or environment.get("KERAS_DISTRIBUTION_JOB_ADDRESSES")
    count = num_processes if num_processes is not None else environment.get("KERAS_DISTRIBUTION_NUM_PROCESSES")
    number = process_id if process_id is not None else environment.get("KERAS_DISTRIBUTION_PROCESS_ID")
    jax.config.update("jax_enable_preemption_service", False)  # it takes SIGTERM, on which `fit` stops all processes
    jax.distributed.initialize(
        coordinator_address=addresses.split(",")[0] if addresses else None,
        num_processes=None if count is None else int(count),
        process_id=None if number is None else int(number),
        heartbeat_timeout_seconds=int(environment.get("GAZELLE_HEARTBEAT", 100)),
    )
    if processes.count() > 1:
        prng.set_random_seed(processes.gather(prng.next_seed(), "initialize")[0])


class DeviceMesh:
    """Grid of devices.

    Args:
        shape: sizes of the axes.
        axis_names: a name for each axis.
        devices: the devices, as strings such as 'cpu:0' or as devices of JAX; all by default.

    Attributes:
        devices: an array of this shape.

    Raises:
        ArgumentError: the number of names or of devices does not match the shape.

    >>> DeviceMesh((1, 1), ["batch", "model"], ["cpu:0"])
    DeviceMesh(shape=(1, 1), axis_names=['batch', 'model'])
    """

    def __init__(
        self, shape: Sequence[int], axis_names: Sequence[str], devices: Sequence[str | jax.Device] | None = None
    ) -> None:
        if not shape or not axis_names or len(shape) != len(axis_names):
            got = f"shape={shape!r} and axis_names={axis_names!r}"
            raise ArgumentError(message("DeviceMesh", expected="a name for each axis of shape", got=got))
        found = np.array(list_devices() if devices is None else devices, dtype=object).ravel()
        if len(found) != math.prod(shape):
            expected = f"{math.prod(shape)} devices for shape {tuple(shape)}"
            hint = "For a test, XLA_FLAGS=--xla_force_host_platform_device_count=4 creates four devices on one CPU."
            raise ArgumentError(message("DeviceMesh", expected=expected, got=len(found), hint=hint))
        self.shape, self.axis_names, self.devices = tuple(shape), list(axis_names), found.reshape(tuple(shape))

    @property
    def backend_mesh(self) -> jax.sharding.Mesh:
        """The mesh as an object of JAX."""
        known = {f"{device.platform}:{device.id}": device for device in (*jax.devices(), *jax.devices("cpu"))}
        missing = [d for d in self.devices.ravel() if isinstance(d, str) and d not in known]
        if missing:
            raise unknown("device", missing[0], known)
        devices = [known[d] if isinstance(d, str) else d for d in self.devices.ravel()]
        return jax.sharding.Mesh(np.array(devices).reshape(self.shape), self.axis_names)

    def __repr__(self) -> str:
        return f"DeviceMesh(shape={self.shape}, axis_names={self.axis_names})"


class TensorLayout:
    """Sharding of an array along the axes of a mesh.

    Args:
        axes: for each axis of the array the name of an axis of the mesh, or None if it is not sharded.
        device_mesh: the mesh; it may be set later.

    Raises:
        ArgumentError: the mesh has no axis of a name.

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
        """The mesh; it can be set once."""
        return self._mesh

    @device_mesh.setter
    def device_mesh(self, mesh: DeviceMesh) -> None:
        if self._mesh not in (None, mesh):
            raise ArgumentError(
                message("device_mesh of a TensorLayout", expected="one mesh, set once", got="another one")
            )
        for axis in self.axes:
            if axis is not None and axis not in mesh.axis_names:
                raise unknown("axis of the mesh", axis, mesh.axis_names)
        self._mesh = mesh

    @property
    def backend_layout(self) -> jax.sharding.NamedSharding:
        """The layout as a sharding of JAX."""
        if self._mesh is None:
            raise ArgumentError(message("A TensorLayout without a mesh", hint="Set its device_mesh."))
        axes = list(self.axes)
        while axes and axes[-1] is None:  # as XLA returns it: JAX compiles again for another form of the same sharding
            axes.pop()
        return jax.sharding.NamedSharding(self._mesh.backend_mesh, jax.sharding.PartitionSpec(*axes))

    def __repr__(self) -> str:
        return f"TensorLayout(axes={self.axes}, device_mesh={self._mesh})"


def distribute_tensor(tensor: ArrayLike, layout: TensorLayout | jax.sharding.Sharding) -> jax.Array:
    """Shard an array; inside a compiled function, a constraint for XLA.

    Args:
        tensor: the array.
        layout: a layout, or a sharding of JAX.

    Returns:
        The sharded array.

    >>> mesh = DeviceMesh((1,), ["batch"], ["cpu:0"])
    >>> distribute_tensor(jnp.ones((2, 3)), TensorLayout(("batch", None), mesh)).shape
    (2, 3)
    """
    sharding = layout.backend_layout if isinstance(layout, TensorLayout) else layout
    array: Any = tensor.value if isinstance(tensor, Variable) else tensor
    if isinstance(array, jax.core.Tracer):
        return jax.lax.with_sharding_constraint(array, sharding)
    return jax.device_put(array, sharding)

"""What is split: the samples of a batch, or also weights, by their paths."""

from __future__ import annotations

import contextlib
import re
import types
from collections.abc import Iterator, MutableMapping
from typing import Any

import jax

from gazelle import engine
from gazelle.core.errors import ArgumentError, message
from gazelle.distribution.mesh import DeviceMesh, TensorLayout, list_devices


class Distribution:
    """How arrays lie on a mesh. `set_distribution` tells the engine; models that are compiled after it follow."""

    def __init__(self, device_mesh: DeviceMesh, batch_dim_name: str, auto_shard_dataset: bool = True) -> None:
        self.device_mesh, self.batch_dim_name = device_mesh, batch_dim_name
        self.auto_shard_dataset = auto_shard_dataset

    @property
    def num_model_replicas(self) -> int:
        """Into how many parts a batch is split."""
        return self.device_mesh.shape[self.device_mesh.axis_names.index(self.batch_dim_name)]

    def get_data_layout(self, data_shape: Any) -> TensorLayout:
        """Of a batch: split by samples."""
        return TensorLayout([self.batch_dim_name, *[None] * (len(data_shape) - 1)], self.device_mesh)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """Of a variable: a whole one on each device."""
        return TensorLayout([None] * len(variable.shape), self.device_mesh)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """Of what comes out of a layer, where the layout map says."""
        return None

    def distribute_dataset(self, dataset: Any) -> Any:
        """In one process the data set itself: each batch is split when it is placed."""
        return dataset

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """In force within the with-block."""
        before = distribution()
        set_distribution(self)
        try:
            yield
        finally:
            set_distribution(before)

    # For the engine --------------------------------------------------------------------------------------------------

    def of_batches(self, shape: tuple[int, ...]) -> Any:
        """The sharding of stacked batches (steps, batch, ...): batches that do not divide are whole on each device."""
        split = len(shape) > 1 and shape[1] % self.num_model_replicas == 0
        axes = [None, self.batch_dim_name, *[None] * (len(shape) - 2)] if split else [None] * len(shape)
        return TensorLayout(axes, self.device_mesh).backend_layout

    def of_variable(self, path: str, array: Any) -> Any:
        """The sharding of a weight, and of what the optimizer remembers of it."""
        layout = self.get_variable_layout(types.SimpleNamespace(path=path, shape=array.shape))
        if len(layout.axes) != array.ndim:  # some optimizers remember a number or a row
            layout = TensorLayout([None] * array.ndim, self.device_mesh)
        return layout.backend_layout


class DataParallel(Distribution):
    """Each device computes a part of each batch, with all weights.

    Args:
        device_mesh: a mesh whose first axis splits the batch. devices: instead, the devices in a row; all by default.

    >>> DataParallel(devices=["cpu:0"]).device_mesh
    DeviceMesh(shape=(1,), axis_names=['batch'])
    """

    def __init__(
        self, device_mesh: DeviceMesh | None = None, devices: Any = None, auto_shard_dataset: bool = True
    ) -> None:
        if device_mesh is None:
            devices = list_devices() if devices is None else list(devices)
            device_mesh = DeviceMesh((len(devices),), ["batch"], devices)
        elif not isinstance(device_mesh, DeviceMesh):
            raise ArgumentError(message("device_mesh", expected="a DeviceMesh", got=repr(device_mesh)))
        super().__init__(device_mesh, device_mesh.axis_names[0], auto_shard_dataset)


class ModelParallel(Distribution):
    """Weights are split as a `LayoutMap` says, batches along one axis of its mesh.

    Args:
        layout_map: layouts for paths of weights; what it does not name is whole on each device.
        batch_dim_name: the axis of the mesh along which batches are split; the first one by default.

    >>> mesh = DeviceMesh((1, 1), ["batch", "model"], ["cpu:0"])
    >>> layouts = LayoutMap(mesh)
    >>> layouts["dense.*kernel"] = (None, "model")
    >>> ModelParallel(layout_map=layouts).get_variable_layout(Variable(jnp.ones((2, 3)), name="dense/kernel")).axes
    (None, 'model')
    """

    def __init__(
        self,
        *,
        layout_map: LayoutMap | None = None,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
        **kwargs: Any,
    ) -> None:
        if kwargs:
            raise ArgumentError(message(f"ModelParallel has no argument {next(iter(kwargs))!r}"))
        if not isinstance(layout_map, LayoutMap):
            raise ArgumentError(message("layout_map of ModelParallel", expected="a LayoutMap", got=repr(layout_map)))
        mesh = layout_map.device_mesh
        super().__init__(mesh, batch_dim_name or mesh.axis_names[0], auto_shard_dataset)
        self.layout_map = layout_map

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        return self.layout_map[variable.path] or super().get_variable_layout(variable)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        return self.layout_map[path]


class LayoutMap(MutableMapping[str, Any]):
    """{path of a weight, or a regular expression that is found in it: TensorLayout, or its axes}.

    >>> layouts = LayoutMap(DeviceMesh((1,), ["model"], ["cpu:0"]))
    >>> layouts["dense.*kernel"] = (None, "model")
    >>> layouts["my/dense_1/kernel"].axes, layouts["my/dense_1/bias"]
    ((None, 'model'), None)
    """

    def __init__(self, device_mesh: DeviceMesh) -> None:
        self.device_mesh = device_mesh
        self._layouts: dict[str, TensorLayout] = {}

    def __getitem__(self, key: str) -> Any:
        if key in self._layouts:
            return self._layouts[key]
        found = [pattern for pattern in self._layouts if re.search(pattern, key)]
        if len(found) > 1:
            raise ArgumentError(message(f"Path '{key}' in a LayoutMap", expected="one pattern", got=found))
        return self._layouts[found[0]] if found else None

    def __setitem__(self, key: str, layout: Any) -> None:
        if key in self._layouts:
            hint = "Delete it first: del layouts[path]."
            raise ArgumentError(message(f"'{key}' is in the LayoutMap already", hint=hint))
        layout = TensorLayout(layout) if isinstance(layout, (tuple, list)) else layout
        if not isinstance(layout, TensorLayout):
            raise ArgumentError(message(f"Layout of '{key}'", expected="a TensorLayout or its axes", got=repr(layout)))
        if layout.device_mesh is None:
            layout.device_mesh = self.device_mesh
        self._layouts[key] = layout

    def __delitem__(self, key: str) -> None:
        del self._layouts[key]

    def __len__(self) -> int:
        return len(self._layouts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)


def distribution() -> Any:
    """The distribution in force, None without one.

    >>> distribution() is None
    True
    """
    return engine.active_distribution()


def set_distribution(value: Distribution | None) -> None:
    """Let models that are compiled from now on lie on several devices; None: on one.

    >>> set_distribution(None)
    """
    if value is not None and jax.process_count() > 1:
        raise ArgumentError(message("set_distribution", expected="one process", got=f"{jax.process_count()} processes"))
    engine.set_distribution(value)

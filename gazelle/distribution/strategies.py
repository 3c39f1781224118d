"""Data parallelism, and model parallelism with layouts chosen by the paths of weights."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from typing import Any, Never, TypeVar, cast

import jax

from gazelle import engine
from gazelle.core import path_patterns
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.traceback import warn
from gazelle.core.types import Array
from gazelle.core.variable import Variable
from gazelle.distribution.mesh import DeviceMesh, TensorLayout, list_devices

T = TypeVar("T")


class Distribution:
    """Base class of distributions, which determine the layouts of arrays on a mesh.

    Models that are compiled after `set_distribution` use it.

    Args:
        device_mesh: the mesh.
        batch_dim_name: the axis of the mesh along which batches are sharded.
        auto_shard_dataset: whether each of several processes reads whole batches of a dataset and uses a part; with
            False a dataset yields in each process that part alone.
    """

    def __init__(self, device_mesh: DeviceMesh, batch_dim_name: str, auto_shard_dataset: bool = True) -> None:
        self.device_mesh, self.batch_dim_name = device_mesh, batch_dim_name
        self.auto_shard_dataset = auto_shard_dataset
        self._largest_batch = 0

    def program_key(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Determine what programs of equal models must have in common to be shared: layouts may depend on paths.

        Args:
            paths: `Variable.path` of the weights.

        Returns:
            The paths.
        """
        return tuple(paths)

    def check_paths(self, model: str, weights: Iterable[tuple[str, str]], outputs: Iterable[tuple[str, str]]) -> None:
        """Check what the distribution states about paths against a model, before its programs are compiled.

        Args:
            model: the name of the model.
            weights: (`Variable.path`, `Variable.key`) of the weights.
            outputs: the paths of the outputs of layers, likewise.
        """

    @property
    def num_model_replicas(self) -> int:
        """The number of parts of a batch."""
        return self.device_mesh.shape[self.device_mesh.axis_names.index(self.batch_dim_name)]

    def get_data_layout(self, data_shape: Sequence[int | None]) -> TensorLayout:
        """Determine the layout of a batch, which is sharded by samples.

        Args:
            data_shape: the shape of the batch.

        Returns:
            The layout.
        """
        return TensorLayout([self.batch_dim_name, *[None] * (len(data_shape) - 1)], self.device_mesh)

    def get_variable_layout(self, variable: Variable) -> TensorLayout:
        """Determine the layout of a variable; by default it is replicated on each device.

        Args:
            variable: the variable.

        Returns:
            The layout.
        """
        return TensorLayout([None] * len(variable.shape), self.device_mesh)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """Determine the layout of the outputs of a layer.

        Args:
            path: the path of the layer.

        Returns:
            The layout; None for no constraint.
        """
        return None

    def distribute_dataset(self, dataset: T) -> T:
        """Return the dataset unchanged: each batch is sharded when it is placed on devices.

        Args:
            dataset: the dataset.

        Returns:
            The dataset.
        """
        return dataset

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Set the distribution in a `with` block.

        Returns:
            The context manager.
        """
        before = distribution()
        set_distribution(self)
        try:
            yield
        finally:
            set_distribution(before)

    def of_batches(self, shape: tuple[int, ...]) -> jax.sharding.NamedSharding:
        """Determine the sharding of stacked batches; they are replicated if the batch size is not divisible.

        The first time that this happens to the largest batch, a warning states it.

        Args:
            shape: the shape (steps, batch, ...).

        Returns:
            The sharding.
        """
        split = len(shape) > 1 and shape[1] % self.num_model_replicas == 0
        if len(shape) > 1 and shape[1] > self._largest_batch:
            self._largest_batch = shape[1]
            if not split:
                warn(
                    f"A batch of {shape[1]} does not divide by {self.num_model_replicas}, the size of the axis "
                    f"'{self.batch_dim_name}' of the mesh: each device computes all of it.\n"
                    f"Choose a multiple of {self.num_model_replicas} as batch_size."
                )
        axes = [None, self.batch_dim_name, *[None] * (len(shape) - 2)] if split else [None] * len(shape)
        return TensorLayout(axes, self.device_mesh).backend_layout

    def of_variable(self, path: str, array: Array, given: str | None = None) -> jax.sharding.NamedSharding:
        """Determine the sharding of a weight, or of a slot of the optimizer for it.

        Args:
            path: the path of the weight in the model, `Variable.key`.
            array: the value.
            given: the path in Keras, `Variable.path`; None if it is the same.

        Returns:
            The sharding.
        """
        description: Any = types.SimpleNamespace(path=given or path, key=path, shape=array.shape)
        layout = self.get_variable_layout(description)
        if len(layout.axes) != array.ndim:  # slots of some optimizers have other shapes
            layout = TensorLayout([None] * array.ndim, self.device_mesh)
        for number, (size, axis) in enumerate(zip(array.shape, layout.axes, strict=True)):
            devices = 1 if axis is None else self._size_of(axis)
            if size % devices:
                raise ShapeError(
                    message(
                        f"Layout {layout.axes} of '{path}' with shape {tuple(array.shape)}",
                        expected=f"axis {number} to divide by {devices}, the size of '{axis}' in {self.device_mesh}",
                        got=size,
                        hint="Give the variable another layout or size, or leave it out of the LayoutMap.",
                    )
                )
        return layout.backend_layout

    def replicated(self) -> jax.sharding.NamedSharding:
        """Determine the sharding of arrays that are replicated on all devices.

        Returns:
            The sharding.
        """
        return TensorLayout([], self.device_mesh).backend_layout

    def batch_axis(self) -> tuple[jax.sharding.Mesh, str] | None:
        """Determine the axis that batches are divided along.

        Returns:
            The mesh and the name of the axis; None if the mesh has other axes, too, along which weights may be divided.
        """
        mesh = self.device_mesh.backend_mesh
        return (mesh, self.batch_dim_name) if mesh.size == self.num_model_replicas else None

    def of_output(self, path: str, given: str | None = None) -> jax.sharding.NamedSharding | None:
        """Determine the sharding of the outputs of a layer.

        Args:
            path: the path of the layer in the model, and "/output".
            given: the same with the path of the layer in Keras.

        Returns:
            The sharding; None for no constraint.
        """
        layout = (self.get_tensor_layout(given) if given is not None else None) or self.get_tensor_layout(path)
        return None if layout is None else layout.backend_layout

    def _size_of(self, axis: str) -> int:
        return self.device_mesh.shape[self.device_mesh.axis_names.index(axis)]


class DataParallel(Distribution):
    """Data parallelism: each device has all weights and computes a part of each batch.

    Args:
        device_mesh: a mesh; batches are sharded along its first axis.
        devices: alternatively, a list of devices; all by default.
        auto_shard_dataset: whether each of several processes reads whole batches of a dataset and uses a part; with
            False a dataset yields in each process that part alone.

    Raises:
        ArgumentError: `device_mesh` is not a DeviceMesh.

    >>> DataParallel(devices=["cpu:0"]).device_mesh
    DeviceMesh(shape=(1,), axis_names=['batch'])
    """

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Sequence[str | jax.Device] | None = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        if device_mesh is None:
            devices = list_devices() if devices is None else list(devices)
            device_mesh = DeviceMesh((len(devices),), ["batch"], devices)
        elif not isinstance(device_mesh, DeviceMesh):
            raise ArgumentError(message("device_mesh", expected="a DeviceMesh", got=repr(device_mesh)))
        super().__init__(device_mesh, device_mesh.axis_names[0], auto_shard_dataset)

    def program_key(self, paths: Iterable[str]) -> tuple[str, ...]:
        return ()


class FSDP(DataParallel):
    """Fully sharded data parallelism: every weight, its slots and every batch are split between the devices.

    A weight is sharded along its largest axis that divides by the number of devices, and replicated if there is none.
    XLA gathers a weight where a layer needs it. Source: Rajbhandari et al. 2020, https://arxiv.org/abs/1910.02054.

    Args:
        device_mesh: a mesh; weights and batches are sharded along its first axis.
        devices: alternatively, a list of devices; all by default.
        auto_shard_dataset: whether each of several processes reads whole batches of a dataset and uses a part; with
            False a dataset yields in each process that part alone.

    Raises:
        ArgumentError: `device_mesh` is not a DeviceMesh.

    >>> FSDP(devices=["cpu:0"]).get_variable_layout(Variable(jnp.ones((2, 3)))).axes
    (None, 'batch')
    """

    def get_variable_layout(self, variable: Variable) -> TensorLayout:
        shape, count = tuple(variable.shape), self.num_model_replicas
        fitting = [axis for axis, size in enumerate(shape) if size and size % count == 0]
        chosen = max(fitting, key=lambda axis: shape[axis], default=None)
        axes = [self.batch_dim_name if axis == chosen else None for axis in range(len(shape))]
        return TensorLayout(axes, self.device_mesh)


class ModelParallel(Distribution):
    """Model parallelism: weights are sharded by a `LayoutMap`, batches along one axis of its mesh.

    Args:
        layout_map: layouts by paths of weights; other weights are replicated on each device.
        batch_dim_name: the axis of the mesh along which batches are sharded; the first one by default.
        auto_shard_dataset: whether each of several processes reads whole batches of a dataset and uses a part; with
            False a dataset yields in each process that part alone.
        **kwargs: further arguments are an error.

    Raises:
        ArgumentError: `layout_map` is not a LayoutMap, or an argument is unknown.

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
        **kwargs: Never,
    ) -> None:
        if kwargs:
            raise ArgumentError(message(f"ModelParallel has no argument {next(iter(kwargs))!r}"))
        if not isinstance(layout_map, LayoutMap):
            raise ArgumentError(message("layout_map of ModelParallel", expected="a LayoutMap", got=repr(layout_map)))
        mesh = layout_map.device_mesh
        super().__init__(mesh, batch_dim_name or mesh.axis_names[0], auto_shard_dataset)
        self.layout_map = layout_map

    def get_variable_layout(self, variable: Variable) -> TensorLayout:
        return self.layout_map._of(variable.path, variable.key) or super().get_variable_layout(variable)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        return self.layout_map[path]

    def check_paths(self, model: str, weights: Iterable[tuple[str, str]], outputs: Iterable[tuple[str, str]]) -> None:
        self.layout_map._check(model, list(weights), list(outputs))


class LayoutMap(MutableMapping[str, Any]):
    """Mapping of paths to layouts: keys are paths, or regular expressions that match a whole path.

    A weight has two paths: that in Keras, `Variable.path`, such as "sequential/dense/kernel", and if no key matches it,
    that in the model, `Variable.key`, such as "dense/kernel". The paths of the outputs of a layer are that of the layer
    and "/output". A key that matches nothing in a model is reported once. A value is a `TensorLayout` or a tuple of its
    axes. The layout of a path without a match is None.

    Args:
        device_mesh: the mesh of the layouts.

    Raises:
        ArgumentError: a path matches several keys, or a key is set twice.

    >>> layouts = LayoutMap(DeviceMesh((1,), ["model"], ["cpu:0"]))
    >>> layouts[".*dense.*kernel"] = (None, "model")
    >>> layouts["my/dense_1/kernel"].axes, layouts["my/dense_1/bias"]
    ((None, 'model'), None)
    """

    def __init__(self, device_mesh: DeviceMesh) -> None:
        self.device_mesh = device_mesh
        self._layouts: dict[str, TensorLayout] = {}
        self._checked: set[str] = set()  # keys that matched something, or were reported

    def __getitem__(self, key: str) -> TensorLayout | None:
        return self._of(key)

    def _of(self, *paths: str) -> TensorLayout | None:
        """The layout of a thing with several paths."""
        found = path_patterns.matching(self._layouts, *paths)
        if len(found) > 1:
            raise ArgumentError(message(f"Path '{paths[0]}' in a LayoutMap", expected="one pattern", got=found))
        return self._layouts[found[0]] if found else None

    def _check(self, model: str, weights: list[tuple[str, str]], outputs: list[tuple[str, str]]) -> None:
        """Warn of keys that select nothing in this model and selected nothing in another one."""
        paths = [path for both in (*weights, *outputs) for path in both]
        for pattern in path_patterns.unused(self._layouts.keys() - self._checked, paths):
            near = outputs if pattern.endswith("/output") else weights
            selected = f"weight and no output of model '{model}'"
            path_patterns.warn_of_unused("LayoutMap", pattern, selected, (path for both in near for path in both))
        self._checked.update(self._layouts)

    def __setitem__(self, key: str, layout: TensorLayout | Sequence[str | None]) -> None:
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


def distribution() -> Distribution | None:
    """Look up the current distribution.

    Returns:
        The distribution; None for a single device.

    >>> distribution() is None
    True
    """
    current: Any = engine.active_distribution()
    return cast("Distribution | None", current)


def set_distribution(value: Distribution | None) -> None:
    """Set the distribution of models that are compiled from now on.

    Args:
        value: the distribution; None for a single device.

    >>> set_distribution(None)
    """
    engine.set_distribution(value)

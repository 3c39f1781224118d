"""Writing of models to `.h5` files, which Keras 1 to 3 can read."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core.names import snake
from gazelle.core.registry import REGISTRY
from gazelle.core.serialization import serialize_object
from gazelle.core.variable import lock_variables
from gazelle.layers import Layer, weight_tree
from gazelle.saving import checksum, hdf5, keras_weight_order
from gazelle.saving.config import warn_of_replaced_methods
from gazelle.saving.h5_format.weight_layout import own_weights, weights_of

if TYPE_CHECKING:
    from h5py import Group

    from gazelle.core.types import Serialized
    from gazelle.core.variable import Variable
    from gazelle.models.model import Model
    from gazelle.saving.safetensors import Array

KERAS_VERSION = "3.15.1"  # the version of the layout
_LONGEST = 64_000  # bytes of an attribute


class Contents:
    """The parts of a file as Keras 3 writes them; a subclass has those of an earlier version."""

    backend = "jax"

    def version(self) -> str:
        """Return the version of Keras."""
        return KERAS_VERSION

    def text(self, value: str) -> str | bytes:
        """Return a text as the value of an attribute."""
        return value

    def model_config(self, model: Model) -> Serialized:
        """Return the config of a model."""
        return serialize_object(model)

    def training_config(self, compiled: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of `compile`; Keras 3 puts the optimizer of an `.h5` under another name."""
        optimizer = compiled["optimizer"]
        attributes = {k: v for k, v in compiled.items() if k != "optimizer"} | {
            "loss": object_of_loss(compiled.get("loss"))
        }
        if isinstance(optimizer, str):
            return attributes | {"optimizer_config": optimizer}
        return attributes | {"optimizer_config": {k: optimizer[k] for k in ("class_name", "config")}}

    def of_weights(self, weights: list[Variable]) -> list[tuple[str, Array]]:
        """Return the names and arrays of the weights of a layer."""
        return [(v.key, v.numpy()) for v in weights]

    def of_optimizer(self, model: Model) -> list[tuple[str, Array]]:
        """Return the names and arrays of the optimizer of a model."""
        return [(v.key, v.numpy()) for v in keras_weight_order.optimizer_variables(model)]


_KERAS_3 = Contents()


def dump(model: Model, include_optimizer: bool = True, contents: Contents = _KERAS_3) -> bytes:
    """The bytes of the file: config, weights by layer, and the optimizer's state."""
    import h5py

    warn_of_replaced_methods(model)
    with lock_variables(model.variables):
        return _dump(model, include_optimizer, contents, h5py)


def dump_weights(model: Model, contents: Contents = _KERAS_3) -> bytes | None:
    """The bytes of a file of weights by layer; None if a part of the model has a state that such a file cannot hold."""
    import h5py

    if not has_weights_alone(model):
        return None
    buffer = io.BytesIO()
    with lock_variables(model.variables), h5py.File(buffer, "w") as file:
        _write_layers(file, model, contents)
    return checksum.append_checksum(buffer.getbuffer())


def has_weights_alone(model: Model) -> bool:
    """Whether a file of weights by layer can hold the state of a model.

    Args:
        model: a built model.
    """
    writers = [type(layer).save_own_variables for layer in weight_tree.named_layers(model).values()]
    return all(write is Layer.save_own_variables for write in writers)


def _write_versions(group: Any, contents: Contents) -> None:
    group.attrs["keras_version"] = contents.text(contents.version())
    group.attrs["backend"] = contents.text(contents.backend)


def _write_layers(group: Any, model: Model, contents: Contents) -> None:
    _write_versions(group, contents)
    layers = [*model.layers, *model._auxiliary_layers]
    write_list(group, "layer_names", [layer.name for layer in layers])
    for layer in layers:
        write_arrays(group.create_group(layer.name), contents.of_weights(weights_of(layer)))
    write_arrays(group.create_group("top_level_model_weights"), contents.of_weights(own_weights(model)))


def _dump(model: Any, include_optimizer: bool, contents: Contents, h5py: Any) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        _write_versions(file, contents)
        file.attrs["model_config"] = contents.text(json.dumps(contents.model_config(model)))
        compiled = model.get_compile_config() if include_optimizer else None
        if compiled:
            file.attrs["training_config"] = contents.text(json.dumps(contents.training_config(compiled)))
        _write_layers(file.create_group("model_weights"), model, contents)
        if compiled and getattr(model, "optimizer", None) is not None:
            write_arrays(file.create_group("optimizer_weights"), contents.of_optimizer(model))
    return checksum.append_checksum(buffer.getbuffer())


def object_of_loss(loss: Serialized) -> Serialized:
    """Names of losses as objects: Keras 3.15 cannot read its own `.h5` with short names.

    Args:
        loss: the loss of a compile config.
    """
    if isinstance(loss, list):
        return [object_of_loss(one) for one in loss]
    if isinstance(loss, dict):
        return loss if "class_name" in loss else {k: object_of_loss(v) for k, v in loss.items()}
    table = REGISTRY["losses"]
    function = getattr(table.get(loss), "__name__", None) if isinstance(loss, str) else None
    classes = {snake(name): name for name, target in table.items() if isinstance(target, type)}
    return {"class_name": classes[function], "config": {}} if function in classes else loss


def write_arrays(group: Group, arrays: list[tuple[str, Array]]) -> None:
    """Write the arrays of a layer or an optimizer, and their names as an attribute.

    Args:
        group: the group of the file.
        arrays: names and arrays.
    """
    names = [
        name if name not in [other for other, _ in arrays[:n]] else _unique(name, n)
        for n, (name, _) in enumerate(arrays)
    ]
    write_list(group, "weight_names", names)
    for name, (_, array) in zip(names, arrays, strict=True):
        hdf5.write_array(group, name, np.asarray(array))


def _unique(name: str, number: int) -> str:
    base, colon, end = name.partition(":")
    return f"{base}_{number}{colon}{end}"


def write_list(group: Group, key: str, names: list[str]) -> None:
    """Store a list of names as an attribute, in parts if it is longer than HDF5 allows.

    Args:
        group: the group of the file.
        key: the name of the attribute.
        names: the list.
    """
    data = np.array([name.encode() for name in names], dtype="S") if names else np.array([], dtype="S1")
    rows = max(1, _LONGEST // data.itemsize)
    for start in range(0, len(data), rows) if len(data) > rows else [0]:
        group.attrs[f"{key}{start // rows}" if len(data) > rows else key] = data[start : start + rows]

"""`.h5` files in the layout of Keras 2: names of weights end in ":0", and optimizers have no learning rate."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from gazelle.compat import namespaces
from gazelle.compat.former_files import training, variables
from gazelle.compat.former_files.config import model_config
from gazelle.core.serialization import serialize
from gazelle.core.variable import lock_variables
from gazelle.saving import checksum
from gazelle.saving.config import warn_of_replaced_methods
from gazelle.saving.h5_format.write import object_of_loss, write_arrays, write_list

if TYPE_CHECKING:
    from gazelle.models import Model


def dump(model: Model, include_optimizer: bool = True) -> bytes | memoryview:
    """The bytes of a file with the config, the weights and the state of the optimizer.

    Args:
        model: the model.
        include_optimizer: False leaves out the arguments of `compile` and the optimizer.
    """
    import h5py

    warn_of_replaced_methods(model)
    buffer = io.BytesIO()
    with lock_variables(model.variables), h5py.File(buffer, "w") as file:
        _versions(file)
        file.attrs["model_config"] = json.dumps(model_config(model))
        compiled: Any = serialize(model.get_compile_config()) if include_optimizer else None
        if compiled:
            described = training.training_config(compiled, object_of_loss(compiled.get("loss")))
            file.attrs["training_config"] = json.dumps(described)
        _layers(file.create_group("model_weights"), model)
        if compiled and model.optimizer is not None:
            write_arrays(file.create_group("optimizer_weights"), variables.of_optimizer(model))
    return checksum.append_checksum(buffer.getbuffer())


def dump_weights(model: Model) -> bytes | memoryview:
    """The bytes of a file with the weights of each layer.

    Args:
        model: the model.
    """
    import h5py

    buffer = io.BytesIO()
    with lock_variables(model.variables), h5py.File(buffer, "w") as file:
        _layers(file, model)
    return checksum.append_checksum(buffer.getbuffer())


def _versions(group: Any) -> None:
    group.attrs["keras_version"], group.attrs["backend"] = namespaces.version("keras"), "tensorflow"


def _layers(group: Any, model: Model) -> None:
    _versions(group)
    write_list(group, "layer_names", [layer.name for layer in model.layers])
    for layer in model.layers:
        write_arrays(group.create_group(layer.name), variables.of_layer(layer))
    write_arrays(group.create_group("top_level_model_weights"), [])

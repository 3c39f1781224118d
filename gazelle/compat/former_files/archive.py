"""`.keras` and `.weights.h5` files of tf.keras 2.13 to 2.15."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gazelle.compat import namespaces
from gazelle.compat.former_files import training, variables
from gazelle.compat.former_files.config import converted
from gazelle.core.serialization import serialize, serialize_object
from gazelle.saving import hdf5, keras_v3, keras_weights
from gazelle.saving.config import warn_of_replaced_methods

if TYPE_CHECKING:
    from gazelle.models import Model


def dump(model: Model, include_optimizer: bool = True) -> memoryview:
    """The bytes of a `.keras` file.

    Args:
        model: the model.
        include_optimizer: False leaves out the state of the optimizer.
    """
    warn_of_replaced_methods(model)
    config = converted(serialize_object(model), model)
    compiled: Any = serialize(model.get_compile_config())
    if compiled:
        config["compile_config"] = training.compile_config(compiled)
    return keras_v3.zipped(config, namespaces.version("keras"), dump_weights(model, include_optimizer), model)


def dump_weights(model: Model, optimizer: bool = True) -> bytes | memoryview:
    """The bytes of a `.weights.h5` file.

    Args:
        model: the model.
        optimizer: whether it contains the state of the optimizer.
    """
    stored, groups = keras_weights.arrays_of(model, optimizer=False)
    arrays = {_path(path): array for path, array in stored.items()}
    names = {_path(path): name for path, name in groups.items()}
    if optimizer and model.optimizer is not None:
        names["optimizer/vars"] = model.optimizer.name
        for number, (_, array) in enumerate(variables.of_optimizer(model)):
            arrays[f"optimizer/vars/{number}"] = array
    return hdf5.file_of(arrays, names)


def _path(path: str) -> str:
    """The path of an array: the layers inside of a MultiHeadAttention had private names."""
    return re.sub(r"/(query|key|value|output)_dense/", r"/_\1_dense/", path)

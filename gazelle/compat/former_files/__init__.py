"""Files of programs for tf.keras 2 and Keras 2, in the formats that these versions read.

Input: a model, and its config in the form of Keras 3. Output: `.h5`, `.keras` and `.weights.h5` files, and JSON.
Reading them is the part of `gazelle.saving`, as for the files that these versions wrote.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from gazelle.compat import era
from gazelle.compat.former_files import archive
from gazelle.compat.former_files.config import config_of_layer, config_of_model, model_config
from gazelle.compat.former_files.given_configs import current_arguments, current_layer
from gazelle.compat.former_files.hdf5 import Keras2
from gazelle.core.traceback import warn
from gazelle.models import Model, Sequential
from gazelle.saving import keras_v3
from gazelle.saving.atomic import replace_file
from gazelle.saving.h5_format import write

if TYPE_CHECKING:
    from gazelle.core.types import PathLike

__all__ = [
    "config_of_layer",
    "config_of_model",
    "current_arguments",
    "current_layer",
    "model_config",
    "save",
    "save_weights",
]

_HDF5 = (".h5", ".hdf5")


def save(model: Model, filepath: PathLike, overwrite: bool = True, **kwargs: Any) -> None:
    """`Model.save` of programs for Keras 2; the package keras 2 had no `.keras` format.

    Args:
        model: the model.
        filepath: as for `Model.save`.
        overwrite: as for `Model.save`.
        **kwargs: as for `Model.save`.
    """
    if not model.built or (era.standalone() and not str(filepath).endswith(_HDF5)):
        Model.save(model, filepath, overwrite, **kwargs)
        return

    def dump(include_optimizer: bool, is_h5: bool = False) -> bytes | memoryview:
        return write.dump(model, include_optimizer, Keras2()) if is_h5 else archive.dump(model, include_optimizer)

    keras_v3.write_model(dump, filepath, overwrite, **kwargs)


def save_weights(model: Model, filepath: PathLike, overwrite: bool = True, **kwargs: Any) -> None:
    """`Model.save_weights` of programs for Keras 2.

    Args:
        model: the model.
        filepath: as for `Model.save_weights`.
        overwrite: as for `Model.save_weights`.
        **kwargs: as for `Model.save_weights`.
    """
    if not model.built and era.is_tf_keras_2() and not isinstance(model, Sequential):  # TensorFlow wrote an empty file
        warn(f"save_weights of model '{model.name}', which has no weights yet: nothing was saved.")
        return
    path = os.fspath(filepath)
    by_layer = era.standalone() or not path.endswith(".weights.h5")
    data = None
    if model.built and path.endswith(_HDF5) and not kwargs:
        data = write.dump_weights(model, Keras2()) if by_layer else archive.dump_weights(model)
    if data is None:
        Model.save_weights(model, filepath, overwrite, **kwargs)
        return
    keras_v3.refuse_overwriting(path, overwrite)
    replace_file(path, lambda file: file.write(data))

"""`load_weights` of a model that is not built yet, which tf.keras accepts for its checkpoints: it loads them later.

The weights are read as soon as they exist: after `build`, before the first call, or when `fit` has created them.
"""

from __future__ import annotations

import os
from typing import Any

from gazelle.core import symbolic, tracing
from gazelle.models import Model
from gazelle.saving import keras_v3, tensorflow_format

_NAME = "_deferred_weights"


def can_wait(model: Any, filepath: Any) -> bool:
    """Whether the weights in a file are loaded later; a missing file is an error at once.

    Files in the format HDF5 are not: tf.keras, too, needs a built model for them.
    """
    path = os.fspath(filepath) if isinstance(filepath, str | os.PathLike) else ""
    if model.built or path in ("", "latest") or path.endswith((".h5", ".hdf5", ".keras", ".json", ".safetensors")):
        return False
    if not tensorflow_format.is_checkpoint(path):
        keras_v3.existing(path)
    return True


def wait(model: Any, args: Any, kwargs: Any) -> None:
    """Load weights when the model is built."""
    vars(model)[_NAME] = (args, kwargs)


def load(model: Any) -> None:
    """Load the weights that wait for a model, if it has been built; a value cannot be stored in a trace."""
    if _NAME in vars(model) and model.built and model.weights and not tracing.is_traced():
        args, kwargs = vars(model).pop(_NAME)
        Model.load_weights(model, *args, **kwargs)


def build_first(model: Any, inputs: Any) -> None:
    """Build a model whose weights wait, before it is called on these inputs."""
    if _NAME in vars(model) and not model.built and not tracing.is_traced():
        model.build(symbolic.map_tree(lambda leaf: (None, *leaf.shape[1:]), inputs))

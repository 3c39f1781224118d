"""Weights of LSTM and GRU that were trained with the former default of their gates, `hard_sigmoid`."""

from __future__ import annotations

import os
import re

from gazelle.compat import era
from gazelle.compat.types import Option
from gazelle.core.errors import GazelleError
from gazelle.core.traceback import warn
from gazelle.core.types import PathLike
from gazelle.models import Model
from gazelle.saving import hdf5
from gazelle.saving.h5_format.activations import hard_sigmoid_before_keras_3

_VERSION = re.compile(r"(\d+)\.(\d+)[.\d]*(-tf)?$")


def adapt(model: Model, path: PathLike | None) -> None:
    """Give layers with default gates those with which the weights in a file were trained, with a warning."""
    layers = [layer for layer in model._flatten_layers() if vars(layer).get("_has_default_gates")]
    if not layers or era.number() != 2 or era.is_before_2_3() or not _is_earlier(path):
        return
    for layer in layers:
        layer.recurrent_activation = hard_sigmoid_before_keras_3
    model._invalidate_trainer()
    names = ", ".join(layer.name for layer in layers)
    what = "from a release of Keras in which recurrent_activation of LSTM and GRU was 'hard_sigmoid' by default"
    hint = "To choose another function, give recurrent_activation."
    warn(f"'{os.fspath(path or '')}' is {what}: it is used for {names}.\n{hint}")


def _is_earlier(path: Option) -> bool:
    """Whether Keras before 2.3, or tf.keras before TensorFlow 1.13, wrote a file."""
    if not isinstance(path, str | os.PathLike) or not os.path.isfile(path):
        return False
    try:
        with hdf5.opened(path, str(path)) as reader:
            attributes = {**reader.attributes, **reader.attributes_of("model_weights")}
    except GazelleError:
        return False
    version = _VERSION.match(str(attributes.get("keras_version", "")))
    return version is not None and (int(version[1]), int(version[2])) < ((2, 2) if version[3] else (2, 3))

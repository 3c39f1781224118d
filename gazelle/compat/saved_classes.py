"""Classes and functions of the program in the models that it saved as a SavedModel of TensorFlow.

A SavedModel is read without `custom_objects`. One that this process wrote refers to the classes of this process,
which are recorded here; nothing is looked up by the names in a file.
"""

from __future__ import annotations

import os
from typing import Any

import jax

from gazelle.core.types import Config
from gazelle.layers import Layer, weight_tree
from gazelle.models import Model

_LIBRARIES = ("gazelle", "jax", "numpy", "builtins", "tensorflow", "keras", "functools")
_SAVED: dict[str, dict[str, Any]] = {}  # path -> name -> class or function


def remember(model: Model, path: object) -> None:
    """Record the classes and functions of the program that a model without an ending of Keras refers to."""
    if not isinstance(path, (str, os.PathLike)) or os.fspath(path).endswith((".keras", ".h5", ".hdf5")):
        return
    layers = list(weight_tree.named_layers(model).values())
    arguments = {} if model._compile_state is None else model._compile_state.arguments
    values = [*(layer._config for layer in layers), arguments, model.optimizer]
    found = [*(type(layer) for layer in (model, *layers)), *map(_class_or_function, jax.tree.leaves(values))]
    own = [thing for thing in found if str(getattr(thing, "__module__", "gazelle")).split(".")[0] not in _LIBRARIES]
    _SAVED[os.path.abspath(path)] = {
        thing.__name__: _Restored(thing, layers) if isinstance(thing, type) and issubclass(thing, Layer) else thing
        for thing in own
        if hasattr(thing, "__name__")
    }


class _Restored:
    """A class of layers; TensorFlow also restores those whose constructor does not take their config."""

    def __init__(self, cls: type[Layer], layers: list[Layer]) -> None:
        self.cls = cls
        self.arguments = {layer.name: layer._config for layer in layers if type(layer) is cls}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cls, name)

    def from_config(self, config: Config) -> Layer:
        try:
            return self.cls.from_config(config)
        except TypeError:
            layer = self.cls(**self.arguments[config["name"]])
            layer.name = config["name"]
            return layer


def _class_or_function(value: Any) -> Any:
    return value if isinstance(value, type) or hasattr(value, "__name__") else type(value)


def of(path: object) -> dict[str, Any]:
    """What `remember` recorded for a path."""
    return _SAVED.get(os.path.abspath(path), {}) if isinstance(path, (str, os.PathLike)) else {}

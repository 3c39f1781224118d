"""Layers of Keras that are not supported, because they run code of other frameworks."""

from __future__ import annotations

from gazelle.core.errors import ArgumentError, message
from gazelle.layers.base import Layer


class TorchModuleWrapper(Layer):
    """Keras' layer around a PyTorch module; not supported, the constructor raises an error.

    Args:
        module: Ignored.
        **kwargs: Ignored.

    Raises:
        ArgumentError: Always.
    """

    def __init__(self, module: object = None, *args: object, **kwargs: object) -> None:
        raise ArgumentError(
            message(
                "TorchModuleWrapper runs a module with PyTorch, which gazelle does not use",
                hint="Write the module with layers, or with Flax or Equinox for FlaxLayer and EquinoxLayer.",
            )
        )

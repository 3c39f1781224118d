"""Layers of Keras that are supported in some programs alone, because they run code of other frameworks."""

from __future__ import annotations

from gazelle.core.errors import ArgumentError, message
from gazelle.layers.base import Layer


class TorchModuleWrapper(Layer):
    """Keras' layer around a PyTorch module, for programs for `keras` that set KERAS_BACKEND=torch; here an error.

    Args:
        module: Ignored.
        **kwargs: Ignored.

    Raises:
        ArgumentError: Always.
    """

    def __init__(self, module: object = None, *args: object, **kwargs: object) -> None:
        raise ArgumentError(
            message(
                "TorchModuleWrapper needs a program for `keras` under `gazelle run` that sets KERAS_BACKEND=torch",
                hint="Write the module with layers, or with Flax or Equinox for FlaxLayer and EquinoxLayer.",
            )
        )

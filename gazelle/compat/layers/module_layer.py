"""A `tf.Module` as a layer of a Sequential model, as in tf.keras 2."""

from __future__ import annotations

from gazelle.compat import facade
from gazelle.compat.types import NamedObject, Option, TensorResult
from gazelle.layers import Layer


class ModuleWrapper(Layer, abstract=True):
    """A layer that calls a module, whose variables are its weights.

    Args:
        module: A callable `tf.Module`.
    """

    def __init__(self, module: NamedObject, **kwargs: Option) -> None:
        super().__init__(**kwargs)
        self.module = module

    def call(self, x: Option, training: Option = None) -> TensorResult:
        """Call the module."""
        return facade.adapter.user_defined_call(self.module, (x,), {})

"""`keras.layers.merge`: the merging layers, and `_Merge`, the base class of custom ones."""

from __future__ import annotations

from typing import Any

from gazelle import layers
from gazelle.compat.layers.merge import Merge as Merge
from gazelle.compat.layers.merge import merge as merge
from gazelle.core.module_names import missing_name


class _Merge(layers.Layer):
    """Base class of layers that combine tensors: a subclass defines `_merge_function(inputs)`.

    >>> class Largest(_Merge):
    ...     def _merge_function(self, inputs):
    ...         return jnp.maximum(*inputs)
    >>> Largest()([np.ones(2), np.zeros(2)]).tolist()
    [1.0, 1.0]
    """

    supports_masking = True

    def _merge_function(self, inputs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no _merge_function.")

    def call(self, inputs: Any) -> Any:
        return self._merge_function(inputs)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return None: the result has no mask."""
        return None


def __getattr__(name: str) -> Any:
    if hasattr(layers, name):
        return getattr(layers, name)
    raise missing_name(__name__, name, layers.__all__)

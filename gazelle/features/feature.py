"""Features of a FeatureSpace: columns with their preprocessing layers, and crosses of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gazelle.core.config import Configurable
from gazelle.core.errors import unknown
from gazelle.core.serialization import deserialize
from gazelle.layers.base import Layer

if TYPE_CHECKING:
    from gazelle.core.types import Array

_KERAS_MODULE = "keras.src.layers.preprocessing.feature_space"


class Cross(Configurable):
    """Cross of several features: their combinations, hashed into bins.

    Args:
        feature_names: names of the features.
        crossing_dim: number of bins.
        output_mode: 'one_hot' or 'int'.

    Raises:
        ArgumentError: an unknown `output_mode`.

    >>> Cross(["age", "city"], crossing_dim=8).name
    'age_X_city'
    """

    _namespace, _keras_module = "feature_space", _KERAS_MODULE

    crossing_dim: int
    output_mode: str

    def __init__(self, feature_names: Sequence[str], crossing_dim: int, output_mode: str = "one_hot") -> None:
        if output_mode not in ("int", "one_hot"):
            raise unknown("output_mode of Cross", output_mode, ("int", "one_hot"))
        self.feature_names = tuple(feature_names)

    @property
    def name(self) -> str:
        """The names of the features, joined."""
        return "_X_".join(self.feature_names)


class Feature(Configurable):
    """Feature: the dtype of a column, its preprocessing layer, and the encoding of the result.

    Args:
        dtype: the dtype of the values.
        preprocessor: the layer, or its config.
        output_mode: 'int', 'one_hot' or 'float'.

    Raises:
        ArgumentError: an unknown `output_mode`.

    >>> Feature("float32", layers.Rescaling(0.5), "float").output_mode
    'float'
    """

    _namespace, _keras_module = "feature_space", _KERAS_MODULE

    dtype: str
    preprocessor: Layer
    output_mode: str

    def __init__(self, dtype: str, preprocessor: Layer | Mapping[str, Any], output_mode: str) -> None:
        if output_mode not in ("int", "one_hot", "float"):
            raise unknown("output_mode of Feature", output_mode, ("int", "one_hot", "float"))
        if isinstance(preprocessor, Mapping):
            self.preprocessor = deserialize(preprocessor)


class TFDIdentity(Layer):
    """Identity layer:  y = x; the name is that in files of Keras.

    >>> TFDIdentity()(jnp.array([1.0]))
    Array([1.], dtype=float32)
    """

    _namespace, _keras_module = "feature_space", _KERAS_MODULE

    def call(self, x: Array) -> Array:
        return x

"""FeatureSpace: columns of a table, each prepared in its own way, as one array."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle import layers
from gazelle.core.config import Configurable, deserialize
from gazelle.core.errors import ArgumentError, StateError, message, unknown
from gazelle.core.names import unique_name
from gazelle.layers.base import Layer
from gazelle.saving.keras_v3 import save_model

_KERAS_MODULE = "keras.src.layers.preprocessing.feature_space"


class Cross(Configurable):
    """Several features taken together, hashed into `crossing_dim` bins.

    >>> Cross(["age", "city"], crossing_dim=8).name
    'age_X_city'
    """

    _namespace, _keras_module = "feature_space", _KERAS_MODULE

    def __init__(self, feature_names: Any, crossing_dim: int, output_mode: str = "one_hot") -> None:
        if output_mode not in ("int", "one_hot"):
            raise unknown("output_mode of Cross", output_mode, ("int", "one_hot"))
        self.feature_names = tuple(feature_names)

    @property
    def name(self) -> str:
        return "_X_".join(self.feature_names)


class Feature(Configurable):
    """A column: the dtype of its values, the layer that prepares them, and how the result is encoded.

    >>> Feature("float32", layers.Rescaling(0.5), "float").output_mode
    'float'
    """

    _namespace, _keras_module = "feature_space", _KERAS_MODULE

    def __init__(self, dtype: str, preprocessor: Any, output_mode: str) -> None:
        if output_mode not in ("int", "one_hot", "float"):
            raise unknown("output_mode of Feature", output_mode, ("int", "one_hot", "float"))
        if isinstance(preprocessor, Mapping):
            self.preprocessor = deserialize(preprocessor)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """The feature that `get_config` described."""
        return cls(**config)


class TFDIdentity(Layer):
    """y = x; its name is that of Keras' files.

    >>> TFDIdentity()(jnp.array([1.0]))
    Array([1.], dtype=float32)
    """

    _namespace, _keras_module = "feature_space", _KERAS_MODULE

    def call(self, x: Any) -> Any:
        return x


class FeatureSpace(Layer):
    """The columns of a table, each by its feature's layer, joined to an array (batch, size) or kept as a dict.

    Features: 'float', 'float_normalized', 'float_rescaled', 'float_discretized', 'integer_categorical',
    'string_categorical', 'integer_hashed', 'string_hashed', or what the methods of these names and `feature` make.
    Columns are joined in the order of their names, crosses after them.

    Args:
        features: {name of the column: feature}.
        output_mode: 'concat' or 'dict'.
        crosses: pairs (or more) of names of columns that count together, or what `cross` makes.
        crossing_dim, hashing_dim, num_discretization_bins: bins of crosses, of hashed and of discretized features.

    >>> space = FeatureSpace({"size": "float_rescaled", "city": "string_categorical"})
    >>> space.adapt({"size": [1.0, 2.0], "city": ["Rome", "Oslo"]})
    >>> space({"size": [3.0], "city": ["Oslo"]})
    Array([[0., 0., 1., 3.]], dtype=float32)
    """

    _namespace = "utils"

    def __init__(
        self,
        features: Any,
        output_mode: str = "concat",
        crosses: Any = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if not features:
            raise ArgumentError(message("features of FeatureSpace", expected="at least one", got=repr(features)))
        if output_mode not in ("concat", "dict"):
            raise unknown("output_mode of FeatureSpace", output_mode, ("concat", "dict"))
        self.features = {key: self._feature(key, value) for key, value in features.items()}
        self.crosses = [self._cross(cross) for cross in crosses or []]
        self.preprocessors = {key: feature.preprocessor for key, feature in self.features.items()}
        self.crossers = {
            cross.name: layers.HashedCrossing(cross.crossing_dim, name=cross.name) for cross in self.crosses
        }
        self.inputs = {
            key: layers.Input(shape=(1,), dtype=feature.dtype, name=key) for key, feature in self.features.items()
        }
        self.one_hot_encoders: dict[str, Any] = {}
        self._adapted = False
        self._encoded: Any = None

    # Features --------------------------------------------------------------------------------------------------------

    @classmethod
    def cross(cls, feature_names: Any, crossing_dim: int, output_mode: str = "one_hot") -> Cross:
        """Features that count together."""
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Any, output_mode: str) -> Feature:
        """A feature with a layer of yours."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """A number as it is."""
        return Feature("float32", TFDIdentity(dtype="float32", name=_named("float", name)), "float")

    @classmethod
    def float_rescaled(cls, scale: Any = 1.0, offset: Any = 0.0, name: str | None = None) -> Feature:
        """A number times `scale` plus `offset`."""
        return Feature("float32", layers.Rescaling(scale, offset, name=_named("float_rescaled", name)), "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """A number with mean 0 and variance 1 over the data of `adapt`."""
        return Feature("float32", layers.Normalization(axis=-1, name=_named("float_normalized", name)), "float")

    @classmethod
    def float_discretized(
        cls, num_bins: int, bin_boundaries: Any = None, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """The bin of a number."""
        label = _named("float_discretized", name)
        layer = layers.Discretization(num_bins=num_bins, bin_boundaries=bin_boundaries, name=label)
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """A whole number by its place in the vocabulary of `adapt`."""
        label = _named("integer_categorical", name)
        layer = layers.IntegerLookup(max_tokens=max_tokens, num_oov_indices=num_oov_indices, name=label)
        return Feature("int32", layer, output_mode)

    @classmethod
    def string_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """A string by its place in the vocabulary of `adapt`."""
        label = _named("string_categorical", name)
        layer = layers.StringLookup(max_tokens=max_tokens, num_oov_indices=num_oov_indices, name=label)
        return Feature("string", layer, output_mode)

    @classmethod
    def string_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """The bin of a string's hash."""
        return Feature("string", layers.Hashing(num_bins, name=_named("string_hashed", name)), output_mode)

    @classmethod
    def integer_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """The bin of a whole number's hash."""
        return Feature("int32", layers.Hashing(num_bins, name=_named("integer_hashed", name)), output_mode)

    def _feature(self, name: str, value: Any) -> Feature:
        value = deserialize(value) if isinstance(value, Mapping) else value
        if isinstance(value, Feature):
            return value
        needed = {"float_discretized": (self.num_discretization_bins,)}
        needed |= dict.fromkeys(("integer_hashed", "string_hashed"), (self.hashing_dim,))
        if value not in _KINDS:
            raise unknown(f"feature of column {name!r}", value, _KINDS)
        return getattr(self, value)(*needed.get(value, ()), name=name)

    def _cross(self, value: Any) -> Cross:
        value = deserialize(value) if isinstance(value, Mapping) else value
        value = value if isinstance(value, Cross) else Cross(value, self.crossing_dim)
        foreign = [name for name in value.feature_names if name not in self.features]
        if foreign:
            raise unknown("feature in crosses", foreign[0], self.features)
        return value

    # Learning --------------------------------------------------------------------------------------------------------

    def _learning(self) -> list[str]:
        """The columns whose layers take something from data."""

        def learns(layer: Any) -> bool:
            given = getattr(layer, "input_mean", None) is not None or getattr(layer, "vocabulary", None) is not None
            fixed = isinstance(layer, layers.Discretization) and layer.num_bins is None
            return hasattr(layer, "adapt") and not given and not fixed

        return [name for name, layer in self.preprocessors.items() if learns(layer)]

    def adapt(self, dataset: Any) -> None:
        """Let every layer learn from its column: a dict of columns, a data frame, or batches of such dicts."""
        whole = isinstance(dataset, Mapping) or hasattr(dataset, "columns")
        if not whole and not hasattr(dataset, "__iter__"):
            raise ArgumentError(
                message(
                    "adapt of FeatureSpace",
                    expected="a dict of columns, or batches of dicts",
                    got=type(dataset).__name__,
                )
            )
        if hasattr(dataset, "as_numpy_iterator"):
            dataset = list(dataset.as_numpy_iterator())
        rows = [dataset] if whole else list(dataset) if iter(dataset) is dataset else dataset

        def column(name: str) -> Iterator[Any]:
            for batch in rows:
                yield _column((batch[0] if isinstance(batch, tuple) else batch)[name])

        for name in self._learning():
            self.preprocessors[name].adapt(column(name))
        self._adapted, self._encoded = True, None
        self.get_encoded_features()

    def _check_adapted(self) -> None:
        if not self._adapted and self._learning():
            raise StateError(
                message("FeatureSpace has not seen data yet", hint="Call .adapt(data) on a dict of columns first.")
            )
        self._adapted = True

    def get_inputs(self) -> dict[str, Any]:
        """The symbolic columns: the inputs of a model that takes raw data."""
        self.get_encoded_features()
        return self.inputs

    def get_encoded_features(self) -> Any:
        """The symbolic result: what a model on this space starts from."""
        self._check_adapted()
        if self._encoded is None:
            self._encoded = self._merged(self.inputs, layers.Concatenate(axis=-1))
            self.built = True
        return self._encoded

    # Calling ---------------------------------------------------------------------------------------------------------

    def __call__(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        self.get_encoded_features()
        if not isinstance(data, Mapping) and not hasattr(data, "columns"):
            raise ArgumentError(message("Input of FeatureSpace", expected="a dict by column", got=type(data).__name__))
        missing = [name for name in self.features if name not in data]
        if missing:
            raise ArgumentError(
                message("Input of FeatureSpace", expected=f"columns {list(self.features)}", got=f"none for {missing}")
            )
        single = all(np.ndim(data[name]) == 0 for name in self.features)
        out = self._merged(
            {name: _column(data[name]) for name in self.features}, lambda parts: jnp.concatenate(parts, -1)
        )
        if not single:
            return out
        return {name: value[0] for name, value in out.items()} if isinstance(out, dict) else out[0]

    def _merged(self, columns: Mapping[str, Any], join: Any) -> Any:
        """All features encoded, by name; joined with output_mode='concat'."""
        found = {name: self.preprocessors[name](columns[name]) for name in self.features}
        crossed = {
            cross.name: self.crossers[cross.name]([found[name] for name in cross.feature_names])
            for cross in self.crosses
        }
        specs: dict[str, Any] = {**self.features, **{cross.name: cross for cross in self.crosses}}
        values = {**{k: found[k] for k in sorted(found)}, **{k: crossed[k] for k in sorted(crossed)}}
        out = {name: self._encoded_one(name, value, specs[name].output_mode) for name, value in values.items()}
        if self.output_mode == "dict":
            return out
        for name, value in out.items():
            if not str(value.dtype).startswith(("float", "bfloat")):
                raise ArgumentError(
                    message(
                        f"Feature {name!r} cannot be joined",
                        expected="output_mode='one_hot' or 'float'",
                        got=f"values of dtype {value.dtype}",
                        hint="output_mode='dict' keeps it.",
                    )
                )
        return join(list(out.values()))

    def _encoded_one(self, name: str, value: Any, mode: str) -> Any:
        if mode != "one_hot":
            return value
        if name not in self.one_hot_encoders:
            layer = self.preprocessors.get(name) or self.crossers[name]
            if "int" not in str(value.dtype):
                raise ArgumentError(
                    message(
                        f"Feature {name!r} with output_mode='one_hot'",
                        expected="whole numbers",
                        got=f"{value.dtype} from its layer",
                    )
                )
            self.one_hot_encoders[name] = layers.CategoryEncoding(_places(name, layer), output_mode="multi_hot")
        return self.one_hot_encoders[name](value)

    # Files -----------------------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {
            key: config[key]
            for key in ("features", "output_mode", "crosses", "crossing_dim", "hashing_dim", "num_discretization_bins")
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """The space that `get_config` described."""
        return cls(**config)

    def get_build_config(self) -> dict[str, Any] | None:
        return {name: layer.get_build_config() for name, layer in self.preprocessors.items()}

    def build_from_config(self, config: Mapping[str, Any]) -> None:
        for name, words in config.items():
            if words and not self.preprocessors[name].built:
                self.preprocessors[name].build_from_config(words)
        self._adapted = self.built = True

    def get_compile_config(self) -> None:
        """There is nothing to compile."""

    def compile_from_config(self, config: Any) -> None:
        """There is nothing to compile."""

    def save(self, filepath: Any) -> None:
        """Write a `.keras` file, which `load_model` reads."""
        save_model(self, filepath)


_KINDS = (
    "float",
    "float_normalized",
    "float_rescaled",
    "float_discretized",
    "integer_categorical",
    "string_categorical",
    "integer_hashed",
    "string_hashed",
)


def _named(kind: str, name: str | None) -> str:
    return f"{name or unique_name('features', kind)}_preprocessor"


def _column(values: Any) -> Any:
    """Values of a column as (batch, 1); more axes stay."""
    array = np.asarray(values)
    return array.reshape(-1, 1) if array.ndim < 2 else array


def _places(name: str, layer: Any) -> int:
    """How many whole numbers a layer gives."""
    if isinstance(layer, (layers.IntegerLookup, layers.StringLookup)):
        return layer.vocabulary_size()
    if isinstance(layer, layers.Discretization):
        return int(layer.num_bins or len(layer.bin_boundaries or ()) + 1)
    for size in ("num_tokens", "num_bins"):
        if hasattr(layer, size):
            return int(getattr(layer, size))
    raise ArgumentError(
        message(
            f"Feature {name!r} with output_mode='one_hot'",
            expected="a layer of known range",
            got=type(layer).__name__,
            hint="Use output_mode='int'.",
        )
    )

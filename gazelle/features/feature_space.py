"""FeatureSpace: preprocessing of the columns of a table by layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import jax.numpy as jnp
import numpy as np

from gazelle import layers
from gazelle.core.errors import ArgumentError, StateError, message, unknown
from gazelle.core.names import unique_name
from gazelle.core.serialization import deserialize
from gazelle.features.feature import Cross, Feature, TFDIdentity
from gazelle.layers.base import Layer
from gazelle.saving.keras_v3 import save_model

if TYPE_CHECKING:
    from gazelle.core.symbolic import KerasTensor
    from gazelle.core.types import Array, ArrayLike, PathLike
    from gazelle.models import Model

Columns: TypeAlias = Mapping[str, Any]


class FeatureSpace(Layer):
    """Layer that preprocesses each column of a table and concatenates the results to an array (batch, size).

    Features are names or results of the methods of the same names and of `feature`: 'float', 'float_normalized',
    'float_rescaled', 'float_discretized', 'integer_categorical', 'string_categorical', 'integer_hashed',
    'string_hashed'. Columns are concatenated in the order of their names, followed by crosses.

    Args:
        features: {name of the column: feature}.
        output_mode: 'concat', or 'dict' for a dict of arrays.
        crosses: tuples of names of features, or results of `cross`.
        crossing_dim: number of bins of crosses.
        hashing_dim: number of bins of hashed features.
        num_discretization_bins: number of bins of discretized features.
        name: the name of the layer.

    Attributes:
        features: {name of the column: Feature}.
        preprocessors: {name of the column: layer}.
        crossers: {name of the cross: layer}.

    Raises:
        ArgumentError: there are no features, or a name is unknown.
        StateError: the layer is called before `adapt`.

    >>> space = FeatureSpace({"size": "float_rescaled", "city": "string_categorical"})
    >>> space.adapt({"size": [1.0, 2.0], "city": ["Rome", "Oslo"]})
    >>> space({"size": [3.0], "city": ["Oslo"]})
    Array([[0., 0., 1., 3.]], dtype=float32)
    """

    _namespace = "utils"
    output_mode: str
    crossing_dim: int
    hashing_dim: int
    num_discretization_bins: int

    def __init__(
        self,
        features: Mapping[str, str | Feature | Mapping[str, Any]],
        output_mode: str = "concat",
        crosses: Iterable[Sequence[str] | Cross | Mapping[str, Any]] | None = None,
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

    @classmethod
    def cross(cls, feature_names: Sequence[str], crossing_dim: int, output_mode: str = "one_hot") -> Cross:
        """Create a cross of features.

        Args:
            feature_names: names of the features.
            crossing_dim: number of bins.
            output_mode: 'one_hot' or 'int'.

        Returns:
            The cross.
        """
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Layer, output_mode: str) -> Feature:
        """Create a feature with a custom layer.

        Args:
            dtype: the dtype of the values.
            preprocessor: the layer.
            output_mode: 'int', 'one_hot' or 'float'.

        Returns:
            The feature.
        """
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """Create a feature of numbers without preprocessing.

        Args:
            name: prefix of the name of the layer.

        Returns:
            The feature.
        """
        return Feature("float32", TFDIdentity(dtype="float32", name=_named("float", name)), "float")

    @classmethod
    def float_rescaled(cls, scale: ArrayLike = 1.0, offset: ArrayLike = 0.0, name: str | None = None) -> Feature:
        """Create a feature of rescaled numbers:  scale x + offset.

        Args:
            scale: the factor.
            offset: the offset.
            name: prefix of the name of the layer.

        Returns:
            The feature.
        """
        return Feature("float32", layers.Rescaling(scale, offset, name=_named("float_rescaled", name)), "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """Create a feature of numbers normalized to mean 0 and variance 1 over the data of `adapt`.

        Args:
            name: prefix of the name of the layer.

        Returns:
            The feature.
        """
        return Feature("float32", layers.Normalization(axis=-1, name=_named("float_normalized", name)), "float")

    @classmethod
    def float_discretized(
        cls,
        num_bins: int,
        bin_boundaries: Sequence[Any] | None = None,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Create a feature of numbers discretized into bins.

        Args:
            num_bins: number of bins, by quantiles of the data of `adapt`.
            bin_boundaries: the boundaries; they replace `num_bins`.
            output_mode: 'one_hot' or 'int'.
            name: prefix of the name of the layer.

        Returns:
            The feature.
        """
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
        """Create a feature of integers encoded by their index in the vocabulary of `adapt`.

        Args:
            max_tokens: maximum size of the vocabulary.
            num_oov_indices: number of indices for unknown values.
            output_mode: 'one_hot' or 'int'.
            name: prefix of the name of the layer.

        Returns:
            The feature.
        """
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
        """Create a feature of strings encoded by their index in the vocabulary of `adapt`.

        Args:
            max_tokens: maximum size of the vocabulary.
            num_oov_indices: number of indices for unknown values.
            output_mode: 'one_hot' or 'int'.
            name: prefix of the name of the layer.

        Returns:
            The feature.
        """
        label = _named("string_categorical", name)
        layer = layers.StringLookup(max_tokens=max_tokens, num_oov_indices=num_oov_indices, name=label)
        return Feature("string", layer, output_mode)

    @classmethod
    def string_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """Create a feature of strings hashed into bins.

        Args:
            num_bins: number of bins.
            output_mode: 'one_hot' or 'int'.
            name: prefix of the name of the layer.

        Returns:
            The feature.
        """
        return Feature("string", layers.Hashing(num_bins, name=_named("string_hashed", name)), output_mode)

    @classmethod
    def integer_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """Create a feature of integers hashed into bins.

        Args:
            num_bins: number of bins.
            output_mode: 'one_hot' or 'int'.
            name: prefix of the name of the layer.

        Returns:
            The feature.
        """
        return Feature("int32", layers.Hashing(num_bins, name=_named("integer_hashed", name)), output_mode)

    def _feature(self, name: str, value: Any) -> Feature:
        value = deserialize(value) if isinstance(value, Mapping) else value
        if isinstance(value, Feature):
            return value
        arguments = {"float_discretized": (self.num_discretization_bins,)}
        arguments |= dict.fromkeys(("integer_hashed", "string_hashed"), (self.hashing_dim,))
        if value not in _KINDS:
            raise unknown(f"feature of column {name!r}", value, _KINDS)
        return getattr(self, value)(*arguments.get(value, ()), name=name)

    def _cross(self, value: Any) -> Cross:
        value = deserialize(value) if isinstance(value, Mapping) else value
        value = value if isinstance(value, Cross) else Cross(value, self.crossing_dim)
        missing = [name for name in value.feature_names if name not in self.features]
        if missing:
            raise unknown("feature in crosses", missing[0], self.features)
        return value

    def _adaptable(self) -> list[str]:
        """The columns whose layers need `adapt`."""

        def is_adaptable(layer: Any) -> bool:
            given = getattr(layer, "input_mean", None) is not None or getattr(layer, "vocabulary", None) is not None
            fixed = isinstance(layer, layers.Discretization) and layer.num_bins is None
            return hasattr(layer, "adapt") and not given and not fixed

        return [name for name, layer in self.preprocessors.items() if is_adaptable(layer)]

    def adapt(self, dataset: Columns | Iterable[Any]) -> None:
        """Compute the state of the layers (vocabularies, means, bins) from data.

        Args:
            dataset: a dict of columns, a data frame, or batches of such dicts.

        Raises:
            ArgumentError: `dataset` is none of these.
        """
        is_table = isinstance(dataset, Mapping) or hasattr(dataset, "columns")
        if not is_table and not hasattr(dataset, "__iter__"):
            raise ArgumentError(
                message(
                    "adapt of FeatureSpace",
                    expected="a dict of columns, or batches of dicts",
                    got=type(dataset).__name__,
                )
            )
        if hasattr(dataset, "as_numpy_iterator"):
            dataset = list(dataset.as_numpy_iterator())
        rows: Any = [dataset] if is_table else list(dataset) if iter(dataset) is dataset else dataset

        def column(name: str) -> Iterator[Any]:
            for batch in rows:
                yield _column((batch[0] if isinstance(batch, tuple) else batch)[name])

        for name in self._adaptable():
            self.preprocessors[name].adapt(column(name))
        self._adapted, self._encoded = True, None
        self.get_encoded_features()

    def _check_adapted(self) -> None:
        if not self._adapted and self._adaptable():
            raise StateError(
                message("FeatureSpace is not adapted to data", hint="Call .adapt(data) with a dict of columns first.")
            )
        self._adapted = True

    def get_inputs(self) -> dict[str, KerasTensor]:
        """Create the symbolic columns.

        Returns:
            {name: symbolic tensor}, the inputs of a model of raw data.
        """
        self.get_encoded_features()
        return self.inputs

    def get_encoded_features(self) -> KerasTensor | dict[str, KerasTensor]:
        """Apply the layer to the symbolic columns.

        Returns:
            The symbolic result, as input of the layers of a model.
        """
        self._check_adapted()
        if self._encoded is None:
            self._encoded = self._encode(self.inputs, layers.Concatenate(axis=-1))
            self.built = True
        return self._encoded

    def __call__(self, data: Columns, *args: Any, **kwargs: Any) -> Array | dict[str, Array]:  # type: ignore[override]
        self.get_encoded_features()
        if not isinstance(data, Mapping) and not hasattr(data, "columns"):
            raise ArgumentError(message("Input of FeatureSpace", expected="a dict by column", got=type(data).__name__))
        missing = [name for name in self.features if name not in data]
        if missing:
            raise ArgumentError(
                message("Input of FeatureSpace", expected=f"columns {list(self.features)}", got=f"none for {missing}")
            )
        is_single = all(np.ndim(data[name]) == 0 for name in self.features)
        out = self._encode(
            {name: _column(data[name]) for name in self.features}, lambda parts: jnp.concatenate(parts, -1)
        )
        if not is_single:
            return out
        return {name: value[0] for name, value in out.items()} if isinstance(out, dict) else out[0]

    def _encode(self, columns: Mapping[str, Any], concatenate: Callable[[list[Any]], Any]) -> Any:
        """The encoded features, concatenated with output_mode='concat'."""
        found = {name: self.preprocessors[name](columns[name]) for name in self.features}
        crossed = {
            cross.name: self.crossers[cross.name]([found[name] for name in cross.feature_names])
            for cross in self.crosses
        }
        specs: dict[str, Any] = {**self.features, **{cross.name: cross for cross in self.crosses}}
        values = {**{k: found[k] for k in sorted(found)}, **{k: crossed[k] for k in sorted(crossed)}}
        out = {name: self._encode_feature(name, value, specs[name].output_mode) for name, value in values.items()}
        if self.output_mode == "dict":
            return out
        for name, value in out.items():
            if not str(value.dtype).startswith(("float", "bfloat")):
                raise ArgumentError(
                    message(
                        f"Feature {name!r} cannot be concatenated",
                        expected="output_mode='one_hot' or 'float'",
                        got=f"values of dtype {value.dtype}",
                        hint="output_mode='dict' keeps it.",
                    )
                )
        return concatenate(list(out.values()))

    def _encode_feature(self, name: str, value: Any, mode: str) -> Any:
        if mode != "one_hot":
            return value
        if name not in self.one_hot_encoders:
            layer = self.preprocessors.get(name) or self.crossers[name]
            if "int" not in str(value.dtype):
                raise ArgumentError(
                    message(
                        f"Feature {name!r} with output_mode='one_hot'",
                        expected="integers",
                        got=f"{value.dtype} from its layer",
                    )
                )
            self.one_hot_encoders[name] = layers.CategoryEncoding(_num_tokens(name, layer), output_mode="multi_hot")
        return self.one_hot_encoders[name](value)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {
            key: config[key]
            for key in ("features", "output_mode", "crosses", "crossing_dim", "hashing_dim", "num_discretization_bins")
        }

    def get_build_config(self) -> dict[str, Any] | None:
        return {name: layer.get_build_config() for name, layer in self.preprocessors.items()}

    def build_from_config(self, config: Mapping[str, Any]) -> None:
        for name, build_config in config.items():
            if build_config and not self.preprocessors[name].built:
                self.preprocessors[name].build_from_config(build_config)
        self._adapted = self.built = True

    def get_compile_config(self) -> None:
        """None: a FeatureSpace has no arguments of compile."""

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Do nothing: a FeatureSpace is not compiled.

        Args:
            config: ignored.
        """

    def save(self, filepath: PathLike) -> None:
        """Write a `.keras` file, which `load_model` reads.

        Args:
            filepath: the file to write.
        """
        save_model(cast("Model", self), filepath)


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
    """Values of a column as (batch, 1), or with more axes unchanged."""
    array = np.asarray(values)
    return array.reshape(-1, 1) if array.ndim < 2 else array


def _num_tokens(name: str, layer: Any) -> int:
    """The number of integers that a layer can return."""
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
            expected="a layer with a known number of outputs",
            got=type(layer).__name__,
            hint="Use output_mode='int'.",
        )
    )

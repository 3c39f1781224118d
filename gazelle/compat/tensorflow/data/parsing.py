"""tf.io.parse_example: tensors from messages of `tf.train.Example`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.data.examples import MESSAGES, values_of
from gazelle.compat.tensorflow.dtypes import as_dtype, name_of
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.ops.arrays import array_of
from gazelle.compat.tensorflow.ops.ragged import RaggedTensor
from gazelle.compat.tensorflow.ops.sparse import SparseTensor
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.tensorflow.tensor_messages import parsed
from gazelle.compat.types import DTypeLike, ShapeLike, TensorLike, TensorResult
from gazelle.core.errors import DataError, message


@named("io.FixedLenFeature", "FixedLenFeature")
class FixedLenFeature:
    def __init__(self, shape: ShapeLike, dtype: DTypeLike, default_value: TensorLike = None) -> None:
        self.shape, self.dtype, self.default = tuple(shape), as_dtype(dtype), default_value

    def of(self, name: str, values: list[Any]) -> TensorResult:
        given = values if values or self.default is None else np.asarray(self.default, object).reshape(-1).tolist()
        size = int(np.prod(self.shape))
        given = given * size if len(given) == 1 < size and not values else given
        if len(given) != size:
            raise DataError(message(f"Feature {name!r}", expected=f"{size} values, or a default_value", got=len(given)))
        return Tensor(_listed(given, self.dtype).reshape(self.shape))


@named("io.FixedLenSequenceFeature", "FixedLenSequenceFeature")
class FixedLenSequenceFeature(FixedLenFeature):
    """`tf.io.FixedLenSequenceFeature(shape, dtype, allow_missing)`: any number of parts; a batch of them is padded."""

    @ignores("allow_missing@3")
    def __init__(self, shape: ShapeLike, dtype: DTypeLike, default_value: TensorLike = None) -> None:
        super().__init__(shape, dtype, default_value)

    def of(self, name: str, values: list[Any]) -> TensorResult:
        return Tensor(_listed(values, self.dtype).reshape(-1, *self.shape))


@named("io.VarLenFeature", "VarLenFeature")
class VarLenFeature:
    """`tf.io.VarLenFeature(dtype)`: any number of values."""

    def __init__(self, dtype: DTypeLike) -> None:
        self.dtype = as_dtype(dtype)

    def of(self, name: str, values: list[Any]) -> TensorResult:
        return SparseTensor(np.arange(len(values))[:, None], _listed(values, self.dtype), [len(values)])


@named("io.RaggedFeature")
class RaggedFeature:
    """`tf.io.RaggedFeature(dtype)`: any number of values; a batch is a ragged tensor."""

    @ignores("partitions=() row_splits_dtype validate")
    def __init__(self, dtype: DTypeLike, value_key: str | None = None) -> None:
        self.dtype, self.value_key = as_dtype(dtype), value_key

    def of(self, name: str, values: list[Any]) -> TensorResult:
        return Tensor(_listed(values, self.dtype))


@named("io.SparseFeature", "SparseFeature")
class SparseFeature:
    """`tf.io.SparseFeature(index_key, value_key, dtype, size)`: values and their indices from two features."""

    @ignores("already_sorted")
    def __init__(self, index_key: str, value_key: str, dtype: DTypeLike, size: int) -> None:
        self.index_key, self.value_key, self.dtype = index_key, value_key, as_dtype(dtype)
        self.size = int(np.ravel(size)[0])

    def of_both(self, indices: list[Any], values: list[Any]) -> SparseTensor:
        order = np.argsort(np.asarray(indices, "int64"), kind="stable")
        listed = _listed(values, self.dtype)
        return SparseTensor(np.asarray(indices, "int64")[order, None], Tensor(listed[order]), [self.size])


def _listed(values: list[Any], dtype: Any) -> Any:
    out = np.empty(len(values), object if dtype == "string" else name_of(dtype))
    out[:] = [v.encode() if isinstance(v, str) else v for v in values]
    return out


@named("io.parse_single_example", "parse_single_example")
@ignores("example_names")
def parse_single_example(serialized: TensorLike, features: Mapping[str, Any]) -> dict[str, Any]:
    """`tf.io.parse_single_example`: {name: tensor}, with shapes and dtypes from `features`."""
    return _parsed(parsed(MESSAGES["Example"], serialized).features.feature, features)


def _parsed(found: Mapping[str, Any], features: Mapping[str, Any] | None) -> dict[str, Any]:
    keys = {name: getattr(spec, "value_key", None) or name for name, spec in (features or {}).items()}
    read = lambda key: values_of(found[key]) if key in found else []  # noqa: E731
    return {
        name: spec.of_both(read(spec.index_key), read(spec.value_key))
        if isinstance(spec, SparseFeature)
        else spec.of(name, read(keys[name]))
        for name, spec in (features or {}).items()
    }


@named("io.parse_single_sequence_example", "parse_single_sequence_example")
@ignores("example_name name")
def parse_single_sequence_example(
    serialized: TensorLike,
    context_features: Mapping[str, Any] | None = None,
    sequence_features: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """`tf.io.parse_single_sequence_example`: ({name: tensor} of the sequence, {name: tensor (steps, ...)})."""
    given = parsed(MESSAGES["SequenceExample"], serialized)
    found = given.feature_lists.feature_list
    names = sequence_features or {}
    steps = {name: [values_of(one) for one in found[name].feature] if name in found else [] for name in names}
    parts = {name: _steps(name, spec, steps[name]) for name, spec in (sequence_features or {}).items()}
    return _parsed(given.context.feature, context_features), parts


def _steps(name: str, spec: Any, steps: list[list[Any]]) -> Any:
    """The values of all steps: rows of a sparse tensor, or an array."""
    if isinstance(spec, VarLenFeature | RaggedFeature):
        return _batched(spec, [spec.of(name, step) for step in steps])
    return spec.of(name, [value for step in steps for value in step])


@named("io.parse_sequence_example")
@ignores("example_names name")
def parse_sequence_example(
    serialized: TensorLike,
    context_features: Mapping[str, Any] | None = None,
    sequence_features: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """`tf.io.parse_sequence_example`: a batch; steps are padded, and their numbers are in the third dict."""
    rows = [
        parse_single_sequence_example(one, context_features, sequence_features)
        for one in array_of(serialized).reshape(-1)
    ]
    contexts = {name: _batched(spec, [row[0][name] for row in rows]) for name, spec in (context_features or {}).items()}
    parts = {name: [row[1][name] for row in rows] for name in sequence_features or {}}
    lengths = {
        name: Tensor(np.asarray([len(part) for part in parts[name]], "int64"))
        for name, spec in (sequence_features or {}).items()
        if isinstance(spec, FixedLenSequenceFeature)
    }
    return contexts, {name: _batched(spec, parts[name]) for name, spec in (sequence_features or {}).items()}, lengths


@named("io.parse_example", "parse_example")
@ignores("example_names")
def parse_example(serialized: TensorLike, features: Mapping[str, Any]) -> dict[str, Any]:
    """`tf.io.parse_example`: `parse_single_example` for a batch of messages."""
    rows = [parse_single_example(one, features) for one in array_of(serialized).reshape(-1)]
    return {name: _batched(spec, [row[name] for row in rows]) for name, spec in features.items()}


def _batched(spec: Any, parts: list[Any]) -> Any:
    if isinstance(spec, FixedLenSequenceFeature):
        return RaggedTensor.of_rows(parts).to_tensor(spec.default)
    if isinstance(spec, RaggedFeature):
        return RaggedTensor.of_rows(parts)
    if not isinstance(parts[0], SparseTensor):
        return Tensor(np.stack([part.array for part in parts]))
    if isinstance(spec, SparseFeature):
        return SparseTensor.of_rows(parts)
    lengths = [int(part.dense_shape[0]) for part in parts]
    indices = [(row, column) for row, n in enumerate(lengths) for column in range(n)]
    values = np.concatenate([part.values.array for part in parts])
    return SparseTensor(np.asarray(indices, "int64").reshape(-1, 2), values, [len(parts), max(lengths)])

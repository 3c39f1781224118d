"""tf.io.parse_example and tf.io.serialize_tensor: conversion between messages and tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.data.examples import Example, Feature, SequenceExample, fields
from gazelle.compat.tensorflow.dtypes import NUMBERS, as_dtype, name_of
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.ops.arrays import array_of, convert
from gazelle.compat.tensorflow.ops.ragged import RaggedTensor
from gazelle.compat.tensorflow.ops.sparse import SparseTensor
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import DTypeLike, ShapeLike, TensorLike, TensorResult
from gazelle.core.errors import DataError, message
from gazelle.core.record_format import field, varint
from gazelle.saving.tensorflow_format import protobuf


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

    @ignores("allow_missing")
    def __init__(
        self, shape: ShapeLike, dtype: DTypeLike, allow_missing: bool = False, default_value: TensorLike = None
    ) -> None:
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
    return _parsed(Example.FromString(serialized).features.feature, features)


def _parsed(found: Mapping[str, Feature], features: Mapping[str, Any] | None) -> dict[str, Any]:
    keys = {name: getattr(spec, "value_key", None) or name for name, spec in (features or {}).items()}
    read = lambda key: found[key].values() if key in found else []  # noqa: E731
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
    given = SequenceExample.FromString(serialized)
    found = given.feature_lists.feature_list
    steps = {
        name: [one.values() for one in found[name].feature] if name in found else [] for name in sequence_features or {}
    }
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


# Tensors as bytes: the message TensorProto, whose fields are dtype (1), shape (2: dims, each with a size) and raw bytes


_NUMBERS = {name: number for number, name in NUMBERS.items()}


@named("io.serialize_tensor", "serialize_tensor")
def serialize_tensor(tensor: TensorLike) -> Tensor:
    """`tf.io.serialize_tensor`: the tensor as bytes."""
    array = array_of(tensor)
    dims = b"".join(field(2, varint(1 << 3) + varint(n)) for n in array.shape)
    head = varint(1 << 3) + varint(_NUMBERS[name_of(array.dtype)]) + field(2, dims)
    if array.dtype == object:
        return convert(head + b"".join(field(8, v) for v in array.flat))
    return convert(head + field(4, array.tobytes()))


@named("io.parse_tensor", "parse_tensor")
def parse_tensor(serialized: TensorLike, out_type: DTypeLike) -> Tensor:
    """`tf.io.parse_tensor`: the tensor from bytes."""
    given = fields(bytes(array_of(serialized).item()))
    shape = [protobuf.number(fields(dim), 1) for dim in protobuf.contents(fields(protobuf.content(given, 2)), 2)]
    kind = name_of(out_type)
    raw, strings = protobuf.content(given, 4), protobuf.contents(given, 8)
    flat = _listed(strings, kind) if kind == "string" else np.frombuffer(raw, jnp.dtype(kind))
    if flat.size != int(np.prod(shape)):
        raise DataError(
            message("tf.io.parse_tensor", expected=f"{int(np.prod(shape))} values of {kind}", got=flat.size)
        )
    return Tensor(flat.reshape(shape))

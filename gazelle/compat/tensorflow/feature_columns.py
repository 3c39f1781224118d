"""`tf.feature_column` and `DenseFeatures`: columns of a table as numbers, with gazelle's preprocessing layers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import gazelle
from gazelle import ops
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.namespaces import namespace
from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.ops.sparse import SparseTensor, to_dense
from gazelle.compat.tensorflow.v1 import graph_variables, graphs, scopes
from gazelle.compat.types import TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.core.symbolic import KerasTensor
from gazelle.core.types import DTypeLike, InitializerLike
from gazelle.models import Model

Inputs = dict[str, KerasTensor]


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of numbers, or one of categories: integers below `count`, and -1 for one that is not known."""

    name: str
    inputs: dict[str, Any]  # key -> (shape, dtype), or (shape, dtype, default) of numbers
    read: Callable[[Inputs], KerasTensor]
    count: int = 0

    @property
    def key(self) -> str:
        """The feature that the column reads."""
        return next(iter(self.inputs))

    @property
    def num_buckets(self) -> int:
        """The number of categories."""
        return self.count


def _categories(key: str, dtype: str, count: int, read: Callable[[KerasTensor], KerasTensor]) -> Column:
    def found(inputs: Inputs) -> KerasTensor:
        return _known(read(inputs[key]), _is_missing(inputs[key], dtype))

    return Column(key, {key: ((1,), dtype)}, found, count)


def _is_missing(value: KerasTensor, dtype: str) -> KerasTensor:
    """Whether a feature has no value: '' and -1 are none, and are no category, even an unknown one."""
    if dtype != "string":
        return value == -1
    return gazelle.layers.StringLookup(vocabulary=[""])(unboxed(value)) == 1


def _known(ids: KerasTensor, missing: KerasTensor) -> KerasTensor:
    return ops.where(missing, ops.full_like(ids, -1), ids)


def _check(column: Any, function: str, categorical: bool) -> None:
    if not isinstance(column, Column) or bool(column.count) != categorical:
        got = f"column '{column.name}'" if isinstance(column, Column) else type(column).__name__
        expected = "a categorical column" if categorical else "a numeric column"
        raise ArgumentError(message(f"tf.feature_column.{function}", expected=expected, got=got))


@named("feature_column.numeric_column")
@ignores("dtype@3")
def numeric_column(
    key: str,
    shape: int | Sequence[int] = (1,),
    default_value: float | Sequence[float] | None = None,
    normalizer_fn: Callable[[Any], Any] | None = None,
) -> Column:
    size = (shape,) if isinstance(shape, int) else tuple(shape)

    def read(inputs: Inputs) -> KerasTensor:
        value = inputs[key] if normalizer_fn is None else normalizer_fn(inputs[key])
        return value if len(size) == 1 else ops.reshape(value, (-1, int(np.prod(size))))

    return Column(key, {key: (size, "float32", default_value)}, read)


@named("feature_column.bucketized_column")
def bucketized_column(source_column: Column, boundaries: Sequence[float]) -> Column:
    _check(source_column, "bucketized_column", False)
    sort = gazelle.layers.Discretization(list(boundaries))
    read = lambda inputs: sort(source_column.read(inputs))  # noqa: E731
    return Column(f"{source_column.name}_bucketized", source_column.inputs, read, len(boundaries) + 1)


@named("feature_column.categorical_column_with_vocabulary_list")
def vocabulary_list(
    key: str,
    vocabulary_list: Sequence[str] | Sequence[int],
    dtype: DTypeLike | None = None,
    default_value: int = -1,
    num_oov_buckets: int = 0,
) -> Column:
    known = np.asarray(vocabulary_list).tolist()
    kind, dtype = ("StringLookup", "string") if isinstance(known[0], str) else ("IntegerLookup", "int64")
    look_up = getattr(gazelle.layers, kind)(vocabulary=known, num_oov_indices=num_oov_buckets or 1)

    def read(value: KerasTensor) -> KerasTensor:
        found = look_up(value) - (num_oov_buckets or 1)  # the layer has the unknown ones first
        outside = found + len(known) + num_oov_buckets if num_oov_buckets else ops.full_like(found, default_value)
        return ops.where(found < 0, outside, found)

    return _categories(key, dtype, len(known) + num_oov_buckets, read)


@named("feature_column.categorical_column_with_identity")
def identity(key: str, num_buckets: int, default_value: int | None = -1) -> Column:
    known = lambda value: (value >= 0) & (value < num_buckets)  # noqa: E731
    other = -1 if default_value is None else default_value
    read = lambda value: ops.where(known(value), value, ops.full_like(value, other))  # noqa: E731
    return _categories(key, "int64", num_buckets, read)


@named("feature_column.categorical_column_with_hash_bucket")
def hash_bucket(key: str, hash_bucket_size: int, dtype: DTypeLike | None = "string") -> Column:
    name = "string" if name_of(dtype) in ("string", "object") else "int64"
    layer = gazelle.layers.Hashing(hash_bucket_size)
    return _categories(key, name, hash_bucket_size, lambda value: layer(unboxed(value)))


@named("feature_column.crossed_column")
def crossed_column(keys: Sequence[str | Column], hash_bucket_size: int, hash_key: int | None = None) -> Column:
    columns = [
        Column(one, {one: ((1,), "string")}, lambda inputs, one=one: inputs[one], hash_bucket_size)
        if isinstance(one, str)
        else one
        for one in sorted(keys, key=lambda one: isinstance(one, str))  # TensorFlow has columns before keys
    ]
    for column in columns:
        _check(column, "crossed_column", True)
    cross = gazelle.layers.HashedCrossing(hash_bucket_size)
    vars(cross).update({} if hash_key is None else {"_key": hash_key})
    name = "_X_".join(sorted(column.name for column in columns))
    read = lambda inputs: cross([unboxed(column.read(inputs)) for column in columns])  # noqa: E731
    return Column(name, {k: v for c in columns for k, v in c.inputs.items()}, read, hash_bucket_size)


@named("feature_column.indicator_column")
def indicator_column(categorical_column: Column) -> Column:
    _check(categorical_column, "indicator_column", True)

    def read(inputs: Inputs) -> KerasTensor:
        return ops.sum(ops.one_hot(categorical_column.read(inputs), categorical_column.count), axis=1)

    return Column(f"{categorical_column.name}_indicator", categorical_column.inputs, read)


@named("feature_column.embedding_column")
@ignores("ckpt_to_load_from@4=None tensor_name_in_ckpt@5=None max_norm@6=None use_safe_embedding_lookup")
def embedding_column(
    categorical_column: Column,
    dimension: int,
    combiner: str = "mean",
    initializer: InitializerLike | None = None,
    trainable: bool = True,
) -> Column:
    return _embedded(categorical_column, "", dimension, combiner, initializer, trainable, [])


@named("feature_column.shared_embedding_columns", "feature_column.shared_embeddings")
@ignores("ckpt_to_load_from@5=None tensor_name_in_ckpt@6=None max_norm@7=None use_safe_embedding_lookup")
def shared_embedding_columns(
    categorical_columns: Sequence[Column],
    dimension: int,
    combiner: str = "mean",
    initializer: InitializerLike | None = None,
    shared_embedding_collection_name: str | None = None,
    trainable: bool = True,
) -> list[Column]:
    """`tf.feature_column.shared_embedding_columns`: columns whose categories are rows of one table."""
    parts = sorted(column.name for column in categorical_columns)
    table = shared_embedding_collection_name or f"{'_'.join(parts)}_shared_embedding"
    layers: list[Any] = []
    options = (dimension, combiner, initializer, trainable, layers)
    return [_embedded(column, table, *options) for column in categorical_columns]


def _embedded(
    column: Column,
    shared: str,
    dimension: int,
    combiner: str,
    initializer: InitializerLike | None,
    trainable: bool,
    layers: list[Any],
) -> Column:
    """The rows of a table for categories; a shared one has a name, and several columns have the same list of layers."""
    _check(column, "embedding_column", True)
    first = initializer or gazelle.initializers.TruncatedNormal(stddev=dimension**-0.5)
    name = f"{column.name}_{'shared_' if shared else ''}embedding"

    def read(inputs: Inputs) -> KerasTensor:
        known = layers if not graphs.active() else scopes.get_collection_ref(shared) if shared else []
        table = f"{shared or name}/embedding_weights"
        ids = column.read(inputs)
        return rows_of(ids, table, column.count, dimension, combiner, first, trainable, known)

    return Column(name, column.inputs, read)


def rows_of(
    ids: KerasTensor,
    name: str,
    count: int,
    dimension: int,
    combiner: str,
    initializer: InitializerLike,
    trainable: bool = True,
    known: list[Any] | None = None,
) -> KerasTensor:
    """The rows of a table for the categories of each sample, combined; in a graph the table is a variable.

    `known` has the table if there is one, else the new one is added.
    """
    known = [] if known is None else known
    if graphs.active():
        if not known:
            known += [graph_variables.get_variable(name, [count, dimension], None, initializer, trainable=trainable)]
        rows = NAMES["gather"](known[0], ops.maximum(ids, 0))
    else:
        if not known:
            known += [gazelle.layers.Embedding(count, dimension, initializer, trainable=trainable)]
        rows = known[0](ops.maximum(ids, 0))
    valid = ops.cast(ids >= 0, "float32")[..., None]
    total, number = ops.sum(rows * valid, axis=1), ops.maximum(ops.sum(valid, axis=1), 1)
    return total / {"mean": number, "sqrtn": ops.sqrt(number), "sum": 1}[combiner]


@named("feature_column.make_parse_example_spec")
def make_parse_example_spec(feature_columns: Sequence[Column]) -> dict[str, Any]:
    """`tf.feature_column.make_parse_example_spec`: the arguments of `tf.io.parse_example`."""
    forms = {key: form for column in feature_columns for key, form in column.inputs.items()}
    fixed, ragged = NAMES["io.FixedLenFeature"], NAMES["io.VarLenFeature"]
    return {k: fixed(*form) if form[1] == "float32" else ragged(form[1]) for k, form in forms.items()}


@named("feature_column.input_layer")
@ignores("weight_collections trainable cols_to_vars=None cols_to_output_tensors=None")
def input_layer(features: Mapping[str, TensorLike], feature_columns: Column | Sequence[Column]) -> TensorResult:
    """`tf.feature_column.input_layer`: the numbers of columns, next to each other, ordered by name."""
    columns = _numeric(feature_columns)
    with NAMES["variable_scope"](None, "input_layer"):
        inputs = tensors_of(columns, features)
        return NAMES["concat"]([NAMES["cast"](column.read(inputs), "float32") for column in columns], 1)


@named("feature_column.linear_model")
@ignores("weight_collections trainable cols_to_vars=None")
def linear_model(
    features: Mapping[str, TensorLike],
    feature_columns: Column | Sequence[Column],
    units: int = 1,
    sparse_combiner: str = "sum",
) -> TensorResult:
    """`tf.feature_column.linear_model`: weighted sums of numbers, rows of weights of categories, and a bias."""
    graphs.build_graphs()
    columns = [feature_columns] if isinstance(feature_columns, Column) else list(feature_columns)
    columns.sort(key=lambda column: column.name)
    inputs, zeros = tensors_of(columns, features), NAMES["zeros_initializer"]()
    with NAMES["variable_scope"](None, "linear_model"):
        parts = []
        for column in columns:
            values, name = column.read(inputs), f"{column.name}/weights"
            if column.count:
                parts.append(rows_of(values, name, column.count, units, sparse_combiner, zeros))
            else:
                weights = graph_variables.get_variable(name, [values.shape[-1], units], initializer=zeros)
                parts.append(NAMES["matmul"](NAMES["cast"](values, "float32"), weights))
        return sum(parts, graph_variables.get_variable("bias_weights", [units], initializer=zeros))


def tensors_of(columns: Sequence[Column], features: Mapping[str, TensorLike]) -> Inputs:
    """The features that columns read, as matrices at least."""
    keys = {key for column in columns for key in column.inputs}
    given = {key: v if hasattr(v := features[key], "shape") else NAMES["constant"](v) for key in sorted(keys)}
    return {key: NAMES["expand_dims"](v, 1) if len(v.shape) == 1 else v for key, v in given.items()}


def _numeric(feature_columns: Column | Sequence[Column]) -> list[Column]:
    """The columns of numbers, ordered by name."""
    columns = [feature_columns] if isinstance(feature_columns, Column) else list(feature_columns)
    columns.sort(key=lambda column: getattr(column, "name", ""))
    columns = [indicator_column(c) if isinstance(c, Column) and c.name.endswith("_bucketized") else c for c in columns]
    for column in columns:
        _check(column, "DenseFeatures", False)
    return columns


@ignores("partitioner dtype")
def DenseFeatures(  # noqa: N802 - the name of a layer
    feature_columns: Column | Sequence[Column], trainable: bool = True, name: str | None = None
) -> Model:
    """Return a model that takes a dict of features and concatenates the numbers of the columns, ordered by name."""
    columns = _numeric(feature_columns)
    forms = {key: form for column in columns for key, form in column.inputs.items()}
    inputs = {key: namespace("gazelle.layers").Input(form[0], name=key, dtype=form[1]) for key, form in forms.items()}
    parts = [column.read(inputs) for column in columns]
    whole = parts[0] if len(parts) == 1 else gazelle.layers.Concatenate()(parts)
    made: Model = namespace("gazelle.models").Model(inputs, whole, name=name)
    made.trainable = trainable
    vars(made)["_prepare_inputs"] = _dense
    return made


def _dense(features: Any) -> Any:
    """Features with a dense tensor for each sparse one, where what is not stored is missing."""
    if not isinstance(features, dict) or not any(isinstance(value, SparseTensor) for value in features.values()):
        return features
    return {k: _dense_tensor(value) if isinstance(value, SparseTensor) else value for k, value in features.items()}


def _dense_tensor(tensor: SparseTensor) -> TensorResult:
    return to_dense(tensor, "" if tensor.dtype == "string" else -1)

"""Embeddings of sparse ids: each row of the result combines the vectors of a row of ids."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.names import named, op
from gazelle.compat.tensorflow.ops.arrays import array_of, convert
from gazelle.compat.tensorflow.ops.nn import embedding_lookup
from gazelle.compat.tensorflow.ops.sparse import SparseTensor, reorder, rows_of
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.tensorflow.v1.host_nodes import with_gradients
from gazelle.compat.types import TensorLike, TensorResult
from gazelle.core.errors import unknown
from gazelle.core.symbolic import KerasTensor

_POWERS = {"sum": 0, "mean": 1, "sqrtn": 2}  # of the weights in the divisor


@named("nn.embedding_lookup_sparse", "compat.v1.nn.embedding_lookup_sparse")
@ignores("partition_strategy name allow_fast_lookup")
@with_gradients(lambda given: KerasTensor.derived((None, *given["params"].shape[1:]), "float32"))
def embedding_lookup_sparse(
    params: TensorLike,
    sp_ids: SparseTensor,
    sp_weights: SparseTensor | None,
    combiner: str | None = None,
    max_norm: TensorLike = None,
) -> TensorResult:
    """`tf.nn.embedding_lookup_sparse`: for each row of ids the sum, mean or sum by the root of the vectors."""
    rows = array_of(sp_ids.indices)[:, 0].astype("int32")
    return _combined(params, sp_ids, sp_weights, combiner, max_norm, rows, int(rows.max(initial=-1)) + 1)


@named("nn.safe_embedding_lookup_sparse", "compat.v1.nn.safe_embedding_lookup_sparse")
@ignores("partition_strategy name allow_fast_lookup")
def safe_embedding_lookup_sparse(
    embedding_weights: TensorLike,
    sparse_ids: SparseTensor,
    sparse_weights: SparseTensor | None = None,
    combiner: str = "mean",
    default_id: int | None = None,
    max_norm: TensorLike = None,
) -> TensorResult:
    """`tf.nn.safe_embedding_lookup_sparse`: rows without ids have the vector of `default_id`, or zeros."""
    ids, count = array_of(sparse_ids.values), int(sparse_ids.shape[0])
    valid = ids >= 0
    if sparse_weights is not None and combiner != "sum":
        valid = valid & (array_of(sparse_weights.values) > 0)
    kept = retain(sparse_ids, valid)
    weights = None if sparse_weights is None else retain(sparse_weights, valid)
    empty = np.setdiff1d(np.arange(count), array_of(kept.indices)[:, 0])
    if default_id is not None and len(empty):
        kept, _ = fill_empty_rows(kept, default_id)
        weights = None if weights is None else fill_empty_rows(weights, 1.0)[0]
    rows = array_of(kept.indices)[:, 0].astype("int32")
    return _combined(embedding_weights, kept, weights, combiner, max_norm, rows, count)


def _combined(params: Any, ids: Any, weights: Any, combiner: Any, max_norm: Any, rows: Any, count: int) -> Any:
    combiner = combiner or "mean"
    if combiner not in _POWERS:
        raise unknown("combiner", combiner, _POWERS)
    vectors = embedding_lookup(params, ids.values, max_norm)
    given = convert(np.ones(len(rows), "float32")) if weights is None else weights.values
    return _summed(vectors, given, rows, combiner, count)


@op(host=False)
def _summed(vectors: Any, weights: Any, rows: Any, combiner: str, count: int) -> Any:
    """The weighted sums of the vectors of each row, divided for means."""
    weights = jnp.asarray(weights, vectors.dtype).reshape(-1, *[1] * (vectors.ndim - 1))
    total = jax.ops.segment_sum(vectors * weights, rows, count)
    if combiner == "sum":
        return total
    size = jax.ops.segment_sum(weights ** _POWERS[combiner], rows, count)
    size = jnp.sqrt(size) if combiner == "sqrtn" else size
    return total / jnp.where(size == 0, 1, size)


@named("sparse.retain", "sparse_retain")
def retain(sp_input: SparseTensor, to_retain: TensorLike) -> SparseTensor:
    """`tf.sparse.retain`: the values where a mask is True."""
    kept, (indices, values) = np.flatnonzero(array_of(to_retain)), sp_input.arrays()
    return SparseTensor(indices[kept], Tensor(values[kept]), sp_input.dense_shape)


@named("sparse.fill_empty_rows", "sparse_fill_empty_rows")
def fill_empty_rows(sp_input: SparseTensor, default_value: TensorLike) -> tuple[SparseTensor, Tensor]:
    """`tf.sparse.fill_empty_rows`: (the tensor with a value in rows that had none, which rows had none)."""
    indices, values = sp_input.arrays()
    is_empty = ~np.isin(np.arange(int(sp_input.shape[0])), indices[:, 0])
    new = np.flatnonzero(is_empty)[:, None] * np.eye(1, indices.shape[1], dtype="int64")
    indices = np.concatenate([indices, new])
    values = np.concatenate([values, np.full(len(new), array_of(default_value), values.dtype)])
    return reorder(SparseTensor(indices, Tensor(values), sp_input.dense_shape)), Tensor(is_empty)


@named("sparse.cross")
def cross(inputs: Sequence[SparseTensor | TensorLike], separator: str | None = None) -> SparseTensor:
    """`tf.sparse.cross`: in each row, the combinations of one value of each input as texts; sparse inputs are first."""
    ordered = sorted(inputs, key=lambda one: not isinstance(one, SparseTensor))
    columns = [[list(map(_as_text, row)) for row in rows_of(one)[1]] for one in ordered]
    between = "_X_" if separator is None else _as_text(unboxed(separator))
    found = [[between.join(parts) for parts in itertools.product(*row)] for row in zip(*columns, strict=True)]
    indices = [(number, index) for number, row in enumerate(found) for index in range(len(row))]
    values = np.array([value.encode() for row in found for value in row], object)
    return SparseTensor(np.reshape(indices, (-1, 2)), values, [len(found), max(map(len, found), default=0)])


def _as_text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)

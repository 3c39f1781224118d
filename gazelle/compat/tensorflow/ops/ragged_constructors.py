"""tf.ragged.constant, range and cross: ragged tensors of lists, numbers and combinations."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.ops.arrays import array_of, convert
from gazelle.compat.tensorflow.ops.ragged import RaggedTensor, rows_of
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import DTypeLike, ShapeLike, TensorLike, TensorResult


@named("ragged.constant")
@ignores("name row_splits_dtype")
def constant(
    pylist: Sequence[Any], dtype: DTypeLike = None, ragged_rank: int | None = None, inner_shape: ShapeLike | None = None
) -> TensorResult:
    """`tf.ragged.constant`: nested lists, of which the `ragged_rank` outermost axes may have rows of other lengths."""
    inner = None if inner_shape is None else tuple(inner_shape)
    if inner is not None and ragged_rank is None:
        ragged_rank = max(0, _depth(pylist) - 1 - len(inner))
    is_flat = (
        inner is None and not ragged_rank and not any(isinstance(row, list | tuple | np.ndarray) for row in pylist)
    )
    if ragged_rank == 0 or is_flat:
        kind = name_of(dtype or "float32")
        empty = np.zeros((0, *(inner or ())), object if kind == "string" else kind)
        return convert(pylist, dtype) if inner is None or len(pylist) else convert(empty)
    flat, counts = [v for row in pylist for v in row], [len(row) for row in pylist]
    return RaggedTensor.from_row_lengths(constant(flat, dtype, ragged_rank and ragged_rank - 1, inner), counts)


def _depth(value: Any) -> int:
    """How deep lists are nested."""
    if isinstance(value, np.ndarray):
        return value.ndim
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list | tuple) else 0


named("ragged.row_splits_to_segment_ids")(
    ignores("name out_type")(lambda splits: RaggedTensor([], array_of(splits)).value_rowids())
)
named("ragged.segment_ids_to_row_splits")(
    ignores("name out_type")(
        lambda segment_ids, num_segments=None: RaggedTensor.from_value_rowids([], segment_ids, num_segments).row_splits
    )
)
named("ragged.stack_dynamic_partitions")(
    lambda data, partitions, num_partitions: RaggedTensor.of_rows(
        NAMES["dynamic_partition"](data, partitions, num_partitions)
    )
)


@named("ragged.cross")
def cross(inputs: Sequence[TensorLike]) -> RaggedTensor:
    """`tf.ragged.cross`: for each row the combinations of one string of each input, joined by "_X_"."""
    rows = zip(*(map(array_of, rows_of(part)) for part in inputs), strict=True)
    combined = [[b"_X_".join(map(_as_bytes, each)) for each in itertools.product(*row)] for row in rows]
    return RaggedTensor.of_rows([Tensor(np.asarray(row, object)) for row in combined])


def _as_bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


@named("ragged.range")
@ignores("name row_splits_dtype")
def range_(
    starts: TensorLike, limits: TensorLike = None, deltas: TensorLike = 1, dtype: DTypeLike = None
) -> RaggedTensor:
    """`tf.ragged.range`: a row of numbers for each limit."""
    first, last = (0, starts) if limits is None else (starts, limits)
    ends = np.broadcast_arrays(array_of(first), array_of(last), array_of(deltas))
    kind = np.result_type(*ends) if dtype is None else name_of(dtype)
    return RaggedTensor.of_rows([Tensor(np.arange(*row, dtype=kind)) for row in zip(*ends, strict=True)])

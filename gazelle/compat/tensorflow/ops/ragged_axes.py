"""Functions of ragged tensors along an axis: those that select, join or reorder elements, or compute along rows.

An axis beyond 1 is an axis of the values, so that most functions call themselves on the values with the axis - 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gazelle.compat.tensorflow.errors import InvalidArgumentError
from gazelle.compat.tensorflow.names import NAMES
from gazelle.compat.tensorflow.ops.arrays import array_of, concat, convert, stack
from gazelle.compat.tensorflow.ops.gathering import gather
from gazelle.compat.tensorflow.ops.ragged import (
    RaggedTensor,
    check_lengths,
    expanded,
    map_values,
    ranges,
    rows_at,
    rows_of,
)
from gazelle.compat.types import AxisLike, Function, TensorLike, TensorResult
from gazelle.core.errors import message

_Value = TensorLike | RaggedTensor


def positive_axis(axis: TensorLike, rank: int) -> int:
    """The axis, counted from the first one.

    Raises:
        InvalidArgumentError: There is no such axis.
    """
    number = int(array_of(axis))
    if not -rank <= number < rank:
        raise InvalidArgumentError(message("axis", expected=f"from {-rank} to {rank - 1}", got=number))
    return number % rank


def joined_along(values: Sequence[_Value], axis: TensorLike = 0) -> TensorResult:
    """`tf.concat`."""
    given = [rows_of(value) for value in values]
    axis = positive_axis(axis, max(value.ndim for value in given))
    if not any(isinstance(value, RaggedTensor) for value in given):
        return concat(given, axis)
    parts = [value if isinstance(value, RaggedTensor) else RaggedTensor.from_tensor(value) for value in given]
    if axis > 1:
        check_lengths(parts)
        return parts[0].with_values(joined_along([part.values for part in parts], axis - 1))
    values, lengths = joined_along([part.values for part in parts], 0), [np.diff(part.splits) for part in parts]
    if axis == 0:
        return RaggedTensor.from_row_lengths(values, np.concatenate(lengths))
    if len({len(part) for part in parts}) > 1:
        raise InvalidArgumentError(
            message("tf.concat", expected="ragged tensors with as many rows", got=[len(part) for part in parts])
        )
    offsets = np.cumsum([0, *(len(part.values) for part in parts)])
    starts = [part.splits[:-1] + offset for part, offset in zip(parts, offsets, strict=False)]
    order = ranges(np.stack(starts, 1).reshape(-1), np.stack(lengths, 1).reshape(-1))
    return RaggedTensor.from_row_lengths(rows_at(values, order), np.sum(lengths, 0))


def stacked(values: Sequence[_Value], axis: TensorLike = 0) -> TensorResult:
    """`tf.stack` and `tf.ragged.stack`, which also takes tensors with rows of other lengths."""
    given = [rows_of(value) for value in values]
    axis = positive_axis(axis, given[0].ndim + 1)
    if not any(isinstance(value, RaggedTensor) for value in given):
        if axis == 0:
            return RaggedTensor.from_row_lengths(concat(given, 0), [len(value) for value in given])
        given = [RaggedTensor.from_tensor(value) for value in given]
    return joined_along([expanded(value, axis) for value in given], axis)


def split(value: _Value, sizes: TensorLike, axis: TensorLike = 0) -> list[Any]:
    """`tf.split`, along the first axis or one of the values."""
    if not isinstance(value, RaggedTensor):
        return list(NAMES["split"](value, sizes, axis))
    axis = positive_axis(axis, value.ndim)
    if axis > 1 or (axis == 1 and value.uniform_row_length is not None):
        return [value.with_values(part) for part in split(value.values, sizes, axis - 1)]
    if axis == 1:
        raise InvalidArgumentError(message("axis of tf.split", expected="an axis with rows of one length", got=axis))
    given = array_of(sizes)
    ends = np.cumsum(given) if given.ndim else np.arange(1, int(given) + 1) * (len(value) // int(given))
    return [value[int(a) : int(b)] for a, b in zip([0, *ends[:-1]], ends, strict=True)]


def squeezed(value: _Value, axis: AxisLike) -> TensorResult:
    """`tf.squeeze`: without axes of one element."""
    if axis is None:
        raise InvalidArgumentError(message("axis of tf.squeeze", expected="given for a ragged tensor", got=None))
    for one in sorted({positive_axis(one, value.ndim) for one in np.atleast_1d(array_of(axis))}, reverse=True):
        value = _without(value, one)
    return value


def _without(value: Any, axis: int) -> Any:
    if not isinstance(value, RaggedTensor):
        return NAMES["squeeze"](value, axis)
    if axis > 1:
        return value.with_values(_without(value.values, axis - 1))
    if set([len(value)] if axis == 0 else np.diff(value.splits)) - {1}:
        raise InvalidArgumentError(message(f"Axis {axis} of tf.squeeze", expected="one element", got=f"{value.shape}"))
    return value.values if axis else value[0]


def reversed_along(value: _Value, axes: AxisLike) -> TensorResult:
    """`tf.reverse`."""
    for axis in np.atleast_1d(array_of(axes)):
        value = _reversed(value, positive_axis(axis, value.ndim))
    return value


def _reversed(value: Any, axis: int) -> Any:
    if not isinstance(value, RaggedTensor):
        return NAMES["reverse"](value, [axis])
    if axis > 1:
        return value.with_values(_reversed(value.values, axis - 1))
    if axis == 0:
        return rows_at(value, np.arange(len(value))[::-1])
    rows, order = array_of(value.value_rowids()), ranges(value.splits[:-1], np.diff(value.splits))
    return value.with_values(rows_at(value.values, (value.splits[:-1] + value.splits[1:] - 1)[rows] - order))


def tiled(value: _Value, multiples: TensorLike) -> TensorResult:
    """`tf.tile`."""
    for axis, times in enumerate(array_of(multiples).tolist()):
        value = joined_along([value] * times, axis) if times != 1 else value
    return value


def gathered(params: _Value, indices: _Value, axis: TensorLike = None, batch_dims: int = 0) -> TensorResult:
    """`tf.gather`, where the elements or their indices are ragged."""
    indices = rows_of(indices)
    rank = np.ndim(params) if not isinstance(params, RaggedTensor) else params.ndim
    axis = positive_axis(batch_dims if axis is None else axis, rank)
    if axis < batch_dims:
        raise InvalidArgumentError(message("axis of tf.gather", expected=f"at least {batch_dims}", got=axis))
    if not isinstance(params, RaggedTensor) and not isinstance(indices, RaggedTensor):
        return gather(params, indices, axis=axis, batch_dims=batch_dims)
    if batch_dims:
        pairs = zip(rows_of(params), indices, strict=True)
        return _rows([gathered(row, index, axis - 1, batch_dims - 1) for row, index in pairs])
    if axis > 1 and isinstance(params, RaggedTensor):
        return params.with_values(gathered(params.values, indices, axis - 1))
    if axis:
        return _rows([gathered(row, indices, axis - 1) for row in rows_of(params)])
    if isinstance(indices, RaggedTensor):
        return indices.with_values(gathered(params, indices.values))
    return rows_at(params, array_of(indices)) if indices.ndim == 1 else _rows([gathered(params, i) for i in indices])


def _rows(rows: list[Any]) -> Any:
    """Rows as a tensor where they have one length, else as a ragged tensor."""
    is_dense = not any(isinstance(row, RaggedTensor) for row in rows) and len({tuple(row.shape) for row in rows}) == 1
    return stack(rows) if is_dense else RaggedTensor.of_rows(rows)


def along(function: Function, value: RaggedTensor, axis: TensorLike, fill: float) -> RaggedTensor:
    """Apply a function of tensors and an axis that keeps the shape; outer axes are padded with `fill`."""
    axis = positive_axis(axis, value.ndim)
    inner = axis - int(value.ragged_rank)
    if inner > 0:
        return map_values(lambda values: function(values, inner), value)
    if inner == 0:
        return _along_rows(function, value)
    indices = value.positions(value.ragged_rank + 1)
    return value.with_flat_values(NAMES["gather_nd"](function(value.to_tensor(fill), axis), indices))


def _along_rows(function: Function, value: RaggedTensor) -> RaggedTensor:
    if isinstance(value.values, RaggedTensor):
        return value.with_values(_along_rows(function, value.values))
    rows = [function(row, 0) for row in value if len(row)]
    return value.with_values(concat(rows, 0)) if rows else value


def masked(data: _Value, mask: _Value) -> TensorResult:
    """`tf.ragged.boolean_mask`: what is selected in each row."""
    data, mask = rows_of(data), rows_of(mask)
    if not isinstance(mask, RaggedTensor):
        if mask.ndim == 1:
            return rows_at(data, np.flatnonzero(array_of(mask)))
        mask = RaggedTensor.from_tensor(mask)
    data = data if isinstance(data, RaggedTensor) else RaggedTensor.from_tensor(data)
    check_lengths([data, mask])
    values = masked(data.values, mask.values)
    if mask.ndim > 2:
        return RaggedTensor(values, data.splits)
    counts = np.bincount(array_of(mask.value_rowids()), array_of(mask.values), len(mask))
    return RaggedTensor.from_row_lengths(values, counts.astype("int64"))


def reshaped(value: RaggedTensor, shape: TensorLike) -> TensorResult:
    """`tf.reshape` of all elements to a tensor."""
    return NAMES["reshape"](value.flat_values, convert(shape))

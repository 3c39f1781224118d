"""`tf.reduce_sum` and the like of ragged tensors: elements of one segment are reduced together."""

from __future__ import annotations

from typing import Any

import numpy as np

from gazelle.compat.tensorflow.names import NAMES
from gazelle.compat.tensorflow.ops.arrays import array_of
from gazelle.compat.tensorflow.ops.ragged import RaggedTensor, expanded, map_values
from gazelle.compat.types import Function


def reduced(name: str, reduce: Function) -> Function:
    """The reduction of this name, also of ragged tensors; `reduce` is that of tensors."""
    kind = name.removeprefix("reduce_")

    def called(input_tensor: Any, axis: Any = None, keepdims: bool = False) -> Any:
        if kind == "mean" and input_tensor.dtype.is_integer:  # unlike that of a tensor
            input_tensor = map_values(lambda values: NAMES["cast"](values, "float64"), input_tensor)
        if axis is None and not keepdims:
            return reduce(input_tensor.flat_values)
        axes = range(input_tensor.ndim) if axis is None else np.atleast_1d(array_of(axis)).tolist()
        axes = sorted({int(axis) % input_tensor.ndim for axis in axes})
        if kind == "mean" and len(axes) > 1:
            ones = map_values(NAMES["ones_like"], input_tensor)
            total, count = (NAMES["reduce_sum"](x, axes, keepdims) for x in (input_tensor, ones))
            return total / count
        if kind in ("variance", "std") and len(axes) > 1:
            mean, of_squares = (NAMES["reduce_mean"](x, axes, keepdims) for x in (input_tensor, input_tensor**2))
            return (of_squares - mean**2) ** (0.5 if kind == "std" else 1)
        for axis in reversed(axes):
            input_tensor = _along(kind, reduce, input_tensor, axis, keepdims)
        return input_tensor

    return called


def _along(kind: str, reduce: Function, x: Any, axis: int, keepdims: bool) -> Any:
    """A tensor or a ragged tensor, reduced along one axis."""
    if not isinstance(x, RaggedTensor):
        return reduce(x, axis=axis, keepdims=keepdims)
    if axis > 1:  # an axis of the values
        return x.with_values(_along(kind, reduce, x.values, axis - 1, keepdims))
    rows, lengths = array_of(x.value_rowids()), np.diff(x.splits)
    ids = rows if axis == 1 else np.arange(len(rows)) - x.splits[:-1][rows]  # the row, or the position in it
    out = _of_segments(kind, x.values, ids, len(x) if axis == 1 else lengths.max(initial=0))
    return expanded(out, axis) if keepdims else out


def _of_segments(kind: str, values: Any, ids: Any, count: int) -> Any:
    """The reduction of the values with each id; those of ragged values are reduced by their positions in the rows."""
    if not isinstance(values, RaggedTensor):
        return (_OF_SEGMENTS.get(kind) or _segments(kind))(values, ids, count)
    lengths = np.zeros(count, "int64")
    np.maximum.at(lengths, ids, np.diff(values.splits))
    starts, rows = np.cumsum([0, *lengths]), array_of(values.value_rowids())
    inner = starts[ids[rows]] + np.arange(len(rows)) - values.splits[:-1][rows]
    return RaggedTensor.from_row_lengths(_of_segments(kind, values.values, inner, int(starts[-1])), lengths)


def _segments(kind: str) -> Function:
    def called(values: Any, ids: Any, count: int) -> Any:
        return NAMES["cast"](NAMES[f"math.unsorted_segment_{kind}"](values, ids, count), values.dtype)

    return called


def _mean(values: Any, ids: Any, count: int) -> Any:
    counts = np.bincount(ids, minlength=count).reshape(-1, *[1] * (values.ndim - 1))
    return _segments("sum")(values, ids, count) / NAMES["cast"](counts, values.dtype)


def _variance(values: Any, ids: Any, count: int) -> Any:
    return _mean((values - NAMES["gather"](_mean(values, ids, count), ids)) ** 2, ids, count)


def _logsumexp(values: Any, ids: Any, count: int) -> Any:
    largest = NAMES["stop_gradient"](_segments("max")(values, ids, count))
    total = _segments("sum")(NAMES["exp"](values - NAMES["gather"](largest, ids)), ids, count)
    return NAMES["math.log"](total) + largest


def _bools(kind: str) -> Function:
    return lambda values, ids, count: _segments(kind)(NAMES["cast"](values, "int32"), ids, count) > 0


#: reductions that are no segment function of their own
_OF_SEGMENTS: dict[str, Function] = {
    "any": _bools("max"),
    "all": _bools("min"),
    "mean": _mean,
    "variance": _variance,
    "std": lambda *given: _variance(*given) ** 0.5,
    "euclidean_norm": lambda values, ids, count: _segments("sum")(values**2, ids, count) ** 0.5,
    "logsumexp": _logsumexp,
}

"""Functions of tensors applied to ragged tensors, by rows or elementwise."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.function_tables import LISTS
from gazelle.compat.tensorflow.names import NAMES
from gazelle.compat.tensorflow.ops import maths, nn, strings  # noqa: F401 - their names must be there
from gazelle.compat.tensorflow.ops.arrays import array_of, convert, stack
from gazelle.compat.tensorflow.ops.gathering import gather
from gazelle.compat.tensorflow.ops.ragged import (
    RaggedTensor,
    elementwise,
    joined,
    map_values,
    masked,
    rows_of,
    stack_rows,
)
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import Function


def _reduced(name: str, reduce: Function) -> Function:
    def called(input_tensor: Any, axis: Any = None, keepdims: bool = False) -> Any:
        if name == "reduce_mean" and input_tensor.dtype.is_integer:  # unlike that of a tensor
            input_tensor = map_values(lambda values: NAMES["cast"](values, "float64"), input_tensor)
        if axis is None and not keepdims:
            return reduce(input_tensor.flat_values)
        axes = range(input_tensor.ndim) if axis is None else np.atleast_1d(array_of(axis)).tolist()
        axes = sorted({int(axis) % input_tensor.ndim for axis in axes})
        if name == "reduce_mean" and len(axes) > 1:
            ones = map_values(NAMES["ones_like"], input_tensor)
            total, count = (NAMES["reduce_sum"](x, axes, keepdims) for x in (input_tensor, ones))
            return total / count
        for axis in reversed(axes):
            input_tensor = _along(name, reduce, input_tensor, axis, keepdims)
        return input_tensor

    return called


#: reductions that are computed row by row
_OF_ROWS = ("reduce_std", "reduce_variance", "reduce_logsumexp", "reduce_euclidean_norm")


def _of_segments(name: str, rows: RaggedTensor, axis: int) -> Tensor:
    """The reduction of each row, or of the elements at each position of the rows; of no elements, too."""
    values, kind = rows.values, name.removeprefix("reduce_")
    numbers, starts = array_of(rows.value_rowids()), array_of(rows.row_starts())
    ids = numbers if axis == 1 else np.arange(len(numbers)) - starts[numbers]
    count = len(rows) if axis == 1 else int(ids.max(initial=-1)) + 1
    if kind in ("any", "all"):
        return _segments("max" if kind == "any" else "min")(NAMES["cast"](values, "int32"), ids, count) > 0
    out = NAMES["cast"](_segments("sum" if kind == "mean" else kind)(values, ids, count), values.dtype)
    counts = np.bincount(ids, minlength=count).reshape(-1, *[1] * (values.ndim - 1))
    return out / NAMES["cast"](counts, values.dtype) if kind == "mean" else out


def _segments(kind: str) -> Function:
    return NAMES[f"math.unsorted_segment_{kind}"]


def _along(name: str, reduce: Function, x: Any, axis: int, keepdims: bool) -> Any:
    """A tensor or a ragged tensor, reduced along one axis."""
    if not isinstance(x, RaggedTensor):
        return reduce(x, axis=axis, keepdims=keepdims)
    if axis > 1:  # an axis of the values
        return x.with_values(_along(name, reduce, x.values, axis - 1, keepdims))
    is_flat = x.ragged_rank == 1
    if axis == 1 and is_flat and (name in _OF_ROWS or min(np.diff(array_of(x.row_splits)), default=0) > 0):
        return stack([reduce(row, axis=0, keepdims=keepdims) for row in x])
    if axis == 1 and not is_flat:
        return RaggedTensor.of_rows([_along(name, reduce, row, 0, keepdims) for row in x])
    if is_flat and name not in _OF_ROWS:
        made = _of_segments(name, x, axis)
    else:
        longest = max((len(row) for row in x), default=0)
        columns = [[row[n] for row in x if len(row) > n] for n in range(longest)]
        merge = stack if is_flat else RaggedTensor.of_rows
        made = merge([_along(name, reduce, merge(column), 0, False) for column in columns])
    return NAMES["expand_dims"](made, axis) if keepdims else made


def _positions(condition: Any) -> list[tuple[int, ...]]:
    """The positions of what is true, row by row."""
    if not isinstance(condition, RaggedTensor):
        return [tuple(found) for found in np.argwhere(array_of(condition)).tolist()]
    return [(number, *inner) for number, row in enumerate(condition) for inner in _positions(row)]


def _concat(values: Any, axis: Any) -> Any:
    if int(axis) == 0:
        return RaggedTensor.of_rows([row for part in values for row in rows_of(part)])
    return RaggedTensor.of_rows([joined([rows_of(p) for p in parts]) for parts in zip(*values, strict=True)])


def _expanded(rows: RaggedTensor, axis: int) -> RaggedTensor:
    if axis < 2:
        return RaggedTensor.from_row_lengths(rows, [len(rows)] if axis == 0 else [1] * len(rows))
    return rows.with_values(NAMES["expand_dims"](rows.values, axis - 1))


def _tiled(rows: RaggedTensor, times: int, inner: int) -> RaggedTensor:
    return RaggedTensor.of_rows([joined([row] * inner) for row in [*rows] * times])


def _rows_or_tensor(rows: list[Any]) -> Any:
    """Rows as a ragged tensor, numbers as a tensor."""
    return RaggedTensor.of_rows(rows) if any(len(row.shape) for row in rows) else stack(rows)


def _reversed(rows: RaggedTensor, *axes: int) -> RaggedTensor:
    given = list(rows)[::-1] if 0 in axes else list(rows)
    inner = [axis - 1 for axis in axes if axis]
    return RaggedTensor.of_rows([NAMES["reverse"](row, inner) for row in given] if inner else given)


def _parts(rows: RaggedTensor, sizes: Any) -> list[RaggedTensor]:
    given = array_of(sizes)
    ends = np.cumsum(given) if given.ndim else np.arange(1, int(given) + 1) * (len(rows) // int(given))
    return [rows[int(a) : int(b)] for a, b in zip([0, *ends[:-1]], ends, strict=True)]


_where, _softmax, _matmul, _bincount = (NAMES[name] for name in ("where", "nn.softmax", "matmul", "math.bincount"))
#: name -> the function for ragged arguments; elementwise functions use `map_values`
_BY_ROWS: dict[str, Function] = {
    "concat": _concat,
    "stack": stack_rows,
    "boolean_mask": masked,
    "tile": lambda input, multiples: _tiled(input, *multiples),
    "strings.join": lambda inputs, separator="": map_values(
        lambda *parts: NAMES["strings.join"](parts, separator), *inputs
    ),
    "gather": ignores("validate_indices axis=0 batch_dims=0")(
        lambda params, indices: (
            map_values(lambda i: gather(params, i), indices)
            if not isinstance(params, RaggedTensor)
            else indices.with_values(_BY_ROWS["gather"](params, indices.values))
            if isinstance(indices, RaggedTensor)
            else RaggedTensor.of_rows([params[int(i)] for i in array_of(indices)])
        )
    ),
    "gather_nd": ignores("batch_dims=0")(
        lambda params, indices: _rows_or_tensor([params[tuple(i)] for i in array_of(indices).tolist()])
    ),
    "squeeze": lambda input, axis=None: input[0] if axis in (0, [0], (0,)) else input,
    "reverse": lambda tensor, axis: _reversed(tensor, *array_of(axis).reshape(-1).tolist()),
    "split": ignores("num axis=0")(lambda value, num_or_size_splits: _parts(value, num_or_size_splits)),
    "unstack": ignores("num axis=0")(lambda value: list(value)),
    "nn.softmax": ignores("axis=-1")(lambda logits: RaggedTensor.of_rows([_softmax(row) for row in logits])),
    "matmul": lambda a, b, *args, **kwargs: RaggedTensor.of_rows(
        [_matmul(*pair, *args, **kwargs) for pair in zip(rows_of(a), rows_of(b), strict=True)]
    ),
    "add_n": lambda inputs: functools.reduce(lambda x, y: x + y, inputs),
    "math.bincount": lambda arr, axis=None, **options: (
        _bincount(arr.flat_values, **options)
        if axis in (None, 0)
        else stack([_bincount(row, **options, minlength=int(array_of(arr.flat_values).max()) + 1) for row in arr])
    ),
    "where": lambda condition, x=None, y=None: (
        elementwise(_where, condition, x, y)
        if x is not None
        else Tensor(np.asarray(_positions(condition), "int64").reshape(-1, condition.ndim))
    ),
    "size": ignores("out_type")(lambda input: NAMES["size"](input.flat_values)),
    "rank": lambda input: convert(input.ndim),
    "shape": ignores("out_type")(lambda input: input.bounding_shape()),
    "expand_dims": lambda input, axis: _expanded(input, int(axis) % (input.ndim + 1)),
}


def with_rows(name: str, function: Function) -> Function:
    """A function of the table that also takes ragged tensors."""
    by_rows = _reduced(name, function) if name.startswith("reduce_") else _BY_ROWS.get(name)
    by_rows = by_rows and ignores("name")(by_rows)

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        if not any(isinstance(v, RaggedTensor) for v in (*args, *kwargs.values())) and not (
            args and isinstance(args[0], list | tuple) and any(isinstance(v, RaggedTensor) for v in args[0])
        ):
            return function(*args, **kwargs)
        spread = map_values if name == "nn.embedding_lookup" else elementwise
        return by_rows(*args, **kwargs) if by_rows else spread(function, *args, **kwargs)

    return called


for _name in (
    *LISTS["elementwise functions of ragged tensors"],
    *_BY_ROWS,
    *(n for n in NAMES if n.startswith("reduce_")),
):
    _dense = NAMES[_name]
    _rowwise = with_rows(_name, _dense)
    NAMES.update((alias, _rowwise) for alias, function in list(NAMES.items()) if function is _dense)

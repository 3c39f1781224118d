"""Functions of tensors applied to ragged tensors, by rows or elementwise."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.errors import InvalidArgumentError
from gazelle.compat.tensorflow.function_tables import LISTS
from gazelle.compat.tensorflow.names import NAMES, named, replace
from gazelle.compat.tensorflow.ops import maths, nn, ragged_axes, strings  # noqa: F401 - their names must be there
from gazelle.compat.tensorflow.ops.arrays import array_of, convert, stack
from gazelle.compat.tensorflow.ops.ragged import RaggedTensor, elementwise, expanded, map_values, rows_of
from gazelle.compat.tensorflow.ops.ragged_reductions import reduced
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import Function
from gazelle.core.errors import message


def _rows_or_tensor(rows: list[Any]) -> Any:
    """Rows as a ragged tensor, numbers as a tensor."""
    return RaggedTensor.of_rows(rows) if any(len(row.shape) for row in rows) else stack(rows)


_where, _softmax, _matmul, _bincount, _cumsum, _one_hot = (
    NAMES[name] for name in ("where", "nn.softmax", "matmul", "math.bincount", "cumsum", "one_hot")
)
#: name -> the function for ragged arguments; elementwise functions use `map_values`
_BY_ROWS: dict[str, Function] = {
    "concat": ragged_axes.joined_along,
    "stack": ragged_axes.stacked,
    "boolean_mask": ragged_axes.masked,
    "tile": lambda input, multiples: ragged_axes.tiled(input, multiples),
    "strings.join": lambda inputs, separator="": map_values(
        lambda *parts: NAMES["strings.join"](parts, separator), *inputs
    ),
    "gather": ignores("validate_indices")(ragged_axes.gathered),
    "gather_nd": ignores("batch_dims=0")(
        lambda params, indices: _rows_or_tensor([params[tuple(i)] for i in array_of(indices).tolist()])
    ),
    "squeeze": lambda input, axis=None: ragged_axes.squeezed(input, axis),
    "reverse": lambda tensor, axis: ragged_axes.reversed_along(tensor, axis),
    "reshape": lambda tensor, shape: ragged_axes.reshaped(tensor, shape),
    "split": ignores("num")(
        lambda value, num_or_size_splits, axis=0: ragged_axes.split(value, num_or_size_splits, axis)
    ),
    "unstack": ignores("num axis=0")(lambda value: list(value)),
    "cumsum": lambda x, axis=0, exclusive=False, reverse=False: ragged_axes.along(
        lambda values, along: _cumsum(values, along, exclusive, reverse), x, axis, 0
    ),
    "nn.softmax": lambda logits, axis=-1: ragged_axes.along(
        _softmax, logits, -1 if axis is None else axis, -float("inf")
    ),
    "one_hot": lambda indices, depth, on_value=None, off_value=None, axis=None, dtype=None: map_values(
        lambda values: _one_hot(values, depth, on_value, off_value, _inner_axis(indices, axis), dtype), indices
    ),
    "matmul": lambda a, b, *args, **kwargs: RaggedTensor.of_rows(
        [_matmul(*pair, *args, **kwargs) for pair in zip(rows_of(a), rows_of(b), strict=True)]
    ),
    "add_n": lambda inputs: functools.reduce(lambda x, y: x + y, inputs),
    "math.bincount": lambda arr, axis=None, minlength=None, **options: (
        _bincount(arr.flat_values, minlength=minlength, **options)
        if axis in (None, 0)
        else stack([_bincount(row, minlength=_bins(arr, minlength), **options) for row in arr])
    ),
    "where": lambda condition, x=None, y=None: (
        elementwise(_where, condition, x, y)
        if x is not None
        else Tensor(condition.positions(condition.ndim)[np.ravel(array_of(condition.flat_values))])
    ),
    "size": ignores("out_type")(lambda input: NAMES["size"](input.flat_values)),
    "rank": lambda input: convert(input.ndim),
    "shape": ignores("out_type")(lambda input: input.bounding_shape()),
    "expand_dims": lambda input, axis: expanded(input, ragged_axes.positive_axis(axis, input.ndim + 1)),
}


def _inner_axis(rows: RaggedTensor, axis: Any) -> int:
    """The axis of a result of `one_hot` in the flat values."""
    if axis in (None, -1):
        return -1
    if axis <= rows.ragged_rank:
        expected = f"-1, or more than {rows.ragged_rank} for a ragged tensor"
        raise InvalidArgumentError(message("axis of tf.one_hot", expected=expected, got=axis))
    return int(axis - rows.ragged_rank)


def _bins(rows: RaggedTensor, minlength: Any) -> int:
    return max(int(array_of(rows.flat_values).max(initial=-1)) + 1, int(array_of(minlength or 0)))


def with_rows(name: str, function: Function) -> Function:
    """A function of the table that also takes ragged tensors."""
    by_rows = reduced(name, function) if name.startswith("reduce_") else _BY_ROWS.get(name)
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
    replace(NAMES[_name], with_rows(_name, NAMES[_name]))

named("ragged.stack")(ragged_axes.stacked)
named("ragged.boolean_mask")(ragged_axes.masked)

"""Functions of tensors applied to ragged tensors, by rows or elementwise."""

from __future__ import annotations

import functools
from typing import Any

from gazelle.compat.ignored import ignores
from gazelle.compat.tensorflow import maths, nn, strings  # noqa: F401 - their names must be there
from gazelle.compat.tensorflow.arrays import array_of, convert, stack
from gazelle.compat.tensorflow.function_tables import LISTS
from gazelle.compat.tensorflow.gathering import gather
from gazelle.compat.tensorflow.names import NAMES
from gazelle.compat.tensorflow.ragged import RaggedTensor, elementwise, joined, map_values, masked, rows_of, stack_rows
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import Function
from gazelle.core.errors import ArgumentError, message


def _reduced(name: str, reduce: Function) -> Function:
    @ignores("name")
    def called(input_tensor: Any, axis: Any = None, keepdims: bool = False) -> Any:
        if axis is None and not keepdims:
            return reduce(input_tensor.flat_values)
        if name == "reduce_mean" and input_tensor.dtype.is_integer:  # unlike that of a tensor
            input_tensor = map_values(lambda values: NAMES["cast"](values, "float64"), input_tensor)
        if axis in (1, -1) and input_tensor.ragged_rank == 1:
            return stack([reduce(row, axis=0, keepdims=keepdims) for row in input_tensor])
        return reduce(_padded(name, input_tensor), axis=axis, keepdims=keepdims)

    return called


def _padded(name: str, rows: RaggedTensor) -> Tensor:
    if name not in ("reduce_sum", "reduce_any"):
        raise ArgumentError(message(f"tf.{name} of a ragged tensor", expected="axis=1 or none", got="another axis"))
    return rows.to_tensor()


@ignores("name")
def _concat(values: Any, axis: Any) -> Any:
    if int(axis) == 0:
        return RaggedTensor.of_rows([row for part in values for row in rows_of(part)])
    return RaggedTensor.of_rows([joined([rows_of(p) for p in parts]) for parts in zip(*values, strict=True)])


def _tiled(rows: RaggedTensor, times: int, inner: int) -> RaggedTensor:
    return RaggedTensor.of_rows([joined([row] * inner) for row in [*rows] * times])


#: name -> the function for ragged arguments; elementwise functions use `map_values`
_BY_ROWS: dict[str, Function] = {
    "concat": _concat,
    "stack": stack_rows,
    "boolean_mask": masked,
    "tile": ignores("name")(lambda input, multiples: _tiled(input, *multiples)),
    "strings.join": ignores("name")(
        lambda inputs, separator="": map_values(lambda *parts: NAMES["strings.join"](parts, separator), *inputs)
    ),
    "gather": ignores("validate_indices axis=0 batch_dims=0 name")(
        lambda params, indices: (
            map_values(lambda i: gather(params, i), indices)
            if not isinstance(params, RaggedTensor)
            else RaggedTensor.of_rows([params[int(i)] for i in array_of(indices)])
        )
    ),
    "size": ignores("out_type name")(lambda input: NAMES["size"](input.flat_values)),
    "rank": ignores("name")(lambda input: convert(input.ndim)),
    "shape": ignores("out_type name")(lambda input: input.bounding_shape()),
    "expand_dims": ignores("name")(
        lambda input, axis: (
            RaggedTensor.from_row_lengths(input, [len(input)])
            if axis == 0
            else input.with_values(NAMES["expand_dims"](input.values, axis - (axis > 0)))
        )
    ),
}


def with_rows(name: str, function: Function) -> Function:
    """A function of the table that also takes ragged tensors."""
    by_rows = _reduced(name, function) if name.startswith("reduce_") else _BY_ROWS.get(name)

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

"""tf.sparse: sums, concatenations, counts and functions of the stored values."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.names import NAMES, fixed_value, named, replace
from gazelle.compat.tensorflow.ops import maths  # noqa: F401 - its names must be there
from gazelle.compat.tensorflow.ops.arrays import array_of, convert
from gazelle.compat.tensorflow.ops.sparse import SparseTensor, reorder, to_dense
from gazelle.compat.types import ShapeLike, TensorLike, TensorResult
from gazelle.core.errors import ShapeError, message


def _at_indices_of_both(name: str, a: SparseTensor, b: SparseTensor) -> SparseTensor:
    """A function of two sparse tensors, whose result stores a value wherever one of them does, also zeros."""
    indices = np.unique(np.concatenate([array_of(v.indices) for v in (a, b)]), axis=0)
    values = NAMES[name](*(NAMES["gather_nd"](to_dense(v), indices) for v in (a, b)))
    return SparseTensor(indices, values, a.dense_shape)


for _name in ("maximum", "minimum"):
    named(f"sparse.{_name}", f"sparse_{_name}")(lambda sp_a, sp_b, name=_name: _at_indices_of_both(name, sp_a, sp_b))


@named("sparse.add", "sparse_add")
def add(a: SparseTensor | TensorLike, b: SparseTensor | TensorLike, threshold: TensorLike = 0) -> TensorResult:
    """`tf.sparse.add`: dense if one of the two is; of a sparse sum values below the threshold are dropped."""
    if not (isinstance(a, SparseTensor) and isinstance(b, SparseTensor)):
        return NAMES["add"](*(to_dense(v) if isinstance(v, SparseTensor) else v for v in (a, b)))
    indices, values = _at_indices_of_both("add", a, b).arrays()
    kept = np.abs(values) >= np.asarray(unboxed(threshold))
    return SparseTensor(indices[kept], values[kept], a.dense_shape)


@named("sparse.concat", "sparse_concat")
@ignores("expand_nonconcat_dim concat_dim")
def concat(axis: int, sp_inputs: Sequence[SparseTensor], expand_nonconcat_dims: bool = False) -> SparseTensor:
    """`tf.sparse.concat`: tensors one after the other; other axes may be of the largest size."""
    shapes = np.asarray([tuple(each.shape) for each in sp_inputs])
    axis %= shapes.shape[1]
    if not expand_nonconcat_dims and np.any(np.delete(shapes, axis, 1) != np.delete(shapes[0], axis)):
        raise ShapeError(message("tf.sparse.concat", expected="equal sizes of the other axes", got=shapes.tolist()))
    starts, shape = np.cumsum(shapes[:, axis]) - shapes[:, axis], shapes.max(0)
    shape[axis] = shapes[:, axis].sum()
    offsets = np.eye(shapes.shape[1], dtype="int64")[axis]
    indices = [array_of(each.indices) + start * offsets for each, start in zip(sp_inputs, starts, strict=True)]
    values = NAMES["concat"]([each.values for each in sp_inputs], 0)
    return reorder(SparseTensor(np.concatenate(indices), values, shape))


for _name in ("sparse_tensor", "indexed_slices"):
    named(f"compat.v1.convert_to_tensor_or_{_name}", f"convert_to_tensor_or_{_name}")(
        lambda value, dtype=None: value if isinstance(value, SparseTensor) else NAMES["convert_to_tensor"](value, dtype)
    )


@named("sparse.reset_shape", "sparse_reset_shape")
def reset_shape(sp_input: SparseTensor, new_shape: ShapeLike | None = None) -> SparseTensor:
    """`tf.sparse.reset_shape`: another shape that contains all stored values; by default the smallest one."""
    indices = array_of(sp_input.indices)
    shape = indices.max(0, initial=-1) + 1 if new_shape is None else fixed_value(new_shape)
    return SparseTensor(indices, sp_input.values, shape)


@named("sparse.bincount")
def bincount(
    values: SparseTensor | TensorLike,
    weights: SparseTensor | TensorLike = None,
    axis: int = 0,
    minlength: int | None = None,
    maxlength: int | None = None,
    binary_output: bool = False,
) -> SparseTensor:
    """`tf.sparse.bincount`: how often each integer occurs, or its weights, in all rows or with axis -1 in each row."""
    flat = lambda v: v.values if isinstance(v, SparseTensor) else getattr(v, "flat_values", v)  # noqa: E731
    if isinstance(values, SparseTensor):
        rows = array_of(values.indices)[:, 0] if values.indices.shape[1] > 1 else 0
        height = int(values.shape[0])
    elif hasattr(values, "value_rowids"):
        rows, height = np.asarray(values.value_rowids()), len(values)
    else:
        values = convert(values)
        axis, height = (axis, len(values)) if values.ndim > 1 else (0, 1)  # there are rows from two axes on
        rows = np.repeat(np.arange(height), values.shape[-1] if values.ndim else 1)
    numbers = array_of(flat(values)).reshape(-1)
    amounts = np.ones_like(numbers) if weights is None else array_of(flat(weights)).reshape(-1)
    keys = np.stack([np.broadcast_to(rows, numbers.shape) * (axis == -1), numbers], 1)
    inside = numbers < (np.inf if maxlength is None else maxlength)
    size = max(int(numbers[inside].max(initial=-1)) + 1, minlength or 0)
    found, which = np.unique(keys[inside], axis=0, return_inverse=True)
    sums = np.zeros(len(found), amounts.dtype)
    np.add.at(sums, which.reshape(-1), amounts[inside])
    sums = np.ones_like(sums) if binary_output else sums
    return SparseTensor(found if axis == -1 else found[:, 1:], sums, [height, size] if axis == -1 else [size])


def _of_values(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of tensors that also computes the stored values of a sparse tensor, which stays sparse."""

    @functools.wraps(function)
    def called(x: Any, *args: Any, **kwargs: Any) -> Any:
        return (
            x.with_values(function(x.values, *args, **kwargs))
            if isinstance(x, SparseTensor)
            else function(x, *args, **kwargs)
        )

    return called


for _name in ("abs", "negative", "sign", "square", "sqrt", "tanh", "math.erf", "cast", "identity", "stop_gradient"):
    replace(NAMES[_name], _of_values(NAMES[_name]))

"""Making, casting and rearranging tensors."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core.errors import ArgumentError, message
from gazelle.core.symbolic import KerasTensor
from gazelle.core.variable import Variable
from gazelle.legacy.tensorflow.calls import call
from gazelle.legacy.tensorflow.dtypes import TensorShape, name_of
from gazelle.legacy.tensorflow.names import fixed_value, named, op, space
from gazelle.legacy.tensorflow.recording import is_box, unboxed
from gazelle.legacy.tensorflow.tensor import Tensor, is_tensor

named("is_tensor", "keras.backend.is_tensor")(is_tensor)


def convert(value: Any, dtype: Any = None) -> Any:
    """A tensor from numbers, strings, arrays, lists (also of tensors)."""
    if isinstance(value, KerasTensor):
        return value
    if isinstance(value, Tensor):
        return value if dtype is None or value.dtype == dtype else cast(value, dtype)
    if isinstance(value, Variable):
        return call(_astype, (value, name_of(dtype or value.dtype)), {})
    if isinstance(value, list | tuple) and any(is_box(leaf) or isinstance(leaf, jax.Array) for leaf in
                                               jax.tree.leaves(value, is_leaf=is_box)):  # fmt: skip
        out = stack([convert(v) for v in value])
        return out if dtype is None else cast(out, dtype)
    if isinstance(value, jax.Array):
        return Tensor(value if dtype is None else value.astype(name_of(dtype)))
    return Tensor(host_array(value, dtype))


def host_array(value: Any, dtype: Any = None) -> Any:
    """An array of NumPy with TensorFlow's dtypes: Python's floats are float32, its numbers int32, text is bytes."""
    if hasattr(value, "to_numpy"):  # a data frame or a column
        value = value.to_numpy()
    array = np.asarray(value)
    if array.dtype.kind in "USO":
        if array.dtype == object and array.size and not isinstance(array.flat[0], str | bytes):
            try:
                return host_array(array.astype(np.float32), dtype)
            except (TypeError, ValueError) as error:
                expected = "numbers or strings, all rows of one length"
                raise ArgumentError(message("A tensor", expected=expected, got=repr(value)[:60])) from error
        encoded = np.empty(array.shape, object)
        encoded.flat = [v.encode() if isinstance(v, str) else bytes(v) for v in array.flat]
        return encoded
    if dtype is not None:
        return array.astype(jnp.dtype(name_of(dtype)))
    if not isinstance(value, np.ndarray | np.generic):
        if array.dtype == np.float64:
            return array.astype(np.float32)
        if array.dtype == np.int64 and (not array.size or np.abs(array).max() < 2**31):
            return array.astype(np.int32)
    return array


@named("constant", "convert_to_tensor", "compat.v1.convert_to_tensor", "compat.v1.constant", "ragged.constant")
def constant(
    value: Any, dtype: Any = None, shape: Any = None, name: Any = None, dtype_hint: Any = None, **_: Any
) -> Any:
    """`tf.constant`, `tf.convert_to_tensor`."""
    out = convert(value, dtype)
    if shape is None:
        return out
    shape = fixed_value(shape)
    return fill(shape, out) if out.ndim == 0 or np.prod(out.shape) == 1 != np.prod(shape) else reshape(out, shape)


def _astype(x: Any, dtype: str) -> Any:
    return x.astype(dtype) if hasattr(x, "astype") else np.asarray(x, dtype)


def _cast(x: Any, dtype: str) -> Any:
    if not hasattr(x, "astype"):
        x = np.asarray(x)
    if isinstance(x, np.ndarray | np.generic):
        return x.astype(object if dtype == "string" else jnp.dtype(dtype))
    return jax.lax.convert_element_type(x, jax.dtypes.canonicalize_dtype(dtype))


@named("cast", "dtypes.cast", "compat.v1.cast", "saturate_cast", "dtypes.saturate_cast")
def cast(x: Any, dtype: Any, name: Any = None) -> Any:
    """`tf.cast`."""
    return call(_cast, (x, name_of(dtype)), {}, host=_cast)


for _name, _type in {"to_float": "float32", "to_int32": "int32", "to_int64": "int64", "to_double": "float64"}.items():
    named(_name, f"compat.v1.{_name}")(lambda x, name=None, t=_type: cast(x, t))


@named("shape", "compat.v1.shape")
def shape(input: Any, out_type: Any = "int32", name: Any = None) -> Any:
    """`tf.shape`: sizes, as numbers of the program wherever they are known."""
    if isinstance(input, KerasTensor):
        return call(lambda x: jnp.asarray(x.shape, "int32"), (input,), {})
    array = input if hasattr(input, "shape") else host_array(input)
    return Tensor(np.asarray(tuple(array.shape), name_of(out_type)))


@named("size")
def size(input: Any, out_type: Any = "int32", name: Any = None) -> Any:
    """`tf.size`."""
    return Tensor(np.asarray(np.prod(np.shape(unboxed(input))), name_of(out_type)))


@named("rank")
def rank(input: Any, name: Any = None) -> Any:
    """`tf.rank`."""
    return Tensor(np.asarray(np.ndim(unboxed(input)), "int32"))


@named("zeros", "compat.v1.zeros")
def zeros(shape: Any, dtype: Any = "float32", name: Any = None) -> Any:
    """`tf.zeros`."""
    return Tensor(np.zeros(fixed_value(shape), jnp.dtype(name_of(dtype))))


@named("ones", "compat.v1.ones")
def ones(shape: Any, dtype: Any = "float32", name: Any = None) -> Any:
    """`tf.ones`."""
    return Tensor(np.ones(fixed_value(shape), jnp.dtype(name_of(dtype))))


@op("zeros_like", "compat.v1.zeros_like")
def zeros_like(input: Any, dtype: Any = None) -> Any:
    return space(input).zeros_like(input, dtype=dtype and name_of(dtype))


@op("ones_like", "compat.v1.ones_like")
def ones_like(input: Any, dtype: Any = None) -> Any:
    return space(input).ones_like(input, dtype=dtype and name_of(dtype))


@op("fill", fixed=("dims",))
def fill(dims: Any, value: Any) -> Any:
    value = value if hasattr(value, "dtype") else host_array(value)
    return space(value).full(dims, value, value.dtype)


@named("range")
def range_(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: Any = None) -> Any:
    """`tf.range`."""
    start, limit, delta = (None if v is None else unboxed(v) for v in (start, limit, delta))
    start, limit = (0, start) if limit is None else (start, limit)
    whole = all(np.issubdtype(np.result_type(v), np.integer) for v in (start, limit, delta))
    if any(isinstance(v, jax.core.Tracer) for v in (start, limit, delta)):
        return Tensor(jnp.arange(start, limit, delta))  # asks for the values: a plain run has them
    return Tensor(np.arange(start, limit, delta).astype(name_of(dtype) if dtype else "int32" if whole else "float32"))


@op("linspace", "lin_space", fixed=("num",))
def linspace(start: Any, stop: Any, num: Any, axis: int = 0) -> Any:
    return space(start, stop).linspace(start, stop, num, axis=axis).astype("float32")


@op("eye", "linalg.eye", fixed=("num_rows", "num_columns", "batch_shape"))
def eye(num_rows: Any, num_columns: Any = None, batch_shape: Any = None, dtype: Any = "float32") -> Any:
    one = np.eye(num_rows, num_columns, dtype=name_of(dtype))
    return one if batch_shape is None else np.broadcast_to(one, (*batch_shape, *one.shape))


@op("identity")
def identity(input: Any) -> Any:
    return input


@op("reshape", "compat.v1.reshape", fixed=("shape",))
def reshape(tensor: Any, shape: Any) -> Any:
    return space(tensor).reshape(tensor, shape)


@op("expand_dims", "compat.v1.expand_dims", fixed=("axis",))
def expand_dims(input: Any, axis: Any = None, dim: Any = None) -> Any:
    return space(input).expand_dims(input, axis if axis is not None else dim)


@op("squeeze", "compat.v1.squeeze", fixed=("axis",))
def squeeze(input: Any, axis: Any = None, squeeze_dims: Any = None) -> Any:
    axis = axis if axis is not None else squeeze_dims
    return space(input).squeeze(input, axis if axis != () else None)


@op("transpose", "compat.v1.transpose", fixed=("perm",))
def transpose(a: Any, perm: Any = None, conjugate: bool = False) -> Any:
    return space(a).transpose(a, perm)


@op("linalg.matrix_transpose")
def matrix_transpose(a: Any) -> Any:
    return space(a).swapaxes(a, -1, -2)


@op("concat", fixed=("axis",))
def concat(values: Any, axis: Any) -> Any:
    return space(values).concatenate(list(values), axis)


@op("stack", fixed=("axis",))
def stack(values: Any, axis: Any = 0) -> Any:
    return space(values).stack(list(values) if isinstance(values, list | tuple) else values, axis)


@op("unstack", fixed=("num", "axis"))
def unstack(value: Any, num: Any = None, axis: Any = 0) -> Any:
    moved = space(value).moveaxis(value, axis, 0)
    return [moved[i] for i in range(moved.shape[0])]


@op("split", fixed=("num_or_size_splits", "axis"))
def split(value: Any, num_or_size_splits: Any, axis: Any = 0, num: Any = None) -> Any:
    if isinstance(num_or_size_splits, int):
        return list(space(value).split(value, num_or_size_splits, axis))
    sizes = list(num_or_size_splits)
    if -1 in sizes:
        sizes[sizes.index(-1)] = value.shape[axis] - sum(sizes) - 1
    return list(space(value).split(value, np.cumsum(sizes)[:-1].tolist(), axis))


@op("tile", fixed=("multiples",))
def tile(input: Any, multiples: Any) -> Any:
    return space(input).tile(input, multiples)


@op("repeat", fixed=("repeats", "axis"))
def repeat(input: Any, repeats: Any, axis: Any = None) -> Any:
    return space(input).repeat(input, np.asarray(repeats) if isinstance(repeats, tuple) else repeats, axis)


@op("broadcast_to", fixed=("shape",))
def broadcast_to(input: Any, shape: Any) -> Any:
    return space(input).broadcast_to(input, shape)


@op("pad", "compat.v1.pad", fixed=("paddings",))
def pad(tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0) -> Any:
    words = {"constant_values": constant_values} if mode.upper() == "CONSTANT" else {}
    return space(tensor).pad(tensor, paddings, mode.lower(), **words)


@op("reverse", fixed=("axis",))
def reverse(tensor: Any, axis: Any) -> Any:
    return space(tensor).flip(tensor, axis)


@op("roll", fixed=("shift", "axis"))
def roll(input: Any, shift: Any, axis: Any) -> Any:
    return space(input).roll(input, shift, axis)


@op("slice", fixed=("size",))
def slice_(input_: Any, begin: Any, size: Any) -> Any:
    begin = list(begin)
    sizes = [input_.shape[i] - int(begin[i]) if n == -1 else n for i, n in enumerate(size)]
    if any(isinstance(b, jax.core.Tracer) for b in begin):
        return jax.lax.dynamic_slice(input_, begin, sizes)
    return input_[tuple(slice(int(b), int(b) + n) for b, n in zip(begin, sizes, strict=True))]


@op("strided_slice", fixed=("begin", "end", "strides"))
def strided_slice(input_: Any, begin: Any, end: Any, strides: Any = None) -> Any:
    steps = strides or [1] * len(begin)
    return input_[tuple(slice(b, e, s) for b, e, s in zip(begin, end, steps, strict=True))]


@op("gather", "compat.v1.gather", fixed=("axis", "batch_dims"))
def gather(params: Any, indices: Any, validate_indices: Any = None, axis: Any = None, batch_dims: Any = 0) -> Any:
    where = space(params, indices)
    if not batch_dims:
        return where.take(where.asarray(params), where.asarray(indices), axis=axis or 0)

    def one(p: Any, i: Any) -> Any:
        return jnp.take(p, i, axis=(axis if axis is not None else batch_dims) - batch_dims)

    for _ in range(batch_dims):
        one = jax.vmap(one)
    return one(jnp.asarray(params), jnp.asarray(indices))


@op("gather_nd", "manip.gather_nd")
def gather_nd(params: Any, indices: Any, batch_dims: int = 0) -> Any:
    if batch_dims:
        return jax.vmap(lambda p, i: p[tuple(jnp.moveaxis(i, -1, 0))])(jnp.asarray(params), jnp.asarray(indices))
    where = space(params, indices)
    return where.asarray(params)[tuple(where.moveaxis(where.asarray(indices), -1, 0))]


@op("scatter_nd", fixed=("shape",), host=False)
def scatter_nd(indices: Any, updates: Any, shape: Any) -> Any:
    updates = jnp.asarray(updates)
    return jnp.zeros(shape, updates.dtype).at[tuple(jnp.moveaxis(jnp.asarray(indices), -1, 0))].add(updates)


def _scatter(way: str) -> Any:
    def function(tensor: Any, indices: Any, updates: Any) -> Any:
        places = tuple(jnp.moveaxis(jnp.asarray(indices), -1, 0))
        return getattr(jnp.asarray(tensor).at[places], way)(jnp.asarray(updates))

    return function


for _name, _way in {"update": "set", "add": "add", "max": "max", "min": "min"}.items():
    op(f"tensor_scatter_nd_{_name}", host=False)(_scatter(_way))
op("tensor_scatter_nd_sub", host=False)(lambda tensor, indices, updates: _scatter("add")(tensor, indices, -updates))


@op("one_hot", fixed=("depth", "axis"))
def one_hot(indices: Any, depth: Any, on_value: Any = None, off_value: Any = None, axis: Any = None,
            dtype: Any = None) -> Any:  # fmt: skip
    where = space(indices)
    hot = where.expand_dims(where.asarray(indices), -1) == np.arange(depth)
    on, off = 1.0 if on_value is None else on_value, 0.0 if off_value is None else off_value
    out = where.where(hot, on, off).astype(name_of(dtype) if dtype is not None else "float32")
    return out if axis in (None, -1) else where.moveaxis(out, -1, axis)


@named("where", "compat.v1.where", "where_v2")
def where(condition: Any, x: Any = None, y: Any = None, name: Any = None) -> Any:
    """`tf.where`."""
    if x is None:
        return Tensor(np.argwhere(np.asarray(unboxed(condition))))
    return call(_where, (condition, x, y), {}, host=_where)


def _where(condition: Any, x: Any, y: Any) -> Any:
    where_ = space(condition, x, y)
    if where_.ndim(condition) == 1 and where_.ndim(x) > 1 and where_.shape(x) == where_.shape(y):  # rows, as in 1.x
        condition = where_.reshape(condition, (-1, *[1] * (where_.ndim(x) - 1))) if (
            where_.shape(condition)[0] == where_.shape(x)[0] != where_.shape(x)[-1]
        ) else condition  # fmt: skip
    return where_.where(condition, x, y)


@named("boolean_mask", "compat.v1.boolean_mask")
def boolean_mask(tensor: Any, mask: Any, axis: Any = 0, name: Any = None) -> Any:
    """`tf.boolean_mask`: which are kept must be known, so it does not compile."""
    chosen = np.nonzero(np.asarray(unboxed(mask)).reshape(-1))[0]
    count = np.ndim(unboxed(mask))
    flat = reshape(convert(tensor), (-1, *convert(tensor).shape[count:])) if count > 1 else tensor
    return gather(flat, Tensor(chosen), axis=axis or 0)


@op("sequence_mask", fixed=("maxlen",))
def sequence_mask(lengths: Any, maxlen: Any = None, dtype: Any = "bool") -> Any:
    where_ = space(lengths)
    lengths = where_.asarray(lengths)
    most = int(lengths.max()) if maxlen is None else maxlen
    return (np.arange(most) < where_.expand_dims(lengths, -1)).astype(name_of(dtype))


@op("argsort", fixed=("axis",))
def argsort(values: Any, axis: Any = -1, direction: str = "ASCENDING", stable: bool = False) -> Any:
    return space(values).argsort(values if direction == "ASCENDING" else -values, axis=axis)


@op("sort", fixed=("axis",))
def sort(values: Any, axis: Any = -1, direction: str = "ASCENDING") -> Any:
    out = space(values).sort(values, axis=axis)
    return out if direction == "ASCENDING" else space(values).flip(out, axis)


@named("unique", "unique_with_counts")
def unique(x: Any, out_idx: Any = "int32", name: Any = None) -> Any:
    """`tf.unique`: values in the order in which they come first, and where each element is among them."""
    values, first, inverse = np.unique(np.asarray(unboxed(x)), return_index=True, return_inverse=True)
    order = np.argsort(first)
    return Tensor(values[order]), Tensor(np.argsort(order)[inverse].astype(name_of(out_idx)))


@op("meshgrid")
def meshgrid(*args: Any, indexing: str = "xy") -> Any:
    return list(space(args).meshgrid(*args, indexing=indexing))


@op("searchsorted")
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    return space(sorted_sequence, values).searchsorted(sorted_sequence, values, side=side)


@op("space_to_depth", "nn.space_to_depth", host=False)
def space_to_depth(input: Any, block_size: int, data_format: str = "NHWC") -> Any:
    n, h, w, c = input.shape
    k = block_size
    parts = input.reshape(n, h // k, k, w // k, k, c).transpose(0, 1, 3, 2, 4, 5)
    return parts.reshape(n, h // k, w // k, k * k * c)


@op("depth_to_space", "nn.depth_to_space", host=False)
def depth_to_space(input: Any, block_size: int, data_format: str = "NHWC") -> Any:
    n, h, w, c = input.shape
    k = block_size
    parts = input.reshape(n, h, w, k, k, c // k**2).transpose(0, 1, 3, 2, 4, 5)
    return parts.reshape(n, h * k, w * k, c // k**2)


@op("stop_gradient", host=True)
def stop_gradient(input: Any) -> Any:
    return jax.lax.stop_gradient(input) if isinstance(input, jax.Array) else np.array(input)


named("TensorShape")(TensorShape)
named("Tensor")(Tensor)


@named("SparseTensor", "sparse.SparseTensor")
class SparseTensor:
    """`tf.SparseTensor`: places and values; it computes by way of `tf.sparse.to_dense`."""

    def __init__(self, indices: Any, values: Any, dense_shape: Any) -> None:
        self.indices, self.values, self.dense_shape = convert(indices), convert(values), convert(dense_shape)

    @property
    def shape(self) -> TensorShape:
        return TensorShape(fixed_value(self.dense_shape))

    @property
    def dtype(self) -> Any:
        return self.values.dtype


@named("sparse.to_dense", "sparse_tensor_to_dense")
def to_dense(sp_input: SparseTensor, default_value: Any = 0, name: Any = None) -> Any:
    """`tf.sparse.to_dense`."""
    out = np.full(tuple(sp_input.shape), default_value, sp_input.dtype.as_numpy_dtype)
    out[tuple(np.asarray(sp_input.indices.array).T)] = np.asarray(sp_input.values.array)
    return Tensor(out)


named("sparse.from_dense")(
    lambda tensor: SparseTensor(
        np.argwhere(np.asarray(unboxed(tensor))), np.asarray(unboxed(tensor))[np.nonzero(np.asarray(unboxed(tensor)))],
        np.shape(unboxed(tensor)),
    )
)  # fmt: skip

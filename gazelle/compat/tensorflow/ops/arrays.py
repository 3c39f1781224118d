"""Functions that create, cast and rearrange tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle import ops
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend.lifting import GraphVariable, computes_values
from gazelle.compat.backend.shapes import Size
from gazelle.compat.old_variable import Dimension, TensorShape
from gazelle.compat.tensorflow import names as table
from gazelle.compat.tensorflow.calls import CONVERSIONS, call, registered
from gazelle.compat.tensorflow.dtypes import DType, host_array, name_of
from gazelle.compat.tensorflow.eager import float64
from gazelle.compat.tensorflow.eager.programs import FunctionTrace, NotCompilableError
from gazelle.compat.tensorflow.eager.recording import is_box, unboxed
from gazelle.compat.tensorflow.function_tables import NAMES
from gazelle.compat.tensorflow.names import fixed_shape, fixed_value, named, op, space
from gazelle.compat.tensorflow.ops import sizes
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import AxisLike, DTypeLike, ShapeLike, TensorLike, TensorResult
from gazelle.core import symbolic, tracing
from gazelle.core.dtypes import has_range_of
from gazelle.core.errors import ShapeError, message
from gazelle.core.symbolic import KerasTensor
from gazelle.core.variable import Variable


def convert(value: TensorLike, dtype: DTypeLike = None) -> TensorResult:
    """A tensor from numbers, strings, arrays or lists, which may contain tensors."""
    value = registered(value)
    if isinstance(value, KerasTensor):
        return value
    if isinstance(value, Tensor):
        return value if dtype is None or value.dtype == dtype else cast(value, dtype)
    if isinstance(value, Variable):
        return call(_astype, (value, name_of(dtype or value.dtype)), {})
    if _holds_tensors(value):
        out = stack([convert(v) for v in value])
        return out if dtype is None else cast(out, dtype)
    if isinstance(value, jax.Array):
        return Tensor(value if dtype is None else value.astype(name_of(dtype)))
    array = host_array(value, dtype)
    if isinstance(tracing.current(), FunctionTrace) and not has_range_of(array):
        raise NotCompilableError  # on the host integers have 64 bits
    return Tensor(array)


def _holds_tensors(value: Any) -> bool:
    """Whether an argument is a list with tensors in it."""
    return isinstance(value, list | tuple) and any(
        is_box(leaf) or isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(value, is_leaf=is_box)
    )


def keras_format(data_format: str | None) -> str:
    """The data format in the name of Keras: "NHWC", "NCHW" and the like, or None."""
    return "channels_first" if (data_format or "").startswith("NC") else "channels_last"


def array_of(value: TensorLike, dtype: DTypeLike = None) -> TensorResult:
    """A tensor, a variable or numbers as a NumPy array."""
    return np.asarray(unboxed(convert(value, dtype)))


named("Dimension")(Dimension)
named("identity_n")(lambda input: [NAMES["identity"](v) for v in input])
named("is_symbolic_tensor")(lambda tensor: symbolic.is_symbolic(unboxed(tensor)))
named("compat.dimension_value", "compat.v1.dimension_value")(lambda dimension: getattr(dimension, "value", dimension))


@named("register_tensor_conversion_function")
def register_tensor_conversion_function(
    base_type: type | tuple[type, ...], conversion_func: Callable[..., TensorResult], priority: int = 100
) -> None:
    """Let functions take objects of a class, whose tensor is `conversion_func(object, dtype, name, as_ref)`.

    The priority has no effect: the function that was registered first for a class counts.
    """
    CONVERSIONS.append((base_type, conversion_func))


@named("convert_to_tensor")
def convert_to_tensor(
    value: TensorLike, dtype: DTypeLike = None, dtype_hint: DTypeLike = None, name: str | None = None, **old: DTypeLike
) -> TensorResult:
    """`tf.convert_to_tensor`; Python numbers get the dtype of the hint if it can represent them."""
    if dtype is None and not hasattr(value, "dtype") and not is_box(value):
        dtype = _fitting(value, dtype_hint or old.pop("preferred_dtype", None))
    return constant(value, dtype, **old)


def _fitting(value: Any, hint: Any) -> Any:
    """The dtype if it represents numbers without a loss, else None."""
    if hint is None:
        return None
    given = array_of(value).dtype
    return hint if given.kind != "O" and np.can_cast(given, name_of(hint), "same_kind") else None


@named("constant")
@ignores("verify_shape")
def constant(
    value: TensorLike, dtype: DTypeLike = None, shape: ShapeLike | None = None, name: str | None = None
) -> TensorResult:
    """`tf.constant`."""
    float64.request(dtype)
    out = convert(value, dtype)
    if shape is not None:
        shape = fixed_shape(shape)
        repeats = out.ndim == 0 or np.prod(out.shape) == 1 != np.prod(shape)
        out = fill(shape, out) if repeats else reshape(out, shape)
    if name and table.on_name is not None and out is not value and not isinstance(out, KerasTensor):
        table.on_name(name, out)
    return out


def _astype(x: Any, dtype: str) -> Any:
    return x.astype(dtype) if hasattr(x, "astype") else np.asarray(x, dtype)


def cast_array(x: TensorLike, dtype: str) -> TensorResult:
    """An array of another dtype; numbers out of its range are those of TensorFlow."""
    if not hasattr(x, "astype"):
        x = np.asarray(x)
    if isinstance(x, np.ndarray | np.generic):
        return x.astype(object if dtype == "string" else jnp.dtype(dtype))
    kind = jax.dtypes.canonicalize_dtype(dtype)
    if jnp.issubdtype(x.dtype, jnp.floating) and kind.kind in "iu" and kind.itemsize < 4:  # JAX gives the limits
        x = x.astype("int32")
    return jax.lax.convert_element_type(x, kind)


@named("cast", "dtypes.cast")
def cast(x: TensorLike, dtype: DTypeLike) -> TensorResult:
    float64.request(dtype)
    kind = name_of(dtype)
    if isinstance(x, Tensor) and x.dtype == kind:
        return x
    return call(
        cast_array, (x, kind), {}, host=cast_array, keeps_64_bits=kind in ("float64", "int64", "uint64", "complex128")
    )


@named("saturate_cast", "dtypes.saturate_cast")
def saturate_cast(value: TensorLike, dtype: DTypeLike) -> TensorResult:
    """`tf.saturate_cast`: values out of range become the largest or smallest one."""
    kind = DType(name_of(dtype))
    return cast(call(_clip, (convert(value), kind.min, kind.max), {}, host=_clip), kind)


def _clip(x: Any, low: Any, high: Any) -> Any:
    if x.dtype.kind in "iu":
        own = np.iinfo(x.dtype)
        low, high = max(low, own.min), min(high, own.max)
    most = np.asarray(high, x.dtype)
    most = np.nextafter(most, most.dtype.type(0)) if x.dtype.kind == "f" and int(most) > high else most  # by rounding
    return space(x).clip(x, low, most)


for _name, _type in {"to_float": "float32", "to_int32": "int32", "to_int64": "int64", "to_double": "float64"}.items():
    named(_name)(lambda x, name=None, t=_type: cast(x, t))
for _type in ("bfloat16", "complex64", "complex128"):
    named(f"to_{_type}")(lambda x, name=None, t=_type: cast(x, t))


@named("shape")
def shape(input: TensorLike, out_type: DTypeLike = "int32") -> TensorResult:
    """`tf.shape`: the sizes, which are host values if they are known."""
    if isinstance(input, KerasTensor):
        return sizes.shape_of(input)
    array = unboxed(input) if hasattr(input, "shape") else host_array(input)  # it fails if sizes are unknown
    return Tensor(np.asarray(tuple(array.shape), name_of(out_type)))


@named("size")
def size(input: TensorLike, out_type: DTypeLike = "int32") -> TensorResult:
    if isinstance(input, KerasTensor):
        return call(lambda x: jnp.asarray(x.size, "int32"), (input,), {})
    return Tensor(np.asarray(np.prod(np.shape(unboxed(input))), name_of(out_type)))


named("shape_n")(lambda input, out_type="int32": [shape(one, out_type) for one in input])
named("rank")(lambda input: Tensor(np.asarray(len(input.shape) if is_box(input) else np.ndim(unboxed(input)), "int32")))


def _filled(make: Any) -> Any:
    def function(shape: Any, dtype: Any = "float32") -> Any:
        float64.request(dtype)
        shape, name = fixed_shape(shape), name_of(dtype)
        shape = (shape,) if isinstance(shape, Size) else shape
        if name == "string" and make is np.zeros:
            return Tensor(np.full(shape, b"", object))
        kind = jnp.dtype(name)
        return call(make, (shape, kind), {}) if symbolic.any_symbolic(shape) else Tensor(make(shape, kind))

    return function


named("zeros")(_filled(np.zeros))
named("ones")(_filled(np.ones))
op("zeros_like")(
    lambda input, dtype=None: (
        np.full_like(input, b"")
        if dtype is None and input.dtype == object
        else space(input).zeros_like(input, dtype=dtype and name_of(dtype))
    )
)
op("ones_like")(lambda input, dtype=None: space(input).ones_like(input, dtype=dtype and name_of(dtype)))


@op("fill", static=("dims",))
def fill(dims: ShapeLike, value: TensorLike) -> TensorResult:
    value = value if hasattr(value, "dtype") else host_array(value)
    return space(value).full(dims, value, value.dtype)


@named("range")
def range_(start: TensorLike, limit: TensorLike = None, delta: TensorLike = 1, dtype: DTypeLike = None) -> TensorResult:
    start, limit = (0, start) if limit is None else (start, limit)
    bounds = [fixed_value(v) for v in (start, limit, delta)]
    if symbolic.any_symbolic(bounds):
        return call(lambda *given: jnp.arange(*given, dtype=name_of(dtype or "int32")), tuple(bounds), {})
    start, limit, delta = (unboxed(v) for v in (start, limit, delta))
    all_integers = all(np.issubdtype(jnp.result_type(v), np.integer) for v in (start, limit, delta))
    if any(isinstance(v, jax.core.Tracer) for v in (start, limit, delta)):
        # raises if the values are traced: the function then runs uncompiled
        return Tensor(jnp.arange(start, limit, delta))
    kind = _float_of(start, limit, delta)
    return Tensor(np.arange(start, limit, delta).astype(name_of(dtype) if dtype else "int32" if all_integers else kind))


def _float_of(*values: Any) -> str:
    """The float type of bounds: that of tensors, float32 for numbers."""
    kinds = {str(v.dtype) for v in values if hasattr(v, "dtype")}
    return "float64" if "float64" in kinds else "float32"


@op("linspace", "lin_space", static=("num",))
def linspace(start: TensorLike, stop: TensorLike, num: TensorLike, axis: AxisLike = 0) -> TensorResult:
    return space(start, stop).linspace(start, stop, num, axis=axis).astype(_float_of(start, stop))


@op("eye", "linalg.eye", static=("num_rows", "num_columns", "batch_shape"), keeps_64_bits=True)
def eye(
    num_rows: TensorLike,
    num_columns: TensorLike = None,
    batch_shape: ShapeLike | None = None,
    dtype: DTypeLike = "float32",
) -> TensorResult:
    float64.request(dtype)
    matrix = np.eye(num_rows, num_columns, dtype=name_of(dtype))
    return matrix if batch_shape is None else np.broadcast_to(matrix, (*batch_shape, *matrix.shape))


op("identity")(lambda input: space(input).asarray(input) if isinstance(input, list | tuple) else input)

reshape = NAMES["reshape"]


@op("squeeze", static=("axis",))
def squeeze(input: TensorLike, axis: AxisLike = None) -> TensorResult:
    return space(input).squeeze(input, axis if axis != () else None)


op("transpose", static=("perm",))(
    lambda a, perm=None, conjugate=False: space(a).transpose(space(a).conj(a) if conjugate else a, perm)
)

_concat = op(static=("axis",))(lambda values, axis: space(values).concatenate(list(values), axis))


@named("concat")
def concat(values: TensorLike, axis: int | TensorLike) -> TensorResult:
    parts = values if isinstance(values, list | tuple) else [values]
    return _concat([NAMES["convert_to_tensor"](part) if _holds_tensors(part) else part for part in parts], axis)


stack = op("stack", static=("axis",))(
    lambda values, axis=0: space(values).stack(list(values) if isinstance(values, list | tuple) else values, axis)
)


@op("unstack", static=("num", "axis"))
def unstack(value: TensorLike, num: TensorLike = None, axis: AxisLike = 0) -> TensorResult:
    moved = space(value).moveaxis(value, axis, 0)
    if num not in (None, moved.shape[0]):
        raise ShapeError(message("num of tf.unstack", expected=moved.shape[0], got=num))
    return [moved[i] for i in range(moved.shape[0])]


@op("split", static=("num_or_size_splits", "axis"))
def split(value: TensorLike, num_or_size_splits: ShapeLike, axis: AxisLike = 0, num: TensorLike = None) -> TensorResult:
    if isinstance(num_or_size_splits, int):
        return list(space(value).split(value, num_or_size_splits, axis))
    parts = list(num_or_size_splits)
    if -1 in parts:
        parts[parts.index(-1)] = value.shape[axis] - sum(parts) - 1
    return list(space(value).split(value, np.cumsum(parts)[:-1].tolist(), axis))


@op("repeat", static=("repeats", "axis"))
def repeat(input: TensorLike, repeats: ShapeLike, axis: AxisLike = None) -> TensorResult:
    return space(input).repeat(input, np.asarray(repeats) if isinstance(repeats, tuple) else repeats, axis)


@op("pad", static=("paddings",))
def pad(
    tensor: TensorLike, paddings: ShapeLike, mode: str = "CONSTANT", constant_values: TensorLike = 0
) -> TensorResult:
    constant_values = b"" if tensor.dtype == object and isinstance(constant_values, int) else constant_values
    options = {"constant_values": constant_values} if mode.upper() == "CONSTANT" else {}
    return space(tensor).pad(tensor, paddings, mode.lower(), **options)


@op("slice", static=("size",))
def slice_(input_: TensorLike, begin: TensorLike, size: TensorLike) -> TensorResult:
    begin = list(begin)
    counts = [input_.shape[i] - int(begin[i]) if n == -1 else n for i, n in enumerate(size)]
    if any(isinstance(b, jax.core.Tracer) for b in begin):
        return jax.lax.dynamic_slice(input_, jnp.asarray(begin, "int32"), counts)
    return input_[tuple(slice(int(b), int(b) + n) for b, n in zip(begin, counts, strict=True))]


@op("strided_slice", static=("begin", "end", "strides"))
@ignores("var=None")
def strided_slice(
    input_: TensorLike,
    begin: TensorLike,
    end: ShapeLike,
    strides: ShapeLike | None = None,
    begin_mask: int = 0,
    end_mask: int = 0,
    ellipsis_mask: int = 0,
    new_axis_mask: int = 0,
    shrink_axis_mask: int = 0,
) -> TensorResult:
    index: list[Any] = []
    for i, (first, last, step) in enumerate(zip(begin, end, strides or [1] * len(begin), strict=True)):
        if ellipsis_mask >> i & 1:
            index.append(Ellipsis)
        elif new_axis_mask >> i & 1:
            index.append(None)
        elif shrink_axis_mask >> i & 1:
            index.append(first)
        else:
            index.append(slice(None if begin_mask >> i & 1 else first, None if end_mask >> i & 1 else last, step))
    return input_[tuple(index)]


op("meshgrid")(lambda *args, indexing="xy": list(space(args).meshgrid(*args, indexing=indexing)))


def _blocks(move: Any) -> Any:
    def function(input: Any, block_size: int, data_format: str = "NHWC") -> Any:
        if keras_format(data_format) == "channels_last":
            return move(input, block_size)
        return jnp.moveaxis(move(jnp.moveaxis(input, 1, -1), block_size), -1, 1)

    return function


op("space_to_depth", "nn.space_to_depth", host=False)(_blocks(ops.space_to_depth))
op("depth_to_space", "nn.depth_to_space", host=False)(_blocks(ops.depth_to_space))


@named("stop_gradient")
def stop_gradient(input: TensorLike) -> TensorResult:
    """`tf.stop_gradient`: the value as a constant, which tapes do not record."""
    if isinstance(input, KerasTensor) or (isinstance(input, GraphVariable) and not computes_values()):
        return call(jax.lax.stop_gradient, (input,), {})
    array = unboxed(convert(input))
    return Tensor(jax.lax.stop_gradient(array) + 0 if isinstance(array, jax.Array) else np.array(array))


named("broadcast_static_shape")(lambda shape_x, shape_y: TensorShape(np.broadcast_shapes(shape_x, shape_y)))
named("broadcast_dynamic_shape")(
    lambda shape_x, shape_y: convert(list(np.broadcast_shapes(fixed_value(shape_x), fixed_value(shape_y))))
)


@named("get_static_value")
def get_static_value(tensor: TensorLike, partial: bool = False) -> TensorResult:
    """`tf.get_static_value`: the values; None if the tensor is traced."""
    array = unboxed(tensor)
    return None if isinstance(array, jax.core.Tracer | KerasTensor) else np.asarray(array)


@named("ensure_shape")
def ensure_shape(x: TensorLike, shape: ShapeLike) -> TensorResult:
    """`tf.ensure_shape`: the tensor, if its shape fits."""
    out = convert(x)
    out.set_shape(shape)
    return out


@op("unravel_index", static=("dims",))
def unravel_index(indices: TensorLike, dims: ShapeLike) -> TensorResult:
    where_ = space(indices)
    return where_.stack(where_.unravel_index(where_.asarray(indices), dims))

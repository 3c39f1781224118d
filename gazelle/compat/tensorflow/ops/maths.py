"""tf.math: functions that are not in the tables."""

from __future__ import annotations

import functools
import time
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special as special
import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend.arithmetic import root
from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.eager.recording import is_box, unboxed
from gazelle.compat.tensorflow.names import NAMES, named, op, space
from gazelle.compat.tensorflow.ops.arrays import convert
from gazelle.compat.tensorflow.tensor import Tensor, floor_quotient, remainder
from gazelle.compat.types import AxisLike, DTypeLike, TensorLike, TensorResult


@named("divide", "math.divide", "truediv", "math.truediv")
def divide(x: TensorLike, y: TensorLike) -> TensorResult:
    return (x if is_box(x) or is_box(y) else convert(x)) / y


@op("abs", "math.abs")
def absolute(x: TensorLike) -> TensorResult:
    """Return |x|, whose gradient at 0 is 0, as in TensorFlow; that of JAX is 1."""
    if space(x) is np or not jnp.issubdtype(x.dtype, jnp.floating):
        return space(x).abs(x)
    return x * jax.lax.stop_gradient(jnp.sign(x))


@op("math.reduce_euclidean_norm", static=("axis",))
def reduce_euclidean_norm(input_tensor: TensorLike, axis: AxisLike = None, keepdims: bool = False) -> TensorResult:
    xp = space(input_tensor)
    return xp.sqrt(xp.sum(xp.square(input_tensor), axis=axis, keepdims=keepdims)).astype(input_tensor.dtype)


@op("math.count_nonzero", static=("axis",), keeps_64_bits=True)
def count_nonzero(
    input: TensorLike, axis: AxisLike = None, keepdims: bool | None = None, dtype: DTypeLike = "int64"
) -> TensorResult:
    zero = b"" if input.dtype.kind in "OSU" else 0
    return space(input).sum(input != zero, axis=axis, keepdims=bool(keepdims)).astype(name_of(dtype))


op("math.multiply_no_nan", host=False)(lambda x, y: jnp.where(y == 0, 0, jnp.where(y == 0, 0, x) * y))
op("math.squared_difference", "squared_difference")(lambda x, y: (x - y) * space(x, y).conj(x - y))
op("add_n", "math.add_n", "math.accumulate_n")(
    ignores("shape tensor_dtype")(lambda inputs: sum(inputs[1:], start=space(inputs).asarray(inputs[0])))
)
op("linalg.trace")(lambda x: space(x).trace(x, 0, -2, -1, dtype=x.dtype))


op("complex", "dtypes.complex", host=False)(
    lambda real, imag: jax.lax.complex(*jnp.broadcast_arrays(*map(jnp.asarray, (real, imag))))
)
op("sqrt", "math.sqrt")(lambda x: np.sqrt(x) if space(x) is np else root(x))


def _chosen(name: str) -> Any:
    """The larger or smaller one of two numbers; of equal ones the first has the derivative, where JAX halves it."""

    def function(x: Any, y: Any) -> Any:
        if not isinstance(x, jax.core.Tracer) and not isinstance(y, jax.core.Tracer):  # without a derivative
            return getattr(space(x, y), name)(x, y)
        first = x >= y if name == "maximum" else x <= y
        return jnp.where(first | (x != x), x, y)

    return function


_larger, _smaller = _chosen("maximum"), _chosen("minimum")
op("maximum", "math.maximum")(_larger)
op("minimum", "math.minimum")(_smaller)
op("clip_by_value")(lambda t, clip_value_min, clip_value_max: _larger(_smaller(t, clip_value_max), clip_value_min))


op("floordiv", "math.floordiv")(lambda x, y: floor_quotient(x, y))
op("floormod", "math.floormod", "mod", "math.mod")(lambda x, y: remainder(x, y))


def _cumulative(name: str) -> Any:
    def function(x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False) -> Any:
        xp = space(x)
        x = xp.flip(xp.asarray(x), axis) if reverse else xp.asarray(x)
        if exclusive:
            first = xp.full_like(xp.take(x, np.asarray([0][: x.shape[axis]], int), axis=axis), name == "cumprod")
            x = xp.concatenate([first, xp.take(x, np.arange(x.shape[axis] - 1), axis=axis)], axis)
        out = getattr(xp, name)(x, axis=axis, dtype=x.dtype)
        return xp.flip(out, axis) if reverse else out

    return function


op("cumsum", "math.cumsum", static=("axis",))(_cumulative("cumsum"))
op("cumprod", "math.cumprod", "math.cumulative_prod", static=("axis",))(_cumulative("cumprod"))


def _arg(name: str) -> Any:
    def function(input: Any, axis: Any = None, output_type: Any = "int64") -> Any:
        xp = space(input)
        if jnp.issubdtype(xp.asarray(input).dtype, jnp.floating):  # NaN is not chosen
            input = xp.where(xp.isnan(input), -xp.inf if name == "argmax" else xp.inf, input)
        kind = name_of(output_type)
        out = xp.asarray(getattr(xp, name)(input, axis or 0))
        return out.astype("int32" if xp is jnp and kind == "int64" else kind)

    return function


op("argmax", "math.argmax", "arg_max", static=("axis",), keeps_64_bits=True)(_arg("argmax"))
op("argmin", "math.argmin", "arg_min", static=("axis",), keeps_64_bits=True)(_arg("argmin"))
op("math.top_k", "nn.top_k", host=False, static=("k",))(
    ignores("sorted")(lambda input, k=1, sorted=True, index_type="int32": _top_k(jnp.asarray(input), k, index_type))
)


def _top_k(x: Any, k: int, index_type: Any) -> TopK:
    values, indices = jax.lax.top_k(x, k)
    return TopK(values, indices.astype(jax.dtypes.canonicalize_dtype(name_of(index_type))))


@op("math.approx_max_k", "nn.approx_max_k", host=False, static=("k", "reduction_dimension"))
@ignores("recall_target reduction_input_size_override aggregate_to_topk=True")
def approx_max_k(operand: TensorLike, k: int = 1, reduction_dimension: int = -1) -> TensorResult:
    values, indices = jax.lax.top_k(jnp.moveaxis(jnp.asarray(operand), reduction_dimension, -1), k)
    return tuple(jnp.moveaxis(v, -1, reduction_dimension) for v in (values, indices))


class TopK(tuple[Any, ...]):
    """(values, indices)."""

    def __new__(cls, values: Any, indices: Any) -> Any:
        return super().__new__(cls, (values, indices))

    values = property(lambda self: self[0])
    indices = property(lambda self: self[1])


jax.tree_util.register_pytree_node(TopK, lambda t: (tuple(t), None), lambda _, children: TopK(*children))


def _limit(dtype: Any, lowest: bool) -> Any:
    limits = jnp.finfo(dtype) if jnp.issubdtype(dtype, jnp.floating) else jnp.iinfo(dtype)
    return limits.min if lowest else limits.max


def _segments(name: str) -> Any:
    """The reduction of the rows with the same number; of no rows it is 0, or the limit of the dtype if unsorted."""

    def function(data: Any, segment_ids: Any, num_segments: Any = None) -> Any:
        data, ids = jnp.asarray(data), jnp.asarray(segment_ids)
        data, ids = data.reshape(-1, *data.shape[ids.ndim :]), ids.reshape(-1)
        count = int(jnp.max(ids)) + 1 if num_segments is None else num_segments
        out = getattr(jax.ops, f"segment_{'sum' if name in ('mean', 'sqrt_n') else name}")(data, ids, count)
        if name in ("sum", "prod"):
            return out
        counts = jax.ops.segment_sum(jnp.ones(len(ids)), ids, count).reshape(-1, *[1] * (out.ndim - 1))
        if name in ("max", "min"):
            empty = 0 if num_segments is None else _limit(data.dtype, lowest=name == "max")
            return jnp.where(counts == 0, jnp.asarray(empty, data.dtype), out)
        quotient = out / (jnp.maximum(counts, 1) if name == "mean" else jnp.sqrt(jnp.maximum(counts, 1)))
        is_integer = num_segments is not None and jnp.issubdtype(data.dtype, jnp.integer)  # sorted ones stay integers
        return quotient.astype("float32" if is_integer else data.dtype)

    return function


for _name in ("sum", "max", "min", "prod", "mean", "sqrt_n"):
    op(f"math.segment_{_name}", host=False)(_segments(_name))
    op(f"math.unsorted_segment_{_name}", host=False, static=("num_segments",))(_segments(_name))


@op("math.bincount", host=False, static=("minlength", "maxlength"))
def bincount(
    arr: TensorLike,
    weights: TensorLike = None,
    minlength: TensorLike = None,
    maxlength: TensorLike = None,
    dtype: DTypeLike = "int32",
    axis: int | None = None,
    binary_output: bool = False,
) -> TensorResult:
    arr = jnp.asarray(arr).astype("int32")
    length = max(int(jnp.max(arr, initial=-1)) + 1, minlength or 0)
    count = functools.partial(jnp.bincount, length=length if maxlength is None else min(length, maxlength))
    if axis == -1 and arr.ndim == 2:
        counts = jax.vmap(count)(arr) if weights is None else jax.vmap(count)(arr, jnp.asarray(weights))
    else:
        counts = count(arr.ravel(), None if weights is None else jnp.asarray(weights).ravel())
    kind = name_of(dtype) if weights is None or binary_output else counts.dtype
    return (counts > 0 if binary_output else counts).astype(kind)


@named("div")
def div(x: TensorLike, y: TensorLike) -> TensorResult:
    """`tf.div` of TensorFlow 1: integers are divided as by `//`."""
    integers = all("int" in str(getattr(v, "dtype", type(v).__name__)) for v in (x, y))
    return NAMES["floordiv" if integers else "divide"](x, y)


@named("math.confusion_matrix")
def confusion_matrix(
    labels: TensorLike,
    predictions: TensorLike,
    num_classes: TensorLike = None,
    weights: TensorLike = None,
    dtype: DTypeLike = "int32",
) -> TensorResult:
    """`tf.math.confusion_matrix`: rows are labels, columns are predictions."""
    rows, columns = (np.asarray(unboxed(v)).reshape(-1).astype(int) for v in (labels, predictions))
    count = int(num_classes or max(rows.max(), columns.max()) + 1)
    out = np.zeros((count, count), name_of(dtype))
    np.add.at(out, (rows, columns), 1 if weights is None else np.asarray(unboxed(weights)))
    return Tensor(out)


@op("math.polyval")
def polyval(coeffs: TensorLike, x: TensorLike) -> TensorResult:
    out = coeffs[0] if len(coeffs) else x * 0
    for coefficient in coeffs[1:]:
        out = out * x + coefficient
    return np.asarray(out, "float32") if isinstance(out, float) else out


@op("histogram_fixed_width", host=False, static=("nbins",))
def histogram_fixed_width(
    values: TensorLike, value_range: TensorLike, nbins: TensorLike = 100, dtype: DTypeLike = "int32"
) -> TensorResult:
    bins = histogram_fixed_width_bins(values, value_range, nbins)
    return jnp.bincount(bins.reshape(-1), length=nbins).astype(name_of(dtype))


@op("histogram_fixed_width_bins", host=False, static=("nbins",))
def histogram_fixed_width_bins(
    values: TensorLike, value_range: TensorLike, nbins: TensorLike = 100, dtype: DTypeLike = "int32"
) -> TensorResult:
    low, high = value_range[0], value_range[1]
    index = jnp.floor((jnp.asarray(values) - low) / (high - low) * nbins)
    return jnp.clip(index, 0, nbins - 1).astype(name_of(dtype))


def _rows_of_segments(name: str) -> Any:
    def function(data: Any, indices: Any, segment_ids: Any, num_segments: Any = None) -> Any:
        rows = jnp.take(jnp.asarray(data), jnp.asarray(indices), axis=0)
        return _segments(name)(rows, segment_ids, num_segments)

    return function


for _name in ("sum", "mean", "sqrt_n"):
    _names = f"sparse.segment_{_name}", f"sparse_segment_{_name}"
    op(*_names, host=False, static=("num_segments",))(_rows_of_segments(_name))
op("math.polygamma", "polygamma", host=False)(
    lambda a, x: jnp.where(a == jnp.floor(a), special.polygamma(jnp.asarray(a, "int32"), x), jnp.nan)
)
op("math.erfcinv", host=False)(lambda x: -special.ndtri(x / 2) * np.float32(np.sqrt(0.5)))
for _compute in (special.xlogy, special.xlog1py):  # 0 for x = 0 and any y
    op(f"math.{_compute.__name__}", host=False)(
        lambda x, y, compute=_compute: jnp.where(x == 0, 0, compute(x, jnp.where(x == 0, 1, y)))
    )
op("math.xdivy", host=False)(lambda x, y: jnp.where(x == 0, 0, x / jnp.where(x == 0, 1, y)))
op("math.reciprocal_no_nan", host=False)(lambda x: jnp.where(x == 0, 0, 1 / jnp.where(x == 0, 1, x)))
op("math.is_non_decreasing", host=False)(lambda x: jnp.all(jnp.diff(jnp.ravel(x)) >= 0))
op("math.is_strictly_increasing", host=False)(lambda x: jnp.all(jnp.diff(jnp.ravel(x)) > 0))
op("math.lbeta", host=False)(lambda x: jnp.sum(special.gammaln(x), -1) - special.gammaln(jnp.sum(x, -1)))


@op("truncatediv", host=False)
def truncatediv(x: TensorLike, y: TensorLike) -> TensorResult:
    if jnp.issubdtype(jnp.result_type(x, y), jnp.floating):  # 0.7 / 0.1 is 7, the floor of the exact quotient 6
        return jnp.trunc(x / y)
    quotient = jnp.floor_divide(x, y)
    return jnp.where((quotient < 0) & (quotient * y != x), quotient + 1, quotient)


@op("math.cumulative_logsumexp", host=False, static=("axis",))
def cumulative_logsumexp(x: TensorLike, axis: int = 0, exclusive: bool = False, reverse: bool = False) -> TensorResult:
    if exclusive:
        edges = [(0, 0)] * x.ndim
        edges[axis] = (0, 1) if reverse else (1, 0)
        x = jnp.pad(x, edges, constant_values=-jnp.inf)
        x = jax.lax.slice_in_dim(x, *((1, None) if reverse else (0, -1)), axis=axis % x.ndim)
    return jax.lax.cumlogsumexp(x, axis % x.ndim, reverse)


@named("timestamp")
def timestamp() -> TensorResult:
    """`tf.timestamp`: the seconds since 1970."""
    return Tensor(np.asarray(time.time()))

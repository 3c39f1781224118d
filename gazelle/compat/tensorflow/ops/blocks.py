"""Blocks and windows of tensors, and functions that only TensorFlow 1 has in `tf`."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.tensorflow.calls import call
from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.names import NAMES, fixed_value, named, op
from gazelle.compat.types import DTypeLike, ShapeLike, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message


@named("nn.pool")
def pool(
    input: TensorLike,
    window_shape: ShapeLike,
    pooling_type: str,
    strides: ShapeLike | None = None,
    padding: str = "VALID",
    data_format: str | None = None,
    dilations: ShapeLike | None = None,
) -> TensorResult:
    if dilations is not None and np.any(np.asarray(dilations) != 1):
        if padding.upper() != "VALID" or (strides is not None and np.any(np.asarray(strides) != 1)):
            expected = "padding 'VALID' and strides of 1 with dilations"
            raise ArgumentError(message("tf.nn.pool", expected=expected, got=f"{padding!r}, {strides}"))
        first = str(data_format or "N").startswith("NC")
        return _dilated(input, window_shape, dilations, pooling_type.upper() == "MAX", first)
    name = f"nn.{'avg' if pooling_type.upper() == 'AVG' else 'max'}_pool"
    return NAMES[name](input, window_shape, strides, padding, data_format)


@op(host=False, static=("window", "dilations", "is_max", "channels_first"))
def _dilated(x: Any, window: ShapeLike, dilations: ShapeLike, is_max: bool, channels_first: bool) -> Any:
    """Maxima or means over windows with gaps, at each position where all of a window lies inside."""
    x = jnp.asarray(x)
    window, dilations = ((1, 1, *sizes) if channels_first else (1, *sizes, 1) for sizes in (window, dilations))
    start, join = (-jnp.inf, jax.lax.max) if is_max else (0.0, jax.lax.add)
    out = jax.lax.reduce_window(x, start, join, window, (1,) * x.ndim, "VALID", window_dilation=dilations)
    return out if is_max else out / math.prod(window)


@named("required_space_to_batch_paddings")
def required_space_to_batch_paddings(
    input_shape: ShapeLike, block_shape: ShapeLike, base_paddings: TensorLike = None
) -> tuple[TensorResult, TensorResult]:
    """`tf.required_space_to_batch_paddings`: (paddings, crops), so that blocks divide the padded sizes."""
    sizes, blocks = np.asarray(fixed_value(input_shape)), np.asarray(fixed_value(block_shape))
    base = np.zeros((len(sizes), 2), "int32") if base_paddings is None else np.asarray(fixed_value(base_paddings))
    more = -(sizes + base.sum(1)) % blocks
    crops = np.stack([np.zeros_like(more), more], 1)
    return NAMES["constant"]((base + crops).astype("int32")), NAMES["constant"](crops.astype("int32"))


@op("space_to_batch_nd", "space_to_batch", "nn.space_to_batch", host=False, static=("block_shape", "paddings"))
def space_to_batch(input: TensorLike, block_shape: ShapeLike, paddings: ShapeLike) -> TensorResult:
    blocks = (block_shape,) * 2 if isinstance(block_shape, int) else tuple(block_shape)
    count = len(blocks)
    x = jnp.pad(input, [(0, 0), *paddings, *[(0, 0)] * (input.ndim - 1 - count)])
    inner = x.shape[1 + count :]
    x = x.reshape(
        x.shape[0], *(n for size, b in zip(x.shape[1:], blocks, strict=False) for n in (size // b, b)), *inner
    )
    axes = [2 * i + 2 for i in range(count)] + [0] + [2 * i + 1 for i in range(count)]
    x = x.transpose(*axes, *range(2 * count + 1, x.ndim))
    return x.reshape(-1, *x.shape[count + 1 :])


@op("batch_to_space", "batch_to_space_nd", "nn.batch_to_space", host=False, static=("block_shape", "crops"))
def batch_to_space(input: TensorLike, block_shape: ShapeLike, crops: ShapeLike) -> TensorResult:
    blocks = (block_shape,) * 2 if isinstance(block_shape, int) else tuple(block_shape)
    count = len(blocks)
    x = input.reshape(*blocks, -1, *input.shape[1:])
    axes = [count, *(axis for i in range(count) for axis in (count + 1 + i, i))]
    x = x.transpose(*axes, *range(2 * count + 1, x.ndim))
    x = x.reshape(x.shape[0], *(x.shape[1 + 2 * i] * b for i, b in enumerate(blocks)), *x.shape[1 + 2 * count :])
    return x[(slice(None), *(slice(a, size - b) for (a, b), size in zip(crops, x.shape[1:], strict=False)))]


@named("bitcast")
def bitcast(input: TensorLike, type: DTypeLike) -> TensorResult:
    """`tf.bitcast`: the same bits as numbers of another dtype."""
    plain = lambda x, kind: jax.lax.bitcast_convert_type(jnp.asarray(x), kind)  # noqa: E731
    return call(plain, (NAMES["convert_to_tensor"](input), name_of(type)), {}, host=_host_bits)


def _host_bits(x: np.ndarray[Any, Any], kind: str) -> np.ndarray[Any, Any]:
    wanted, size = np.dtype(jnp.dtype(kind)), x.dtype.itemsize
    shape = x.shape[:-1] if wanted.itemsize > size else x.shape + (size // wanted.itemsize,) * (size > wanted.itemsize)
    return np.ascontiguousarray(x).view(np.uint8).reshape(-1).view(wanted).reshape(shape)


@op("nn.xw_plus_b", "compat.v1.nn.xw_plus_b", host=False)
def xw_plus_b(x: TensorLike, weights: TensorLike, biases: TensorLike) -> TensorResult:
    return jnp.asarray(x) @ weights + jnp.asarray(biases)


@op("nn.relu_layer", "compat.v1.nn.relu_layer", host=False)
def relu_layer(x: TensorLike, weights: TensorLike, biases: TensorLike) -> TensorResult:
    return jax.nn.relu(jnp.asarray(x) @ weights + jnp.asarray(biases))


@named("compat.v1.batch_gather")
def batch_gather(params: TensorLike, indices: TensorLike) -> TensorResult:
    """`tf.batch_gather`: for each sample the rows of its indices."""
    indices = NAMES["convert_to_tensor"](indices)
    return NAMES["gather"](params, indices, batch_dims=len(indices.shape) - 1)


@named("compat.v1.string_split")
def string_split(
    source: TensorLike, sep: str | None = None, skip_empty: bool = True, delimiter: str = " "
) -> TensorResult:
    """`tf.string_split` of TensorFlow 1: the parts of strings as a sparse tensor."""
    delimiter = delimiter if sep is None else sep
    rows: list[list[bytes]] = []
    for value in np.asarray(unboxed(NAMES["constant"](source))).reshape(-1):
        parts = _split(value, delimiter.encode())
        rows.append([part for part in parts if part or not skip_empty])
    indices = [(i, j) for i, row in enumerate(rows) for j in range(len(row))]
    values = NAMES["constant"](np.asarray([part for row in rows for part in row], object))
    shape = (len(rows), max(map(len, rows), default=0))
    return NAMES["SparseTensor"](np.asarray(indices, "int64").reshape(-1, 2), values, shape)


def _split(value: bytes, delimiters: bytes) -> list[bytes]:
    """The parts between any of the delimiters; the single bytes if there are none."""
    if not delimiters:
        return [value[i : i + 1] for i in range(len(value))]
    for one in delimiters[1:]:
        value = value.replace(bytes([one]), delimiters[:1])
    return value.split(delimiters[:1])


named("compat.v1.data.get_output_shapes")(lambda dataset: dataset.output_shapes)
named("compat.v1.data.get_output_types")(lambda dataset: dataset.output_types)

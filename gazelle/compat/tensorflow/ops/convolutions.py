"""tf.nn: convolutions and pooling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from gazelle import ops
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tables import with_parameters
from gazelle.compat.tensorflow.names import NAMES, fixed_value, named, op
from gazelle.compat.tensorflow.ops.arrays import keras_format
from gazelle.compat.types import ShapeLike, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message

#: strides and the like, in a form of TensorFlow: (1, 2, 2, 1) or (2, 2) or 2
Sizes: TypeAlias = int | Sequence[int] | None


def inner_sizes(values: Sizes, rank: int, data_format: str | None) -> Sequence[int]:
    """One number for each spatial axis."""
    values = (1 if values is None else values,) if not isinstance(values, list | tuple) else tuple(values)
    if len(values) == rank + 2:
        return values[2:] if (data_format or "").startswith("NC") else values[1:-1]
    return values * rank if len(values) == 1 else values


def convolution_options(
    rank: int, strides: Sizes, padding: str, data_format: str | None, dilations: Sizes
) -> tuple[Any, ...]:
    """The options of a convolution over so many axes, in the order of `ops`."""
    steps, dilation = (inner_sizes(value, rank, data_format) for value in (strides, dilations))
    return steps, padding.lower(), keras_format(data_format), dilation


def pooling_options(rank: int, ksize: Sizes, strides: Sizes, padding: str, data_format: str | None) -> tuple[Any, ...]:
    """The options of pooling over so many axes, in the order of `ops`."""
    size, steps = (inner_sizes(value, rank, data_format) for value in (ksize, strides))
    return size, steps, padding.lower(), keras_format(data_format)


def _convolution(rank: int, compute: Callable[..., Any], parameters: str) -> Any:
    """A convolution of this operation of gazelle: the images, kernels, strides, padding, data format and dilation."""

    def function(*values: Any) -> Any:
        *arrays, strides, padding, data_format, dilations = values
        if not isinstance(padding, str):  # zeros for each axis
            arrays[0], padding = jnp.pad(arrays[0], padding), "VALID"
        return compute(*map(jnp.asarray, arrays), *convolution_options(rank, strides, padding, data_format, dilations))

    return with_parameters(function, parameters.split())


def _pooling(rank: int, pool: Any) -> Any:
    def function(input: Any, ksize: Any, strides: Any, padding: str = "VALID", data_format: Any = None) -> Any:
        sizes, channels_first = fixed_value(ksize), str(data_format).startswith("NC")
        if isinstance(sizes, tuple) and len(sizes) == rank + 2 and sizes[-1] > 1 and not channels_first:
            return _over_channels(input, sizes, fixed_value(strides), jnp.max if pool is ops.max_pool else jnp.mean)
        return pool(jnp.asarray(input), *pooling_options(rank, ksize, strides, padding, data_format))

    return function


def _over_channels(x: Any, size: tuple[int, ...], strides: Any, reduce: Callable[..., Any]) -> Any:
    """Pooling over groups of channels, which is all of pooling over channels that TensorFlow has, too."""
    if max(size[:-1]) > 1 or tuple(strides) != size or x.shape[-1] % size[-1]:
        expected = f"sizes of 1 along the other axes, equal strides, and a divisor of {x.shape[-1]} channels"
        raise ArgumentError(message("Pooling over channels", expected=expected, got=f"ksize={size}, strides={strides}"))
    return reduce(x.reshape(*x.shape[:-1], -1, size[-1]), axis=-1)


def _of_any_rank(name: str) -> Any:
    """The function of this name for the rank of its argument."""

    def function(*args: Any, **kwargs: Any) -> Any:
        tensor = args[0] if args else kwargs.get("input", kwargs.get("value"))
        return NAMES[f"nn.{name}{len(tensor.shape) - 2}d"](*args, **kwargs)

    return function


_STEPS = "strides padding data_format=None dilations=None"
_DEFAULTS = "strides=1 padding='VALID' data_format=None dilations=1 -use_cudnn_on_gpu=None"
for _rank in (1, 2, 3):
    op(f"nn.conv{_rank}d", host=False)(_convolution(_rank, ops.conv, f"input filters {_DEFAULTS}"))
    op(f"nn.max_pool{_rank}d", host=False)(_pooling(_rank, ops.max_pool))
    op(f"nn.avg_pool{_rank}d", host=False)(_pooling(_rank, ops.average_pool))
op("nn.depthwise_conv2d", host=False)(_convolution(2, ops.depthwise_conv, f"input filter {_STEPS}"))
op("nn.separable_conv2d", host=False)(
    _convolution(2, ops.separable_conv, f"input depthwise_filter pointwise_filter {_STEPS}")
)
named("nn.convolution")(_of_any_rank("conv"))
named("nn.max_pool")(_of_any_rank("max_pool"))
named("nn.avg_pool")(_of_any_rank("avg_pool"))


def _transposed_convolution(rank: int) -> Callable[..., Any]:
    def function(x: Any, filters: Any, output_shape: Any, *given: Any) -> Any:
        convolve: Any = lambda x: ops.conv(x, filters, *convolution_options(rank, *given))  # noqa: E731
        _, back = jax.vjp(convolve, jnp.zeros((x.shape[0], *output_shape[1:]), x.dtype))
        return back(x)[0]

    parameters = "input filters output_shape strides padding='SAME' data_format=None dilations=None"
    return with_parameters(function, parameters.split())


for _rank in (1, 2, 3):
    op(f"nn.conv{_rank}d_transpose", host=False, static=("output_shape",))(_transposed_convolution(_rank))


@op("nn.atrous_conv2d", static=("rate",), host=False)
def atrous_conv2d(value: TensorLike, filters: TensorLike, rate: int, padding: str) -> TensorResult:
    return ops.conv(value, filters, 1, padding.lower(), dilation_rate=rate)


@op("nn.atrous_conv2d_transpose", static=("output_shape", "rate"), host=False)
def atrous_conv2d_transpose(
    value: TensorLike, filters: TensorLike, output_shape: ShapeLike, rate: int, padding: str
) -> TensorResult:
    return _transposed_convolution(2)(value, filters, output_shape, 1, padding, None, rate)


@op("nn.dilation2d", static=("strides", "dilations"), host=False)
@ignores("data_format@4='NHWC'")
def dilation2d(
    input: TensorLike,
    filters: TensorLike,
    strides: Sequence[int],
    padding: str,
    dilations: Sequence[int] = (1, 1, 1, 1),
) -> TensorResult:
    """The largest sum of pixels of a window and the filter."""
    x, kernel = jnp.asarray(input), jnp.asarray(filters)
    sizes, steps, rates = kernel.shape[:2], inner_sizes(strides, 2, None), inner_sizes(dilations, 2, None)
    spans = [(size - 1) * rate + 1 for size, rate in zip(sizes, rates, strict=True)]
    counts = [
        -(-(n - (0 if padding == "SAME" else k - 1)) // s) for n, k, s in zip(x.shape[1:3], spans, steps, strict=True)
    ]
    missing = [max((c - 1) * s + k - n, 0) for c, s, k, n in zip(counts, steps, spans, x.shape[1:3], strict=True)]
    edges = [(0, 0), *((n // 2, n - n // 2) for n in missing), (0, 0)]
    x = jnp.pad(x, edges, constant_values=-jnp.inf)
    parts = []
    for row, column in np.ndindex(*sizes):
        first = [row * rates[0], column * rates[1]]
        slices = [slice(f, f + (c - 1) * s + 1, s) for f, c, s in zip(first, counts, steps, strict=True)]
        parts.append(x[:, slices[0], slices[1]] + kernel[row, column])
    return jnp.max(jnp.stack(parts), 0)


@named("nn.erosion2d")
def erosion2d(
    value: TensorLike,
    filters: TensorLike,
    strides: Sequence[int],
    padding: str,
    data_format: str = "NHWC",
    dilations: Sequence[int] = (1, 1, 1, 1),
) -> TensorResult:
    """`tf.nn.erosion2d`: the smallest difference between pixels of a window and the reversed filter."""
    reversed_filters = NAMES["reverse"](filters, [0, 1])
    return -NAMES["nn.dilation2d"](
        -NAMES["convert_to_tensor"](value),
        filters=reversed_filters,
        strides=strides,
        padding=padding,
        data_format=data_format,
        dilations=dilations,
    )


@op("nn.max_pool_with_argmax", static=("ksize", "strides"), host=False)
@ignores("output_dtype@5")
def max_pool_with_argmax(
    input: TensorLike,
    ksize: Sequence[int],
    strides: Sequence[int],
    padding: str,
    data_format: str = "NHWC",
    include_batch_in_index: bool = False,
) -> TensorResult:
    size, step = (inner_sizes(v, 2, data_format) for v in (ksize, strides))
    batch, height, width, channels = input.shape
    numbers = jnp.arange(height * width * channels).reshape(1, height, width, channels)
    if include_batch_in_index:
        numbers = numbers + (jnp.arange(batch) * height * width * channels)[:, None, None, None]
    window, moves = (1, *size, 1), (1, *step, 1)

    def larger(a: Any, b: Any) -> Any:
        keep = (a[0] > b[0]) | ((a[0] == b[0]) & (a[1] < b[1]))
        return jnp.where(keep, a[0], b[0]), jnp.where(keep, a[1], b[1])

    numbers = jnp.broadcast_to(numbers, input.shape)
    first = (jnp.asarray(-jnp.inf, input.dtype), jnp.asarray(np.iinfo("int32").max, numbers.dtype))
    _, found = jax.lax.reduce_window(
        (jax.lax.stop_gradient(input), numbers), first, larger, window, moves, padding.upper()
    )
    return ops.max_pool(input, size, step, padding.lower()), found

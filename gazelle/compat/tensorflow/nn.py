"""tf.nn: activations, convolutions, losses from logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gazelle import ops
from gazelle.compat.tensorflow.arrays import keras_format
from gazelle.compat.tensorflow.names import NAMES, named, op, space
from gazelle.compat.tensorflow.randoms import next_key
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import TensorLike, TensorResult
from gazelle.core.types import AxisLike, ShapeLike


def _activation(function: Any) -> Any:
    return lambda features: function(jnp.asarray(features))


for _name, _function in {
    "relu": jax.nn.relu,
    "relu6": jax.nn.relu6,
    "elu": jax.nn.elu,
    "selu": jax.nn.selu,
    "softplus": jax.nn.softplus,
    "softsign": jax.nn.soft_sign,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "silu": jax.nn.silu,
    "swish": jax.nn.silu,
    "crelu": lambda x: jnp.concatenate([jax.nn.relu(x), jax.nn.relu(-x)], -1),
}.items():
    op(f"nn.{_name}", host=False)(_activation(_function))
op("nn.gelu", host=False)(lambda features, approximate=False: jax.nn.gelu(jnp.asarray(features), approximate))
op("nn.leaky_relu", host=False)(lambda features, alpha=0.2: jax.nn.leaky_relu(jnp.asarray(features), alpha))
op("nn.softmax", "math.softmax", host=False, static=("axis",))(
    lambda logits, axis=-1, dim=None: jax.nn.softmax(jnp.asarray(logits), axis if dim is None else dim)
)
op("nn.log_softmax", "math.log_softmax", host=False, static=("axis",))(
    lambda logits, axis=-1: jax.nn.log_softmax(jnp.asarray(logits), axis)
)


@op("nn.l2_normalize", "math.l2_normalize", "linalg.l2_normalize", host=False, static=("axis", "dim"))
def l2_normalize(x: TensorLike, axis: AxisLike = None, epsilon: float = 1e-12, dim: AxisLike = None) -> TensorResult:
    total = jnp.sum(jnp.square(x), axis=axis if axis is not None else dim, keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(total, epsilon))


op("nn.l2_loss", host=False)(lambda t: jnp.sum(jnp.square(t)) / 2)


@op("nn.bias_add", host=False)
def bias_add(value: TensorLike, bias: TensorLike, data_format: str | None = None) -> TensorResult:
    if keras_format(data_format) == "channels_first":
        return value + jnp.reshape(bias, (-1, *[1] * (value.ndim - 2)))
    return value + bias


@op("nn.moments", host=False, static=("axes",))
def moments(
    x: TensorLike,
    axes: AxisLike,
    shift: int | TensorLike | None = None,
    keepdims: bool = False,
    keep_dims: bool = False,
) -> TensorResult:
    keepdims = keepdims or keep_dims
    return jnp.mean(x, axes, keepdims=keepdims), jnp.var(x, axes, keepdims=keepdims)


@op("nn.batch_normalization", host=False)
def batch_normalization(
    x: TensorLike,
    mean: TensorLike,
    variance: TensorLike,
    offset: TensorLike,
    scale: TensorLike,
    variance_epsilon: float,
) -> TensorResult:
    by = jax.lax.rsqrt(variance + variance_epsilon) * (1 if scale is None else scale)
    return x * by + (0 if offset is None else offset) - mean * by


@op("nn.local_response_normalization", "nn.lrn", host=False)
def local_response_normalization(
    input: TensorLike, depth_radius: int = 5, bias: TensorLike = 1.0, alpha: TensorLike = 1.0, beta: TensorLike = 0.5
) -> TensorResult:
    squares = jnp.pad(jnp.square(input), [(0, 0)] * (input.ndim - 1) + [(depth_radius, depth_radius)])
    count = input.shape[-1]
    total = sum(squares[..., i : i + count] for i in range(2 * depth_radius + 1))
    return input / (bias + alpha * total) ** beta


@named("nn.dropout")
def dropout(
    x: TensorLike,
    rate: TensorLike | None = None,
    noise_shape: ShapeLike | None = None,
    seed: int | TensorLike | None = None,
    keep_prob: TensorLike | None = None,
) -> TensorResult:
    rate = 1 - keep_prob if rate is None else rate
    return _dropped(x, rate, Tensor(next_key(seed)), noise_shape=noise_shape)


@op(host=False)
def _dropped(x: Any, rate: Any, key: Any, noise_shape: Any = None) -> Any:
    keep = jax.random.bernoulli(key, 1 - rate, noise_shape or x.shape)
    return jnp.where(keep, x / (1 - rate), 0)


@op("nn.log_poisson_loss", host=False)
def log_poisson_loss(targets: TensorLike, log_input: TensorLike, compute_full_loss: bool = False) -> TensorResult:
    log_input, targets = jnp.asarray(log_input), jnp.asarray(targets)
    loss = jnp.exp(log_input) - log_input * targets
    if not compute_full_loss:
        return loss
    many = jnp.maximum(targets, 1)  # Stirling's formula for the logarithm of the factorial
    stirling = many * jnp.log(many) - many + 0.5 * jnp.log(2 * jnp.pi * many)
    return loss + jnp.where(targets > 1, stirling, 0)


# Convolutions and pooling ---------------------------------------------------------------------------------------------


def inner_sizes(values: Any, rank: int, data_format: str | None) -> Any:
    """Strides in a form of TensorFlow, (1, 2, 2, 1) or (2, 2) or 2, as one for each spatial axis."""
    values = (1 if values is None else values,) if not isinstance(values, list | tuple) else tuple(values)
    if len(values) == rank + 2:
        return values[2:] if (data_format or "").startswith("NC") else values[1:-1]
    return values * rank if len(values) == 1 else values


def _convolution(rank: int) -> Any:
    def function(
        input: Any,
        filters: Any = None,
        strides: Any = 1,
        padding: Any = "VALID",
        data_format: Any = None,
        dilations: Any = 1,
        filter: Any = None,
        stride: Any = None,
        use_cudnn_on_gpu: Any = None,
    ) -> Any:
        kernel = filters if filters is not None else filter
        steps, dilation = (
            inner_sizes(v, rank, data_format) for v in (strides if stride is None else stride, dilations)
        )
        if not isinstance(padding, str):  # zeros for each axis
            input, padding = jnp.pad(input, padding), "VALID"
        return ops.conv(
            jnp.asarray(input), jnp.asarray(kernel), steps, padding.lower(), keras_format(data_format), dilation
        )

    return function


def _pooling(rank: int, pool: Any) -> Any:
    def function(
        input: Any, ksize: Any, strides: Any, padding: str = "VALID", data_format: Any = None, value: Any = None
    ) -> Any:
        size, steps = (inner_sizes(v, rank, data_format) for v in (ksize, strides))
        return pool(jnp.asarray(input), size, steps, padding.lower(), keras_format(data_format))

    def named_value(*args: Any, **kwargs: Any) -> Any:
        if "value" in kwargs:
            kwargs["input"] = kwargs.pop("value")
        return lifted(*args, **kwargs)

    lifted = op(host=False)(function)
    return named_value


def _of_any_rank(name: str) -> Any:
    """The function of this name for the rank of its argument."""

    def function(*args: Any, **kwargs: Any) -> Any:
        tensor = args[0] if args else kwargs.get("input", kwargs.get("value"))
        return NAMES[f"nn.{name}{len(tensor.shape) - 2}d"](*args, **kwargs)

    return function


for _rank in (1, 2, 3):
    op(f"nn.conv{_rank}d", host=False)(_convolution(_rank))
    named(f"nn.max_pool{_rank}d")(_pooling(_rank, ops.max_pool))
    named(f"nn.avg_pool{_rank}d")(_pooling(_rank, ops.average_pool))
named("nn.convolution")(_of_any_rank("conv"))
named("nn.max_pool")(_of_any_rank("max_pool"))
named("nn.avg_pool")(_of_any_rank("avg_pool"))


def _transposed_convolution(rank: int) -> Callable[..., Any]:
    def function(
        input: Any,
        filters: Any,
        output_shape: Any,
        strides: Any,
        padding: str = "SAME",
        data_format: Any = None,
        dilations: Any = None,
    ) -> Any:
        steps, dilation = (inner_sizes(v, rank, data_format) for v in (strides, dilations))
        order = keras_format(data_format)
        convolve: Any = lambda x: ops.conv(x, filters, steps, padding.lower(), order, dilation)  # noqa: E731
        _, back = jax.vjp(convolve, jnp.zeros((input.shape[0], *output_shape[1:]), input.dtype))
        return back(input)[0]

    return function


for _rank in (1, 2, 3):
    op(f"nn.conv{_rank}d_transpose", host=False, static=("output_shape",))(_transposed_convolution(_rank))


@op("nn.depthwise_conv2d", host=False)
def depthwise_conv2d(
    input: TensorLike,
    filter: TensorLike,
    strides: ShapeLike,
    padding: str,
    data_format: str | None = None,
    dilations: ShapeLike | None = None,
) -> TensorResult:
    steps, dilation = (inner_sizes(v, 2, data_format) for v in (strides, dilations))
    arrays = jnp.asarray(input), jnp.asarray(filter)
    return ops.depthwise_conv(*arrays, steps, padding.lower(), keras_format(data_format), dilation)


@op("nn.separable_conv2d", host=False)
def separable_conv2d(
    input: TensorLike,
    depthwise_filter: TensorLike,
    pointwise_filter: TensorLike,
    strides: ShapeLike,
    padding: str,
    data_format: str | None = None,
    dilations: ShapeLike | None = None,
) -> TensorResult:
    steps, dilation = (inner_sizes(v, 2, data_format) for v in (strides, dilations))
    arrays = input, depthwise_filter, pointwise_filter
    return ops.separable_conv(*arrays, steps, padding.lower(), keras_format(data_format), dilation)


@op("nn.embedding_lookup", host=False)
def embedding_lookup(
    params: TensorLike, ids: TensorLike, max_norm: TensorLike | None = None, partition_strategy: str = "mod"
) -> TensorResult:
    ids = jnp.asarray(ids)
    rows = jnp.take(jnp.asarray(params), ids, axis=0)
    if max_norm is None:
        return rows
    size = jnp.sqrt(jnp.sum(jnp.square(rows), axis=tuple(range(ids.ndim, rows.ndim)), keepdims=True))
    return rows * max_norm / jnp.maximum(size, max_norm)


# Losses ---------------------------------------------------------------------------------------------------------------


@op("nn.sigmoid_cross_entropy_with_logits", host=False)
def sigmoid_cross_entropy_with_logits(
    labels: TensorLike | None = None, logits: TensorLike | None = None
) -> TensorResult:
    logits = jnp.asarray(logits)
    return jnp.maximum(logits, 0) - logits * labels + jnp.log1p(jnp.exp(-jnp.abs(logits)))


@op("nn.weighted_cross_entropy_with_logits", host=False)
def weighted_cross_entropy_with_logits(labels: TensorLike, logits: TensorLike, pos_weight: TensorLike) -> TensorResult:
    weight = 1 + (pos_weight - 1) * labels
    return (1 - labels) * logits + weight * (jnp.log1p(jnp.exp(-jnp.abs(logits))) + jnp.maximum(-logits, 0))


op("nn.softmax_cross_entropy_with_logits", "nn.softmax_cross_entropy_with_logits_v2", host=False)(
    lambda labels=None, logits=None, axis=-1: -jnp.sum(labels * jax.nn.log_softmax(jnp.asarray(logits), axis), axis)
)


@op("nn.sparse_softmax_cross_entropy_with_logits", host=False)
def sparse_softmax_cross_entropy_with_logits(
    labels: TensorLike | None = None, logits: TensorLike | None = None
) -> TensorResult:
    chosen = jnp.take_along_axis(jax.nn.log_softmax(jnp.asarray(logits)), jnp.asarray(labels)[..., None], -1)
    return -chosen[..., 0]


@op("nn.compute_average_loss", host=False)
def compute_average_loss(
    per_example_loss: TensorLike, sample_weight: TensorLike | None = None, global_batch_size: TensorLike | None = None
) -> TensorResult:
    losses = per_example_loss if sample_weight is None else per_example_loss * sample_weight
    return jnp.sum(losses) / (global_batch_size or losses.shape[0])


op("nn.scale_regularization_loss", host=False)(lambda regularization_loss: jnp.sum(jnp.asarray(regularization_loss)))
op("nn.zero_fraction", "math.zero_fraction")(
    lambda value: space(value).mean(space(value).equal(value, 0).astype("float32"))
)

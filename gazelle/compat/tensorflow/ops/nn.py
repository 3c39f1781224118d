"""tf.nn: activations, normalization, losses from logits."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle import ops
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow import names_of_1
from gazelle.compat.tensorflow.calls import call
from gazelle.compat.tensorflow.eager.function import is_tracing
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.names import NAMES, fixed_shape, named, op, space
from gazelle.compat.tensorflow.ops.arrays import keras_format
from gazelle.compat.tensorflow.ops.linalg import clip_by_norm
from gazelle.compat.tensorflow.ops.randoms import is_node, next_key, node_of
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import AxisLike, Nested, ShapeLike, TensorLike, TensorResult
from gazelle.core import logits, symbolic, tracing
from gazelle.core.errors import ArgumentError, message
from gazelle.ops.crossentropy import softmax_crossentropy

op("nn.crelu", host=False, static=("axis",))(
    lambda features, axis=-1: jax.nn.relu(jnp.concatenate([jnp.asarray(features), -jnp.asarray(features)], axis))
)


def _builds_graph() -> bool:
    """Whether TensorFlow would build a graph: in a step of a model or a `tf.function`."""
    scope = tracing.current()
    return scope is not None and (scope.pure or is_tracing())


@op("sigmoid", "math.sigmoid", "nn.sigmoid", host=False)
def sigmoid(x: TensorLike) -> TensorResult:
    """In a graph a binary crossentropy takes the input of the operation, as it finds it there."""
    out = jax.nn.sigmoid(x := jnp.asarray(x))
    return logits.attach(out, x, "binary") if _builds_graph() else out


def softmax(x: TensorLike, axis: AxisLike = -1) -> TensorResult:
    """As `sigmoid`, for a categorical crossentropy; over another axis than the last it is not one operation."""
    out = jax.nn.softmax(x := jnp.asarray(x), -1 if axis is None else axis)
    is_last = axis in (None, -1, x.ndim - 1)
    return logits.attach(out, x, "categorical") if is_last and _builds_graph() else out


op("nn.softmax", "math.softmax", host=False, static=("axis",))(lambda logits, axis=None: softmax(logits, axis))
op("nn.log_softmax", "math.log_softmax", host=False, static=("axis",))(
    lambda logits, axis=None: jax.nn.log_softmax(jnp.asarray(logits), -1 if axis is None else axis)
)


# at 0 TensorFlow has the other derivative than JAX
op("nn.leaky_relu", host=False)(
    lambda features, alpha=0.2: jnp.where((x := _floating(features)) > 0, x, jnp.asarray(alpha, x.dtype) * x)
)
op("nn.selu", host=False)(
    lambda features: (
        1.0507009873554805 * jnp.where((x := jnp.asarray(features)) >= 0, x, 1.6732632423543772 * _expm1(x))
    )
)


def _floating(x: Any) -> Any:
    x = jnp.asarray(x)
    return x.astype("float32") if x.dtype.kind in "iu" else x


def _expm1(x: Any) -> Any:
    """exp(x) - 1 for negative numbers."""
    return jnp.expm1(jnp.minimum(x, 0))


op("nn.silu", "nn.swish", host=False)(lambda features, beta=1.0: features * jax.nn.sigmoid(beta * features))


@op("nn.l2_normalize", "math.l2_normalize", "linalg.l2_normalize", host=False, static=("axis",))
def l2_normalize(x: TensorLike, axis: AxisLike = None, epsilon: float = 1e-12) -> TensorResult:
    total = jnp.sum(jnp.square(x), axis=axis, keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(total, epsilon))


op("nn.l2_loss", host=False)(lambda t: jnp.sum(jnp.square(t)) / 2)


@op("nn.bias_add", host=False)
def bias_add(value: TensorLike, bias: TensorLike, data_format: str | None = None) -> TensorResult:
    if keras_format(data_format) == "channels_first":
        return value + jnp.reshape(bias, (-1, *[1] * (value.ndim - 2)))
    return value + bias


op("nn.relu6", host=False)(lambda features: jax.nn.relu6(features).astype(jnp.asarray(features).dtype))


@op("nn.sufficient_statistics", static=("axes",), host=False)
def sufficient_statistics(
    x: TensorLike, axes: AxisLike, shift: TensorLike = None, keepdims: bool = False
) -> tuple[TensorResult, ...]:
    x = jnp.asarray(x)
    over: tuple[int, ...] = tuple(np.ravel(axes).tolist())
    count = jnp.asarray(np.prod([x.shape[axis] for axis in over]), x.dtype)
    shifted = x if shift is None else x - shift
    sums = [jnp.sum(v, over, keepdims=keepdims) for v in (shifted, jnp.square(shifted))]
    return count, *sums, shift


@op("nn.weighted_moments", static=("axes",), host=False)
def weighted_moments(
    x: TensorLike, axes: AxisLike, frequency_weights: TensorLike, keepdims: bool = False
) -> TensorResult:
    weights = jnp.broadcast_to(frequency_weights, x.shape).astype(x.dtype)
    total = jnp.sum(weights, axes, keepdims=True)
    mean = jnp.sum(x * weights, axes, keepdims=True) / total
    variance = jnp.sum((x - mean) ** 2 * weights, axes, keepdims=keepdims) / jnp.sum(weights, axes, keepdims=keepdims)
    return mean if keepdims else jnp.squeeze(mean, axes), variance


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


@op("nn.batch_norm_with_global_normalization", host=False)
def batch_norm_with_global_normalization(
    input: TensorLike,
    mean: TensorLike,
    variance: TensorLike,
    beta: TensorLike,
    gamma: TensorLike,
    variance_epsilon: float,
    scale_after_normalization: bool,
) -> TensorResult:
    gamma = gamma if scale_after_normalization else None
    return batch_normalization(input, mean, variance, beta, gamma, variance_epsilon)


@op("nn.normalize_moments", host=False)
def normalize_moments(
    counts: TensorLike, mean_ss: TensorLike, variance_ss: TensorLike, shift: TensorLike
) -> TensorResult:
    mean = mean_ss / counts
    return mean + (0 if shift is None else shift), variance_ss / counts - jnp.square(mean)


@op("nn.fused_batch_norm", host=False)
def fused_batch_norm(
    x: TensorLike,
    scale: TensorLike,
    offset: TensorLike,
    mean: TensorLike = None,
    variance: TensorLike = None,
    epsilon: float = 0.001,
    data_format: str = "NHWC",
    is_training: bool = True,
) -> TensorResult:
    """`tf.nn.fused_batch_norm`: (the normalized images, their mean, their variance by one less than their number)."""
    axes, shape = ((0, 1, 2), (-1,)) if data_format == "NHWC" else ((0, 2, 3), (-1, 1, 1))
    if is_training:
        mean, variance = jnp.mean(x, axes), jnp.var(x, axes)
    mean, variance = jnp.asarray(mean), jnp.asarray(variance)
    vectors = (jnp.reshape(v, shape) for v in (mean, variance, offset, scale))
    out = batch_normalization(x, *vectors, variance_epsilon=epsilon)
    count = x.size // mean.size
    return out, mean, variance * (count / max(count - 1, 1)) if is_training else variance


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
    rate: TensorLike = None,
    noise_shape: ShapeLike | None = None,
    seed: TensorLike = None,
    keep_prob: TensorLike = None,
) -> TensorResult:
    rate = 1 - keep_prob if rate is None else rate
    noise_shape = None if noise_shape is None else fixed_shape(noise_shape)
    if symbolic.any_symbolic((x, rate)):  # drawn again whenever the graph runs
        plain = lambda x, rate, shape: _drop(jnp.asarray(x), rate, next_key(seed), shape)  # noqa: E731
        return call(plain, (x, rate, noise_shape), {})
    if is_node(x):
        return node_of(lambda x: _drop(jnp.asarray(x), unboxed(rate), next_key(seed), noise_shape), x)
    return _dropped(x, rate, Tensor(next_key(seed)), noise_shape)


def _drop(x: Any, rate: Any, key: Any, noise_shape: Any) -> Any:
    keep = jax.random.bernoulli(key, 1.0 - rate, noise_shape or x.shape)
    return jnp.where(keep, x / (1 - rate), 0)


_dropped = op(host=False)(_drop)


@op("nn.log_poisson_loss", host=False)
def log_poisson_loss(targets: TensorLike, log_input: TensorLike, compute_full_loss: bool = False) -> TensorResult:
    log_input, targets = jnp.asarray(log_input), jnp.asarray(targets)
    loss = jnp.exp(log_input) - log_input * targets
    if not compute_full_loss:
        return loss
    many = jnp.maximum(targets, 1)  # Stirling's formula for the logarithm of the factorial
    stirling = many * jnp.log(many) - many + 0.5 * jnp.log(2 * jnp.pi * many)
    return loss + jnp.where(targets > 1, stirling, 0)


@named("nn.embedding_lookup")
@ignores("partition_strategy validate_indices name")
def embedding_lookup(params: Nested[TensorLike], ids: TensorLike, max_norm: TensorLike = None) -> TensorResult:
    """`tf.nn.embedding_lookup`, of one table."""
    if isinstance(params, list | tuple) and any(np.ndim(unboxed(one)) > 1 for one in params):
        if len(params) > 1:
            raise ArgumentError(message("params of tf.nn.embedding_lookup", expected="one table", got=len(params)))
        params = params[0]
    if isinstance(texts := unboxed(params), np.ndarray) and texts.dtype.kind in "OSU":
        return NAMES["gather"](params, ids)
    return _rows_of(params, ids, max_norm)


@op(host=False)
def _rows_of(params: TensorLike, ids: TensorLike, max_norm: TensorLike = None) -> TensorResult:
    ids = jnp.asarray(ids)
    rows = jnp.take(jnp.asarray(params), ids, axis=0)
    return rows if max_norm is None else clip_by_norm(rows, max_norm, tuple(range(ids.ndim, rows.ndim)))


# Losses ---------------------------------------------------------------------------------------------------------------


@op("nn.weighted_cross_entropy_with_logits", host=False)
def weighted_cross_entropy_with_logits(labels: TensorLike, logits: TensorLike, pos_weight: TensorLike) -> TensorResult:
    weight = 1 + (pos_weight - 1) * labels
    return (1 - labels) * logits + weight * (jnp.log1p(jnp.exp(-jnp.abs(logits))) + jnp.maximum(-logits, 0))


_softmax_cross_entropy = op("nn.softmax_cross_entropy_with_logits_v2", host=False)(
    lambda labels=None, logits=None, axis=-1: softmax_crossentropy(jnp.asarray(labels), jnp.asarray(logits), axis)
)


@named("nn.softmax_cross_entropy_with_logits")
def softmax_cross_entropy_with_logits(
    labels: TensorLike = None, logits: TensorLike = None, axis: int = -1
) -> TensorResult:
    """`tf.nn.softmax_cross_entropy_with_logits`; in TensorFlow 1 labels have no gradients."""
    given = NAMES["stop_gradient"](labels) if names_of_1.active() else labels
    return _softmax_cross_entropy(given, logits, axis)


@named("nn.sparse_softmax_cross_entropy_with_logits")
def sparse_softmax_cross_entropy_with_logits(labels: TensorLike = None, logits: TensorLike = None) -> TensorResult:
    if symbolic.is_symbolic(labels) and not labels.shape:
        labels.shape = tuple(logits.shape)[:-1]  # of a placeholder without a shape
    return _sparse_softmax_cross_entropy(labels, logits)


@op(host=False)
def _sparse_softmax_cross_entropy(labels: TensorLike, logits: TensorLike) -> TensorResult:
    loss = ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    is_class = (labels >= 0) & (labels < logits.shape[-1])
    return jnp.where(jnp.reshape(is_class, loss.shape), loss, jnp.nan)  # NaN for other numbers, as on a GPU


@op("nn.compute_average_loss", host=False)
def compute_average_loss(
    per_example_loss: TensorLike, sample_weight: TensorLike = None, global_batch_size: TensorLike = None
) -> TensorResult:
    losses = per_example_loss if sample_weight is None else per_example_loss * sample_weight
    count = losses.shape[0] if global_batch_size is None else global_batch_size
    return jnp.sum(losses) / jnp.where(count == 0, jnp.inf, count)


@op("nn.in_top_k", "math.in_top_k", host=False, static=("k",))
def in_top_k(targets: TensorLike, predictions: TensorLike, k: int) -> TensorResult:
    """In TensorFlow 1 the predictions come first."""
    if jnp.ndim(targets) > jnp.ndim(predictions):
        targets, predictions = predictions, targets
    return ops.in_top_k(jnp.asarray(targets), jnp.asarray(predictions), k)


op("nn.zero_fraction", "math.zero_fraction")(
    lambda value: space(value).mean(space(value).equal(value, 0).astype("float32"))
)

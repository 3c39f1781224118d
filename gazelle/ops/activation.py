"""Activation functions of one array."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core import conventions, logits
from gazelle.core.dtypes import floatx
from gazelle.core.types import Array, ArrayLike, AxisLike
from gazelle.ops.base import op

__all__ = [
    "celu",
    "elu",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh_shrink",
    "threshold",
]


_compiled_relu = jax.jit(jax.nn.relu)


def _as_float(x: ArrayLike) -> Array:
    """`x` with a dtype of floats, so that squares and negatives of small or unsigned integers do not overflow."""
    x = jnp.asarray(x)
    return x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(floatx())


def rectified(x: Array) -> Array:
    """Return `jax.nn.relu(x)`; of values that are known, without the Python code of its derivative."""
    return jax.nn.relu(x) if isinstance(x, jax.core.Tracer) else _compiled_relu(x)


@op
def relu(x: ArrayLike) -> Array:
    """Compute the rectified linear unit:  y = max(x, 0).

    Args:
        x: Array of any shape.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(relu(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([0., 0., 2.], dtype=float32)
    """
    return rectified(x)


@op
def relu6(x: ArrayLike) -> Array:
    """Compute the rectified linear unit with an upper limit:  y = min(max(x, 0), 6).

    Args:
        x: Array of any shape.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(relu6(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([0., 0., 2.], dtype=float32)
    """
    return jax.nn.relu6(x)


@op
def leaky_relu(x: ArrayLike, negative_slope: float = 0.2) -> Array:
    """Compute the leaky rectified linear unit:  y = x where x >= 0, negative_slope x elsewhere.

    Args:
        x: Array of any shape.
        negative_slope: Factor of negative values.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(leaky_relu(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([-0.2,  0. ,  2. ], dtype=float32)
    """
    if conventions.active.first_equal_has_derivative:
        return jnp.where(x > 0, x, x * negative_slope)
    return jax.nn.leaky_relu(x, negative_slope)


@op
def elu(x: ArrayLike, alpha: float = 1.0) -> Array:
    """Compute the exponential linear unit:  y = x where x > 0, alpha (e^x - 1) elsewhere.  Clevert et al. 2016.

    Args:
        x: Array of any shape.
        alpha: Negative of the lower limit.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(elu(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([-0.632,  0.   ,  2.   ], dtype=float32)
    """
    return jax.nn.elu(x, alpha)


@op
def celu(x: ArrayLike, alpha: float = 1.0) -> Array:
    """Compute the continuous ELU:  y = max(x, 0) + min(0, alpha (e^(x / alpha) - 1)).  Barron 2017.

    Args:
        x: Array of any shape.
        alpha: Negative of the lower limit.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(celu(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([-0.632,  0.   ,  2.   ], dtype=float32)
    """
    return jax.nn.celu(x, alpha)


@op
def selu(x: ArrayLike) -> Array:
    """Compute the scaled ELU:  y = 1.0507 x where x > 0, 1.0507 · 1.6733 (e^x - 1) elsewhere.  Klambauer et al. 2017.

    Args:
        x: Array of any shape.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(selu(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([-1.111,  0.   ,  2.101], dtype=float32)
    """
    return jax.nn.selu(x)


@op
def gelu(x: ArrayLike, approximate: bool = True) -> Array:
    """Compute the Gaussian error linear unit:  y = x Φ(x),  Φ the normal distribution.  Hendrycks and Gimpel 2016.

    Args:
        x: Array of any shape.
        approximate: Whether to compute Φ by a tanh.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(gelu(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([-0.159,  0.   ,  1.955], dtype=float32)
    """
    return jax.nn.gelu(x, approximate)


@op
def silu(x: ArrayLike) -> Array:
    """Compute the sigmoid linear unit, also called swish:  y = x / (1 + e^-x).  Ramachandran et al. 2017.

    Args:
        x: Array of any shape.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(silu(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([-0.269,  0.   ,  1.762], dtype=float32)
    """
    return jax.nn.silu(_as_float(x))


@op
def mish(x: ArrayLike) -> Array:
    """Compute the Mish activation:  y = x tanh(log(1 + e^x)).  Misra 2019.

    Args:
        x: Array of any shape.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(mish(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([-0.303,  0.   ,  1.944], dtype=float32)
    """
    return x * jnp.tanh(jax.nn.softplus(x))


@op
def softplus(x: ArrayLike) -> Array:
    """Compute the softplus:  y = log(1 + e^x).

    Args:
        x: Array of any shape.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(softplus(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([0.313, 0.693, 2.127], dtype=float32)
    """
    return jax.nn.softplus(x)


@op
def softsign(x: ArrayLike) -> Array:
    """Compute the softsign:  y = x / (1 + |x|).

    Args:
        x: Array of any shape.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(softsign(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([-0.5  ,  0.   ,  0.667], dtype=float32)
    """
    return jax.nn.soft_sign(_as_float(x))


@op
def squareplus(x: ArrayLike, b: float = 4) -> Array:
    """Compute the squareplus:  y = (x + √(x² + b)) / 2.  Barron 2021.

    Args:
        x: Array of any shape.
        b: Smoothness: y(0) = √b / 2.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(squareplus(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([0.618, 1.   , 2.414], dtype=float32)
    """
    return jax.nn.squareplus(_as_float(x), b)


@op
def sparse_plus(x: ArrayLike) -> Array:
    """Compute the sparse softplus:  y = 0 where x <= -1, x where x >= 1, (x + 1)² / 4 between.

    Args:
        x: Array of any shape.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(sparse_plus(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([0.  , 0.25, 2.  ], dtype=float32)
    """
    return jax.nn.sparse_plus(x)


@op
def sigmoid(x: ArrayLike) -> Array:
    """Compute the logistic sigmoid:  y = 1 / (1 + e^-x).

    Args:
        x: Array of any shape.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(sigmoid(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([0.269, 0.5  , 0.881], dtype=float32)
    """
    x = _as_float(x)
    return logits.attach_own(jax.nn.sigmoid(x), x, "binary")


@op
def log_sigmoid(x: ArrayLike) -> Array:
    """Compute the logarithm of the sigmoid:  y = log(1 / (1 + e^-x)).

    Args:
        x: Array of any shape.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(log_sigmoid(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([-1.313, -0.693, -0.127], dtype=float32)
    """
    return jax.nn.log_sigmoid(_as_float(x))


@op
def sparse_sigmoid(x: ArrayLike) -> Array:
    """Compute the sparse sigmoid:  y = 0 where x <= -1, 1 where x >= 1, (x + 1) / 2 between.

    Args:
        x: Array of any shape.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(sparse_sigmoid(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([0. , 0.5, 1. ], dtype=float32)
    """
    return jax.nn.sparse_sigmoid(x)


@op
def hard_sigmoid(x: ArrayLike) -> Array:
    """Compute the hard sigmoid:  y = min(max(x + 3, 0), 6) / 6.

    Args:
        x: Array of any shape.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(hard_sigmoid(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([0.333, 0.5  , 0.833], dtype=float32)
    """
    return jax.nn.hard_sigmoid(x)


@op
def hard_silu(x: ArrayLike) -> Array:
    """Compute the hard SiLU, also called hard swish:  y = x hard_sigmoid(x).  Howard et al. 2019.

    Args:
        x: Array of any shape.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(hard_silu(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([-0.333,  0.   ,  1.667], dtype=float32)
    """
    return jax.nn.hard_silu(x)


@op
def tanh_shrink(x: ArrayLike) -> Array:
    """Compute the tanh shrinkage:  y = x - tanh(x).

    Args:
        x: Array of any shape.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(tanh_shrink(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([-0.238,  0.   ,  1.036], dtype=float32)
    """
    return x - jnp.tanh(x)


@op
def hard_tanh(x: ArrayLike) -> Array:
    """Compute the hard tanh:  y = min(max(x, -1), 1).

    Args:
        x: Array of any shape.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(hard_tanh(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([-1.,  0.,  1.], dtype=float32)
    """
    return jax.nn.hard_tanh(x)


@op
def soft_shrink(x: ArrayLike, threshold: float = 0.5) -> Array:
    """Compute the soft shrinkage: x moved towards 0 by `threshold`, 0 within it.

    Args:
        x: Array of any shape.
        threshold: Distance.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(soft_shrink(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([-0.5,  0. ,  1.5], dtype=float32)
    """
    return jnp.where(x > threshold, x - threshold, jnp.where(x < -threshold, x + threshold, 0.0))


@op
def hard_shrink(x: ArrayLike, threshold: float = 0.5) -> Array:
    """Compute the hard shrinkage:  y = x where |x| > threshold, 0 elsewhere.

    Args:
        x: Array of any shape.
        threshold: Limit.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(hard_shrink(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([-1.,  0.,  2.], dtype=float32)
    """
    x = _as_float(x)
    return jnp.where(jnp.abs(x) > threshold, x, 0.0)


@op
def threshold(x: ArrayLike, threshold: float, default_value: float) -> Array:
    """Replace values up to a threshold:  y = x where x > threshold, default_value elsewhere.

    Args:
        x: Array of any shape.
        threshold: Limit.
        default_value: Value in place of those up to the limit.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> threshold(jnp.array([-1.0, 0.0, 2.0]), 0.5, -1.0)
        Array([-1., -1.,  2.], dtype=float32)
    """
    return jnp.where(x > threshold, x, default_value)


@op
def glu(x: ArrayLike, axis: int = -1) -> Array:
    """Compute the gated linear unit:  y = a sigmoid(b),  a and b the halves of x along `axis`.  Dauphin et al. 2017.

    Args:
        x: Array of any shape.
        axis: Axis to split; its size must be even.

    Returns:
        An array with half the size along `axis`.

    Example:
        >>> np.asarray(glu(jnp.array([1.0, 2.0, 0.0, 1.0]))).round(3)
        array([0.5  , 1.462], dtype=float32)
    """
    return jax.nn.glu(_as_float(x), axis)


@op
def softmax(x: ArrayLike, axis: AxisLike = -1) -> Array:
    """Compute the softmax:  y = e^x / Σ e^x.

    Args:
        x: Array of any shape.
        axis: Axis or axes of the sum; None takes all.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(softmax(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([0.042, 0.114, 0.844], dtype=float32)
    """
    x = _as_float(x)
    return logits.attach_own(_softmax(x, tuple(axis) if isinstance(axis, list) else axis), x, "categorical")


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _softmax(x: Any, axis: Any) -> Any:
    return jax.nn.softmax(x, axis)


@_softmax.defjvp
def _(axis: Any, primals: Any, tangents: Any) -> Any:
    """Dy = y (dx - Σ y dx): the form whose transpose XLA joins into one pass; JAX's own takes a third longer."""
    y, (dx,) = _softmax(*primals, axis), tangents
    return y, y * (dx - jnp.sum(y * dx, axis, keepdims=True))


@op
def log_softmax(x: ArrayLike, axis: AxisLike = -1) -> Array:
    """Compute the logarithm of the softmax:  y = x - log Σ e^x.

    Args:
        x: Array of any shape.
        axis: Axis or axes of the sum; None takes all.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(log_softmax(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([-3.17, -2.17, -0.17], dtype=float32)
    """
    return jax.nn.log_softmax(_as_float(x), axis)


@op
def sparsemax(x: ArrayLike, axis: int = -1) -> Array:
    """Compute the sparsemax: the nearest point of the probability simplex.  Martins and Astudillo 2016.

    y = max(x - tau, 0), with tau such that the sum along `axis` is 1. Like softmax, with exact zeros.

    Args:
        x: Array of any shape.
        axis: Axis of the distribution.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(sparsemax(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([0., 0., 1.], dtype=float32)
    """
    x = jnp.moveaxis(_as_float(x), axis, -1)
    rank = jnp.arange(1, x.shape[-1] + 1)
    falling = -jnp.sort(-x, axis=-1)
    inside = 1 + rank * falling > jnp.cumsum(falling, axis=-1)
    count = jnp.sum(inside, axis=-1, keepdims=True)
    tau = (jnp.sum(jnp.where(inside, falling, 0.0), axis=-1, keepdims=True) - 1) / count
    return jnp.moveaxis(jnp.maximum(x - tau, 0.0), -1, axis)


swish, hard_swish = silu, hard_silu

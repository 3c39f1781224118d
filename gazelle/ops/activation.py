"""Functions between the layers of a network, each of one array."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core.dtypes import floatx, is_float
from gazelle.ops.base import op, public


@op
def relu(x: Any) -> Any:
    """max(x, 0).

    >>> np.asarray(relu(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([0., 0., 2.], dtype=float32)
    """
    return jax.nn.relu(x)


@op
def relu6(x: Any) -> Any:
    """min(max(x, 0), 6).

    >>> np.asarray(relu6(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([0., 0., 2.], dtype=float32)
    """
    return jax.nn.relu6(x)


@op
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """x where x >= 0, negative_slope x elsewhere.

    >>> np.asarray(leaky_relu(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([-0.2,  0. ,  2. ], dtype=float32)
    """
    return jax.nn.leaky_relu(x, negative_slope)


@op
def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where x > 0, alpha (e^x - 1) elsewhere.  Clevert et al. 2016.

    >>> np.asarray(elu(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([-0.632,  0.   ,  2.   ], dtype=float32)
    """
    return jax.nn.elu(x, alpha)


@op
def celu(x: Any, alpha: float = 1.0) -> Any:
    """max(x, 0) + min(0, alpha (e^(x / alpha) - 1)).  Barron 2017.

    >>> np.asarray(celu(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([-0.632,  0.   ,  2.   ], dtype=float32)
    """
    return jax.nn.celu(x, alpha)


@op
def selu(x: Any) -> Any:
    """1.0507 x where x > 0, 1.0507 · 1.6733 (e^x - 1) elsewhere.  Klambauer et al. 2017.

    >>> np.asarray(selu(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([-1.111,  0.   ,  2.101], dtype=float32)
    """
    return jax.nn.selu(x)


@op
def gelu(x: Any, approximate: bool = True) -> Any:
    """x Φ(x), Φ the normal distribution's function; `approximate` takes tanh for it.  Hendrycks and Gimpel 2016.

    >>> np.asarray(gelu(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([-0.159,  0.   ,  1.955], dtype=float32)
    """
    return jax.nn.gelu(x, approximate)


@op
def silu(x: Any) -> Any:
    """x / (1 + e^-x), also called swish.  Ramachandran et al. 2017.

    >>> np.asarray(silu(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([-0.269,  0.   ,  1.762], dtype=float32)
    """
    return jax.nn.silu(x)


@op
def mish(x: Any) -> Any:
    """x tanh(log(1 + e^x)).  Misra 2019.

    >>> np.asarray(mish(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([-0.303,  0.   ,  1.944], dtype=float32)
    """
    return x * jnp.tanh(jax.nn.softplus(x))


@op
def softplus(x: Any) -> Any:
    """log(1 + e^x).

    >>> np.asarray(softplus(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([0.313, 0.693, 2.127], dtype=float32)
    """
    return jax.nn.softplus(x)


@op
def softsign(x: Any) -> Any:
    """x / (1 + |x|).

    >>> np.asarray(softsign(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([-0.5  ,  0.   ,  0.667], dtype=float32)
    """
    return jax.nn.soft_sign(x)


@op
def squareplus(x: Any, b: float = 4) -> Any:
    """(x + sqrt(x² + b)) / 2.  Barron 2021.

    >>> np.asarray(squareplus(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([0.618, 1.   , 2.414], dtype=float32)
    """
    return jax.nn.squareplus(x, b)


@op
def sparse_plus(x: Any) -> Any:
    """0 where x <= -1, x where x >= 1, (x + 1)² / 4 between.

    >>> np.asarray(sparse_plus(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([0.  , 0.25, 2.  ], dtype=float32)
    """
    return jax.nn.sparse_plus(x)


@op
def sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x).

    >>> np.asarray(sigmoid(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([0.269, 0.5  , 0.881], dtype=float32)
    """
    return jax.nn.sigmoid(x)


@op
def log_sigmoid(x: Any) -> Any:
    """log(1 / (1 + e^-x)).

    >>> np.asarray(log_sigmoid(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([-1.313, -0.693, -0.127], dtype=float32)
    """
    return jax.nn.log_sigmoid(x)


@op
def sparse_sigmoid(x: Any) -> Any:
    """0 where x <= -1, 1 where x >= 1, (x + 1) / 2 between.

    >>> np.asarray(sparse_sigmoid(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([0. , 0.5, 1. ], dtype=float32)
    """
    return jax.nn.sparse_sigmoid(x)


@op
def hard_sigmoid(x: Any) -> Any:
    """min(max(x + 3, 0), 6) / 6.

    >>> np.asarray(hard_sigmoid(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([0.333, 0.5  , 0.833], dtype=float32)
    """
    return jax.nn.hard_sigmoid(x)


@op
def hard_silu(x: Any) -> Any:
    """x hard_sigmoid(x), also called hard_swish.  Howard et al. 2019.

    >>> np.asarray(hard_silu(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([-0.333,  0.   ,  1.667], dtype=float32)
    """
    return jax.nn.hard_silu(x)


@op
def tanh_shrink(x: Any) -> Any:
    """x - tanh(x).

    >>> np.asarray(tanh_shrink(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([-0.238,  0.   ,  1.036], dtype=float32)
    """
    return x - jnp.tanh(x)


@op
def hard_tanh(x: Any) -> Any:
    """min(max(x, -1), 1).

    >>> np.asarray(hard_tanh(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([-1.,  0.,  1.], dtype=float32)
    """
    return jax.nn.hard_tanh(x)


@op
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x moved towards 0 by `threshold`, 0 within it.

    >>> np.asarray(soft_shrink(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([-0.5,  0. ,  1.5], dtype=float32)
    """
    return jnp.where(x > threshold, x - threshold, jnp.where(x < -threshold, x + threshold, 0.0))


@op
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x where |x| > threshold, 0 elsewhere.

    >>> np.asarray(hard_shrink(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([-1.,  0.,  2.], dtype=float32)
    """
    return jnp.where(jnp.abs(x) > threshold, x, 0.0)


@op
def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """x where x > threshold, default_value elsewhere.

    >>> threshold(jnp.array([-1.0, 0.0, 2.0]), 0.5, -1.0)
    Array([-1., -1.,  2.], dtype=float32)
    """
    return jnp.where(x > threshold, x, default_value)


@op
def glu(x: Any, axis: int = -1) -> Any:
    """a sigmoid(b), with a and b the halves of x along `axis`.  Dauphin et al. 2017.

    >>> np.asarray(glu(jnp.array([1.0, 2.0, 0.0, 1.0]))).round(3)
    array([0.5  , 1.462], dtype=float32)
    """
    return jax.nn.glu(x, axis)


@op
def softmax(x: Any, axis: Any = -1) -> Any:
    """e^x / Σ e^x along `axis` (one, several, or None for all).

    >>> np.asarray(softmax(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([0.042, 0.114, 0.844], dtype=float32)
    """
    x = jnp.asarray(x)
    x = x if is_float(x.dtype) else x.astype(floatx())
    return _softmax(x, tuple(axis) if isinstance(axis, list) else axis)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _softmax(x: Any, axis: Any) -> Any:
    return jax.nn.softmax(x, axis)


@_softmax.defjvp
def _(axis: Any, primals: Any, tangents: Any) -> Any:
    """dy = y (dx - Σ y dx): the form whose transpose XLA joins into one pass; JAX's own takes a third longer."""
    y, (dx,) = _softmax(*primals, axis), tangents
    return y, y * (dx - jnp.sum(y * dx, axis, keepdims=True))


@op
def log_softmax(x: Any, axis: Any = -1) -> Any:
    """x - log Σ e^x along `axis`.

    >>> np.asarray(log_softmax(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([-3.17, -2.17, -0.17], dtype=float32)
    """
    return jax.nn.log_softmax(x, axis)


@op
def sparsemax(x: Any, axis: int = -1) -> Any:
    """The point of the simplex nearest to x: like softmax, with exact zeros.  Martins and Astudillo 2016.

    max(x - tau, 0), with tau such that the sum along `axis` is 1.

    >>> np.asarray(sparsemax(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([0., 0., 1.], dtype=float32)
    """
    x = jnp.moveaxis(x, axis, -1)
    rank = jnp.arange(1, x.shape[-1] + 1)
    falling = -jnp.sort(-x, axis=-1)
    inside = 1 + rank * falling > jnp.cumsum(falling, axis=-1)
    count = jnp.sum(inside, axis=-1, keepdims=True)
    tau = (jnp.sum(jnp.where(inside, falling, 0.0), axis=-1, keepdims=True) - 1) / count
    return jnp.moveaxis(jnp.maximum(x - tau, 0.0), -1, axis)


swish, hard_swish = silu, hard_silu

__all__ = public(globals())

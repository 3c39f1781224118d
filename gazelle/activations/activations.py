"""The activations that are not, or not with these arguments, ops."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from gazelle.ops.base import lift


def linear(x: Any) -> Any:
    """x.

    >>> np.asarray(linear(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([-1.,  0.,  2.], dtype=float32)
    """
    return x


@lift
def exponential(x: Any) -> Any:
    """e^x.

    >>> np.asarray(exponential(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([0.368, 1.   , 7.389], dtype=float32)
    """
    return jnp.exp(x)


@lift
def gelu(x: Any, approximate: bool = False) -> Any:
    """x Φ(x), Φ the normal distribution's function; `approximate` takes tanh for it.  Hendrycks and Gimpel 2016.

    >>> np.asarray(gelu(jnp.array([-1.0, 0.0, 2.0]))).round(3)
    array([-0.159,  0.   ,  1.954], dtype=float32)
    """
    return jax.nn.gelu(x, approximate)


@lift
def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """max_value where x >= max_value, x above `threshold`, negative_slope (x - threshold) below.

    >>> relu(jnp.array([-1.0, 0.5, 9.0]), max_value=6.0).tolist()
    [0.0, 0.5, 6.0]
    """
    if negative_slope and max_value is None and not threshold:
        return jax.nn.leaky_relu(x, negative_slope)
    y = jnp.where(x > threshold, x, 0) if threshold else jax.nn.relu(x)
    if max_value is not None:
        y = jnp.clip(y, 0, max_value)
    return y - negative_slope * jax.nn.relu(threshold - x) if negative_slope else y

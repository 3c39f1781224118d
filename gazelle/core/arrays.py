"""Arrays and keys on the device from numbers on the host, without compiling anything.

`jnp.asarray`, `jnp.zeros` and `jax.random.key` compile a program for each shape, some milliseconds each; a model has
dozens of shapes before its first step.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def from_host(value: Any, dtype: Any = None) -> jax.Array:
    """An array of the device's own with the numbers of `value`; what is an array of JAX goes through `jnp.asarray`."""
    if isinstance(value, jax.Array):
        return jnp.asarray(value, dtype)
    return jax.device_put(np.asarray(value, dtype), may_alias=False)


def full_like(array: Any, value: Any = 0) -> Any:
    """`jnp.full_like`, made on the host where `array` is not part of a program that is traced."""
    if isinstance(array, jax.core.Tracer):
        return jnp.full_like(array, value)
    return from_host(np.full(array.shape, value, array.dtype))


def key(seed: int) -> jax.Array:
    """`jax.random.key(seed)`."""
    if jax.config.jax_default_prng_impl != "threefry2x32" or jax.config.jax_enable_x64:
        return jax.random.key(seed)
    return jax.random.wrap_key_data(from_host(np.array([0, int(seed) % 2**32], np.uint32)))

"""The default engine: XLA through `jax.jit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def compile(function: Callable[..., Any], donate: tuple[int, ...] = ()) -> Callable[..., Any]:
    """Compile a pure function; the arrays of the arguments in `donate` are given up and their memory used again."""
    return jax.jit(function, donate_argnums=donate)


def place(tree: Any) -> Any:
    """Host arrays on the device, 64-bit numbers as 32."""
    return jax.tree.map(jnp.asarray, tree)


def copy(tree: Any) -> Any:
    """Arrays of their own with equal values, so that one side may be donated."""
    if jax.default_backend() != "cpu":
        return jax.tree.map(jnp.copy, tree)

    def one(array: Any) -> Any:  # through NumPy: on the CPU this copies without compiling anything
        if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
            data = np.array(jax.random.key_data(array))
            return jax.random.wrap_key_data(jnp.asarray(data), impl=jax.random.key_impl(array))
        return jnp.asarray(np.array(array))

    return jax.tree.map(one, tree)


def fetch(tree: Any) -> Any:
    """Copies on the host, as NumPy arrays; keys as their bits."""

    def one(array: Any) -> Any:
        if jnp.issubdtype(getattr(array, "dtype", np.float32), jax.dtypes.prng_key):
            array = jax.random.key_data(array)
        return np.array(array)

    return jax.tree.map(one, tree)

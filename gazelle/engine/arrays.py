"""Arrays between programs: JAX's, on its device, whichever engine computes. Engines take and give them as they lie."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import arrays

_ALIGNMENT = 64  # bytes; XLA uses host memory as it is from this on
_RESIDENT_SHARE = 0.25  # of the device's memory may hold samples


def place(tree: Any) -> Any:
    """Host arrays on the device; its own from now on. On the CPU an aligned array (`buffer`) stays in place."""
    return jax.device_put(tree)


def place_batches(tree: Any) -> Any:
    """Stacked batches (steps, batch, ...) on the device, or split over the devices of the distribution in force."""
    return place(tree) if _spread is None else split(tree)


def split(tree: Any) -> Any:
    """Stacked batches over the devices of the distribution in force; without one as they are."""
    spread = _spread
    return tree if spread is None else jax.tree.map(lambda a: jax.device_put(a, spread.of_batches(a.shape)), tree)


def spread_out(path: str, array: Any) -> Any:
    """A weight, or an array that belongs to the weight `path`, over the devices of the distribution in force."""
    return array if _spread is None else jax.device_put(array, _spread.of_variable(path, array))


def distribute(value: Any) -> None:
    """Put a distribution in force: what has `of_batches(shape)` and `of_variable(path, array)`, both shardings."""
    global _spread
    _spread = value


def distributed() -> Any:
    """The distribution in force, None without one."""
    return _spread


_spread: Any = None


def buffer(shape: tuple[int, ...], dtype: Any) -> Any:
    """A new host array at an address that `place` need not copy from."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    block = np.empty(size + _ALIGNMENT, np.uint8)
    start = -block.ctypes.data % _ALIGNMENT
    return block[start : start + size].view(dtype).reshape(shape)


def resident(size: int) -> bool:
    """Whether data of this many bytes should lie on the device for the whole training: where it is fast, and fits."""
    device = jax.devices()[0]
    if device.platform == "cpu" or _spread is not None:
        return False
    stats = device.memory_stats() or {}
    return size <= stats.get("bytes_limit", 0) * _RESIDENT_SHARE


@jax.jit
def take(data: Any, rows: Any) -> Any:
    """data[rows] of every array, on the device."""
    return jax.tree.map(lambda array: array[rows], data)


def copy(tree: Any) -> Any:
    """Arrays of their own with equal values, so that one side may be donated."""
    if jax.default_backend() != "cpu":
        return jax.tree.map(jnp.copy, tree)

    def one(array: Any) -> Any:  # through NumPy: on the CPU this copies without compiling anything
        if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
            data = np.array(jax.random.key_data(array))
            return jax.random.wrap_key_data(arrays.from_host(data), impl=jax.random.key_impl(array))
        out = arrays.from_host(np.array(array))
        several = isinstance(array, jax.Array) and len(array.sharding.device_set) > 1
        return jax.device_put(out, array.sharding) if several else out

    return jax.tree.map(one, tree)


def fetch(named: Mapping[str, Any], into: Mapping[str, Any]) -> dict[str, Any]:
    """{name: copy on the host, as a NumPy array}; keys as their bits.

    into: {name: array} of an earlier call, which may be written over: memory that is new to a process costs more than
    the copy itself.
    """

    def one(array: Any, old: Any) -> Any:
        if jnp.issubdtype(getattr(array, "dtype", np.float32), jax.dtypes.prng_key):
            array = jax.random.key_data(array)
        here = np.asarray(array)  # on the CPU the array itself
        if isinstance(array, jax.Array) and next(iter(array.devices())).platform != "cpu":
            return here
        if old is None or (old.shape, old.dtype) != (here.shape, here.dtype):
            return here.copy()
        np.copyto(old, here)
        return old

    return {name: one(array, into.get(name)) for name, array in named.items()}

"""Arrays and keys on the device from host values, without compilation.

`jnp.asarray`, `jnp.zeros` and `jax.random.key` compile a program for each shape, some milliseconds each; a model has
dozens of shapes before its first step.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import dtypes, forked
from gazelle.core.types import Array, ArrayLike, DTypeLike, Tree

# On a CPU, JAX runs a program in another thread by default. Waking that thread takes longer than a step of a small
# network, whose result is waited for anyway. The setting has an effect until JAX is used for the first time.
jax.config.update("jax_cpu_enable_async_dispatch", False)

divided_checksum = 0  # the sum over all host arrays that were divided over processes


def from_host(value: ArrayLike, dtype: DTypeLike | None = None) -> Array:
    """Copy a host value to the device; an array of JAX is converted by `jnp.asarray`."""
    if isinstance(value, jax.Array):
        return jnp.asarray(value, dtype)
    if forked.without_threads:
        forked.refuse("An array was made")
    forked.has_run = True
    host = np.asarray(value)
    if host.dtype.itemsize == 8:
        dtypes.check_range("An array", host, dtype)
    return jax.device_put(np.asarray(host, dtype), may_alias=False)


_placement: Callable[[str, Any, str], Array] | None = None


def set_placement(function: Callable[[str, Any, str], Array] | None) -> None:
    """Set the function of (key, host array, path) that moves variables to devices; None moves them to one device."""
    global _placement
    _placement = function


def is_placed_by_path() -> bool:
    """Return whether the sharding of a variable depends on its path, which is final only when it is first read."""
    return _placement is not None


def place(key: str, value: np.ndarray[Any, Any], path: str) -> Array:
    """Copy the host value of a variable to its devices."""
    return from_host(value) if _placement is None else _placement(key, value, path)


def like(value: ArrayLike, array: Array) -> Array:
    """Copy a host value to the devices of another array of its shape, in the same dtype; to one for a host array."""
    if isinstance(array, jax.Array) and len(array.sharding.device_set) > 1:
        if isinstance(value, jax.Array) and (value.sharding, value.dtype) == (array.sharding, array.dtype):
            return value
        return put(np.asarray(value, array.dtype), array.sharding)
    return from_host(value, array.dtype)


def placed_like(value: Array, array: Array) -> Array:
    """Move the new value of a variable to where the former one is, if a distribution shards variables.

    Of several processes each has the whole value until `fit`, which compares them.
    """
    if _placement is None or not isinstance(array, jax.Array) or value.sharding == array.sharding:
        return value
    if not array.sharding.is_fully_addressable:
        return value
    return put(value, array.sharding)


def put(value: ArrayLike, sharding: jax.sharding.Sharding) -> Array:
    """Copy an array to the devices of a sharding, of which those of other processes are left to these."""
    if sharding.is_fully_addressable or (isinstance(value, jax.Array) and not value.is_fully_addressable):
        return jax.device_put(value, sharding)
    host = np.asarray(value)
    if not sharding.is_fully_replicated:
        global divided_checksum
        divided_checksum = (divided_checksum + zlib.crc32(np.ascontiguousarray(host).view(np.uint8))) % 2**32
    return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])


def put_part(part: np.ndarray[Any, Any], start: int, shape: tuple[int, ...], sharding: jax.sharding.Sharding) -> Array:
    """Make batches (steps, batch, ...) of a sharding from the samples from `start` on, which this process has."""
    if sharding.is_fully_addressable:
        return jax.device_put(part, sharding)

    def own(index: Any) -> np.ndarray[Any, Any]:
        first, last, _ = index[1].indices(shape[1])
        return part[index[0], first - start : last - start]

    return jax.make_array_from_callback(shape, sharding, own)


def is_divided(tree: Tree) -> bool:
    """Return whether no process has the whole of an array, which is sharded over the devices of several."""
    found = [leaf for leaf in jax.tree.leaves(tree) if isinstance(leaf, jax.Array)]
    return any(not (array.is_fully_addressable or array.is_fully_replicated) for array in found)


#: (array, name) -> the whole of an array that is divided over processes; set by `engine.processes`
gather: Callable[..., np.ndarray[Any, Any]] = np.asarray


def to_host(array: ArrayLike, name: str = "") -> np.ndarray[Any, Any]:
    """Return an array on the host, possibly a view; one that is divided over processes is gathered by all of them."""
    return gather(array, name) if is_divided(array) else np.asarray(array)


def full_like(array: Array, value: float = 0) -> Array:
    """Return `jnp.full_like`, computed on the host unless `array` is traced."""
    if isinstance(array, jax.core.Tracer):
        return jnp.full_like(array, value)
    return like(np.full(array.shape, value, array.dtype), array)


def key(seed: int) -> Array:
    """Return `jax.random.key(seed)`."""
    return jax.random.wrap_key_data(from_host(key_data(seed)))


def key_data(seed: int) -> np.ndarray[Any, Any]:
    """Return the bits of `key(seed)`, on the host."""
    if jax.config.jax_default_prng_impl != "threefry2x32" or jax.config.jax_enable_x64:
        with jax.ensure_compile_time_eval():
            return np.asarray(jax.random.key_data(jax.random.key(seed)))
    return np.array([0, int(seed) % 2**32], np.uint32)

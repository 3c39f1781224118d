"""Transfers between host and device. Programs exchange arrays of JAX on every engine."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import arrays
from gazelle.core.types import Array, DTypeLike, Tree

if TYPE_CHECKING:
    from jax.sharding import Mesh, Sharding

_ALIGNMENT = 64  # bytes; XLA uses host memory with this alignment without a copy
_SMALL = 2**16  # bytes
_PLACED = 1024  # numbers that stay on the device
_RESIDENT_FRACTION = 0.25  # fraction of the device memory for samples


class Distribution(Protocol):
    """What `set_distribution` accepts: the shardings of batches and of variables."""

    auto_shard_dataset: bool  # whether each process reads whole batches of a dataset

    def of_batches(self, shape: tuple[int, ...]) -> Sharding:
        """The sharding of stacked batches (steps, batch, ...)."""

    def replicated(self) -> Sharding:
        """The sharding of arrays that are replicated on all devices."""

    def of_output(self, path: str, given: str | None = None) -> Sharding | None:
        """The sharding of the outputs of the layer `path`, which is `given` in Keras; None for no constraint."""

    def batch_axis(self) -> tuple[Mesh, str] | None:
        """The mesh and its axis that batches are divided along; None if the mesh has other axes, too."""

    def of_variable(self, path: str, array: Array, given: str | None = None) -> Sharding:
        """The sharding of the variable `path`, which is `given` in Keras, or of an array that belongs to it."""

    def program_key(self, paths: Iterable[str]) -> tuple[str, ...]:
        """What programs of equal models must have in common to be shared, of the paths of weights in Keras."""

    def check_paths(self, model: str, weights: Iterable[tuple[str, str]], outputs: Iterable[tuple[str, str]]) -> None:
        """Check paths against those of a model before its programs are compiled: (in Keras, in the model)."""


_distribution: Distribution | None = None


def set_distribution(value: Distribution | None) -> None:
    """Set the distribution that batches and variables are sharded by; None ends it."""
    global _distribution
    _distribution = value
    arrays.set_placement(None if value is None else shard_variable)


def active_distribution() -> Distribution | None:
    """Return the distribution that was set, None without one."""
    return _distribution


def to_device(tree: Tree) -> Tree:
    """Move host arrays to the device, which owns them from then on. On a CPU an aligned `buffer` is not copied."""
    return jax.device_put(tree)


def number(value: np.number | np.bool_) -> Tree:
    """Return a number as an argument of a program: on the device if it is one of the first, which are used often.

    A program that is called with a number of the host copies it to the device at each call.
    """
    return value if _distribution is not None or value >= _PLACED else _placed_number(value)


@functools.lru_cache(maxsize=2 * _PLACED, typed=True)
def _placed_number(value: Any) -> Tree:
    return arrays.from_host(value)


def batches_to_device(tree: Tree, batch: int | None = None) -> Tree:
    """Move stacked batches (steps, batch, ...) to the device, or shard them over the active distribution.

    Small ones stay on the host, because calling the program moves them faster.

    Args:
        tree: the arrays.
        batch: samples in a batch, if the arrays contain `own_rows(batch)` only.
    """
    if _distribution is not None:
        return shard_batches(tree, batch)
    return tree if sum(leaf.nbytes for leaf in jax.tree.leaves(tree)) <= _SMALL else to_device(tree)


def own_rows(batch: int) -> slice:
    """Return which samples of a batch this process computes: all of them, unless others compute the rest."""
    if _distribution is None or jax.process_count() == 1:
        return slice(0, batch)
    indices = _distribution.of_batches((1, batch)).addressable_devices_indices_map((1, batch)).values()
    parts = [index[1].indices(batch) for index in indices if index is not None]
    return slice(min(part[0] for part in parts), max(part[1] for part in parts))


def readers_of_batch() -> int:
    """Return how many processes read a batch of a dataset together, each of them its own part; 1 if it reads all."""
    return 1 if _distribution is None or _distribution.auto_shard_dataset else jax.process_count()


def shard_batches(tree: Tree, batch: int | None = None) -> Tree:
    """Shard stacked batches over the active distribution; without one they stay as they are.

    Args:
        tree: the arrays.
        batch: samples in a batch, if the arrays contain `own_rows(batch)` only.
    """
    active = _distribution
    if active is None:
        return tree

    def one(array: Array) -> Tree:
        if isinstance(array, jax.Array) or array.ndim < 2:
            return arrays.put(array, active.of_batches(array.shape))
        shape = (array.shape[0], batch or array.shape[1], *array.shape[2:])
        start = 0 if shape == array.shape else own_rows(shape[1]).start
        return arrays.put_part(array, start, shape, active.of_batches(shape))

    return jax.tree.map(one, tree)


def shard_variable(path: str, array: Array, given: str | None = None) -> Tree:
    """Shard the weight `path`, which is `given` in Keras, or an array that belongs to it, over the distribution."""
    return array if _distribution is None else arrays.put(array, _distribution.of_variable(path, array, given))


def replicate(tree: Tree) -> Tree:
    """Replicate arrays on all devices of the active distribution; without one they are unchanged.

    A program is compiled again for another placement of an argument, so each argument always has the same one.
    """
    if _distribution is None:
        return tree
    sharding = _distribution.replicated()
    return jax.tree.map(lambda array: arrays.put(array, sharding), tree)


def constrain_variable(path: str, array: Array, given: str | None = None) -> Tree:
    """Constrain an array of a compiled program to the sharding of the weight `path` that it belongs to."""
    if _distribution is None:
        return array
    return jax.lax.with_sharding_constraint(array, _distribution.of_variable(path, array, given))


def constrain_replicated(tree: Tree) -> Tree:
    """Constrain arrays of a compiled program to be replicated on all devices."""
    return tree if _distribution is None else jax.lax.with_sharding_constraint(tree, _distribution.replicated())


def constrain_outputs(path: str, given: str, outputs: Tree) -> Tree:
    """Constrain the outputs of a layer in a compiled program to the sharding that the distribution defines for them."""
    sharding = None if _distribution is None else _distribution.of_output(path, given)
    return outputs if sharding is None else jax.lax.with_sharding_constraint(outputs, sharding)


def buffer(shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray[Any, Any]:
    """Return a new host array, aligned so that `to_device` need not copy it on a CPU."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    block = np.empty(size + _ALIGNMENT, np.uint8)
    start = -block.ctypes.data % _ALIGNMENT
    return block[start : start + size].view(dtype).reshape(shape)


def fits_on_device(size: int) -> bool:
    """Return whether data of `size` bytes should stay on the device during training: on one accelerator, if it fits."""
    device = jax.devices()[0]
    if device.platform == "cpu" or _distribution is not None:
        return False
    stats = device.memory_stats() or {}
    return size <= stats.get("bytes_limit", 0) * _RESIDENT_FRACTION


@jax.jit
def gather_rows(data: Tree, rows: Array) -> Tree:
    """Return data[rows] of every array, on the device."""
    return jax.tree.map(lambda array: array[rows], data)


def copy(tree: Tree) -> Tree:
    """Return copies of the arrays of a tree, so that either side may be donated."""
    if jax.default_backend() != "cpu":
        return jax.tree.map(jnp.copy, tree)

    def copy_array(array: Array) -> Tree:  # through NumPy: on the CPU this copies without compiling anything
        if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
            data = np.array(jax.random.key_data(array))
            return jax.random.wrap_key_data(arrays.from_host(data), impl=jax.random.key_impl(array))
        if isinstance(array, jax.Array) and len(array.sharding.device_set) > 1:  # part by part, never as a whole
            parts = [jax.device_put(np.array(p.data), p.device, may_alias=False) for p in array.addressable_shards]
            return jax.make_array_from_single_device_arrays(array.shape, array.sharding, parts)
        return arrays.from_host(np.array(array))

    return jax.tree.map(copy_array, tree)


def to_host(named: Mapping[str, Any], into: Mapping[str, Any]) -> dict[str, Any]:
    """Copy named arrays to the host, as NumPy arrays; PRNG keys as their bits.

    Args:
        named: {name: array}.
        into: The result of an earlier call, which is overwritten where shape and dtype match: fresh memory costs more
            than the copy itself.

    Returns:
        {name: NumPy array}.
    """

    def copy_array(array: Array, old: Any) -> Tree:
        if jnp.issubdtype(getattr(array, "dtype", np.float32), jax.dtypes.prng_key):
            array = jax.random.key_data(array)
        host = np.asarray(array)  # on the CPU a view of the array itself
        if isinstance(array, jax.Array) and next(iter(array.devices())).platform != "cpu":
            return host
        if old is None or (old.shape, old.dtype) != (host.shape, host.dtype):
            return host.copy()
        np.copyto(old, host)
        return old

    return {name: copy_array(array, into.get(name)) for name, array in named.items()}

"""Random numbers without JAX's key types: the primitives of Threefry as operations on unsigned 32-bit integers.

Every target with addition, shift and xor draws the same bits as XLA: as in `jax.random`, the indices of an array are
encrypted with the key by twenty rounds of Threefry (Salmon et al., 2011).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.random import threefry_prng_impl as threefry

from gazelle.core.errors import ArgumentError, message

if TYPE_CHECKING:
    from jax.extend.core import JaxprEqn

    from gazelle.core.types import Array

#: the shape and dtype of an array: a ShapeDtypeStruct, or an abstract value of a traced program
Spec: TypeAlias = Any
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)


def is_key(value: object) -> bool:
    """Return whether an array or a spec has a dtype of PRNG keys."""
    return jnp.issubdtype(getattr(value, "dtype", np.float32), jax.dtypes.prng_key)


def raw_spec(spec: Spec) -> Spec:
    """Return the shape and dtype of the raw data of keys; other specs are returned unchanged."""
    if not is_key(spec):
        return spec
    if str(spec.dtype) != "key<fry>":
        got = f"keys of type {spec.dtype}"
        raise ArgumentError(message("Engines", expected="keys of Threefry, JAX's default", got=got))
    return jax.ShapeDtypeStruct((*spec.shape, 2), np.uint32)


def raw_key(key: Array) -> Array:
    """Return the raw data of a key; other arrays are returned unchanged."""
    return jax.random.key_data(key) if is_key(key) else key


def encrypt(key0: Array, key1: Array, x0: Array, x1: Array) -> tuple[Any, Any]:
    """Threefry-2x32 in 20 rounds:  (x0, x1) encrypted with (key0, key1)."""
    keys = (key0, key1, key0 ^ key1 ^ _PARITY)
    x0, x1 = x0 + keys[0], x1 + keys[1]
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            x0 = x0 + x1
            x1 = x0 ^ ((x1 << np.uint32(rotation)) | (x1 >> np.uint32(32 - rotation)))
        x0 = x0 + keys[(group + 1) % 3]
        x1 = x1 + keys[(group + 2) % 3] + np.uint32(group + 1)
    return x0, x1


def _counts(shape: tuple[int, ...]) -> tuple[Any, Any]:
    """The index of every element as two 32-bit integers: the high and the low bits."""
    if math.prod(shape) >= 2**32:
        raise ArgumentError(
            message("Engines", expected="fewer than 2**32 random numbers at once", got=f"shape {shape}")
        )
    return jnp.zeros(shape, jnp.uint32), jax.lax.iota(np.uint32, math.prod(shape)).reshape(shape)


def _each(function: Callable[..., Any], rank: int) -> Callable[..., Any]:
    """Vectorize a function of one key over an array of keys of this rank."""
    for _ in range(rank):
        function = jax.vmap(function)
    return function


#: {primitive: traced operation -> function of raw keys that computes it}
RAW_KEY_RULES: dict[str, Callable[[Any], Callable[..., Any]]] = {
    "random_seed": lambda eqn: _each(threefry.seed, eqn.invars[0].aval.ndim),
    "random_fold_in": lambda eqn: _each(threefry.fold_in, eqn.invars[0].aval.ndim),
    "random_split": lambda eqn: _each(lambda k: threefry.split(k, eqn.params["shape"]), eqn.invars[0].aval.ndim),
    "random_bits": lambda eqn: _each(
        lambda k: threefry.random_bits(k, eqn.params["bit_width"], eqn.params["shape"]), eqn.invars[0].aval.ndim
    ),
    "threefry2x32": lambda eqn: encrypt,
    "iota_2x32_shape": lambda eqn: lambda: _counts(eqn.params["shape"]),
}


def on_raw_keys(eqn: JaxprEqn) -> Callable[..., Any]:
    """Apply an operation that moves keys (slice, stack, select) to each integer of their raw data."""

    def one(*inputs: Any) -> Any:
        return eqn.primitive.bind(*inputs, **eqn.params)

    axes = [-1 if is_key(atom.aval) else None for atom in eqn.invars]
    return jax.vmap(one, in_axes=axes, out_axes=-1)

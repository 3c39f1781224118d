"""Chance at the price of a few instructions: what dropout and noise draw, for each element and at each step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def bits(key: Any, shape: Sequence[int]) -> Any:
    """32 random bits for each element, as uint32; a function of `key` and the element's place alone.

    They are a hash of the place and the key: rounds of folding and multiplying that bring a number's every bit to
    every other (Wellons' triple32). `jax.random` takes twenty rounds of Threefry; they were nearly half of a small
    transformer's step on a CPU. As the hash needs nothing but the place, XLA makes the bits inside of the operation
    that reads them, and again on the way back: no mask is kept. Not for secrets; places 2^32 apart are equal.

    >>> bits(jax.random.key(0), (2, 3)).dtype.name
    'uint32'
    """
    words = jax.random.key_data(key).reshape(-1)
    x = jax.lax.iota(np.uint32, math.prod(shape)).reshape(shape)
    x = (x ^ words[0]) + np.uint32(0x9E3779B9)
    x = ((x ^ (x >> 17)) * np.uint32(0xED5AD4BB)) ^ words[-1]  # between rounds: else keys would only reorder places
    x = (x ^ (x >> 11)) * np.uint32(0xAC4C1B51)
    x = (x ^ (x >> 15)) * np.uint32(0x31848BAB)
    return x ^ (x >> 14)


def bernoulli(key: Any, fraction: float, shape: Sequence[int]) -> Any:
    """Booleans of `shape`, each True with probability `share`.

    >>> bernoulli(jax.random.key(0), 0.5, (2, 3)).shape
    (2, 3)
    """
    return bits(key, shape) < np.uint32(min(round(fraction * 2**32), 2**32 - 1))


def normal(key: Any, shape: Sequence[int], dtype: Any = "float32") -> Any:
    """Numbers from Normal(0, 1):  √2 erf⁻¹(u),  u the middle of one of 2^23 equal parts of (-1, 1).

    >>> abs(float(normal(jax.random.key(0), (1000,)).mean())) < 0.2
    True
    """
    u = (bits(key, shape) >> 9).astype(jnp.float32) * np.float32(2**-22) - np.float32(1 - 2**-23)
    return (np.float32(math.sqrt(2)) * jax.lax.erf_inv(u)).astype(dtype)

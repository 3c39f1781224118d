"""Chance at the price of a few instructions: what dropout draws, for each element and at each step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np


def bernoulli(key: Any, share: float, shape: Sequence[int]) -> Any:
    """Booleans of `shape`, each True with probability `share`; a function of `key` alone.

    The bits are a hash of the place and the key: rounds of folding and multiplying that bring a number's every bit to
    every other (Wellons' triple32). `jax.random` takes twenty rounds of Threefry; they were nearly half of a small
    transformer's step on a CPU. As the hash needs nothing but the place, XLA makes the bits inside of the operation
    that reads them, and again on the way back: no mask is kept. Not for secrets; places 2^32 apart are equal.

    >>> bernoulli(jax.random.key(0), 0.5, (2, 3)).shape
    (2, 3)
    """
    words = jax.random.key_data(key).reshape(-1)
    x = jax.lax.iota(np.uint32, math.prod(shape)).reshape(shape)
    x = (x ^ words[0]) + np.uint32(0x9E3779B9)
    x = ((x ^ (x >> 17)) * np.uint32(0xED5AD4BB)) ^ words[-1]  # between rounds: else keys would only reorder places
    x = (x ^ (x >> 11)) * np.uint32(0xAC4C1B51)
    x = (x ^ (x >> 15)) * np.uint32(0x31848BAB)
    return (x ^ (x >> 14)) < np.uint32(min(round(share * 2**32), 2**32 - 1))

"""Random numbers: the process-wide stream of seeds, the seed generator, and cheap random bits for dropout and noise."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import tracing
from gazelle.core.config import Configurable
from gazelle.core.errors import ArgumentError, message
from gazelle.core.names import on_clear, snake, unique_name
from gazelle.core.types import Array, Config, DTypeLike
from gazelle.core.variable import Variable

_root: int | None = None  # None: no seed was set, so the first draw uses entropy of the operating system
_given: int | None = None  # what `set_seed` was given
_count = itertools.count()


def set_seed(seed: int | None) -> None:
    """Restart the stream of seeds: the same `seed` gives the same seeds in the same order.

    Args:
        seed: An integer; None takes entropy of the operating system at the next draw.

    >>> set_seed(0); a = next_seed(); set_seed(0); a == next_seed()
    True
    """
    global _root, _given, _count
    given = None if seed is None else int(seed)
    _given, _root, _count = given, None if given is None else given % 2**64, itertools.count()
    _shared.clear()  # draws without a seed start again, too


def given_seed() -> int | None:
    """Return what `set_seed` was given last; None if the seeds of this process are random."""
    return _given


def set_random_seed(seed: int) -> None:
    """Set the seed of gazelle, of Python's `random` and of NumPy's global generator.

    Args:
        seed: An integer of at least 0.

    Raises:
        ArgumentError: If `seed` is not such an integer.

    Example:
    >>> set_random_seed(7)
    >>> first = gazelle.layers.Dense(2)(np.ones((1, 3)))
    >>> set_random_seed(7)
    >>> bool((gazelle.layers.Dense(2)(np.ones((1, 3))) == first).all())
    True
    """
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or seed < 0:
        raise ArgumentError(message("seed", expected="an integer of at least 0", got=repr(seed)))
    seed = int(seed)
    set_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


def global_generators() -> tuple[Any, ...]:
    """Return the states of the global generators of Python and NumPy, which compare equal if nothing was drawn."""
    name, keys, *rest = np.random.get_state()
    return random.getstate(), name, np.asarray(keys).tobytes(), rest


def next_seed() -> int:
    """Return the next seed of the stream, an integer below 2^32."""
    global _root
    if _root is None:
        _root = int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
    return int(np.random.SeedSequence([_root, next(_count)]).generate_state(1)[0])


class SeedGenerator(Configurable):
    """A sequence of random keys: (seed, 0), (seed, 1), ...

    The state is a variable. As an attribute of a layer the generator is part of the layer: compiled steps update it
    and checkpoints hold it.

    Args:
        seed: An integer; None takes one from the stream that `set_random_seed` starts.
        name: Name of the generator; None makes one.
        **kwargs: `backend` is accepted and ignored.

    Raises:
        ArgumentError: If `seed` is no integer, or other arguments are given.

    Example:
    >>> generator = SeedGenerator(seed=7)
    >>> generator.next().tolist(), generator.next().tolist()
    ([7, 0], [7, 1])
    """

    _namespace = "random"

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: object) -> None:
        if seed is not None and (isinstance(seed, bool) or not hasattr(seed, "__index__")):
            raise ArgumentError(message("seed of SeedGenerator", expected="an integer or None", got=repr(seed)))
        if kwargs.keys() - {"backend"}:
            raise ArgumentError(message("SeedGenerator", expected="seed and name", got=", ".join(kwargs)))
        self.name = name or unique_name("layers", snake(type(self).__name__))
        first = next_seed() if seed is None else int(seed) % 2**32
        self.state = Variable(
            [first, 0], dtype="uint32", trainable=False, name="seed_generator_state", persistent=False
        )

    def next(self, ordered: bool = True) -> Array:
        """Return the key of the next draw and advance the state.

        Args:
            ordered: True counts the draws; False steps through pseudo-random states, almost without repetition.

        Returns:
            An array of shape (2,) and dtype uint32.
        """
        now = jnp.asarray(self.state.value)
        self.state.assign(now + jnp.asarray([0, 1], "uint32") if ordered else (now + 1) * 5387 % 933199)
        return now

    def get_config(self) -> Config:
        return {"seed": self.seed, "name": self.name}


_shared: list[SeedGenerator] = []  # the generator of draws without a seed, created at the first draw
on_clear(_shared.clear)


def key_of(seed: int | SeedGenerator | Array | None) -> Array:
    """Return the key for a `seed` argument: an integer, a generator or a key; None uses the process's generator."""
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if isinstance(seed, jax.Array):
        return seed
    if seed is None:
        return _unseeded_key()
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        raise ArgumentError(message("seed", expected="an integer, a SeedGenerator or None", got=repr(seed)))
    return jnp.asarray([int(seed) % 2**32, 0], "uint32")


def _unseeded_key() -> Array:
    scope = tracing.current()
    if scope is not None and scope.key is not None:  # inside a model: a function of (step, number of the draw)
        return scope.draw("random")
    if tracing.is_traced():
        raise ArgumentError(
            message(
                "A random draw without a seed inside a compiled function",
                expected="seed=a SeedGenerator or a key",
                got="seed=None, which would give the same numbers at every call",
                hint="Create a generator once, seeds = gazelle.random.SeedGenerator(1), and pass seed=seeds.",
            )
        )
    if not _shared:
        _shared.append(SeedGenerator())
    return _shared[0].next(ordered=False)


def loop_key() -> Array | None:
    """The key of a loop over steps, for `tracing.at_step`; None in compiled code that has no key."""
    scope = tracing.current()
    if scope is not None and scope.key is not None:
        return scope.draw("loop")
    return None if tracing.is_traced() else jax.random.key(next_seed())


def random_bits(key: Array, shape: Sequence[int]) -> Array:
    """Return 32 random bits for each element, a function of `key` and the element's index only.

    The bits are a hash of index and key: rounds of xor-shift and multiplication that mix every bit into every other
    (Wellons' triple32). `jax.random` takes twenty rounds of Threefry, which were nearly half of a small transformer's
    step on a CPU. As the hash needs only the index, XLA computes the bits inside the operation that reads them, and
    again in the backward pass: no mask is stored. Not for cryptography; indices 2^32 apart get equal bits.

    Args:
        key: A JAX key.
        shape: Shape of the result.

    Returns:
        An array of dtype uint32.

    Example:
    >>> random_bits(jax.random.key(0), (2, 3)).dtype.name
    'uint32'
    """
    key_data = jax.random.key_data(key).reshape(-1)
    x = jax.lax.iota(np.uint32, math.prod(shape)).reshape(shape)
    x = (x ^ key_data[0]) + np.uint32(0x9E3779B9)
    x = ((x ^ (x >> 17)) * np.uint32(0xED5AD4BB)) ^ key_data[-1]  # otherwise keys would only permute indices
    x = (x ^ (x >> 11)) * np.uint32(0xAC4C1B51)
    x = (x ^ (x >> 15)) * np.uint32(0x31848BAB)
    return x ^ (x >> 14)


def bernoulli(key: Array, probability: float, shape: Sequence[int]) -> Array:
    """Return booleans of `shape`, each True with the given probability, from `random_bits`.

    >>> bernoulli(jax.random.key(0), 0.5, (2, 3)).shape
    (2, 3)
    """
    return random_bits(key, shape) < np.uint32(min(round(probability * 2**32), 2**32 - 1))


def normal(key: Array, shape: Sequence[int], dtype: DTypeLike = "float32") -> Array:
    """Return samples of Normal(0, 1) from `random_bits`:  √2 erf⁻¹(u),  u the centre of one of 2^23 cells of (-1, 1).

    >>> abs(float(normal(jax.random.key(0), (1000,)).mean())) < 0.2
    True
    """
    u = (random_bits(key, shape) >> 9).astype(jnp.float32) * np.float32(2**-22) - np.float32(1 - 2**-23)
    return (np.float32(math.sqrt(2)) * jax.lax.erf_inv(u)).astype(dtype)

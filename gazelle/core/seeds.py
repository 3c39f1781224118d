"""The seed generator: a place in a sequence of draws that stays between calls."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core import random, tracing
from gazelle.core.config import Configurable, snake
from gazelle.core.errors import ArgumentError, message
from gazelle.core.names import automatic, on_clear
from gazelle.core.variable import Variable


class SeedGenerator(Configurable):
    """Gives another key at each `next()`: (seed, 0), (seed, 1), ...

    `state` is a variable. As an attribute of a layer the generator is part of it: compiled steps carry the state on.

    Args:
        seed: a whole number; None draws one from the stream that `set_random_seed` starts.

    >>> generator = SeedGenerator(seed=7)
    >>> generator.next().tolist(), generator.next().tolist()
    ([7, 0], [7, 1])
    """

    _namespace = "random"

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any) -> None:
        if seed is not None and (isinstance(seed, bool) or not hasattr(seed, "__index__")):
            raise ArgumentError(message("seed of SeedGenerator", expected="a whole number or None", got=repr(seed)))
        if kwargs.keys() - {"backend"}:
            raise ArgumentError(message("SeedGenerator", expected="seed and name", got=", ".join(kwargs)))
        self.name = name or automatic("layers", snake(type(self).__name__))
        first = random.next_seed() if seed is None else int(seed) % 2**32
        self.state = Variable(
            [first, 0], dtype="uint32", trainable=False, name="seed_generator_state", persistent=False
        )

    def next(self, ordered: bool = True) -> jax.Array:
        """The key of the next draw. `ordered=False` steps through near-unique numbers instead of counting."""
        now = jnp.asarray(self.state.value)
        self.state.assign(now + jnp.asarray([0, 1], "uint32") if ordered else (now + 1) * 5387 % 933199)
        return now

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed, "name": self.name}


_shared: list[SeedGenerator] = []  # of draws without a seed; empty until one comes
on_clear(_shared.clear)


def key_of(seed: Any) -> jax.Array:
    """The key for what a user gave as `seed`: a number, a generator, a key; None is the generator of the process."""
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if isinstance(seed, jax.Array):
        return seed
    if seed is None:
        return _unseeded()
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        raise ArgumentError(message("seed", expected="a whole number, a SeedGenerator or None", got=repr(seed)))
    return jnp.asarray([int(seed) % 2**32, 0], "uint32")


def _unseeded() -> jax.Array:
    scope = tracing.current()
    if scope is not None and scope.key is not None:  # inside a model: a function of (step, number of the draw)
        return scope.draw("random")
    if isinstance(jnp.zeros(()), jax.core.Tracer):
        raise ArgumentError(
            message(
                "A random draw without a seed inside a compiled function",
                expected="seed=a SeedGenerator or a key",
                got="seed=None, whose numbers would be the same at every call",
                hint="Keep a generator: seeds = gazelle.random.SeedGenerator(1), and give seed=seeds.",
            )
        )
    if not _shared:
        _shared.append(SeedGenerator())
    return _shared[0].next(ordered=False)

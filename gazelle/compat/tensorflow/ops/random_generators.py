"""`tf.random.Generator`: random numbers that follow from a variable."""

from __future__ import annotations

import functools
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.names import fixed_shape, named
from gazelle.compat.tensorflow.ops import randoms
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.tensorflow.variable import TensorFlowVariable
from gazelle.compat.types import DTypeLike, Option, ShapeLike, TensorLike, TensorResult
from gazelle.core import prng

#: names of algorithms -> their numbers; all of them compute the same numbers here
ALGORITHMS = {"philox": 1, "threefry": 2, "auto_select": 3}


@named("random.create_rng_state")
def create_rng_state(seed: TensorLike, alg: object = "philox") -> TensorResult:
    """`tf.random.create_rng_state`: the initial state of a generator: two counters and the key."""
    bits = int.from_bytes(seed.encode(), "little") if isinstance(seed, str) else int(unboxed(seed))
    return Tensor(np.array([0, 0, bits % 2**32], "uint32").view("int32").astype("int64"))


@named("random.Generator", "random.experimental.Generator")
class Generator:
    """`tf.random.Generator`: its draws follow from the variable `state`, which a checkpoint contains."""

    def __init__(self, copy_from: Generator | None = None, state: TensorLike = None, alg: object = None) -> None:
        given = state if copy_from is None else copy_from.state
        self.state: TensorFlowVariable = TensorFlowVariable(
            np.asarray(unboxed(given)), trainable=False, name="StateVar"
        )
        self.state.persistent = False  # no weight of a layer
        self.algorithm = ALGORITHMS.get(str(alg), 1)

    @classmethod
    def from_state(cls, state: TensorLike, alg: object = None) -> Generator:
        return cls(state=state, alg=alg)

    @classmethod
    def from_seed(cls, seed: TensorLike, alg: object = None) -> Generator:
        return cls(state=create_rng_state(seed), alg=alg)

    @classmethod
    def from_key_counter(cls, key: TensorLike, counter: TensorLike, alg: object = None) -> Generator:
        made = cls.from_seed(key, alg)
        made.reset_from_key_counter(key, counter)
        return made

    @classmethod
    def from_non_deterministic_state(cls, alg: object = None) -> Generator:
        return cls.from_seed(prng.next_seed(), alg)

    key = property(lambda self: self.state[2])
    weight_parts = property(lambda self: [self.state])

    def reset(self, state: TensorLike) -> None:
        self.state.assign(state)

    def reset_from_seed(self, seed: TensorLike) -> None:
        self.state.assign(create_rng_state(seed))

    def reset_from_key_counter(self, key: TensorLike, counter: TensorLike) -> None:
        self.state.assign([*np.ravel(unboxed(counter))[:2], int(unboxed(key))])

    def skip(self, delta: TensorLike) -> None:
        self.state.assign_add(jnp.stack([jnp.asarray(unboxed(delta)), 0, 0]))

    def _next_seed(self) -> randoms.StatelessSeed:
        bits = self.state._full().astype(jnp.uint32)
        self.skip(1)
        return randoms.StatelessSeed(functools.reduce(jax.random.fold_in, bits, jax.random.key(0)))

    def make_seeds(self, count: TensorLike = 1) -> TensorResult:
        return self.uniform((2, count), 0, 2**31 - 1, "int32")

    def split(self, count: int = 1) -> list[Generator]:
        return [Generator.from_seed(seed) for seed in np.asarray(self.make_seeds(count))[0]]

    def uniform_full_int(self, shape: ShapeLike, dtype: DTypeLike = "uint64", name: Option = None) -> TensorResult:
        bounds = np.iinfo(name_of(dtype))
        draws = randoms.generator(self._next_seed())
        return Tensor(draws.integers(bounds.min, bounds.max, fixed_shape(shape), bounds.dtype, endpoint=True))

    def binomial(
        self, shape: ShapeLike, counts: TensorLike, probs: TensorLike, dtype: DTypeLike = "int32", name: Option = None
    ) -> TensorResult:
        return randoms.binomial(shape, self._next_seed(), counts, probs, dtype)


for _draw_function in (randoms.normal, randoms.uniform, randoms.truncated_normal):
    setattr(
        Generator,
        _draw_function.__name__,
        lambda self, *args, f=_draw_function, **kwargs: f(*args, seed=self._next_seed(), **kwargs),
    )
named("random.Algorithm", "random.experimental.Algorithm")(
    SimpleNamespace(**{name.upper(): name for name in ALGORITHMS})
)
_global_generator: list[Generator] = []


@named("random.get_global_generator", "random.experimental.get_global_generator")
def get_global_generator() -> Generator:
    """`tf.random.get_global_generator`: the generator of the process, made at the first call."""
    if not _global_generator:
        _global_generator.append(Generator.from_non_deterministic_state())
    return _global_generator[0]


@named("random.set_global_generator", "random.experimental.set_global_generator")
def set_global_generator(generator: Generator) -> None:
    """`tf.random.set_global_generator`."""
    _global_generator[:] = [generator]

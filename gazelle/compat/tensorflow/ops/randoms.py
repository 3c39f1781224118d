"""tf.random: random numbers from the seed of the process, or inside of a compiled function from its key."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend.lifting import GraphVariable, computes_values
from gazelle.compat.backend.shapes import Size
from gazelle.compat.backend.shapes import shape as shape_of
from gazelle.compat.recorded_variable import recorder
from gazelle.compat.tensorflow.calls import call
from gazelle.compat.tensorflow.dtypes import name_of, name_on_device
from gazelle.compat.tensorflow.eager import float64
from gazelle.compat.tensorflow.eager.recording import in_dataset, unboxed
from gazelle.compat.tensorflow.names import NAMES, fixed_shape, named, op
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import Array, DTypeLike, Function, Option, ShapeLike, TensorLike, TensorResult
from gazelle.core import prng, shape_inference, symbolic, tracing
from gazelle.core.variable import Variable


@named("random.set_seed", "set_random_seed", "random.set_random_seed")
def set_seed(seed: int | None) -> None:
    prng.set_seed(None if seed is None else int(seed))
    _draws_of_seed.clear()


_draws_of_seed: dict[Any, int] = {}  # seed of an operation -> number of draws


def _traced() -> Any:
    scope = tracing.current()
    return None if scope is None or scope.key is None else scope


def builds_graph() -> bool:
    """Whether functions without tensors as arguments become nodes of a graph of TensorFlow 1."""
    return recorder.get() is GraphVariable and not (computes_values() or in_dataset.get())


class StatelessSeed(NamedTuple):
    """The pair `seed` of a stateless function, whose result is the same wherever and whenever it is called."""

    key: jax.Array


def next_key(seed: TensorLike = None) -> TensorResult:
    """A key of JAX for the next draw."""
    if isinstance(seed, StatelessSeed):
        return seed.key
    scope = _traced()
    if scope is not None:
        return scope.draw("tensorflow" if seed is None else f"tensorflow_{seed}")
    return jax.random.key(int(generator(seed).integers(2**32)))


def generator(seed: TensorLike = None) -> np.random.Generator:
    """A NumPy generator for the next draw."""
    if seed is None:
        return np.random.Generator(np.random.Philox(prng.next_seed()))
    if isinstance(seed, StatelessSeed):
        return np.random.default_rng(np.asarray(jax.random.key_data(seed.key)))
    number = _draws_of_seed[seed] = _draws_of_seed.get(seed, -1) + 1
    return np.random.Generator(np.random.Philox(key=[int(seed) % 2**64, number]))


def seed_of_draw(seed: TensorLike) -> TensorLike | StatelessSeed:
    """A seed for one draw: an integer or None as it is; from a pair of integers, known or not, that of its draw."""
    if isinstance(seed, StatelessSeed):
        return seed
    pair = unboxed(seed)
    if isinstance(pair, list | tuple):
        pair = jnp.stack([jnp.asarray(unboxed(number)) for number in pair]) if _any_traced(pair) else np.array(pair)
    if np.ndim(pair) == 0:
        return seed
    bits = (
        pair.astype(jnp.uint32) if isinstance(pair, jax.Array) else np.asarray(pair).astype("uint64").astype("uint32")
    )
    return StatelessSeed(functools.reduce(jax.random.fold_in, bits.reshape(-1)[:2], jax.random.key(0)))


def _any_traced(values: Iterable[Any]) -> bool:
    return any(isinstance(unboxed(value), jax.core.Tracer) for value in values)


def draw(
    shape: ShapeLike, dtype: DTypeLike, seed: TensorLike, host: Option, device: Function, *parameters: TensorLike
) -> TensorResult:
    """Numbers of a shape: `host(generator, shape)`, or `device(key, shape)` for stateless draws and in traces."""
    float64.request(dtype)
    shape = fixed_shape(shape)
    shape = (shape,) if isinstance(shape, int | Size) else shape
    if builds_graph() or symbolic.any_symbolic(shape, parameters):  # it draws again whenever it runs

        def drawn(shape: Any, *parameters: Any) -> Any:
            return device(next_key(seed), tuple(shape), *parameters).astype(name_of(dtype))

        return shape_inference.call_op(drawn, (shape, *parameters), {})
    if _traced() is not None or isinstance(seed, StatelessSeed):
        sizes = tuple(map(operator.index, map(unboxed, unboxed(shape))))  # traced ones let the function run eagerly
        return Tensor(device(next_key(seed), sizes, *parameters).astype(name_of(dtype)))
    return Tensor(np.asarray(host(generator(seed), shape, *parameters)).astype(jnp.dtype(name_of(dtype))))


def is_node(value: TensorLike) -> bool:
    """Whether a random function of a tensor becomes a node of a graph, which draws again whenever it runs."""
    return symbolic.is_symbolic(value) or (builds_graph() and getattr(value, "dtype", None) != "string")


def node_of(function: Callable[[Array], Array], value: TensorLike) -> TensorResult:
    """The node of a graph for a function that draws."""
    if not (symbolic.is_symbolic(value) or isinstance(value, Variable)):
        value = unboxed(NAMES["convert_to_tensor"](value))
    return shape_inference.call_op(function, (value,), {})


def _normal(names: tuple[str, ...], host: Callable[..., Any], device: Callable[..., Any]) -> Callable[..., Any]:
    def function(
        shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: DTypeLike = "float32", seed: TensorLike = None
    ) -> TensorResult:
        out = draw(shape, dtype, seed, host, device)
        is_standard = not any(hasattr(v, "shape") or isinstance(v, list | tuple) for v in (mean, stddev))
        return out if is_standard and (mean, stddev) == (0.0, 1.0) else out * stddev + mean

    return named(*names)(function)


def _truncated(g: np.random.Generator, shape: Any) -> Any:
    out = g.standard_normal(shape, np.float32)
    while (far := np.abs(out) > 2).any():
        out = np.where(far, g.standard_normal(shape, np.float32), out)
    return out


normal = _normal(("random.normal", "random_normal"), lambda g, s: g.standard_normal(s, np.float32), jax.random.normal)
truncated_normal = _normal(
    ("random.truncated_normal", "truncated_normal"), _truncated, lambda k, s: jax.random.truncated_normal(k, -2, 2, s)
)


@named("random.uniform", "random_uniform")
def uniform(
    shape: ShapeLike = (),
    minval: TensorLike = 0,
    maxval: TensorLike = None,
    dtype: DTypeLike = "float32",
    seed: TensorLike = None,
) -> TensorResult:
    low, high = (np.asarray(v) if isinstance(v, list | tuple) else unboxed(v) for v in (minval, maxval))
    if low is None:  # all integers
        bounds = jnp.iinfo(jax.dtypes.canonicalize_dtype(name_of(dtype)))
        low, high = bounds.min, bounds.max
    high = 1 if high is None else high
    host = lambda g, s, low, high: g.random(s, np.float32) * (high - low) + low  # noqa: E731
    device = lambda k, s, low, high: jax.random.uniform(k, s) * (high - low) + low  # noqa: E731
    if "int" in name_of(dtype):
        host = lambda g, s, low, high: g.integers(int(low), int(high), s)  # noqa: E731
        device = jax.random.randint
    return draw(shape, dtype, seed, host, device, low, high)


@named("random.shuffle", "random_shuffle")
def shuffle(value: TensorLike, seed: TensorLike = None) -> TensorResult:
    """`tf.random.shuffle`: rows in random order."""
    if is_node(value):
        return node_of(lambda rows: jax.random.permutation(next_key(seed), rows), value)
    array = unboxed(value)
    if _traced() is not None or isinstance(seed, StatelessSeed):
        return Tensor(jax.random.permutation(next_key(seed), jnp.asarray(array)))
    return Tensor(np.asarray(array)[generator(seed).permutation(len(array))])


@named("random.categorical")
def categorical(
    logits: TensorLike, num_samples: TensorLike, dtype: DTypeLike = "int64", seed: TensorLike = None
) -> TensorResult:
    count = int(num_samples)
    if is_node(logits):
        return node_of(
            lambda logits: _drawn_classes(logits, count, next_key(seed)).astype(name_on_device(dtype)), logits
        )
    drawn = _categorical(logits, count, Tensor(next_key(seed)))
    return call(_as_kind, (drawn, name_of(dtype)), {}, keeps_64_bits=True)


def _as_kind(x: Any, kind: str) -> Any:
    return x.astype(kind if isinstance(x, np.ndarray) else jax.dtypes.canonicalize_dtype(kind))


def _drawn_classes(logits: Any, count: int, key: Any) -> Any:
    return jax.random.categorical(key, jnp.asarray(logits)[:, None], shape=(logits.shape[0], count))


_categorical = op(host=False)(_drawn_classes)


@named("random.gamma", "random_gamma", "compat.v1.random_gamma")
def gamma(
    shape: ShapeLike, alpha: TensorLike, beta: TensorLike = None, dtype: DTypeLike = "float32", seed: TensorLike = None
) -> TensorResult:
    alpha, inverse = _parameters(alpha, 1.0 if beta is None else beta)
    host, device = lambda g, s, alpha: g.gamma(alpha, 1, s), lambda k, s, alpha: jax.random.gamma(k, alpha, s)
    return draw(_joined(shape, alpha), dtype, seed, host, device, alpha) / inverse


@named("random.poisson")
def poisson(shape: ShapeLike, lam: TensorLike, dtype: DTypeLike = "float32", seed: TensorLike = None) -> TensorResult:
    (lam,) = _parameters(lam)
    host, device = lambda g, s, lam: g.poisson(lam, s), lambda k, s, lam: jax.random.poisson(k, lam, s)
    return draw(_joined(shape, lam), dtype, seed, host, device, lam)


def _parameters(*values: Any) -> tuple[Any, ...]:
    """Parameters of a distribution as arrays of one shape; numbers, tensors or lists."""
    plain = [unboxed(v) for v in values]
    if symbolic.any_symbolic(plain):
        plain = [v if symbolic.is_symbolic(v) else np.asarray(v, "float32") for v in plain]
        return tuple(v + sum(one * 0.0 for one in plain) for v in plain)
    space = jnp if any(isinstance(v, jax.Array) for v in plain) else np
    return tuple(space.broadcast_arrays(*(space.asarray(v, "float32") for v in plain)))


def _joined(shape: Any, parameter: Any) -> tuple[int, ...]:
    shape = fixed_shape(shape)
    return (*((shape,) if isinstance(shape, int | Size) else shape), *shape_of(parameter))


@named("random.binomial", "random.stateless_binomial")
def binomial(
    shape: ShapeLike, seed: TensorLike, counts: TensorLike, probs: TensorLike, output_dtype: DTypeLike = "int32"
) -> TensorResult:
    """`tf.random.stateless_binomial`: numbers of successes."""
    counts, probs = _parameters(counts, probs)
    device = lambda k, s, counts, probs: jax.random.binomial(k, counts, probs, s)  # noqa: E731
    return draw(shape, output_dtype, seed_of_draw(seed), None, device, counts, probs)


def stateless(draw: Callable[..., Any]) -> TensorResult:
    """The stateless form of a function, whose result depends on the pair `seed` only."""

    @ignores("name alg")
    def function(shape: Any, seed: Any, *args: Any, **kwargs: Any) -> Any:
        if draw in (gamma, poisson):  # the shape contains that of the parameters
            given = [*args[: 2 if draw is gamma else 1], *(kwargs.get(name) for name in ("alpha", "beta", "lam"))]
            rank = max(np.ndim(unboxed(value)) for value in given if value is not None)
            shape = (size := np.ravel(fixed_shape(shape)).tolist())[: len(size) - rank]
        if draw is poisson and len(args) < 2:
            kwargs = {"dtype": "int32", **kwargs}
        return draw(shape, *args, seed=seed_of_draw(seed), **kwargs)

    return function


@named("random.split", "random.experimental.stateless_split")
def split(seed: TensorLike, num: int = 2, alg: object = None) -> TensorResult:
    """Return pairs of integers that follow from a pair: seeds of further stateless functions."""
    return _pairs(seed, (num, 2))


@named("random.fold_in", "random.experimental.stateless_fold_in")
def fold_in(seed: TensorLike, data: TensorLike, alg: object = None) -> TensorResult:
    """Return a pair of integers that follows from a pair and an integer."""
    return _pairs(seed, (2,), int(unboxed(data)))


def _pairs(seed: Any, shape: tuple[int, ...], *more: int) -> Tensor:
    given = [int(number) % 2**32 for number in (*np.asarray(unboxed(seed)).reshape(-1), *more)]
    return Tensor(np.random.default_rng([len(shape), *given]).integers(-(2**31), 2**31, shape).astype("int32"))


named("random.experimental.stateless_shuffle")(lambda value, seed, alg=None: shuffle(value, seed_of_draw(seed)))
named("random.stateless_categorical")(
    lambda logits, num_samples, seed, dtype="int64": categorical(logits, num_samples, dtype, seed_of_draw(seed))
)
for _function in (gamma, poisson, uniform, normal, truncated_normal):
    named(f"random.stateless_{_function.__name__}")(stateless(_function))

"""Random arrays: `normal`, `uniform`, `dropout`, ... with numbers like Keras' on JAX for the same seed.

In: shapes, parameters, a seed. Out: arrays. Must not know: layers, models.

A seed is a whole number (the same numbers at each call), a `SeedGenerator` (others at each call), a key of JAX, or None
for the generator of the process; inside a model None draws from the key of the step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from gazelle.core import dtypes
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.module_names import public_names
from gazelle.core.prng import SeedGenerator, key_of

__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]


def _float(dtype: Any) -> str:
    name = dtypes.standardize(dtype)
    if not dtypes.is_float(name):
        raise ArgumentError(message("dtype of a random draw", expected="a float type", got=repr(name)))
    return name


def _shape(shape: Any) -> tuple[int, ...]:
    return (int(shape),) if hasattr(shape, "__index__") else tuple(int(n) for n in shape)


def normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> jax.Array:
    """x ~ N(mean, stddev²).

    >>> random.normal((2,), seed=1).shape
    (2,)
    """
    return jax.random.normal(key_of(seed), _shape(shape), _float(dtype)) * stddev + mean


def truncated_normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> jax.Array:
    """x ~ N(mean, stddev²) within two stddev of the mean.

    >>> bool(jnp.all(jnp.abs(random.truncated_normal((50,), seed=1)) <= 2))
    True
    """
    return jax.random.truncated_normal(key_of(seed), -2.0, 2.0, _shape(shape), _float(dtype)) * stddev + mean


def uniform(shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None) -> jax.Array:
    """x ~ U[minval, maxval); for whole types use `randint`.

    >>> random.uniform((2, 3), seed=1).shape
    (2, 3)
    """
    name = dtypes.standardize(dtype)
    if not dtypes.is_float(name):
        hint = "Write random.randint(shape, minval, maxval, dtype)."
        raise ArgumentError(message("dtype of uniform", expected="a float type", got=repr(name), hint=hint))
    return jax.random.uniform(key_of(seed), _shape(shape), name, minval, maxval)


def randint(shape: Any, minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None) -> jax.Array:
    """Whole numbers, each of minval ... maxval - 1 alike.

    >>> random.randint((3,), 5, 6, seed=1).tolist()
    [5, 5, 5]
    """
    name = dtypes.standardize(dtype)
    if not dtypes.is_int(name):
        hint = "Write random.uniform(shape, minval, maxval, dtype)."
        raise ArgumentError(message("dtype of randint", expected="a whole type", got=repr(name), hint=hint))
    return jax.random.randint(key_of(seed), _shape(shape), minval, maxval, dtypes.device_dtype(name))


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> jax.Array:
    """Classes k with probability softmax(logits)_k.

    logits (batch, classes)  ->  (batch, num_samples)

    >>> random.categorical(np.array([[0.0, 99.0]]), 3, seed=1).tolist()
    [[1, 1, 1]]
    """
    logits = jnp.asarray(logits)
    if logits.ndim != 2:
        raise ShapeError(
            message("logits of categorical", expected="shape (batch, classes)", got=f"shape {logits.shape}")
        )
    shape = (logits.shape[0], num_samples)
    drawn = jax.random.categorical(key_of(seed), logits[..., None], axis=1, shape=shape)
    return drawn.astype(dtypes.device_dtype(dtypes.standardize(dtype)))


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> jax.Array:
    """m x / (1 - rate),  m ~ Bernoulli(1 - rate) of `noise_shape`, None in which is the size of x.

    >>> random.dropout(np.ones(4), 0.0).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    x = jnp.asarray(inputs)
    if rate in (0.0, 1.0):
        return x if rate == 0 else jnp.zeros_like(x)
    shape = x.shape if noise_shape is None else tuple(n or size for n, size in zip(noise_shape, x.shape, strict=True))
    kept = jax.random.bernoulli(key_of(seed), 1.0 - rate, shape)
    return jnp.where(kept, x / (1.0 - rate), jnp.zeros_like(x))


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> jax.Array:
    """x with its numbers along `axis` in another order, each line for itself, as Keras on JAX does.

    >>> sorted(random.shuffle(np.arange(3), seed=1).tolist())
    [0, 1, 2]
    """
    return jax.random.permutation(key_of(seed), jnp.asarray(x), axis, independent=True)


def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> jax.Array:
    """x ~ Gamma(alpha), of scale 1.

    >>> random.gamma((2,), 0.5, seed=1).shape
    (2,)
    """
    return jax.random.gamma(key_of(seed), alpha, _shape(shape), _float(dtype))


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> jax.Array:
    """x ~ Beta(alpha, beta).

    >>> random.beta((2,), 0.5, 0.5, seed=1).shape
    (2,)
    """
    return jax.random.beta(key_of(seed), jnp.asarray(alpha), jnp.asarray(beta), _shape(shape), _float(dtype))


def binomial(shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None) -> jax.Array:
    """How many of `counts` tries succeed, each with `probabilities`.

    >>> random.binomial((2,), 5, 1.0, seed=1).tolist()
    [5.0, 5.0]
    """
    counts, probabilities = jnp.asarray(counts), jnp.asarray(probabilities)
    return jax.random.binomial(key_of(seed), counts, probabilities, _shape(shape), _float(dtype))


if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)

"""Random arrays: `normal`, `uniform`, `dropout` ... with the same numbers as Keras on JAX for the same seed.

Input: shapes, parameters, a seed. Output: arrays. Must not import layers or models.

A seed is an integer (the same numbers at each call), a `SeedGenerator` (new numbers at each call), a key of JAX, or
None for the generator of the process; inside a model None draws from the key of the step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from gazelle.core import dtypes
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.module_names import public_names
from gazelle.core.prng import SeedGenerator, key_of
from gazelle.core.types import Array, ArrayLike, DTypeLike, SeedLike, ShapeLike

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
        raise ArgumentError(message("dtype of a random draw", expected="a float dtype", got=repr(name)))
    return name


def _shape(shape: Any) -> tuple[int, ...]:
    one = hasattr(shape, "__index__") and not getattr(shape, "ndim", 0)  # arrays have the method, too
    return (int(shape),) if one else tuple(int(n) for n in shape)


def normal(
    shape: ShapeLike,
    mean: ArrayLike = 0.0,
    stddev: ArrayLike = 1.0,
    dtype: DTypeLike | None = None,
    seed: SeedLike = None,
) -> Array:
    """Draw from a normal distribution:  x ~ N(mean, stddev²).

    Args:
        shape: Shape of the result.
        mean: Mean.
        stddev: Standard deviation.
        dtype: Dtype of the result; None is the default float type.
        seed: An integer, a `SeedGenerator`, a key of JAX, or None.

    Returns:
        An array of shape `shape`.

    Example:
        >>> random.normal((2,), seed=1).shape
        (2,)
    """
    return jax.random.normal(key_of(seed), _shape(shape), _float(dtype)) * stddev + mean


def truncated_normal(
    shape: ShapeLike,
    mean: ArrayLike = 0.0,
    stddev: ArrayLike = 1.0,
    dtype: DTypeLike | None = None,
    seed: SeedLike = None,
) -> Array:
    """Draw from a normal distribution, limited to two standard deviations around the mean.

    Args:
        shape: Shape of the result.
        mean: Mean.
        stddev: Standard deviation.
        dtype: Dtype of the result; None is the default float type.
        seed: An integer, a `SeedGenerator`, a key of JAX, or None.

    Returns:
        An array of shape `shape`.

    Example:
        >>> bool(jnp.all(jnp.abs(random.truncated_normal((50,), seed=1)) <= 2))
        True
    """
    return jax.random.truncated_normal(key_of(seed), -2.0, 2.0, _shape(shape), _float(dtype)) * stddev + mean


def uniform(
    shape: ShapeLike,
    minval: ArrayLike = 0.0,
    maxval: ArrayLike = 1.0,
    dtype: DTypeLike | None = None,
    seed: SeedLike = None,
) -> Array:
    """Draw from a uniform distribution:  x ~ U[minval, maxval).  For integers use `randint`.

    Args:
        shape: Shape of the result.
        minval: Lower limit.
        maxval: Upper limit, which is not included.
        dtype: Dtype of the result; None is the default float type.
        seed: An integer, a `SeedGenerator`, a key of JAX, or None.

    Returns:
        An array of shape `shape`.

    Example:
        >>> random.uniform((2, 3), seed=1).shape
        (2, 3)
    """
    name = dtypes.standardize(dtype)
    if not dtypes.is_float(name):
        hint = "Write random.randint(shape, minval, maxval, dtype)."
        raise ArgumentError(message("dtype of uniform", expected="a float dtype", got=repr(name), hint=hint))
    return jax.random.uniform(key_of(seed), _shape(shape), name, minval, maxval)


def randint(
    shape: ShapeLike, minval: ArrayLike, maxval: ArrayLike, dtype: DTypeLike = "int32", seed: SeedLike = None
) -> Array:
    """Draw integers from minval to maxval - 1, all with equal probability.

    Args:
        shape: Shape of the result.
        minval: Lowest integer.
        maxval: Upper limit, which is not included.
        dtype: An integer dtype.
        seed: An integer, a `SeedGenerator`, a key of JAX, or None.

    Returns:
        An array of shape `shape`.

    Example:
        >>> random.randint((3,), 5, 6, seed=1).tolist()
        [5, 5, 5]
    """
    name = dtypes.standardize(dtype)
    if not dtypes.is_int(name):
        hint = "Write random.uniform(shape, minval, maxval, dtype)."
        raise ArgumentError(message("dtype of randint", expected="an integer dtype", got=repr(name), hint=hint))
    return jax.random.randint(key_of(seed), _shape(shape), minval, maxval, dtypes.device_dtype(name))


def categorical(logits: ArrayLike, num_samples: int, dtype: DTypeLike = "int32", seed: SeedLike = None) -> Array:
    """Draw classes k with probability softmax(logits)_k.

    Args:
        logits: Array (batch, classes).
        num_samples: Number of draws for each row.
        dtype: An integer dtype.
        seed: An integer, a `SeedGenerator`, a key of JAX, or None.

    Returns:
        An array (batch, num_samples).

    Raises:
        ShapeError: If `logits` has not two axes.

    Example:
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


def dropout(
    inputs: ArrayLike, rate: float, noise_shape: Sequence[int | None] | None = None, seed: SeedLike = None
) -> Array:
    """Set elements to 0 with probability `rate` and scale the others:  y = m x / (1 - rate),  m ~ Bernoulli(1 - rate).

    Args:
        inputs: Array of any shape.
        rate: Fraction of the elements to set to 0.
        noise_shape: Shape of m, which broadcasts to that of `inputs`; None entries take its sizes.
        seed: An integer, a `SeedGenerator`, a key of JAX, or None.

    Returns:
        An array of the shape of `inputs`.

    Example:
        >>> random.dropout(np.ones(4), 0.0).tolist()
        [1.0, 1.0, 1.0, 1.0]
    """
    x = jnp.asarray(inputs)
    if rate in (0.0, 1.0):
        return x if rate == 0 else jnp.zeros_like(x)
    shape = x.shape if noise_shape is None else tuple(n or size for n, size in zip(noise_shape, x.shape, strict=True))
    keep = jax.random.bernoulli(key_of(seed), 1.0 - rate, shape)
    return jnp.where(keep, x / (1.0 - rate), jnp.zeros_like(x))


def shuffle(x: ArrayLike, axis: int = 0, seed: SeedLike = None) -> Array:
    """Permute the elements along an axis, each line independently, as Keras on JAX does.

    Args:
        x: Array of any shape.
        axis: Axis to shuffle.
        seed: An integer, a `SeedGenerator`, a key of JAX, or None.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> sorted(random.shuffle(np.arange(3), seed=1).tolist())
        [0, 1, 2]
    """
    return jax.random.permutation(key_of(seed), jnp.asarray(x), axis, independent=True)


def gamma(shape: ShapeLike, alpha: ArrayLike, dtype: DTypeLike | None = None, seed: SeedLike = None) -> Array:
    """Draw from a gamma distribution of scale 1:  x ~ Gamma(alpha).

    Args:
        shape: Shape of the result.
        alpha: Shape parameter.
        dtype: Dtype of the result; None is the default float type.
        seed: An integer, a `SeedGenerator`, a key of JAX, or None.

    Returns:
        An array of shape `shape`.

    Example:
        >>> random.gamma((2,), 0.5, seed=1).shape
        (2,)
    """
    return jax.random.gamma(key_of(seed), alpha, _shape(shape), _float(dtype))


def beta(
    shape: ShapeLike, alpha: ArrayLike, beta: ArrayLike, dtype: DTypeLike | None = None, seed: SeedLike = None
) -> Array:
    """Draw from a beta distribution:  x ~ Beta(alpha, beta).

    Args:
        shape: Shape of the result.
        alpha: First shape parameter.
        beta: Second shape parameter.
        dtype: Dtype of the result; None is the default float type.
        seed: An integer, a `SeedGenerator`, a key of JAX, or None.

    Returns:
        An array of shape `shape`.

    Example:
        >>> random.beta((2,), 0.5, 0.5, seed=1).shape
        (2,)
    """
    return jax.random.beta(key_of(seed), jnp.asarray(alpha), jnp.asarray(beta), _shape(shape), _float(dtype))


def binomial(
    shape: ShapeLike,
    counts: ArrayLike,
    probabilities: ArrayLike,
    dtype: DTypeLike | None = None,
    seed: SeedLike = None,
) -> Array:
    """Draw numbers of successes in `counts` independent trials.

    Args:
        shape: Shape of the result.
        counts: Number of trials.
        probabilities: Probability of success.
        dtype: Dtype of the result; None is the default float type.
        seed: An integer, a `SeedGenerator`, a key of JAX, or None.

    Returns:
        An array of shape `shape`.

    Example:
        >>> random.binomial((2,), 5, 1.0, seed=1).tolist()
        [5.0, 5.0]
    """
    counts, probabilities = jnp.asarray(counts), jnp.asarray(probabilities)
    return jax.random.binomial(key_of(seed), counts, probabilities, _shape(shape), _float(dtype))


if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)

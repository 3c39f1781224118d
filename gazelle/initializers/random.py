"""Random initializers: normal, uniform, orthogonal.

With an integer `seed`, every call with the same shape returns the same array. With `seed=None`, each call draws from
the process-wide stream that `gazelle.utils.set_random_seed` restarts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gazelle.core.dtypes import is_float
from gazelle.core.errors import ArgumentError, message
from gazelle.core.prng import SeedGenerator, next_seed
from gazelle.core.types import DTypeLike
from gazelle.initializers.base import Initializer, numpy_dtype


class RandomNormal(Initializer):
    """Draws from a normal distribution:  w ~ N(mean, stddev²).

    Args:
        mean: Mean of the distribution.
        stddev: Standard deviation, at least 0.
        seed: An integer, a `SeedGenerator` or None.

    Raises:
        ArgumentError: If `stddev` is negative or `seed` is of another type.

    Example:
        >>> RandomNormal(seed=1)((2, 3)).shape
        (2, 3)
    """

    _aliases = ("normal",)

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | SeedGenerator | None = None) -> None:
        check_seed(self)
        _check_stddev(self)

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> np.ndarray:
        """Return an array of random numbers.

        Raises:
            ArgumentError: If `dtype` is not a float dtype.
        """
        kind, rng = float_dtype(self, dtype), generator(self)
        return (self.mean + self.stddev * rng.standard_normal(tuple(shape), np.float32)).astype(kind)


class TruncatedNormal(Initializer):
    """Draws from a normal distribution without its tails:  w ~ N(mean, stddev²) given |w - mean| <= 2 stddev.

    Args:
        mean: Mean of the distribution.
        stddev: Standard deviation before truncation, at least 0.
        seed: An integer, a `SeedGenerator` or None.

    Raises:
        ArgumentError: If `stddev` is negative or `seed` is of another type.

    Example:
        >>> bool(abs(TruncatedNormal(stddev=1.0)((1000,))).max() <= 2)
        True
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | SeedGenerator | None = None) -> None:
        check_seed(self)
        _check_stddev(self)

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> np.ndarray:
        """Return an array of random numbers.

        Raises:
            ArgumentError: If `dtype` is not a float dtype.
        """
        kind, rng = float_dtype(self, dtype), generator(self)
        return (self.mean + self.stddev * truncated_normal(rng, shape)).astype(kind)


class RandomUniform(Initializer):
    """Draws from a uniform distribution:  w ~ U[minval, maxval).

    Args:
        minval: Lower bound.
        maxval: Upper bound.
        seed: An integer, a `SeedGenerator` or None.

    Raises:
        ArgumentError: If `seed` is of another type.

    Example:
        >>> RandomUniform(0.0, 1.0, seed=1)((2, 3)).shape
        (2, 3)
    """

    _aliases = ("uniform",)

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | SeedGenerator | None = None) -> None:
        check_seed(self)

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> np.ndarray:
        """Return an array of random numbers.

        Raises:
            ArgumentError: If `dtype` is not a float dtype.
        """
        kind, rng = float_dtype(self, dtype), generator(self)
        return (self.minval + (self.maxval - self.minval) * rng.random(tuple(shape), np.float32)).astype(kind)


class Orthogonal(Initializer):
    """Draws a random orthogonal matrix, times `gain`; of rows and columns, the fewer are orthonormal.

    All axes but the last are treated as one, so that kernels of convolutions have orthogonal filters.

    Args:
        gain: Factor of the matrix.
        seed: An integer, a `SeedGenerator` or None.

    Raises:
        ArgumentError: If `seed` is of another type.

    Source: Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks", 2013.

    Example:
        >>> w = Orthogonal()((3, 3))
        >>> bool(np.allclose(w @ w.T, np.eye(3), atol=1e-6))
        True
    """

    _aliases = ("OrthogonalInitializer",)

    def __init__(self, gain: float = 1.0, seed: int | SeedGenerator | None = None) -> None:
        check_seed(self)

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> np.ndarray:
        """Return an orthogonal matrix, reshaped to `shape`.

        Raises:
            ArgumentError: If `dtype` is not a float dtype, or the shape has fewer than two axes.
        """
        kind, rng = float_dtype(self, dtype), generator(self)
        if len(shape) < 2:
            raise ArgumentError(
                message("Orthogonal needs a matrix", expected="a shape of 2 axes or more", got=tuple(shape))
            )
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
        q = q * np.where(np.diag(r) < 0, -1.0, 1.0)  # with the signs of R's diagonal, Q is uniform on the group
        return (self.gain * (q.T if rows < columns else q).reshape(tuple(shape))).astype(kind)


def check_seed(initializer: Initializer) -> None:
    """Raise ArgumentError if the seed of an initializer is no integer, seed generator or None."""
    seed = initializer.seed
    if not (seed is None or isinstance(seed, (int, np.integer)) or hasattr(seed, "next")):
        name = type(initializer).__name__
        raise ArgumentError(message(f"{name}'s seed", expected="an integer, a SeedGenerator or None", got=repr(seed)))


def _check_stddev(initializer: Initializer) -> None:
    if initializer.stddev < 0:
        name = type(initializer).__name__
        raise ArgumentError(message(f"{name}'s stddev", expected="0 or more", got=repr(initializer.stddev)))


def float_dtype(initializer: Initializer, dtype: DTypeLike | None) -> np.dtype:
    """Return a NumPy dtype; raise ArgumentError if it is not a float dtype."""
    kind = numpy_dtype(dtype)
    if not is_float(kind):
        name = type(initializer).__name__
        raise ArgumentError(message(f"{name} draws real numbers", expected="a float dtype", got=kind.name))
    return kind


def generator(initializer: Initializer) -> np.random.Generator:
    """Return the NumPy generator of one call of an initializer."""
    seed = initializer.seed
    if seed is None:
        seed = next_seed()
    elif isinstance(seed, (int, np.integer)):
        seed = int(seed) % 2**64
    else:
        seed = [int(n) for n in np.ravel(seed.next())]
    return np.random.Generator(np.random.Philox(seed))


def truncated_normal(rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
    """Draw from the standard normal distribution given |z| <= 2; values outside are drawn again."""
    z = rng.standard_normal(tuple(shape), np.float32)
    flat = z.reshape(-1)
    outside = np.flatnonzero(np.abs(flat) > 2)
    while outside.size:
        flat[outside] = rng.standard_normal(outside.size, np.float32)
        outside = outside[np.abs(flat[outside]) > 2]
    return flat.reshape(z.shape)

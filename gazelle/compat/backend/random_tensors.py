"""Random tensors of `keras.backend`; shapes may contain unknown sizes."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle import random
from gazelle.compat.backend.lifting import lifted
from gazelle.compat.backend.shapes import sizes
from gazelle.compat.types import SymbolicShape, TensorLike, TensorResult
from gazelle.core import dtypes
from gazelle.core.types import DTypeLike, SeedLike


def _kind(dtype: Any) -> str:
    return dtypes.standardize(dtype or dtypes.floatx())


@lifted
def random_normal(
    shape: SymbolicShape,
    mean: TensorLike = 0.0,
    stddev: TensorLike = 1.0,
    dtype: DTypeLike | None = None,
    seed: SeedLike = None,
    std: TensorLike = None,
) -> TensorResult:
    """Draw x ~ N(mean, stddev²)."""
    return random.normal(sizes(shape), mean, stddev if std is None else std, _kind(dtype), seed)


@lifted
def truncated_normal(
    shape: SymbolicShape,
    mean: TensorLike = 0.0,
    stddev: TensorLike = 1.0,
    dtype: DTypeLike | None = None,
    seed: SeedLike = None,
) -> TensorResult:
    """Draw x ~ N(mean, stddev²), at most two stddev from the mean."""
    return random.truncated_normal(sizes(shape), mean, stddev, _kind(dtype), seed)


@lifted
def random_uniform(
    shape: SymbolicShape,
    minval: TensorLike = 0.0,
    maxval: TensorLike = 1.0,
    dtype: DTypeLike | None = None,
    seed: SeedLike = None,
    low: TensorLike = None,
    high: TensorLike = None,
) -> TensorResult:
    """Draw x ~ U[minval, maxval)."""
    low, high = minval if low is None else low, maxval if high is None else high
    draw = random.uniform if dtypes.is_float(_kind(dtype)) else random.randint
    return draw(sizes(shape), low, high, _kind(dtype), seed)


@lifted
def random_bernoulli(
    shape: SymbolicShape, p: TensorLike = 0.0, dtype: DTypeLike | None = None, seed: SeedLike = None
) -> TensorResult:
    """Draw 1 with probability p, else 0."""
    return jnp.asarray(random.uniform(sizes(shape), 0.0, 1.0, None, seed) < p, _kind(dtype))


random_binomial = random_bernoulli

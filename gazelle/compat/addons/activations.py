"""`tfa.activations`: what `keras.activations` has not."""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from gazelle import activations
from gazelle.compat.addons.registration import addon
from gazelle.compat.namespaces import names_of
from gazelle.core.registry import CUSTOM
from gazelle.core.types import Array, ArrayLike
from gazelle.ops.base import lift

if TYPE_CHECKING:
    from gazelle.compat.tensorflow.ops.random_generators import Generator

__getattr__ = names_of("gazelle.activations")
CUSTOM["Addons>mish"] = activations.mish  # files of Keras 2.15 contain it as "mish"


@addon
@lift
def sparsemax(x: Array, axis: int = -1) -> Array:
    """Return the nearest point of the probability simplex, NaN for inputs with NaN or infinity or only -infinity."""
    infinite = jnp.isnan(x).any(axis, keepdims=True) | jnp.isinf(x.max(axis, keepdims=True))
    return jnp.where(infinite, jnp.nan, activations.sparsemax(x, axis))


@addon
@lift
def tanhshrink(x: Array) -> Array:
    """Return x - tanh(x)."""
    return activations.tanh_shrink(x)


@addon
@lift
def gelu(x: Array, approximate: bool = True) -> Array:
    """Return x P(X <= x) for a normal X, approximated by tanh by default."""
    return activations.gelu(x, approximate)


@addon
@lift
def hardshrink(x: Array, lower: float = -0.5, upper: float = 0.5) -> Array:
    """Return x outside of [lower, upper], else 0."""
    return jnp.where((x < lower) | (x > upper), x, 0)


@addon
@lift
def softshrink(x: Array, lower: float = -0.5, upper: float = 0.5) -> Array:
    """Return x - lower below lower, x - upper above upper, else 0."""
    return jnp.where(x < lower, x - lower, jnp.where(x > upper, x - upper, 0))


@addon
@lift
def lisht(x: Array) -> Array:
    """Return x tanh(x)."""
    return x * jnp.tanh(x)


@addon
@lift
def snake(x: Array, frequency: float = 1.0) -> Array:
    """Return x + (1 - cos(2 f x)) / (2 f)."""
    return x + (1 - jnp.cos(2 * frequency * x)) / (2 * frequency)


@lift
def _leaky(x: Array, alpha: ArrayLike) -> Array:
    return jnp.where(x >= 0, x, x * jnp.asarray(alpha, x.dtype))


@addon
def rrelu(
    x: Array,
    lower: float = 0.125,
    upper: float = 1 / 3,
    training: bool | None = None,
    seed: int | None = None,
    rng: Generator | None = None,
) -> Array:
    """Return x, below 0 times the mean of both numbers, or in training times one drawn for each number."""
    if not training:
        return _leaky(x, (lower + upper) / 2)
    tf: Any = importlib.import_module("gazelle.compat.addons.attention").tf
    generator: Any = rng
    draw = functools.partial(tf.random.uniform, seed=seed) if rng is None else generator.uniform
    return _leaky(x, draw(tf.shape(x), lower, upper, dtype=x.dtype))

"""`tfa.activations`: what `keras.activations` has not."""

from __future__ import annotations

import jax.numpy as jnp

from gazelle import activations
from gazelle.compat.namespaces import names_of
from gazelle.core.types import Array

__getattr__ = names_of("gazelle.activations")

sparsemax = activations.sparsemax
tanhshrink = activations.tanh_shrink


def gelu(x: Array, approximate: bool = True) -> Array:
    """Return x P(X <= x) for a normal X, approximated by tanh by default."""
    return activations.gelu(x, approximate)


def hardshrink(x: Array, lower: float = -0.5, upper: float = 0.5) -> Array:
    """Return x outside of [lower, upper], else 0."""
    x = jnp.asarray(x)
    return jnp.where((x < lower) | (x > upper), x, 0)


def softshrink(x: Array, lower: float = -0.5, upper: float = 0.5) -> Array:
    """Return x - lower below lower, x - upper above upper, else 0."""
    x = jnp.asarray(x)
    return jnp.where(x < lower, x - lower, jnp.where(x > upper, x - upper, 0))


def lisht(x: Array) -> Array:
    """Return x tanh(x)."""
    x = jnp.asarray(x)
    return x * jnp.tanh(x)


def snake(x: Array, frequency: float = 1.0) -> Array:
    """Return x + (1 - cos(2 f x)) / (2 f)."""
    x = jnp.asarray(x)
    return x + (1 - jnp.cos(2 * frequency * x)) / (2 * frequency)


def rrelu(x: Array, lower: float = 0.125, upper: float = 1 / 3) -> Array:
    """Return x, times the mean of both slopes below 0, as rrelu does at inference."""
    x = jnp.asarray(x)
    return jnp.where(x >= 0, x, x * (lower + upper) / 2)

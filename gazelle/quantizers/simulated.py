"""Simulated quantization: arrays stay in floats, but hold only values that a quantized dtype can represent."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core import dtypes
from gazelle.core.types import Array, ArrayLike, DTypeLike
from gazelle.ops.base import array, lift


@lift
def fake_quant_with_min_max_vars(
    inputs: ArrayLike,
    min_vals: ArrayLike,
    max_vals: ArrayLike,
    num_bits: int = 8,
    narrow_range: bool = False,
    axis: int | None = None,
) -> Array:
    """Round to a grid of 2^num_bits values between two bounds, which are moved so that the grid contains 0.

    The gradient is that of `inputs` inside of the bounds, and that of the nearer bound outside.

    Args:
        inputs: The array x.
        min_vals: Lower bound, or one for each index along `axis`.
        max_vals: Upper bound, or one for each index along `axis`.
        num_bits: Number of bits.
        narrow_range: Leaves out the smallest value of the grid.
        axis: Axis along which the bounds differ; None for one pair of bounds.

    Returns:
        An array of the shape of `inputs`.

    Source: Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
    Inference", 2018.

    Example:
        >>> fake_quant_with_min_max_vars(jnp.array([-2.0, 0.3, 9.0]), -1.0, 2.0, num_bits=2)
        Array([-1.,  0.,  2.], dtype=float32)
    """
    x = jnp.asarray(array(inputs))
    shape: Any = () if axis is None else [1] * x.ndim
    if axis is not None:
        shape[axis] = x.shape[axis]
    low, high = (_at_least_float32(v).reshape(shape) for v in (min_vals, max_vals))
    return _round_to_grid(x, low, high, 2 ** int(num_bits) - 1, int(narrow_range))


def _at_least_float32(value: ArrayLike) -> Array:
    x = jnp.asarray(array(value))
    return x.astype(dtypes.result_type(x.dtype, "float32"))


@partial(jax.custom_jvp, nondiff_argnums=(3, 4))
def _round_to_grid(x: Array, low: Array, high: Array, last: int, first: int) -> Array:
    span = high - low
    low, high, scale = _bounds_with_zero(low, high, last, first)
    per = (last - first) / span
    steps = (jnp.clip(x.astype(low.dtype), low, high) - low) * per
    return (jnp.floor(steps - jnp.floor(0.5 - low * per) + 0.5) * scale).astype(x.dtype)


def _bounds_with_zero(low: Array, high: Array, last: int, first: int) -> tuple[Array, Array, Array]:
    """Return the bounds of a grid that contains 0, and its step."""
    scale = (high - low) / (last - first)
    zero = jnp.round(jnp.clip(first - low / scale, first, last))
    return (first - zero) * scale, (last - zero) * scale, scale


@_round_to_grid.defjvp
def _gradient(last: int, first: int, primals: Any, tangents: Any) -> tuple[Array, Array]:
    (x, low, high), (dx, dlow, dhigh) = primals, tangents
    least, most, _ = _bounds_with_zero(low, high, last, first)
    inside = (x >= least) & (x <= most)
    gradient = jnp.where(inside, dx, 0) + jnp.where(x <= least, dlow, 0) + jnp.where(x >= most, dhigh, 0)
    return _round_to_grid(x, low, high, last, first), gradient.astype(x.dtype)


def quantize_and_dequantize(
    inputs: ArrayLike, scale: ArrayLike, quantized_dtype: DTypeLike, compute_dtype: DTypeLike
) -> Array:
    """Round to a float dtype of 8 bits:  s float8(clip(x / s)).

    Args:
        inputs: The array x.
        scale: The scale s.
        quantized_dtype: Dtype of 8 bits, such as "float8_e4m3fn".
        compute_dtype: Dtype of the result.

    Returns:
        An array of the shape of `inputs`.

    Source: Micikevicius et al., "FP8 Formats for Deep Learning", 2022.

    Example:
        >>> quantize_and_dequantize(jnp.array([1.03, -2.2]), 1.0, "float8_e4m3fn", "float32")
        Array([ 1.  , -2.25], dtype=float32)
    """
    most = float(jnp.finfo(quantized_dtype).max)
    s = jnp.asarray(array(scale), dtypes.standardize(compute_dtype))
    x = jnp.clip(array(inputs) / s, -most, most)
    return x.astype(quantized_dtype).astype(s.dtype) * s


def compute_float8_scale(amax: ArrayLike, scale: ArrayLike, dtype_max: ArrayLike, margin: int = 0) -> Array:
    """Return the scale for values up to `amax`:  amax 2^margin / dtype_max.

    Args:
        amax: Largest magnitude.
        scale: Result where `amax` is 0 or infinite.
        dtype_max: Largest value of the dtype.
        margin: Exponent of a safety factor.

    Returns:
        The scale.

    Example:
        >>> compute_float8_scale(jnp.array([896.0]), jnp.ones(1), 448.0)
        Array([2.], dtype=float32)
    """
    largest, default = jnp.asarray(array(amax)), jnp.asarray(array(scale))
    valid = (largest > 0) & jnp.isfinite(largest)
    return jnp.where(valid, largest * 2**margin / dtype_max, default).astype(default.dtype)


def compute_float8_amax_history(x: ArrayLike, amax_history: ArrayLike) -> Array:
    """Return a history of largest magnitudes with that of x as the newest, at index 0.

    Args:
        x: An array.
        amax_history: The previous history; its oldest entry is dropped.

    Returns:
        The history.

    Example:
        >>> compute_float8_amax_history(jnp.array([-3.0, 1.0]), jnp.array([1.0, 2.0, 0.0]))
        Array([3., 0., 1.], dtype=float32)
    """
    history = jnp.roll(jnp.asarray(array(amax_history)), -1)
    return history.at[0].set(jnp.max(jnp.abs(array(x))).astype(history.dtype))

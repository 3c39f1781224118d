"""Floats of 8 bits: values brought there and back, and scales that follow their largest magnitudes."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle.core import dtypes
from gazelle.ops.base import array


def quantize_and_dequantize(inputs: Any, scale: Any, quantized_dtype: Any, compute_dtype: Any) -> Any:
    """s float8(clip(x / s)): x with the precision of `quantized_dtype`, in `compute_dtype`.

    >>> quantize_and_dequantize(jnp.array([1.03, -2.2]), 1.0, "float8_e4m3fn", "float32")
    Array([ 1.  , -2.25], dtype=float32)
    """
    most = float(jnp.finfo(quantized_dtype).max)
    scale = jnp.asarray(array(scale), dtypes.standardize(compute_dtype))
    x = jnp.clip(array(inputs) / scale, -most, most)
    return x.astype(quantized_dtype).astype(scale.dtype) * scale


def compute_float8_scale(amax: Any, scale: Any, dtype_max: Any, margin: int = 0) -> Any:
    """amax 2^margin / dtype_max, the scale by which values up to `amax` fit; `scale` where amax is 0 or infinite.

    >>> compute_float8_scale(jnp.array([896.0]), jnp.ones(1), 448.0)
    Array([2.], dtype=float32)
    """
    amax, scale = jnp.asarray(array(amax)), jnp.asarray(array(scale))
    return jnp.where((amax > 0) & jnp.isfinite(amax), amax * 2**margin / dtype_max, scale).astype(scale.dtype)


def compute_float8_amax_history(x: Any, amax_history: Any) -> Any:
    """The last magnitudes with that of x as the newest, in front.

    >>> compute_float8_amax_history(jnp.array([-3.0, 1.0]), jnp.array([1.0, 2.0, 0.0]))
    Array([3., 0., 1.], dtype=float32)
    """
    history = jnp.roll(jnp.asarray(array(amax_history)), -1)
    return history.at[0].set(jnp.max(jnp.abs(array(x))).astype(history.dtype))

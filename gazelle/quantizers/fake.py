"""Floats rounded as whole numbers would be, while training goes on in floats."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core import dtypes
from gazelle.ops.base import array, lift


@lift
def fake_quant_with_min_max_vars(
    inputs: Any, min_vals: Any, max_vals: Any, num_bits: int = 8, narrow_range: bool = False, axis: int | None = None
) -> Any:
    """x on the grid of 2^num_bits values from `min_vals` to `max_vals`, which are moved so that 0 is on it.

    The gradient goes through to x inside of the range, to `min_vals` and `max_vals` outside of it.

    Args:
        inputs: x.
        min_vals, max_vals: ends of the range: numbers, or one for each place along `axis`.
        narrow_range: leave the least value of the grid out.
        axis: the axis along which the ranges differ; None: one range.

    Source: Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference
    (CVPR 2018).

    >>> fake_quant_with_min_max_vars(jnp.array([-2.0, 0.3, 9.0]), -1.0, 2.0, num_bits=2)
    Array([-1.,  0.,  2.], dtype=float32)
    """
    x = jnp.asarray(array(inputs))
    shape: Any = () if axis is None else [1] * x.ndim
    if axis is not None:
        shape[axis] = x.shape[axis]
    low, high = (_precise(v).reshape(shape) for v in (min_vals, max_vals))
    return _rounded(x, low, high, 2 ** int(num_bits) - 1, int(narrow_range))


def _precise(value: Any) -> Any:
    """In float32 or more."""
    x = jnp.asarray(array(value))
    return x.astype(dtypes.result_type(x.dtype, "float32"))


@partial(jax.custom_jvp, nondiff_argnums=(3, 4))
def _rounded(x: Any, low: Any, high: Any, last: int, first: int) -> Any:
    span = high - low
    low, high, scale = _moved(low, high, last, first)
    per = (last - first) / span
    steps = (jnp.clip(x.astype(low.dtype), low, high) - low) * per
    return (jnp.floor(steps - jnp.floor(0.5 - low * per) + 0.5) * scale).astype(x.dtype)


def _moved(low: Any, high: Any, last: int, first: int) -> tuple[Any, Any, Any]:
    """The ends of the range with 0 on the grid, and the grid's step."""
    scale = (high - low) / (last - first)
    zero = jnp.round(jnp.clip(first - low / scale, first, last))
    return (first - zero) * scale, (last - zero) * scale, scale


@_rounded.defjvp
def _gradient(last: int, first: int, primals: Any, tangents: Any) -> tuple[Any, Any]:
    (x, low, high), (dx, dlow, dhigh) = primals, tangents
    least, most, _ = _moved(low, high, last, first)
    inside = (x >= least) & (x <= most)
    gradient = jnp.where(inside, dx, 0) + jnp.where(x <= least, dlow, 0) + jnp.where(x >= most, dhigh, 0)
    return _rounded(x, low, high, last, first), gradient.astype(x.dtype)

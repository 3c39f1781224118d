"""Attention."""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp

from gazelle.core.dtypes import result_type
from gazelle.core.types import Array, ArrayLike
from gazelle.ops.activation import softmax
from gazelle.ops.base import array, op

__all__ = ["dot_product_attention"]


@op
def dot_product_attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    bias: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Array:
    """Compute attention of each head:  softmax(scale q kᵀ + bias) v.  Vaswani et al. 2017.

    Args:
        query: Array (batch, time, heads, size).
        key: Array (batch, source, heads, size); fewer heads than in `query` are shared by groups of heads.
        value: Array (batch, source, heads, size).
        bias: Array that broadcasts to (batch, heads, time, source) and is added to the logits.
        mask: Booleans that broadcast to (batch, heads, time, source); False excludes a position.
        scale: Factor of the logits; None is 1 / √size.
        is_causal: Whether a position attends to earlier ones and itself only.
        flash_attention: Accepted for compatibility and ignored.
        attn_logits_soft_cap: Limit c of the logits:  c tanh(logits / c); None sets none.

    Returns:
        An array (batch, time, heads, size).
    """
    query, key, value = (jnp.asarray(array(x)) for x in (query, key, value))
    dtype = result_type(query.dtype, key.dtype, value.dtype)
    query, key, value = query.astype(dtype), key.astype(dtype), value.astype(dtype)
    groups = query.shape[2] // key.shape[2]
    if groups > 1:
        key, value = jnp.repeat(key, groups, 2), jnp.repeat(value, groups, 2)
    logits = jnp.einsum("bthd,bshd->bhts", query, key, preferred_element_type=jnp.float32)
    logits = logits * (query.shape[-1] ** -0.5 if scale is None else scale)
    if attn_logits_soft_cap is not None:
        logits = jnp.tanh(logits / attn_logits_soft_cap) * attn_logits_soft_cap
    if bias is not None:
        logits = logits + array(bias)
    mask = array(mask)
    if is_causal:
        causal = jnp.tril(jnp.ones(logits.shape[-2:], bool))
        mask = causal if mask is None else jnp.logical_and(mask, causal)
    if mask is not None:
        logits = jnp.where(mask, logits, 0.7 * float(jnp.finfo(jnp.float32).min))
    return jnp.einsum("bhts,bshd->bthd", softmax(logits).astype(value.dtype), value)


def fused_attention(q: Array, k: Array, v: Array, seen: Array | None, scale: float | None, flash: bool) -> Array:
    """Return softmax(q k^T * scale) v by JAX's own function, which has kernels for GPUs.

    Args:
        q: queries (batch, queries, heads, size).
        k: keys (batch, steps, heads, size).
        v: values (batch, steps, heads, size).
        seen: where a query attends to a step, or None.
        scale: factor of the scores; None for 1 / sqrt(size).
        flash: whether the kernel of cuDNN is used.

    Returns:
        The means (batch, queries, heads, size).
    """
    dtype = q.dtype
    if dtype == jnp.float16 and jax.default_backend() == "cpu":  # which has no products of float16 with sums in float32
        q, k, v = (array.astype(jnp.float32) for array in (q, k, v))
    kind: Literal["cudnn"] | None = "cudnn" if flash else None
    return jax.nn.dot_product_attention(q, k, v, mask=seen, scale=scale, implementation=kind).astype(dtype)

"""Attention."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle.ops.activation import softmax
from gazelle.ops.base import array, op, public


@op
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Any:
    """softmax(scale q kᵀ + bias) v for each head, over places where `mask` holds.  Vaswani et al. 2017.

    q (batch, time, heads, size) · k, v (batch, source, heads, size)  ->  (batch, time, heads, size)
    scale is 1 / sqrt(size) if None; fewer heads in k and v are shared by groups of heads of q.
    """
    query, key, value = array(query), array(key), array(value)
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


__all__ = public(globals())

"""Attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from gazelle.core import settings
from gazelle.core.dtypes import result_type
from gazelle.core.errors import StateError, message
from gazelle.core.types import Array, ArrayLike
from gazelle.ops.activation import softmax
from gazelle.ops.base import array, op
from gazelle.ops.native import cudnn

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
        flash_attention: Whether cuDNN computes it in one kernel on an NVIDIA GPU, in half precision: None, where it
            can; False, never; True, always.
        attn_logits_soft_cap: Limit c of the logits:  c tanh(logits / c); None sets none.

    Returns:
        An array (batch, time, heads, size).

    Raises:
        StateError: cuDNN cannot compute it, with `flash_attention=True`.
    """
    query, key, value = (jnp.asarray(array(x)) for x in (query, key, value))
    dtype = result_type(query.dtype, key.dtype, value.dtype)
    query, key, value = query.astype(dtype), key.astype(dtype), value.astype(dtype)
    bias, mask = None if bias is None else jnp.asarray(array(bias)), None if mask is None else jnp.asarray(array(mask))

    def plain(query: Array, key: Array, value: Array) -> Array:
        groups = query.shape[2] // key.shape[2]
        if groups > 1:
            key, value = jnp.repeat(key, groups, 2), jnp.repeat(value, groups, 2)
        logits = jnp.einsum("bthd,bshd->bhts", query, key, preferred_element_type=jnp.float32)
        logits = logits * (query.shape[-1] ** -0.5 if scale is None else scale)
        if attn_logits_soft_cap is not None:
            logits = jnp.tanh(logits / attn_logits_soft_cap) * attn_logits_soft_cap
        if bias is not None:
            logits = logits + bias
        seen = mask
        if is_causal:
            causal = jnp.tril(jnp.ones(logits.shape[-2:], bool))
            seen = causal if seen is None else jnp.logical_and(seen, causal)
        if seen is not None:
            logits = jnp.where(seen, logits, 0.7 * float(jnp.finfo(jnp.float32).min))
        return jnp.einsum("bhts,bshd->bthd", softmax(logits).astype(value.dtype), value)

    return _by_cudnn_or(
        plain,
        (query, key, value),
        flash_attention,
        "" if attn_logits_soft_cap is None else "attn_logits_soft_cap",
        bias=None if bias is None else bias.astype(dtype),
        mask=None if mask is None else mask.astype(bool),
        scale=scale,
        is_causal=is_causal,
    )


def fused_attention(
    q: Array, k: Array, v: Array, seen: Array | None, scale: float | None, causal: bool, flash: bool | None
) -> Array:
    """Return softmax(q k^T * scale) v by JAX's own function, which has kernels for GPUs.

    Args:
        q: queries (batch, queries, heads, size).
        k: keys (batch, steps, heads, size).
        v: values (batch, steps, heads, size).
        seen: where a query attends to a step, or None.
        scale: factor of the scores; None for 1 / sqrt(size).
        causal: whether a query attends to earlier steps and its own only.
        flash: whether the kernel of cuDNN is used; None: where it can be, unless the settings forbid it.

    Returns:
        The means (batch, queries, heads, size).
    """
    flash = settings.is_flash_attention_enabled() if flash is None else flash
    how = {"mask": seen, "scale": scale, "is_causal": causal}

    def plain(q: Array, k: Array, v: Array) -> Array:
        dtype = q.dtype
        if dtype == jnp.float16 and jax.default_backend() == "cpu":  # no products of float16 with sums in float32
            q, k, v = (array.astype(jnp.float32) for array in (q, k, v))
        return jax.nn.dot_product_attention(q, k, v, **how).astype(dtype)

    return _by_cudnn_or(plain, (q, k, v), flash, **how)


def _by_cudnn_or(
    plain: Callable[..., Array], arrays: tuple[Array, ...], flash: bool | None, refused: str = "", **how: Any
) -> Array:
    """Return attention by cuDNN if the program is lowered for CUDA, else `plain(*arrays)`."""
    if flash is False:
        return plain(*arrays)

    def by_cudnn(q: Array, k: Array, v: Array) -> Array:
        def pairs(given: Array | None) -> Array | None:  # cuDNN needs one number for each query and step
            shape = (1, 1, q.shape[1], k.shape[1])
            return None if given is None else jnp.broadcast_to(given, jnp.broadcast_shapes(given.shape, shape))

        options = how | {name: pairs(how.get(name)) for name in ("bias", "mask")}
        return jax.nn.dot_product_attention(q, k, v, implementation="cudnn", **options)

    refused = refused or cudnn.absence() or cudnn.failure(by_cudnn, *arrays)
    if not refused:
        return lax.platform_dependent(*arrays, default=plain, **{cudnn.PLATFORM: by_cudnn})
    if flash:
        hint = "flash_attention=None uses cuDNN where it can be used."
        raise StateError(message("flash_attention=True", expected="what cuDNN computes", got=refused, hint=hint))
    return plain(*arrays)

"""GroupQueryAttention: several heads of queries share a head of keys and values."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core.config import register
from gazelle.core.errors import ArgumentError, message
from gazelle.core.prng import bernoulli
from gazelle.core.types import Array, ConstraintLike, InitializerLike, RegularizerLike, Shape
from gazelle.layers.base import Layer
from gazelle.layers.multi_head_attention import MultiHeadAttention


@register("layers", "GroupQueryAttention")
class GroupedQueryAttention(Layer):
    r"""Attention whose heads of keys and values serve several heads of queries each:  y = concat_n(A_n v W^v_g) W^o.

    A_n = softmax(q W^q_n (k W^k_g)^T / sqrt(head_dim)),  g = floor(n num_key_value_heads / num_query_heads)

    q (batch, queries, in) · v, k (batch, steps, in)  ->  y (batch, queries, in)
    W^q (in, num_query_heads, head_dim) · W^k, W^v (in, num_key_value_heads, head_dim) · W^o (num_query_heads,
    head_dim, in), and biases

    Called as layer(query, value, key=value), with the masks of `MultiHeadAttention`. Its public name is
    `GroupQueryAttention`.

    Args:
        head_dim: size of a head.
        num_query_heads: number of heads, a multiple of num_key_value_heads.
        dropout: share of A that is dropped in training.
        sliding_window: a query sees only steps less than this far from its own.
        flash_attention: True asks for cuDNN's fused kernel (GPU, half precision).
        use_gate: whether the heads are multiplied by sigmoid(q W^g + b^g).
        seed: seed of dropout.

    Source: Ainslie et al., GQA (2023).

    >>> GroupQueryAttention(4, num_query_heads=6, num_key_value_heads=2)(jnp.ones((2, 3, 8)), jnp.ones((2, 5, 8))).shape
    (2, 3, 8)
    """

    _keras_module = "keras.src.layers.attention.grouped_query_attention"
    supports_masking = True

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._config.pop("flash_attention", None)  # says how to run, not what
        self._projection_regularizer = self.activity_regularizer  # counts on the projections as well as on y
        for name in ("head_dim", "num_query_heads", "num_key_value_heads", "sliding_window"):
            value = getattr(self, name)
            if (value is not None or name != "sliding_window") and (not isinstance(value, int) or value <= 0):
                raise ArgumentError(message(f"{name} of {self._label}", expected="a positive integer", got=repr(value)))
        if num_query_heads % num_key_value_heads:
            raise ArgumentError(
                message(
                    f"num_query_heads of {self._label}",
                    got=num_query_heads,
                    expected=f"a multiple of {num_key_value_heads=}",
                )
            )
        if flash_attention and dropout > 0:
            raise ArgumentError(message(f"{self._label}: dropout with flash_attention", expected="0", got=dropout))

    # projections and masks are those of MultiHeadAttention
    call: Any = MultiHeadAttention.call
    _dense: Any = MultiHeadAttention._dense
    _seen: Any = MultiHeadAttention._seen

    def build(self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None) -> None:  # type: ignore[override]
        heads, size = (self.num_query_heads, self.head_dim), (self.num_key_value_heads, self.head_dim)
        self.query_dense = self._dense("query", query_shape, 1, heads)
        self.key_dense = self._dense("key", value_shape if key_shape is None else key_shape, 1, size)
        if self.use_gate:
            self.gate_dense = self._dense("gate", query_shape, 1, heads, activation="sigmoid")
        self.value_dense = self._dense("value", value_shape, 1, size)
        self.output_dense = self._dense("attention_output", (*query_shape[:-1], *heads), 2, (query_shape[-1],))

    def _attend(self, q: Any, k: Any, v: Any, seen: Any, training: bool, want_scores: bool) -> tuple[Any, Any]:
        """Heads of y and, where they were made, the weights A. q, k, v (batch, steps, heads, head_dim)"""
        seen = seen[:, None] if seen is not None and seen.ndim == 3 else seen  # the same for all heads
        if self.dropout == 0 and not want_scores:
            kind: Any = "cudnn" if self.flash_attention else None
            return jax.nn.dot_product_attention(q, k, v, mask=seen, implementation=kind), None
        repeats = self.num_query_heads // self.num_key_value_heads
        k, v = jnp.repeat(k, repeats, axis=2), jnp.repeat(v, repeats, axis=2)
        scores = jnp.einsum("bquh,bkuh->buqk", q * (1 / math.sqrt(self.head_dim)), k)
        if seen is not None:
            scores = jnp.where(seen, scores, -3e4 if scores.dtype == jnp.float16 else -1e9)
        scores = jax.nn.softmax(scores, axis=-1)
        if seen is not None:  # a query that may see nothing gets 0, not the mean of all
            scores = jnp.where(seen, scores, 0)
        weights = scores
        if training and self.dropout > 0:
            kept = bernoulli(self.random_key(self.seed), 1 - self.dropout, scores.shape)
            weights = jnp.where(kept, scores / (1 - self.dropout), 0)
        return jnp.einsum("buqk,bkuh->bquh", weights, v), scores

    def compute_mask(self, query: Array, mask: Array | None = None) -> list[Array | None]:
        return [mask, None]  # y carries the query's mask, the scores none


GroupQueryAttention = GroupedQueryAttention

"""GroupQueryAttention: several heads of queries share a head of keys and values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

import jax
import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, message
from gazelle.core.masks import masked_score
from gazelle.core.prng import bernoulli
from gazelle.core.registry import register
from gazelle.core.types import Array, ConstraintLike, InitializerLike, RegularizerLike, Shape
from gazelle.layers.base import Layer
from gazelle.layers.multi_head_attention import MultiHeadAttention, with_causal
from gazelle.ops.attention import fused_attention

if TYPE_CHECKING:
    from gazelle.layers.options import OptionsWithoutRegularizer


@register("layers", "GroupQueryAttention")
class GroupedQueryAttention(Layer):
    """Attention whose key and value heads each serve several query heads:  y = concat_n(A_n v W^v_g) W^o.

    A_n = softmax(q W^q_n (k W^k_g)^T / sqrt(head_dim)),  g = floor(n num_key_value_heads / num_query_heads)

    q (batch, queries, in) · v, k (batch, steps, in)  ->  y (batch, queries, in)
    W^q (in, num_query_heads, head_dim) · W^k, W^v (in, num_key_value_heads, head_dim) · W^o (num_query_heads, head_dim,
    in), and biases

    Called as layer(query, value, key=value), with the masks of `MultiHeadAttention`. Its public name is
    `GroupQueryAttention`.

    Args:
        head_dim: Size of a head.
        num_query_heads: Number of query heads, a multiple of num_key_value_heads.
        num_key_value_heads: Number of key and value heads.
        dropout: Fraction of A that is dropped in training.
        use_bias: Whether the projections have biases.
        sliding_window: A query attends only to steps less than this distance away; None for all steps.
        flash_attention: Whether cuDNN computes attention in one kernel on an NVIDIA GPU, in half precision and without
            dropout: None, where it can, unless `config.disable_flash_attention` was called; False, never; True, always.
        kernel_initializer: Initializer of W^q, W^k, W^v and W^o.
        bias_initializer: Initializer of the biases.
        kernel_regularizer: Regularizer of W^q, W^k, W^v and W^o.
        bias_regularizer: Regularizer of the biases.
        activity_regularizer: Regularizer of the outputs of the projections and of y.
        kernel_constraint: Constraint on W^q, W^k, W^v and W^o.
        bias_constraint: Constraint on the biases.
        use_gate: Whether the heads are multiplied by sigmoid(q W^g + b^g).
        seed: Seed of the random numbers; None derives it from the global seed.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `input_shape` and others.

    Raises:
        ArgumentError: A size is not a positive integer, num_query_heads is not a multiple of num_key_value_heads, or
            `dropout` or `return_attention_scores` is set with `flash_attention`.
        StateError: cuDNN cannot be used, in a call with `flash_attention=True`.

    References:
        Ainslie et al., GQA: Training Generalized Multi-Query Transformer Models (2023).

    Example:
        >>> layer = GroupQueryAttention(4, num_query_heads=6, num_key_value_heads=2)
        >>> layer(jnp.ones((2, 3, 8)), jnp.ones((2, 5, 8))).shape
        (2, 3, 8)
    """

    _keras_module = "keras.src.layers.attention.grouped_query_attention"
    supports_masking = True

    _outside_config = ("flash_attention",)  # affects speed only

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
        **kwargs: Unpack[OptionsWithoutRegularizer],
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._projection_regularizer = self.activity_regularizer  # applies to the projections and to y
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

    # the names in files of Keras
    _keras_attributes: ClassVar[Mapping[str, str]] = {
        f"{part}_dense": f"_{part}_dense" for part in ("query", "key", "gate", "value", "output")
    }

    # projections and masks are shared with MultiHeadAttention
    call: Any = MultiHeadAttention.call
    _dense: Any = MultiHeadAttention._dense
    _seen: Any = MultiHeadAttention._seen

    def build(self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None) -> None:
        heads, size = (self.num_query_heads, self.head_dim), (self.num_key_value_heads, self.head_dim)
        self.query_dense = self._dense("query", query_shape, 1, heads)
        self.key_dense = self._dense("key", value_shape if key_shape is None else key_shape, 1, size)
        if self.use_gate:
            self.gate_dense = self._dense("gate", query_shape, 1, heads, activation="sigmoid")
        self.value_dense = self._dense("value", value_shape, 1, size)
        self.output_dense = self._dense("attention_output", (*query_shape[:-1], *heads), 2, (query_shape[-1],))

    def _attend(
        self, q: Any, k: Any, v: Any, seen: Any, causal: bool, training: bool, want_scores: bool
    ) -> tuple[Any, Any]:
        """Return the heads of y and, if computed, the weights A, for q, k, v (batch, steps, heads, head_dim)."""
        fused = self.dropout == 0 and not want_scores
        if causal and not fused:
            seen = with_causal(seen, q.shape[1], k.shape[1])
        seen = seen[:, None] if seen is not None and seen.ndim == 3 else seen  # the same for all heads
        if fused:
            return fused_attention(q, k, v, seen, None, causal, self.flash_attention), None
        repeats = self.num_query_heads // self.num_key_value_heads
        k, v = jnp.repeat(k, repeats, axis=2), jnp.repeat(v, repeats, axis=2)
        scores = jnp.einsum("bquh,bkuh->buqk", q * (1 / math.sqrt(self.head_dim)), k)
        if seen is not None:
            scores = jnp.where(seen, scores, masked_score(scores.dtype))
        scores = jax.nn.softmax(scores, axis=-1)
        if seen is not None:  # a fully masked query gives 0 instead of the mean of all values
            scores = jnp.where(seen, scores, 0)
        weights = scores
        if training and self.dropout > 0:
            kept = bernoulli(self.random_key(self.seed), 1 - self.dropout, scores.shape)
            weights = jnp.where(kept, scores / (1 - self.dropout), 0)
        return jnp.einsum("buqk,bkuh->bquh", weights, v), scores

    def compute_mask(self, query: Array, mask: Array | None = None) -> list[Array | None]:
        return [mask, None]  # y has the mask of the query, the scores have none


GroupQueryAttention = GroupedQueryAttention

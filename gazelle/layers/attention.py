"""Attention and AdditiveAttention: means of values weighted by the similarity of queries and keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, ArgumentTypeError, message
from gazelle.core.prng import bernoulli
from gazelle.core.types import Array, Shape
from gazelle.layers.base import Layer
from gazelle.ops.activation import softmax

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions


class Attention(Layer):
    """Dot-product attention:  y = softmax(S) v,  S = scale q k^T.

    q (batch, queries, dim) · v (batch, steps, out) · k (batch, steps, dim)  ->  y (batch, queries, out)

    Called on a list [q, v] or [q, v, k]; k is v by default. y is 0 where the mask of q is False.

    Args:
        use_scale: Whether `scale` is a weight with initial value 1 instead of the constant 1.
        score_mode: 'dot', or 'concat' for  S = w sum(tanh(scale (q + k)))  with a second weight w.
        dropout: Fraction of the attention weights that is dropped in training.
        seed: Seed of the random numbers; None derives it from the global seed.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Call arguments:
        mask: List [mask of q, mask of v]; steps of v where it is False get no weight.
        return_attention_scores: Whether to return (y, softmax(S)).
        use_causal_mask: Whether query i attends to steps up to i only.

    Raises:
        ArgumentError: `score_mode` is unknown.
        ArgumentTypeError: The input is not a list of two or three tensors.

    References:
        Luong et al., Effective Approaches to Attention-based Neural Machine Translation (2015).

    Example:
        >>> Attention()([jnp.ones((2, 3, 4)), jnp.ones((2, 5, 4))]).shape
        (2, 3, 4)
    """

    supports_masking = True

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        if score_mode not in ("dot", "concat"):
            raise ArgumentError(
                message(f"score_mode of {self._label}", expected="'dot' or 'concat'", got=repr(score_mode))
            )

    def build(self, input_shape: Sequence[Shape]) -> None:
        self._check_list(input_shape)
        self.scale = self.add_weight("scale", (), "ones") if self.use_scale else None
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight("concat_score_weight", (), "ones")

    def call(
        self,
        inputs: Sequence[Array],
        mask: Sequence[Array | None] | None = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Array | tuple[Array, Array]:
        self._check_list(inputs)
        if mask is not None:
            self._check_list(mask, "mask")
        q, v = inputs[:2]
        k = inputs[2] if len(inputs) > 2 else v
        q_mask, v_mask = (None, None) if mask is None else mask[:2]
        scores = self._calculate_scores(q, k)
        seen = None if v_mask is None else v_mask.astype(bool)[..., None, :]
        if use_causal_mask:
            causal = jnp.tril(jnp.ones(scores.shape[-2:], bool))
            seen = causal if seen is None else seen & causal
        y, weights = self._apply_scores(scores, v, seen, training)
        if q_mask is not None:
            y = jnp.where(q_mask.astype(bool)[..., None], y, 0)
        return (y, weights) if return_attention_scores else y

    def _apply_scores(
        self, scores: Array, value: Array, scores_mask: Array | None = None, training: bool = False
    ) -> tuple[Array, Array]:
        """The weighted values, and the weights after softmax and dropout; subclasses may replace it, as in Keras."""
        if scores_mask is not None:
            scores = jnp.where(scores_mask, scores, scores - (65504.0 if scores.dtype == jnp.float16 else 1e9))
        weights = softmax(scores, axis=-1)
        if training and self.dropout > 0:
            kept = bernoulli(self.random_key(self.seed), 1 - self.dropout, weights.shape)
            weights = jnp.where(kept, weights / (1 - self.dropout), 0)
        return weights @ value, weights

    def _calculate_scores(self, query: Array, key: Array) -> Array:
        """The scores (batch, queries, steps) before the softmax; subclasses may replace it, as in Keras."""
        q, k = query, key
        if self.score_mode == "dot":
            scores = q @ jnp.swapaxes(k, -2, -1)
            return scores if self.scale is None else scores * self.scale.value
        both = q[..., :, None, :] + k[..., None, :, :]
        scaled = both if self.scale is None else self.scale.value * both
        return self.concat_score_weight.value * jnp.tanh(scaled).sum(axis=-1)

    def compute_mask(self, inputs: Sequence[Array], mask: Sequence[Array | None] | None = None) -> Array | None:
        return None if mask is None else mask[0]

    def _check_list(self, given: Any, what: str = "input") -> None:
        if not isinstance(given, (list, tuple)) or len(given) not in (2, 3) or isinstance(given[0], int):
            given = None if isinstance(given, tuple) and isinstance(given[0], int) else given  # the shape of one tensor
            got = f"{len(given)} tensors" if isinstance(given, (list, tuple)) else "one tensor"
            raise ArgumentTypeError(
                message(
                    f"The {what} of {self._label}", expected="a list [query, value] or [query, value, key]", got=got
                )
            )


class AdditiveAttention(Attention):
    """Additive attention:  y = softmax(S) v,  S = sum_d scale_d tanh(q_d + k_d).

    q (batch, queries, dim) · v (batch, steps, dim) · k (batch, steps, dim) · scale (dim,)  ->  y (batch, queries, dim)

    Called on a list [q, v] or [q, v, k]; k is v by default. Masks are those of `Attention`.

    Args:
        use_scale: Whether `scale` is a weight instead of the constant 1.
        dropout: Fraction of the attention weights that is dropped in training.
        **kwargs: Arguments of `Attention` and `Layer`: `seed`, `name`, `dtype`, `trainable` and others.

    Call arguments:
        mask: List [mask of q, mask of v]; steps of v where it is False get no weight.
        return_attention_scores: Whether to return (y, softmax(S)).
        use_causal_mask: Whether query i attends to steps up to i only.

    References:
        Bahdanau et al., Neural Machine Translation by Jointly Learning to Align and Translate (2015).

    Example:
        >>> AdditiveAttention()([jnp.ones((2, 3, 4)), jnp.ones((2, 5, 4))]).shape
        (2, 3, 4)
    """

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: Sequence[Shape]) -> None:
        self._check_list(input_shape)
        self.scale = self.add_weight("scale", (input_shape[0][-1],), "glorot_uniform") if self.use_scale else None

    def _calculate_scores(self, query: Array, key: Array) -> Array:
        tanh = jnp.tanh(query[..., :, None, :] + key[..., None, :, :])
        return (tanh if self.scale is None else self.scale.value * tanh).sum(axis=-1)

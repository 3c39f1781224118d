"""MultiHeadAttention: attention in several projected spaces at once."""

from __future__ import annotations

import math
import string
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.masks import get_mask, masked_score
from gazelle.core.prng import bernoulli
from gazelle.core.serialization import serialize
from gazelle.core.types import Array, ArrayLike, ConstraintLike, InitializerLike, RegularizerLike, Shape
from gazelle.layers.base import Layer
from gazelle.layers.einsum_dense import EinsumDense
from gazelle.ops.activation import softmax
from gazelle.ops.attention import fused_attention

if TYPE_CHECKING:
    from gazelle.layers.options import OptionsWithoutRegularizer


class MultiHeadAttention(Layer):
    """Attention in several projected spaces at once:  y = concat_n(A_n v W^v_n) W^o.

    A_n = softmax(q W^q_n (k W^k_n)^T / sqrt(key_dim))

    q (batch, queries, in) · v (batch, steps, in) · k (batch, steps, in)  ->  y (batch, queries, in)
    W^q, W^k (in, num_heads, key_dim) · W^v (in, num_heads, value_dim) · W^o (num_heads, value_dim, in), and biases

    Called as layer(query, value, key=value). A query attends to a step if all masks allow it: those that query, value
    and key carry, `attention_mask` and the causal mask.

    Args:
        num_heads: Number of heads n.
        key_dim: Size of the projected queries and keys.
        value_dim: Size of the projected values; None for key_dim.
        dropout: Fraction of A that is dropped in training.
        use_bias: Whether the projections have biases.
        output_shape: Sizes of the last axes of y; None for those of the query.
        attention_axes: Axes of the sequences that attention runs over; None for all between batch and features.
        sliding_window: A query attends only to steps less than this distance away; None for all steps.
        flash_attention: Whether cuDNN computes attention in one kernel on an NVIDIA GPU, in half precision and without
            dropout: None, where it can, unless `config.disable_flash_attention` was called; False, never; True, always.
        kernel_initializer: Initializer of W^q, W^k, W^v and W^o.
        bias_initializer: Initializer of the biases.
        kernel_regularizer: Regularizer of W^q, W^k, W^v and W^o.
        bias_regularizer: Regularizer of the biases.
        activity_regularizer: Regularizer of the outputs of the projections.
        kernel_constraint: Constraint on W^q, W^k, W^v and W^o.
        bias_constraint: Constraint on the biases.
        use_gate: Whether the heads are multiplied by sigmoid(q W^g + b^g).
        seed: Seed of the random numbers; None derives it from the global seed.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `input_shape` and others.

    Call arguments:
        query_mask: Mask of the queries (batch, queries); by default the one that `query` carries.
        value_mask: Mask of the values (batch, steps).
        key_mask: Mask of the keys (batch, steps).
        attention_mask: Mask of pairs (batch, queries, steps).
        return_attention_scores: Whether to return (y, A).
        use_causal_mask: Whether query i attends to steps up to i only.

    Raises:
        ArgumentError: A size is not a positive integer, or `dropout` or `return_attention_scores` is set with
            `flash_attention`.
        ShapeError: Value and key have different sizes along their sequences.
        StateError: cuDNN cannot be used, in a call with `flash_attention=True`.

    References:
        Vaswani et al., Attention Is All You Need (2017).
        Qiu et al., Gated Attention for Large Language Models (2025), for `use_gate`.

    Example:
        >>> MultiHeadAttention(2, 3)(jnp.ones((2, 4, 8)), jnp.ones((2, 5, 8))).shape
        (2, 4, 8)
    """

    # the name in files of Keras, which has public properties for the other projections only
    _keras_attributes: ClassVar[Mapping[str, str]] = {"gate_dense": "_gate_dense"}

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: int | Sequence[int] | None = None,
        attention_axes: int | Sequence[int] | None = None,
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
        super().__init__(**kwargs)
        self._projection_regularizer = activity_regularizer  # applies to the projections, not to y
        self.value_dim = key_dim if value_dim is None else value_dim
        for name in ("num_heads", "key_dim", "value_dim", "sliding_window"):
            value = getattr(self, name)
            if (value is not None or name != "sliding_window") and (not isinstance(value, int) or value <= 0):
                raise ArgumentError(message(f"{name} of {self._label}", expected="a positive integer", got=repr(value)))
        if flash_attention and dropout > 0:
            raise ArgumentError(message(f"{self._label}: dropout with flash_attention", expected="0", got=dropout))
        self.supports_masking = True
        if output_shape is not None:
            if isinstance(output_shape, (float, str)):
                what = f"output_shape of {type(self).__name__}"
                raise ArgumentError(message(what, expected="sizes", got=repr(output_shape)))
            self.output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
            if any(isinstance(size, int) and size < 1 for size in self.output_shape):
                what = f"output_shape of {type(self).__name__}"
                raise ArgumentError(message(what, expected="sizes", got=repr(output_shape)))
        if isinstance(attention_axes, int):
            self.attention_axes: tuple[int, ...] = (attention_axes,)

    def build(self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None) -> None:
        key_shape = value_shape if key_shape is None else key_shape
        if tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
            raise ShapeError(
                message(
                    f"{self._label}: value and key",
                    expected="equal axes, all but the last",
                    got=f"shapes {tuple(value_shape)} and {tuple(key_shape)}",
                )
            )
        heads, rank = self.num_heads, len(query_shape)
        self.query_dense = self._dense("query", query_shape, 1, (heads, self.key_dim))
        self.key_dense = self._dense("key", key_shape, 1, (heads, self.key_dim))
        if self.use_gate:
            self.gate_dense = self._dense("gate", query_shape, 1, (heads, self.value_dim), activation="sigmoid")
        self.value_dense = self._dense("value", value_shape, 1, (heads, self.value_dim))
        out = self.output_shape or (query_shape[-1],)
        self.output_dense = self._dense("attention_output", (*query_shape[:-1], heads, self.value_dim), 2, out)
        axes = self.attention_axes or range(1, rank - 1)
        if not all(-rank <= axis < rank for axis in axes):
            what, wanted = f"attention_axes of {self._label}", f"axes of the query of shape {tuple(query_shape)}"
            raise ArgumentError(message(what, expected=wanted, got=repr(tuple(axes))))
        self.attention_axes = tuple(axis % rank for axis in axes)

    def _dense(self, name: str, shape: Any, inside: int, sizes: Any, **extra: Any) -> EinsumDense:
        """A projection of the last `inside` axes of `shape` to axes of `sizes`."""
        letters = string.ascii_lowercase
        free = len(shape) - inside
        kept, summed, made = letters[:free], letters[free : free + inside], letters[free + inside :][: len(sizes)]
        dense = EinsumDense(
            f"{kept}{summed},{summed}{made}->{kept}{made}",
            (*(None for _ in range(free - 1)), *sizes),
            bias_axes=made if self.use_bias else None,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            activity_regularizer=self._projection_regularizer,
            kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint,
            name=name,
            dtype=self.dtype_policy,
            **extra,
        )
        dense.build(tuple(shape))
        return dense

    def call(
        self,
        query: Array,
        value: Array,
        key: Array | None = None,
        query_mask: Array | None = None,
        value_mask: Array | None = None,
        key_mask: Array | None = None,
        attention_mask: ArrayLike | None = None,
        return_attention_scores: bool = False,
        training: bool = False,
        use_causal_mask: bool = False,
    ) -> Array | tuple[Array, Array | None]:
        rows = query_mask if query_mask is not None else get_mask(query)
        columns = [value_mask if value_mask is not None else get_mask(value)]
        columns.append(key_mask if key_mask is not None or key is None else get_mask(key))
        seen = self._seen(query.shape[1], value.shape[1], rows, columns, attention_mask)
        key = value if key is None else key
        gate = self.gate_dense(query) if self.use_gate else None
        q, k, v = self.query_dense(query), self.key_dense(key), self.value_dense(value)
        if self.flash_attention and return_attention_scores:
            what = f"{self._label}: return_attention_scores with flash_attention"
            raise ArgumentError(message(what, expected="False", got=True))
        y, scores = self._attend(q, k, v, seen, use_causal_mask, training, return_attention_scores)
        y = self.output_dense(y if gate is None else y * gate)
        return (y, scores) if return_attention_scores else y

    def _seen(self, queries: int, steps: int, rows: Any, columns: Any, given: Any) -> Any:
        """Return the mask of pairs, broadcastable to (batch, [heads,] queries, steps); None if all are allowed.

        It is without the causal mask: a kernel with a causal mask of its own skips the steps that it excludes.
        """
        parts = [] if rows is None else [rows.astype(bool)[..., :, None]]
        parts += [mask.astype(bool)[..., None, :] for mask in columns if mask is not None]
        if self.sliding_window is not None:
            apart = jnp.arange(queries)[:, None] - jnp.arange(steps)
            parts.append((abs(apart) < self.sliding_window)[None])
        if given is not None:
            parts.append(jnp.asarray(given).astype(bool))
        seen = None
        for part in parts:
            seen = part if seen is None else seen & part
        return seen

    def _attend(
        self, q: Any, k: Any, v: Any, seen: Any, causal: bool, training: bool, want_scores: bool
    ) -> tuple[Any, Any]:
        """Return the heads of y and, if computed, the weights A, for q, k, v (batch, ..., heads, size)."""
        axes = self.attention_axes
        whole = self.dropout == 0 and not want_scores and q.ndim == 4
        plain = whole and q.shape[-1] == v.shape[-1]
        # in float32, which cuDNN does not have, the einsums below are 20 % faster
        fused = (whole and self.flash_attention) or (plain and q.dtype != jnp.float32)
        if causal and not fused:
            seen = with_causal(seen, q.shape[1], k.shape[1])
        if seen is not None:
            for _ in range(q.ndim + len(axes) - 1 - seen.ndim):
                seen = jnp.expand_dims(seen, -len(axes) * 2 - 1)
        if fused:
            return fused_attention(q, k, v, seen, 1 / math.sqrt(self.key_dim), causal, self.flash_attention), None
        fit, mix = equations(q.ndim, axes)
        scores = jnp.einsum(fit, k, q * (1 / math.sqrt(self.key_dim)))
        over = tuple(range(scores.ndim - len(axes), scores.ndim))
        # a fully masked query gives 0; in the plain case the mean, as in Keras
        weights = scores = self._normalize(scores, seen, over, not plain)
        if training and self.dropout > 0:
            kept = bernoulli(self.random_key(self.seed), 1 - self.dropout, scores.shape)
            weights = jnp.where(kept, scores / (1 - self.dropout), 0)
        return jnp.einsum(mix, weights, v), scores

    def _normalize(self, scores: Array, seen: Array | None, axes: tuple[int, ...], zeroed: bool) -> Array:
        """The softmax over the steps that are seen; a query that sees none has equal weights, or 0 if `zeroed`."""
        if seen is None:
            return softmax(scores, axis=axes)
        weights = softmax(jnp.where(seen, scores, masked_score(scores.dtype)), axis=axes)
        return jnp.where(seen, weights, 0) if zeroed else weights

    def compute_mask(self, query: Array, mask: Array | None = None) -> list[Array | None]:
        return [mask, None]  # y has the mask of the query, the scores have none

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("flash_attention", None)  # affects speed only
        return config | {"activity_regularizer": serialize(self._projection_regularizer)}


def with_causal(seen: Array | None, queries: int, steps: int) -> Array:
    """The mask, without the steps after the one of a query."""
    causal = jnp.tril(jnp.ones((1, queries, steps), bool))
    return causal if seen is None else seen & causal


def equations(rank: int, axes: tuple[int, ...]) -> tuple[str, str]:
    """Einsum equations of the scores and of the mean, for q and k of `rank` axes with attention over `axes`."""
    letters = iter(string.ascii_letters)
    query = [next(letters) for _ in range(rank)]
    source = [next(letters) if i in axes else query[i] for i in range(rank)]
    batch = [query[i] for i in range(rank - 1) if i not in axes]
    scores = "".join([*batch, *(query[i] for i in axes), *(source[i] for i in axes)])
    q, s = "".join(query), "".join(source)
    return f"{s},{q}->{scores}", f"{scores},{s}->{q}"

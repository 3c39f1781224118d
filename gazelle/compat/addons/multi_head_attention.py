"""`tfa.layers.MultiHeadAttention`, which has other arguments and weights than that of `keras.layers`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp

from gazelle.compat.addons.registration import addon
from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array, ConstraintLike, InitializerLike, RegularizerLike, Shape
from gazelle.layers import Dropout, Layer

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions


@addon
class MultiHeadAttention(Layer, abstract=True):
    """Attention of several heads:  [query, key, value] -> sum over heads of softmax(q k^T / sqrt(d)) v P, plus b.

    query (..., n, a) · key (..., m, b) · value (..., m, c), the key by default  ->  (..., n, output_size)
    q, k, v: query, key and value times their kernels (heads, features, d);  P (heads, d, output_size)

    Args:
        head_size: d.
        num_heads: Number of heads.
        output_size: Size of the output; that of value by default.
        dropout: Fraction of the attention that is dropped in training.
        use_projection_bias: Whether b is added.
        return_attn_coef: Whether to return the attention (..., heads, n, m) after the output.

    Call arguments:
        inputs: List of query, key and, if it is not the key, value.
        mask: Mask (..., n, m) or (..., heads, n, m): no attention where it is False.

    Source: Vaswani et al., Attention Is All You Need (2017).
    """

    def __init__(
        self,
        head_size: int,
        num_heads: int,
        output_size: int | None = None,
        dropout: float = 0.0,
        use_projection_bias: bool = True,
        return_attn_coef: bool = False,
        kernel_initializer: InitializerLike = "glorot_uniform",
        kernel_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_initializer: InitializerLike = "zeros",
        bias_regularizer: RegularizerLike = None,
        bias_constraint: ConstraintLike = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        if output_size is not None and output_size < 1:
            got = output_size
            raise ArgumentError(message("output_size of MultiHeadAttention", expected="a positive number", got=got))
        self._dropped = Dropout(dropout)

    def build(self, input_shape: list[Shape]) -> None:
        sizes: list[Any] = [shape[-1] for shape in input_shape]
        query, key, value = (*sizes, sizes[-1])[:3]
        heads, size = self.num_heads, self.head_size
        shapes = {"query": (query, size), "key": (key, size), "value": (value, size)}
        shapes["projection"] = size, self.output_size or value
        penalty, limit = self.kernel_regularizer, self.kernel_constraint
        for name, shape in shapes.items():
            kernel = self.add_weight(
                f"{name}_kernel", (heads, *shape), self.kernel_initializer, regularizer=penalty, constraint=limit
            )
            setattr(self, f"{name}_kernel", kernel)
        self.projection_bias = None
        if self.use_projection_bias:
            penalty, limit = self.bias_regularizer, self.bias_constraint
            self.projection_bias = self.add_weight(
                "projection_bias",
                shapes["projection"][1:],
                self.bias_initializer,
                regularizer=penalty,
                constraint=limit,
            )

    def call(
        self, inputs: list[Array], training: bool | None = None, mask: Array | None = None
    ) -> Array | tuple[Array, Array]:
        query, key, value = (*inputs, inputs[-1])[:3]
        q = jnp.einsum("...ni,hio->...nho", query, self.query_kernel.value) / jnp.sqrt(self.head_size)
        k = jnp.einsum("...mi,hio->...mho", key, self.key_kernel.value)
        v = jnp.einsum("...mi,hio->...mho", value, self.value_kernel.value)
        scores = jnp.einsum("...nho,...mho->...hnm", q, k)
        if mask is not None:
            allowed = jnp.asarray(mask, scores.dtype)
            allowed = allowed if allowed.ndim == scores.ndim else jnp.expand_dims(allowed, -3)
            scores = scores - 1e10 * (1 - allowed)
        attention = jax.nn.softmax(scores)
        heads = jnp.einsum("...hnm,...mho->...nho", self._dropped(attention, training=training), v)
        y = jnp.einsum("...nhi,hio->...no", heads, self.projection_kernel.value)
        y = y if self.projection_bias is None else y + self.projection_bias.value
        return (y, attention) if self.return_attn_coef else y

"""Variants of current layers that earlier arguments or names select."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax.numpy as jnp

from gazelle.core.prng import bernoulli
from gazelle.core.types import Array
from gazelle.layers import (
    AdditiveAttention,
    Attention,
    BatchNormalization,
    Embedding,
    GroupNormalization,
    RandomZoom,
)

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions


class EmbeddingWithDropout(Embedding):
    """Embedding(dropout=rate) of Keras 1: in training the vectors of a fraction of all indices are 0.

    >>> layer = EmbeddingWithDropout(10, 4)
    >>> layer.dropout = 0.5
    >>> layer(jnp.array([[1, 2, 0]])).shape
    (1, 3, 4)
    """

    dropout: float = 0.0

    def call(self, x: Array, training: bool = False) -> Array:
        y = super().call(x)
        if not training or not self.dropout:
            return y
        keep = 1.0 - self.dropout
        kept = bernoulli(self.random_key(), keep, (self.input_dim,))
        return y * jnp.take(kept, x.astype(jnp.int32), axis=0)[..., None].astype(y.dtype) / keep

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dropout": self.dropout}


class BatchwiseNormalization(BatchNormalization):
    """BatchNormalization(mode=2) of Keras 1: statistics of the batch, also in inference.

    >>> BatchwiseNormalization(epsilon=0.0)(jnp.array([[1.0], [3.0]])).tolist()
    [[-1.0], [1.0]]
    """

    mixes_samples = True

    def call(self, x: Array, training: bool = False, mask: Array | None = None) -> Array:
        mean, variance = self._batch_moments(x, mask)
        shape = [1] * x.ndim
        shape[self.axis] = -1
        return self._affine(self._standard(x, mean.reshape(shape), variance.reshape(shape)), shape)


class SampleNormalization(BatchNormalization):
    """BatchNormalization(mode=1) of Keras 1: statistics of each sample over its last axis.

    >>> SampleNormalization(epsilon=0.0)(jnp.array([[1.0, 3.0]])).tolist()
    [[-1.0, 1.0]]
    """

    def call(self, x: Array, training: bool = False, mask: Array | None = None) -> Array:
        mean = jnp.mean(x, -1, keepdims=True)
        spread = jnp.sqrt(jnp.var(x, -1, keepdims=True) + self.epsilon) + self.epsilon
        return self._affine((x - mean) / spread, (1,) * (x.ndim - 1) + (-1,))


class InstanceNormalization(GroupNormalization):
    """The layer of keras_contrib and TensorFlow Addons: each channel of each sample is normalized by itself.

    >>> InstanceNormalization(epsilon=0.0)(jnp.array([[[1.0], [3.0]]])).tolist()
    [[[-1.0], [1.0]]]
    """

    def __init__(self, axis: int | None = -1, epsilon: float = 1e-3, **kwargs: Any) -> None:
        super().__init__(groups=-1, axis=-1 if axis is None else axis, epsilon=epsilon, **kwargs)


class CausalAttention(Attention):
    """Attention(causal=True) of tf.keras: a query attends to steps up to its own.

    >>> x = jnp.ones((1, 2, 1))
    >>> CausalAttention()([x, x * jnp.array([[[1.0], [3.0]]])])[0, :, 0].tolist()[0]
    1.0
    """

    def call(
        self,
        inputs: Sequence[Array],
        mask: Sequence[Array | None] | None = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = True,
    ) -> Array | tuple[Array, Array]:
        return Attention.call(self, inputs, mask, training, return_attention_scores, use_causal_mask)


class CausalAdditiveAttention(AdditiveAttention):
    """AdditiveAttention(causal=True) of tf.keras."""

    call = CausalAttention.call


class RandomHeight(RandomZoom):
    """RandomHeight of tf.keras: stretches images, which keep their size here, while their height changed there.

    >>> RandomHeight(0.2)(jnp.ones((1, 4, 4, 3)), training=True).shape
    (1, 4, 4, 3)
    """

    _vertical = True

    def __init__(
        self,
        factor: float | Sequence[float],
        interpolation: str = "bilinear",
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        lower, upper = (-factor, factor) if isinstance(factor, int | float) else factor
        change, none = (-upper, -lower), (0.0, 0.0)  # positive factors of RandomZoom make images smaller
        height, width = (change, none) if self._vertical else (none, change)
        super().__init__(height, width, interpolation=interpolation, seed=seed, **kwargs)
        self.factor = factor


class RandomWidth(RandomHeight):
    """RandomWidth of tf.keras, see `RandomHeight`."""

    _vertical = False

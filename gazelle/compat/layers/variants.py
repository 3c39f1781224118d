"""Variants of current layers that earlier arguments or names select."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, message
from gazelle.core.prng import bernoulli
from gazelle.core.types import Array
from gazelle.layers import BatchNormalization, Embedding, GroupNormalization, Layer


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

    def call(self, x: Array, training: bool = False, mask: Array | None = None) -> Array:
        mean, variance = self.moments(x, mask)
        shape = [1] * x.ndim
        shape[self.axis] = -1
        return self.affine(self.standard(x, mean.reshape(shape), variance.reshape(shape)), shape)


class SampleNormalization(BatchNormalization):
    """BatchNormalization(mode=1) of Keras 1: statistics of each sample over its last axis.

    >>> SampleNormalization(epsilon=0.0)(jnp.array([[1.0, 3.0]])).tolist()
    [[-1.0, 1.0]]
    """

    def call(self, x: Array, training: bool = False, mask: Array | None = None) -> Array:
        mean = jnp.mean(x, -1, keepdims=True)
        spread = jnp.sqrt(jnp.var(x, -1, keepdims=True) + self.epsilon) + self.epsilon
        return self.affine((x - mean) / spread, (1,) * (x.ndim - 1) + (-1,))


class InstanceNormalization(GroupNormalization):
    """The layer of keras_contrib and TensorFlow Addons: each channel of each sample is normalized by itself.

    >>> InstanceNormalization(epsilon=0.0)(jnp.array([[[1.0], [3.0]]])).tolist()
    [[[-1.0], [1.0]]]
    """

    def __init__(self, axis: int | None = -1, epsilon: float = 1e-3, **kwargs: Any) -> None:
        super().__init__(groups=-1, axis=-1 if axis is None else axis, epsilon=epsilon, **kwargs)


class RandomHeight(Layer):
    """Not supported: each call has an output of another shape, and XLA compiles a program for each."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        hint = "Use RandomZoom, whose output has the shape of its input."
        raise ArgumentError(message(f"{type(self).__name__} makes images of a random size", hint=hint))


class RandomWidth(RandomHeight):
    """Not supported, see `RandomHeight`."""

"""Variants of current layers that earlier arguments or names select."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, message
from gazelle.core.prng import bernoulli
from gazelle.core.types import Array, Shape
from gazelle.layers import AdditiveAttention, Attention, BatchNormalization, Embedding, GroupNormalization, RandomZoom
from gazelle.layers.input_spec import InputSpec
from gazelle.layers.normalization import as_wide

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


class JointBatchNormalization(BatchNormalization):
    """BatchNormalization(axis=[1, 2]) of tf.keras: statistics for each element along several axes.

    >>> layer = JointBatchNormalization([1, 2], epsilon=0.0)
    >>> layer(jnp.array([[[1.0, 2.0]], [[3.0, 6.0]]]), training=True).ravel().tolist()
    [-1.0, -1.0, 1.0, 1.0]
    """

    axes: Sequence[int]

    def __init__(self, axis: Sequence[int], **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.axes = list(axis)

    def build(self, input_shape: Shape) -> None:
        if self.renorm:
            raise ArgumentError(message("axis of BatchNormalization", expected="one axis with renorm", got=self.axes))
        self.axis: Any = list(self.axes)
        axes = self._axes(len(input_shape))
        sizes = dict(zip(axes, self._known(input_shape), strict=True))
        shape = tuple(sizes.get(axis, 1) for axis in range(len(input_shape)))
        self._build_affine(shape)
        self.moving_mean = self.add_weight("moving_mean", shape, self.moving_mean_initializer, trainable=False)
        first = self.moving_variance_initializer
        self.moving_variance = self.add_weight("moving_variance", shape, first, trainable=False)
        self.input_spec = InputSpec(ndim=len(input_shape), axes=sizes)

    def call(self, x: Array, training: bool = False, mask: Array | None = None) -> Array:
        x, mean, variance = as_wide(x), self.moving_mean.value, self.moving_variance.value
        if training and self._uses_batches():
            others = tuple(axis for axis in range(x.ndim) if axis not in self._axes(x.ndim))
            mean, variance = jnp.mean(x, others, keepdims=True), jnp.var(x, others, keepdims=True)
            self._move(self.moving_mean, mean, self.momentum)
            self._move(self.moving_variance, variance, self.momentum)
        return self._affine(self._standard(x, mean, variance), self.moving_mean.shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": list(self.axes)}


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

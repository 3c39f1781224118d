"""Regularization layers: noise, variants of dropout, and activity regularization."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, ArgumentTypeError, message
from gazelle.core.prng import bernoulli, normal
from gazelle.core.types import Array, PolicyLike
from gazelle.layers.base import Layer
from gazelle.layers.core import check_rate, mask_shape
from gazelle.layers.spatial import set_data_format, space_axes
from gazelle.regularizers import L1L2

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions, OptionsWithoutNameAndDtype, OptionsWithoutRegularizer


class GaussianNoise(Layer):
    """Additive noise in training:  y = x + stddev n,  n ~ Normal(0, 1).

    x (any shape)  ->  y (same shape); outside of training y = x.

    Args:
        stddev: Standard deviation of the noise, at least 0.
        seed: Seed of the random numbers; None derives it from the global seed.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: `stddev` is not a number of at least 0.

    Example:
        >>> GaussianNoise(0.1)(jnp.ones((1, 2)))
        Array([[1., 1.]], dtype=float32)
    """

    _is_stateless = True
    supports_masking = True

    _maps_lists = True

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        if isinstance(stddev, str) or not 0 <= stddev < math.inf:
            what = "Argument stddev of GaussianNoise"
            raise ArgumentTypeError(message(what, expected="a number of at least 0", got=repr(stddev)))
        self.stddev = stddev if isinstance(stddev, int) else float(stddev)

    def call(self, x: Array, training: bool = False) -> Array:
        if not training or self.stddev == 0:
            return x
        return x + self.stddev * normal(self.random_key(self.seed), x.shape, x.dtype)


class GaussianDropout(Layer):
    """Multiplicative noise in training:  y = x (1 + n √(rate / (1 - rate))),  n ~ Normal(0, 1).

    x (any shape)  ->  y (same shape). Mean and variance of y are those of Dropout(rate); outside of training y = x.

    Args:
        rate: Rate of the dropout with equal variance, from 0 to below 1.
        seed: Seed of the random numbers; None derives it from the global seed.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: `rate` is not in [0, 1).

    References:
        Srivastava et al., Dropout (JMLR 2014), section 10.

    Example:
        >>> GaussianDropout(0.5)(jnp.ones((1, 2)))
        Array([[1., 1.]], dtype=float32)
    """

    _is_stateless = True
    supports_masking = True

    _maps_lists = True

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.rate = check_rate("GaussianDropout", rate, below=True)

    def call(self, x: Array, training: bool = False) -> Array:
        if not training or self.rate == 0:
            return x
        noise = normal(self.random_key(self.seed), x.shape, x.dtype)
        return x * (1 + math.sqrt(self.rate / (1 - self.rate)) * noise)


class AlphaDropout(Layer):
    """Dropout that preserves mean 0 and variance 1 of SELU networks:  y = a (m x + (1 - m) α') + b.

    m ~ Bernoulli(1 - rate),  α' = -1.0507 · 1.6733,  a = ((1 - rate)(1 + rate α'²))^(-1/2),  b = -a α' rate

    x (any shape)  ->  y (same shape); outside of training y = x.

    Args:
        rate: Fraction of the elements that is dropped, from 0 to below 1.
        noise_shape: Shape of m, which is broadcast over x; None as an entry is the size of x.
        seed: Seed of the random numbers; None derives it from the global seed.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: `rate` is not in [0, 1).

    References:
        Klambauer et al., Self-Normalizing Neural Networks (2017).

    Example:
        >>> AlphaDropout(0.5)(jnp.ones((1, 2)))
        Array([[1., 1.]], dtype=float32)
    """

    _is_stateless = True
    supports_masking = True

    _maps_lists = True

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.rate = check_rate("AlphaDropout", rate, below=True)

    def call(self, x: Array, training: bool = False) -> Array:
        if not training or self.rate == 0:
            return x
        kept = bernoulli(self.random_key(self.seed), 1 - self.rate, mask_shape(self, x.shape, self.noise_shape))
        low = -1.0507009873554805 * 1.6732632423543772
        a = ((1 - self.rate) * (1 + self.rate * low**2)) ** -0.5
        return a * jnp.where(kept, x, low) - a * low * self.rate


class _SpatialDropout(Layer):
    """Dropout of whole channels: neighboring elements are correlated, dropping single ones has little effect."""

    _is_stateless = True

    rank: int
    supports_masking = True

    _maps_lists = True

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: PolicyLike = None,
        **kwargs: Unpack[OptionsWithoutNameAndDtype],
    ) -> None:
        super().__init__(name=name, dtype=dtype, **kwargs)
        set_data_format(self, data_format)
        self.rate = check_rate(type(self).__name__, rate)

    def call(self, x: Array, training: bool = False) -> Array:
        if not training or self.rate == 0:
            return x
        if self.rate == 1:
            return jnp.zeros_like(x)
        shape = [1 if axis in space_axes(self) else n for axis, n in enumerate(x.shape)]
        kept = bernoulli(self.random_key(self.seed), 1 - self.rate, shape)
        return jnp.where(kept, x / (1 - self.rate), 0)

    def get_config(self) -> dict[str, Any]:
        # without `trainable`, which is not an argument of Keras' constructors
        return {name: value for name, value in super().get_config().items() if name != "trainable"}


class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole features of sequences in training:  y = m x / (1 - rate),  m ~ Bernoulli(1 - rate).

    x (batch, steps, features) · m (batch, 1, features)  ->  y (batch, steps, features)

    Args:
        rate: Fraction of the features that is dropped, from 0 to 1.
        seed: Seed of the random numbers; None derives it from the global seed.
        name: Name of the layer; None generates one.
        dtype: Dtype or dtype policy of the layer; None for the global policy.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: `rate` is not in [0, 1].

    References:
        Tompson et al., Efficient Object Localization Using Convolutional Networks (2014).

    Example:
        >>> SpatialDropout1D(0.5)(jnp.ones((1, 2, 2))).shape
        (1, 2, 2)
    """

    rank = 1

    def __init__(
        self,
        rate: float,
        seed: int | None = None,
        name: str | None = None,
        dtype: PolicyLike = None,
        **kwargs: Unpack[OptionsWithoutNameAndDtype],
    ) -> None:
        super().__init__(rate, "channels_last", seed, name, dtype, **kwargs)


class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole channels of images in training:  y = m x / (1 - rate),  m ~ Bernoulli(1 - rate).

    x (batch, rows, columns, channels) · m (batch, 1, 1, channels)  ->  y (same shape as x)

    Args:
        rate: Fraction of the channels that is dropped, from 0 to 1.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        seed: Seed of the random numbers; None derives it from the global seed.
        name: Name of the layer; None generates one.
        dtype: Dtype or dtype policy of the layer; None for the global policy.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: `rate` is not in [0, 1].

    References:
        Tompson et al., Efficient Object Localization Using Convolutional Networks (2014).

    Example:
        >>> SpatialDropout2D(0.5)(jnp.ones((1, 2, 2, 3))).shape
        (1, 2, 2, 3)
    """

    rank = 2


class SpatialDropout3D(_SpatialDropout):
    """Dropout of whole channels of volumes in training:  y = m x / (1 - rate),  m ~ Bernoulli(1 - rate).

    x (batch, d1, d2, d3, channels) · m (batch, 1, 1, 1, channels)  ->  y (same shape as x)

    Args:
        rate: Fraction of the channels that is dropped, from 0 to 1.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        seed: Seed of the random numbers; None derives it from the global seed.
        name: Name of the layer; None generates one.
        dtype: Dtype or dtype policy of the layer; None for the global policy.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: `rate` is not in [0, 1].

    References:
        Tompson et al., Efficient Object Localization Using Convolutional Networks (2014).

    Example:
        >>> SpatialDropout3D(0.5)(jnp.ones((1, 2, 2, 2, 3))).shape
        (1, 2, 2, 2, 3)
    """

    rank = 3


class ActivityRegularization(Layer):
    """Identity that adds a penalty on its input to the loss:  (l1 Σ|x| + l2 Σ x²) / batch.

    x (any shape)  ->  y = x

    Args:
        l1: Factor of the sum of absolute values.
        l2: Factor of the sum of squares.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `input_shape` and others.

    Raises:
        ArgumentError: A factor is negative.

    Example:
        >>> ActivityRegularization(l2=0.1)(jnp.ones((1, 2)))
        Array([[1., 1.]], dtype=float32)
    """

    _is_stateless = True
    supports_masking = True

    _maps_lists = True

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Unpack[OptionsWithoutRegularizer]) -> None:
        if l1 < 0 or l2 < 0:
            raise ArgumentError(
                message("Arguments of ActivityRegularization", expected="l1 and l2 >= 0", got=f"l1={l1}, l2={l2}")
            )
        super().__init__(activity_regularizer=L1L2(l1, l2), **kwargs)

    def call(self, x: Array) -> Array:
        return x

    def get_config(self) -> dict[str, Any]:
        # l1 and l2 only: the regularizer is created from them
        config = super().get_config()
        del config["activity_regularizer"]
        return config

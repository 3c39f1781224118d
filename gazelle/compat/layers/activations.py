"""Activation layers with thresholds and trainable parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core.types import Array, InitializerLike, Shape
from gazelle.layers import Layer


class ThresholdedReLU(Layer):
    """y = x where x > theta, else 0.

    Source: Konda et al., Zero-Bias Autoencoders and the Benefits of Co-Adapting Features (2014).

    >>> ThresholdedReLU(theta=1.0)(jnp.array([0.5, 2.0])).tolist()
    [0.0, 2.0]
    """

    supports_masking = True

    def __init__(self, theta: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def call(self, x: Array) -> Array:
        return jnp.where(x > self.theta, x, 0)


class _Parametric(Layer):
    """Base class of activations with a weight per element; the weights are shared along `shared_axes` (from 1)."""

    supports_masking = True
    shared_axes: Any

    def weight_shape(self, input_shape: Any) -> tuple[int, ...]:
        shared = self.shared_axes or ()
        return tuple(1 if axis in shared else n for axis, n in enumerate(input_shape[1:], 1))


class ParametricSoftplus(_Parametric):
    """y = alpha log(1 + exp(beta x)), with alpha and beta trained.

    >>> ParametricSoftplus(1.0, 1.0)(jnp.zeros((1, 2))).round(3).tolist()
    [[0.6930000185966492, 0.6930000185966492]]
    """

    def __init__(
        self, alpha_init: float = 0.2, beta_init: float = 5.0, shared_axes: Sequence[int] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)

    def build(self, input_shape: Shape) -> None:
        for name, start in (("alphas", self.alpha_init), ("betas", self.beta_init)):
            setattr(self, name, self.add_weight(name, self.weight_shape(input_shape), _constant(start)))

    def call(self, x: Array) -> Array:
        return jax.nn.softplus(self.betas.value * x) * self.alphas.value


def _constant(value: float) -> Any:
    return lambda weight_shape, dtype=None: jnp.full(weight_shape, value, dtype)


class SReLU(_Parametric):
    """S-shaped activation of three linear parts with trainable thresholds t and slopes a.

    y = t_l + a_l (x - t_l) for x <= t_l,  x in between,  t_r + a_r (x - t_r) for x >= t_r = t_l + |t_right|.

    Source: Jin et al., Deep Learning with S-shaped Rectified Linear Activation Units (2015).

    >>> SReLU(a_left_initializer="zeros", t_right_initializer="ones")(jnp.array([[-1.0, 0.5]])).tolist()
    [[0.0, 0.5]]
    """

    def __init__(
        self,
        t_left_initializer: InitializerLike = "zeros",
        a_left_initializer: InitializerLike = "glorot_uniform",
        t_right_initializer: InitializerLike = "glorot_uniform",
        a_right_initializer: InitializerLike = "ones",
        shared_axes: Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)

    def build(self, input_shape: Shape) -> None:
        for name in ("t_left", "a_left", "t_right", "a_right"):
            setattr(self, name, self.add_weight(name, self.weight_shape(input_shape)))

    def call(self, x: Array) -> Array:
        left = self.t_left.value
        right = left + jnp.abs(self.t_right.value)
        y = jnp.where(x <= left, left + self.a_left.value * (x - left), x)
        return jnp.where(x >= right, right + self.a_right.value * (x - right), y)

"""Dense layers of Keras 1: MaxoutDense and Highway."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from gazelle import initializers
from gazelle.core.types import ActivationLike, Array, ConstraintLike, InitializerLike, RegularizerLike, Shape
from gazelle.layers import Layer
from gazelle.ops.max_min import largest


class MaxoutDense(Layer):
    r"""Maximum of `nb_feature` linear functions:  y = max_k (x W_k + b_k).

    x (batch, in) · W (nb_feature, in, units) · b (nb_feature, units)  ->  y (batch, units)

    Source: Goodfellow et al., Maxout Networks (2013).

    >>> MaxoutDense(3)(jnp.ones((2, 5))).shape
    (2, 3)
    """

    def __init__(
        self,
        units: int,
        nb_feature: int = 4,
        kernel_initializer: InitializerLike = "glorot_uniform",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        use_bias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)

    def build(self, input_shape: Shape) -> None:
        self.kernel = self.add_weight("kernel", (self.nb_feature, input_shape[-1], self.units))
        self.bias = self.add_weight("bias", (self.nb_feature, self.units), "zeros") if self.use_bias else None

    def call(self, x: Array) -> Array:
        y = jnp.einsum("bi,kio->bko", x, self.kernel.value)
        return largest(y if self.bias is None else y + self.bias.value, axis=1)


class Highway(Layer):
    r"""Dense layer with a gate between output and input:  y = t f(x W + b) + (1 - t) x,  t = s(x V + c).

    x (batch, n) · W, V (n, n) · b, c (n,)  ->  y (batch, n)

    Args:
        transform_bias: initial value of c; with a negative value the output is close to the input at first.

    Source: Srivastava et al., Highway Networks (2015).

    >>> Highway(activation="relu")(jnp.ones((2, 5))).shape
    (2, 5)
    """

    def __init__(
        self,
        kernel_initializer: InitializerLike = "glorot_uniform",
        activation: ActivationLike = None,
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        use_bias: bool = True,
        transform_bias: float = -2,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)

    def build(self, input_shape: Shape) -> None:
        n = input_shape[-1]
        self.kernel = self.add_weight("kernel", (n, n))
        self.gate_kernel = self.add_weight("gate_kernel", (n, n), self.kernel_initializer)
        self.bias = self.gate_bias = None
        if self.use_bias:
            self.bias = self.add_weight("bias", (n,), "zeros")
            self.gate_bias = self.add_weight("gate_bias", (n,), initializers.Constant(self.transform_bias))

    def call(self, x: Array) -> Array:
        t, y = x @ self.gate_kernel.value, x @ self.kernel.value
        if self.bias is not None and self.gate_bias is not None:
            t, y = t + self.gate_bias.value, y + self.bias.value
        t = jax.nn.sigmoid(t)
        return t * self.activation(y) + (1 - t) * x

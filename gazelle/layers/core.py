"""The layers every network starts with: Dense, Activation, Dropout, Flatten and their like."""

from __future__ import annotations

from typing import Any

from gazelle.layers.base import InputSpec, Layer


class Dense(Layer):
    r"""Affine map of the last axis:  y = f(x W + b).

    x (batch, ..., in) · W (in, units) · b (units,)  ->  y (batch, ..., units)

    Args:
        units: size of the output's last axis.
        activation: f, a name or a function; None is the identity.
        use_bias: whether b is added.

    >>> Dense(4, activation="relu")(jnp.ones((2, 3))).shape
    (2, 4)
    """

    def __init__(
        self, units: int, activation: Any = None, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros", kernel_regularizer: Any = None, bias_regularizer: Any = None,
        activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.supports_masking = True
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Any) -> None:
        size = input_shape[-1]
        self.kernel = self.add_weight("kernel", (size, self.units))
        self.bias = self.add_weight("bias", (self.units,)) if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: size})

    def call(self, x: Any) -> Any:
        y = x @ self.kernel
        if self.bias is not None:
            y = y + self.bias
        return self.activation(y)

"""`tf.keras.experimental` and `tf.keras.layers.experimental`: linear and wide models, random features, peepholes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax.numpy as jnp
import numpy as np

from gazelle import initializers, optimizers
from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import ActivationLike, Array, InitializerLike, Nested, OptimizerLike, RegularizerLike, Shape
from gazelle.layers import Dense, Layer, LSTMCell
from gazelle.models import Model

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions


class RandomFourierFeatures(Layer):
    r"""Random features of a kernel function:  y = cos(x W / s + b),  W and b fixed, s the scale.

    x (batch, in) · W (in, output_dim) · b (output_dim,) · s (1,)  ->  y (batch, output_dim)

    In this class `kernel_initializer` names the kernel that the features approximate, or is an initializer of W.

    Source: Rahimi and Recht, Random Features for Large-Scale Kernel Machines (2007).

    >>> RandomFourierFeatures(6)(jnp.ones((2, 3))).shape
    (2, 6)
    """

    def __init__(
        self,
        output_dim: int,
        kernel: str | InitializerLike = "gaussian",
        scale: float | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        if output_dim <= 0:
            raise ArgumentError(message("output_dim of RandomFourierFeatures", expected=">= 1", got=output_dim))
        kwargs.setdefault("trainable", False)
        super().__init__(**kwargs)

    def build(self, input_shape: Shape) -> None:
        size, kind = input_shape[-1] or 1, self.kernel
        drawn = {"gaussian": initializers.RandomNormal(stddev=1.0), "laplacian": _cauchy}.get(kind, kind)
        self.unscaled_kernel = self.add_weight("unscaled_kernel", (size, self.output_dim), drawn, trainable=False)
        phases = initializers.RandomUniform(0.0, 2 * np.pi)
        self.bias = self.add_weight("bias", (self.output_dim,), phases, trainable=False)
        scale = self.scale or (np.sqrt(size / 2) if kind == "gaussian" else 1.0)
        start = initializers.Constant(float(scale))
        self.kernel_scale = self.add_weight("kernel_scale", (1,), start, constraint="non_neg")

    def call(self, x: Array) -> Array:
        return jnp.cos(x @ (self.unscaled_kernel.value / self.kernel_scale.value) + self.bias.value)


def _cauchy(shape: Any, dtype: Any = None) -> Any:
    drawn = initializers.RandomUniform(0.0, 1.0)(shape, dtype=dtype)
    return jnp.tan(np.pi * (drawn - 0.5))


class PeepholeLSTMCell(LSTMCell):
    """An LSTM cell whose gates i, f and o also see the state c, each with a vector of weights.

    Source: Gers, Schraudolph and Schmidhuber, Learning Precise Timing with LSTM Recurrent Networks (2002).

    >>> h, (h, c) = PeepholeLSTMCell(4)(jnp.ones((2, 3)), [jnp.zeros((2, 4)), jnp.zeros((2, 4))])
    >>> c.shape
    (2, 4)
    """

    _has_standard_activations = False  # a loop of its own

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        for gate in ("input", "forget", "output"):
            name = f"{gate}_gate_peephole_weights"
            setattr(self, name, self.add_weight(name, (self.units,), self.kernel_initializer))

    def _update(self, x: Array, inner: Array, states: list[Any]) -> list[Any]:
        i, f, g, o = jnp.split(x + inner, 4, axis=-1)
        c = states[1]
        i = self.recurrent_activation(i + c * self.input_gate_peephole_weights.value)
        f = self.recurrent_activation(f + c * self.forget_gate_peephole_weights.value)
        c = f * c + i * self.activation(g)
        o = self.recurrent_activation(o + c * self.output_gate_peephole_weights.value)
        return [o * self.activation(c), c]


class LinearModel(Model):
    """Sum of linear functions of all inputs:  y = f(sum_k x_k W_k + b).

    >>> LinearModel()({"a": jnp.ones((2, 3)), "b": jnp.ones((2, 1))}).tolist()
    [[0.0], [0.0]]
    """

    def __init__(
        self,
        units: int = 1,
        activation: ActivationLike = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "zeros",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.dense_layers: list[Dense] = []

    def _parts(self, inputs: Nested[Any]) -> list[tuple[str | None, Any]]:
        if isinstance(inputs, dict):
            return sorted(inputs.items())
        return [(None, x) for x in (inputs if isinstance(inputs, list | tuple) else [inputs])]

    def call(self, inputs: Nested[Array]) -> Array:
        parts = self._parts(inputs)
        if not self.dense_layers:
            given: Any = {"kernel_initializer": self.kernel_initializer, "kernel_regularizer": self.kernel_regularizer}
            self.dense_layers = [Dense(self.units, use_bias=False, name=name, **given) for name, _ in parts]
            if self.use_bias:
                start, penalty = self.bias_initializer, self.bias_regularizer
                self.bias = self.add_weight("bias", (self.units,), start, regularizer=penalty)
        total: Any = sum(layer(x) for layer, (_, x) in zip(self.dense_layers, parts, strict=True))
        return self.activation(total + self.bias.value if self.use_bias else total)


class WideDeepModel(Model):
    """Sum of a linear model and a network:  y = f(linear(x) + dnn(x)), or of two different inputs.

    Source: Cheng et al., Wide & Deep Learning for Recommender Systems (2016).

    >>> WideDeepModel(LinearModel(), Dense(1))(jnp.ones((2, 3))).shape
    (2, 1)
    """

    def __init__(
        self, linear_model: Model, dnn_model: Model, activation: ActivationLike = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)

    def call(self, inputs: Nested[Array]) -> Array:
        pair = isinstance(inputs, list | tuple) and len(inputs) == 2
        wide, deep = inputs if pair else (inputs, inputs)
        return self.activation(self.linear_model(wide) + self.dnn_model(deep))

    def compile(
        self, optimizer: OptimizerLike | Sequence[OptimizerLike] = "rmsprop", *args: Any, **kwargs: Any
    ) -> None:
        """Compile; a list of two optimizers is for the weights of the two models."""
        if isinstance(optimizer, list | tuple):
            pair: Any = [optimizers.get(each) for each in optimizer]
            optimizer = optimizers.MultiOptimizer(lambda variable: pair[variable.path not in self._linear_paths()])
        super().compile(optimizer, *args, **kwargs)  # type: ignore[arg-type]

    def _linear_paths(self) -> set[str]:
        return {variable.path for variable in self.linear_model.variables}

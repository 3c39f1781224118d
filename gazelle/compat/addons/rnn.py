"""`tfa.rnn`: cells for `RNN`, with the numbers of TensorFlow Addons 0.23."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp
import numpy as np

from gazelle import initializers
from gazelle.compat.layers import experimental
from gazelle.core.types import ActivationLike, Array, ConstraintLike, InitializerLike, RegularizerLike, Shape
from gazelle.layers import Layer, LayerNormalization, LSTMCell, SimpleRNNCell
from gazelle.layers.call_arguments import argument_names
from gazelle.layers.recurrent_cells import product

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions, OptionsOfCell

__all__ = ["ESNCell", "LayerNormLSTMCell", "LayerNormSimpleRNNCell", "NASCell", "PeepholeLSTMCell"]


def _of_base(cell: Layer, base: type[Layer]) -> dict[str, Any]:
    """The arguments of a cell that the constructor of its base class has, too."""
    return {name: vars(cell)[name] for name in argument_names(base.__init__) if name in vars(cell)}


class LayerNormLSTMCell(LSTMCell, abstract=True):
    """An LSTM cell that normalizes the products with its input and its state, n(x W) + n(h R) + b, and the memory c.

    x (batch, features) · h, c (batch, units)  ->  h' (batch, units), [h', c']
    """

    _has_standard_activations = False  # a loop in C++ or cuDNN would not normalize

    def __init__(
        self,
        units: int,
        activation: ActivationLike = "tanh",
        recurrent_activation: ActivationLike = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        norm_gamma_initializer: InitializerLike = "ones",
        norm_beta_initializer: InitializerLike = "zeros",
        norm_epsilon: float = 1e-3,
        **kwargs: Unpack[OptionsOfCell],
    ) -> None:
        super().__init__(**_of_base(self, LSTMCell), **kwargs)

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        for name, size in (("kernel", 4 * self.units), ("recurrent", 4 * self.units), ("state", self.units)):
            made = LayerNormalization(
                epsilon=self.norm_epsilon,
                beta_initializer=self.norm_beta_initializer,
                gamma_initializer=self.norm_gamma_initializer,
                name=f"{name}_norm",
            )
            made.build((None, size))
            setattr(self, f"{name}_norm", made)

    def _project(self, x: Array, dropped: Array | None = None) -> Array:
        y = self.kernel_norm(product(x, self.kernel.value, dropped))
        return y if self.bias is None else y + self.bias.value

    def _recur(self, h: Array, dropped: Array | None = None) -> Array:
        return self.recurrent_norm(super()._recur(h, dropped))

    def _update(self, x: Array, inner: Array, states: list[Any]) -> list[Any]:
        i, f, g, o = jnp.split(x + inner, 4, axis=-1)
        c = self.recurrent_activation(f) * states[1] + self.recurrent_activation(i) * self.activation(g)
        c = self.state_norm(c)
        return [self.recurrent_activation(o) * self.activation(c), c]


class PeepholeLSTMCell(experimental.PeepholeLSTMCell, abstract=True):
    """An LSTM cell whose gates also depend on the memory: i and f on c, o on c', each by one weight per unit."""


class LayerNormSimpleRNNCell(SimpleRNNCell, abstract=True):
    """A SimpleRNN cell with the sum of both products normalized:  h' = f(n(x W + h R) + b), n without an offset."""

    def __init__(
        self,
        units: int,
        activation: ActivationLike = "tanh",
        use_bias: bool = True,
        layernorm_epsilon: float = 1e-5,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        gamma_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        gamma_constraint: ConstraintLike = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        **kwargs: Unpack[OptionsOfCell],
    ) -> None:
        super().__init__(**_of_base(self, SimpleRNNCell), **kwargs)

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        gamma = {
            f"gamma_{part}": getattr(self, f"gamma_{part}") for part in ("initializer", "regularizer", "constraint")
        }
        self.layernorm = LayerNormalization(epsilon=self.layernorm_epsilon, center=False, **gamma)
        self.layernorm.build((None, self.units))

    def _project(self, x: Array, dropped: Array | None = None) -> Array:
        return product(x, self.kernel.value, dropped)

    def _update(self, x: Array, inner: Array, states: list[Any]) -> list[Any]:
        y = self.layernorm(x + inner)
        return [self.activation(y if self.bias is None else y + self.bias.value)]


class NASCell(Layer, abstract=True):
    """The cell that neural architecture search found (Zoph and Le, 2017), with a projection of its output on request.

    x (batch, features) · c (batch, units), m (batch, output_size)  ->  m' (batch, output_size), [c', m']
    """

    def __init__(
        self,
        units: int,
        projection: int | None = None,
        use_bias: bool = False,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "glorot_uniform",
        projection_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.output_size = projection or units
        self.state_size = [units, self.output_size]

    def build(self, input_shape: Shape) -> None:
        size = 8 * self.units
        self.recurrent_kernel = self.add_weight(
            "recurrent_kernel", (self.output_size, size), self.recurrent_initializer
        )
        self.kernel = self.add_weight("kernel", (input_shape[-1], size))
        self.bias = self.add_weight("bias", (size,)) if self.use_bias else None
        self.projection_weights = None
        if self.projection is not None:
            shape = (self.units, self.projection)
            self.projection_weights = self.add_weight("projection_weights", shape, self.projection_initializer)

    def call(self, inputs: Array, state: Sequence[Array]) -> tuple[Array, list[Array]]:
        c, m = state
        inner = m @ self.recurrent_kernel.value
        inner = inner if self.bias is None else inner + self.bias.value
        x, h = jnp.split(inputs @ self.kernel.value, 8, axis=-1), jnp.split(inner, 8, axis=-1)
        sigmoid, tanh, relu = jax.nn.sigmoid, jnp.tanh, jax.nn.relu
        functions = (sigmoid, relu, sigmoid, relu, tanh, sigmoid, tanh, sigmoid)
        a = [f(x[n] * h[n] if n == 3 else x[n] + h[n]) for n, f in enumerate(functions)]
        new = tanh(tanh(a[0] * a[1]) + c) * tanh(a[2] + a[3])
        m = tanh(new * tanh(tanh(a[4] * a[5]) + sigmoid(a[6] + a[7])))
        m = m if self.projection_weights is None else m @ self.projection_weights.value
        return m, [new, m]


class ESNCell(Layer, abstract=True):
    """A cell of an echo state network: its weights are drawn and not trained.

    h' = (1 - leaky) h + leaky f(x W + h R + b), where a fraction `connectivity` of R is not 0 and R is scaled to the
    spectral radius, or with `use_norm2` to that Frobenius norm.
    """

    def __init__(
        self,
        units: int,
        connectivity: float = 0.1,
        leaky: float = 1,
        spectral_radius: float = 0.9,
        use_norm2: bool = False,
        use_bias: bool = True,
        activation: ActivationLike = "tanh",
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.state_size = self.output_size = units

    def build(self, input_shape: Shape) -> None:
        units = self.units
        self.recurrent_kernel = self.add_weight("recurrent_kernel", (units, units), self._reservoir, trainable=False)
        self.kernel = self.add_weight("kernel", (input_shape[-1], units), trainable=False)
        self.bias = self.add_weight("bias", (units,), trainable=False) if self.use_bias else None

    def _reservoir(self, shape: Any, dtype: Any = None) -> Any:
        drawn = np.asarray(initializers.get(self.recurrent_initializer)(shape, dtype=dtype))
        drawn = drawn * (np.asarray(initializers.RandomUniform(0.0, 1.0)(shape)) <= self.connectivity)
        size = np.linalg.norm(drawn) if self.use_norm2 else np.abs(np.linalg.eigvals(drawn)).max()
        return jnp.asarray(drawn * (self.spectral_radius / size if size else 0.0), dtype)

    def call(self, inputs: Array, state: Array | Sequence[Array]) -> tuple[Array, Array | list[Array]]:
        listed = isinstance(state, (list, tuple))
        h: Any = state[0] if listed else state
        y = inputs @ self.kernel.value + h @ self.recurrent_kernel.value
        y = self.activation(y if self.bias is None else y + self.bias.value)
        y = (1 - self.leaky) * h + self.leaky * y
        return y, [y] if listed else y

"""`tfa.layers`: what `keras.layers` has not."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp

from gazelle import initializers
from gazelle.compat.addons import activations as addons
from gazelle.compat.addons import multi_head_attention, rare_layers, unpooling
from gazelle.compat.addons.registration import addon
from gazelle.compat.namespaces import names_of
from gazelle.compat.tables import defined
from gazelle.core import tracing
from gazelle.core.errors import ArgumentError, message
from gazelle.core.prng import bernoulli, normal
from gazelle.core.serialization import rebuild
from gazelle.core.types import ActivationLike, Array, ConstraintLike, InitializerLike, RegularizerLike, Shape
from gazelle.layers import RNN, Layer, Wrapper

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions

__getattr__ = names_of("gazelle.layers")
globals().update(defined(multi_head_attention, rare_layers, unpooling))


def _unit(kernel: Array) -> Array:
    return kernel / jnp.sqrt(jnp.maximum(jnp.sum(kernel**2, axis=tuple(range(kernel.ndim - 1))), 1e-12))


@addon
class WeightNormalization(Wrapper, abstract=True):
    """A layer with the kernel  g v / |v|:  v (..., units) is its own kernel, g (units,) is trained, too.

    With `data_init` the first batch sets g and the bias so that the outputs have mean 0 and variance 1; otherwise g
    starts as |v|. Of a recurrent layer, it is the recurrent kernel.
    Source: Salimans and Kingma, Weight Normalization (2016).
    """

    def __init__(self, layer: Layer, data_init: bool = True, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(layer, **kwargs)

    def build(self, input_shape: Shape | None = None) -> None:
        super().build(input_shape)
        inner: Any = self.layer.cell if isinstance(self.layer, RNN) else self.layer
        v: Any = inner.recurrent_kernel if isinstance(self.layer, RNN) else getattr(inner, "kernel", None)
        if v is None:
            got = type(self.layer).__name__
            raise ArgumentError(message("The layer of WeightNormalization", expected="one with a kernel", got=got))
        self.g = self.add_weight("g", (v.shape[-1],), "ones")
        self.v = v  # after g, as in a list of weights
        self.initialized = self.add_weight("initialized", (), "zeros", dtype="bool", trainable=False)
        self._plain: Any = None
        if self.data_init:  # its weights are in files of tensorflow_addons, too
            changes: dict[str, Any] = {} if isinstance(self.layer, RNN) else {"activation": "linear"}
            self._plain = rebuild(self.layer, trainable=False, **changes)
            for weight, first in zip(self._plain.weights, self.layer.weights, strict=True):
                weight.assign(first.value)

    def call(self, x: Array) -> Array:
        kernel = self.v.value
        bias = None if isinstance(self.layer, RNN) else getattr(self.layer, "bias", None)
        present = (self.g.value, None if bias is None else bias.value)
        scale, shift = jax.lax.cond(self.initialized.value, lambda: present, lambda: self._first(x, *present))
        self.g.assign(scale)
        if bias is not None:
            bias.assign(shift)
        self.initialized.assign(True)
        with tracing.bind_variables({id(self.v): _unit(kernel) * scale}):  # not assigned: it has a gradient
            return self.layer(x)

    def remove(self) -> Layer:
        """Return the layer with its normalized kernel."""
        self.v.assign(_unit(self.v.value) * self.g.value)
        return self.layer

    def _first(self, x: Array, scale: Array, shift: Array | None) -> Any:
        """g and the bias for the first batch."""
        if not self.data_init:
            kernel = self.v.value
            return jnp.linalg.norm(kernel.reshape(-1, kernel.shape[-1]), axis=0), shift
        y = self._plain(x)
        axes = tuple(range(y.ndim - 1))
        factor = 1 / jnp.sqrt(jnp.var(y, axis=axes) + 1e-10)
        wide = jnp.tile(factor, scale.shape[0] // factor.shape[0])
        return scale * wide, None if shift is None else -jnp.mean(y, axis=axes) * factor


@addon
class NoisyDense(Layer, abstract=True):
    r"""Dense with noise in its weights:  y = f(x (m + s e) + m_b + s_b e_b),  e fixed until `reset_noise`.

    x (batch, in) · m, s, e (in, units) · m_b, s_b, e_b (units,)  ->  y (batch, units)

    Args:
        sigma: standard deviation of the noise at the start, times sqrt(in), with `use_factorised`.
        use_factorised: whether e is an outer product of two vectors.

    Source: Fortunato et al., Noisy Networks for Exploration (2017).
    """

    def __init__(
        self,
        units: int,
        sigma: float = 0.5,
        use_factorised: bool = True,
        activation: ActivationLike = None,
        use_bias: bool = True,
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)

    def build(self, input_shape: Shape) -> None:
        size: Any = input_shape[-1]
        limit, spread = (size**-0.5, self.sigma * size**-0.5) if self.use_factorised else ((3 / size) ** 0.5, 0.017)
        start, noise = initializers.RandomUniform(-limit, limit), initializers.Constant(spread)
        for part, shape in (("kernel", (size, self.units)), ("bias", (self.units,)))[: 1 + self.use_bias]:
            options: Any = {name: getattr(self, f"{part}_{name}") for name in ("regularizer", "constraint")}
            setattr(self, f"sigma_{part}", self.add_weight(f"sigma_{part}", shape, noise, **options))
            setattr(self, f"mu_{part}", self.add_weight(f"mu_{part}", shape, start, **options))
            setattr(self, f"eps_{part}", self.add_weight(f"eps_{part}", shape, "zeros", trainable=False))
        self.reset_noise()

    def reset_noise(self) -> None:
        """Draw new noise."""
        shape = self.eps_kernel.shape
        if self.use_factorised:
            rows, columns = (
                jnp.sign(e) * jnp.sqrt(jnp.abs(e)) for e in (normal(self.random_key(), (n,)) for n in shape)
            )
            kernel, bias = jnp.outer(rows, columns), columns
        else:
            kernel, bias = normal(self.random_key(), shape), normal(self.random_key(), shape[1:])
        self.eps_kernel.assign(kernel)
        if self.use_bias:
            self.eps_bias.assign(bias)

    def remove_noise(self) -> None:
        """Set the noise to 0."""
        self.eps_kernel.assign(jnp.zeros(self.eps_kernel.shape))
        if self.use_bias:
            self.eps_bias.assign(jnp.zeros(self.eps_bias.shape))

    def call(self, x: Array) -> Array:
        y = x @ (self.mu_kernel.value + self.sigma_kernel.value * self.eps_kernel.value)
        if self.use_bias:
            y = y + self.mu_bias.value + self.sigma_bias.value * self.eps_bias.value
        return self.activation(y)


@addon
class StochasticDepth(Layer, abstract=True):
    """[shortcut, residual] -> shortcut + b residual:  b is 0 or 1 in training, survival_probability at inference.

    Source: Huang et al., Deep Networks with Stochastic Depth (2016).
    """

    def __init__(self, survival_probability: float = 0.5, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)

    def call(self, x: list[Array], training: bool = False) -> Array:
        if not isinstance(x, list | tuple) or len(x) != 2:
            hint = "Call it on [shortcut, residual]."
            raise ArgumentError(message("Input of StochasticDepth", expected="a list of 2 tensors", hint=hint))
        shortcut, residual = x
        keep: Any = self.survival_probability
        return shortcut + residual * (
            bernoulli(self.random_key(), keep, ()).astype(residual.dtype) if training else keep
        )


@addon
class Maxout(Layer, abstract=True):
    """Maximum of groups of features along an axis, which then has the size num_units.

    Source: Goodfellow et al., Maxout Networks (2013).
    """

    def __init__(self, num_units: int, axis: int = -1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)

    def call(self, x: Array) -> Array:
        axis = self.axis % x.ndim
        if x.shape[axis] % self.num_units:
            want = f"a multiple of num_units={self.num_units} features"
            raise ArgumentError(message("Input of Maxout", expected=want, got=x.shape[axis]))
        shape = (*x.shape[:axis], x.shape[axis] // self.num_units, self.num_units, *x.shape[axis + 1 :])
        return jnp.max(x.reshape(shape), axis=axis)


@addon
class PolynomialCrossing(Layer, abstract=True):
    """One layer of a cross network:  [x_0, x] -> x_0 (x W + d x) + x + b.

    Args:
        projection_dim: rank of W, a product of two matrices then; None for one matrix.
        diag_scale: d.

    Source: Wang et al., DCN V2 (2020).
    """

    def __init__(
        self,
        projection_dim: int | None = None,
        diag_scale: float = 0.0,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "truncated_normal",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)

    def build(self, input_shape: list[Shape]) -> None:
        size: Any = input_shape[-1][-1]
        middle = () if self.projection_dim is None else (self.projection_dim,)
        sizes = (size, *middle, size)
        start, penalty = self.kernel_initializer, self.kernel_regularizer
        self.kernels = [
            self.add_weight(f"kernel_{i}", shape, start, regularizer=penalty)
            for i, shape in enumerate(itertools.pairwise(sizes))
        ]
        self.bias = self.add_weight("bias", (size,)) if self.use_bias else None

    def call(self, inputs: list[Array]) -> Array:
        x0, x = inputs
        y = x
        for kernel in self.kernels:
            y = y @ kernel.value
        y = x0 * (y + self.diag_scale * x) + x
        return y if self.bias is None else y + self.bias.value


@addon
class SpatialPyramidPooling2D(Layer, abstract=True):
    """Means over grids of several sizes, one after the other:  (batch, h, w, c) -> (batch, sum of cells, c).

    Source: He et al., Spatial Pyramid Pooling (2014).
    """

    def __init__(
        self, bins: Sequence[int | tuple[int, int]], data_format: str | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        self.bins = [(n, n) if isinstance(n, int) else tuple(n) for n in bins]
        first = data_format == "channels_first"
        self.axes = (2, 3) if first else (1, 2)

    def call(self, x: Array) -> Array:
        x = x if self.axes == (1, 2) else jnp.moveaxis(x, 1, -1)
        batch, height, width, channels = x.shape
        parts = []
        for rows, columns in self.bins:
            h, w = height // rows, width // columns
            cells = x[:, : rows * h, : columns * w].reshape(batch, rows, h, columns, w, channels)
            parts.append(cells.mean(axis=(2, 4)).reshape(batch, rows * columns, channels))
        out = jnp.concatenate(parts, axis=1)
        return out if self.axes == (1, 2) else jnp.moveaxis(out, -1, 1)


@addon
class FilterResponseNormalization(Layer, abstract=True):
    r"""Division of each channel of an image by its root mean square:  y = gamma x / sqrt(mean(x^2) + |epsilon|) + beta.

    Source: Singh and Krishnan, Filter Response Normalization Layer (2020).
    """

    def __init__(
        self,
        epsilon: float = 1e-6,
        axis: Sequence[int] = (1, 2),
        beta_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        beta_regularizer: RegularizerLike = None,
        gamma_regularizer: RegularizerLike = None,
        beta_constraint: ConstraintLike = None,
        gamma_constraint: ConstraintLike = None,
        learned_epsilon: bool = False,
        learned_epsilon_constraint: ConstraintLike = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)

    def build(self, input_shape: Shape) -> None:
        shape = (1, 1, 1, input_shape[-1])
        self.eps_learned = None
        if self.learned_epsilon:
            start, limit = initializers.Constant(1e-4), self.learned_epsilon_constraint
            self.eps_learned = self.add_weight("learned_epsilon", (1,), start, constraint=limit)
        self.gamma, self.beta = self.add_weight("gamma", shape), self.add_weight("beta", shape)

    def call(self, x: Array) -> Array:
        epsilon = abs(self.epsilon) + (0 if self.eps_learned is None else jnp.abs(self.eps_learned.value))
        mean = jnp.mean(x**2, axis=tuple(self.axis), keepdims=True)
        return self.gamma.value * x * jax.lax.rsqrt(mean + epsilon) + self.beta.value


@addon
class TLU(Layer, abstract=True):
    """Thresholded linear unit:  max(x, t + a x),  with a only if `affine`.

    Source: Singh and Krishnan, Filter Response Normalization Layer (2020).
    """

    def __init__(
        self,
        affine: bool = False,
        tau_initializer: InitializerLike = "zeros",
        tau_regularizer: RegularizerLike = None,
        tau_constraint: ConstraintLike = None,
        alpha_initializer: InitializerLike = "zeros",
        alpha_regularizer: RegularizerLike = None,
        alpha_constraint: ConstraintLike = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)

    def build(self, input_shape: Shape) -> None:
        self.tau = self.add_weight("tau", input_shape[1:])
        self.alpha = self.add_weight("alpha", input_shape[1:]) if self.affine else None

    def call(self, x: Array) -> Array:
        return jnp.maximum(x, self.tau.value + (0 if self.alpha is None else self.alpha.value * x))


@addon
class GELU(Layer, abstract=True):
    """The activation gelu, approximated by tanh by default."""

    def __init__(self, approximate: bool = True, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)

    def call(self, x: Array) -> Array:
        return addons.gelu(x, self.approximate)


@addon
class Sparsemax(Layer, abstract=True):
    """The activation sparsemax."""

    def __init__(self, axis: int = -1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)

    def call(self, x: Array) -> Array:
        return addons.sparsemax(x, self.axis)


@addon
class Snake(Layer, abstract=True):
    """The activation snake with a frequency that is trained."""

    def __init__(self, frequency_initializer: InitializerLike = "ones", **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.frequency: Any = self.add_weight("frequency", (), self.frequency_initializer)

    def call(self, x: Array) -> Array:
        return addons.snake(x, self.frequency.value)

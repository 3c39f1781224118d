"""Layers of Keras 0.x and 1: dense ones, `AutoEncoder`, products of words, normalized responses, activations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp

from gazelle import initializers
from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import ActivationLike, Array, ConstraintLike, InitializerLike, RegularizerLike, Shape
from gazelle.layers import Layer
from gazelle.models import Model
from gazelle.ops.max_min import largest

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions, OptionsOfEmbedding, OptionsWithoutRegularizer


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
        **kwargs: Unpack[OptionsWithoutRegularizer],
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
        transform_bias: float = 1,
        **kwargs: Unpack[OptionsWithoutRegularizer],
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


class WordContextProduct(Layer):
    """Skip-gram model of pairs (word, context):  y = f(w · c), with one embedding for each.

    x (batch, 2)  ->  y (batch, 1)

    Source: Mikolov et al., Distributed Representations of Words and Phrases (2013).

    >>> WordContextProduct(20, proj_dim=3)(jnp.array([[1, 2], [4, 0]])).shape
    (2, 1)
    """

    def __init__(
        self,
        input_dim: int,
        proj_dim: int = 128,
        kernel_initializer: InitializerLike = "uniform",
        activation: ActivationLike = "sigmoid",
        **kwargs: Unpack[OptionsOfEmbedding],
    ) -> None:
        kwargs.setdefault("batch_shape", (None, 2))
        super().__init__(**kwargs)  # type: ignore[arg-type]  # `input_length` is not among them
        self.input_dim = input_dim  # `Layer` has an argument of this name too, with another meaning

    def build(self, input_shape: Shape) -> None:
        names = ("pivots", "contexts")
        self.pivots, self.contexts = (
            self.add_weight(n, (self.input_dim, self.proj_dim), self.kernel_initializer) for n in names
        )

    def call(self, x: Array) -> Array:
        word, context = jnp.moveaxis(x.astype("int32"), 1, 0)
        products = self.pivots.value[word] * self.contexts.value[context]
        return self.activation(products.sum(1, keepdims=True))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"input_dim": self.input_dim}


class LRN2D(Layer):
    r"""Division of each channel by the responses of its `n` neighbours:  y_i = x_i / (k + alpha sum_j x_j^2)^beta.

    x (batch, channels, rows, cols)  ->  y (batch, channels, rows, cols), also where channels are last elsewhere

    Source: Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural Networks (2012).

    >>> LRN2D(alpha=1, k=0, beta=0.5)(jnp.full((1, 1, 2, 2), 3.0)).ravel().tolist()
    [1.0, 1.0, 1.0, 1.0]
    """

    def __init__(
        self, alpha: float = 1e-4, k: float = 2, beta: float = 0.75, n: int = 5, **kwargs: Unpack[LayerOptions]
    ) -> None:
        if n % 2 == 0:
            raise ArgumentError(message("n of LRN2D", expected="an odd number: the channel and its neighbours", got=n))
        super().__init__(**kwargs)

    def call(self, x: Array) -> Array:
        window = (1, self.n, 1, 1)
        sums = jax.lax.reduce_window(x * x, 0.0, jax.lax.add, window, (1,) * 4, "SAME")
        return x / (self.k + self.alpha * sums) ** self.beta


class AutoEncoder(Layer):
    """Encoder and decoder as one layer:  y = decoder(encoder(x)).

    x (batch, ...)  ->  the output of the decoder, or that of the encoder

    >>> AutoEncoder(gazelle.layers.Dense(2), gazelle.layers.Dense(3))(jnp.ones((5, 3))).shape
    (5, 3)
    """

    def __init__(
        self, encoder: Layer, decoder: Layer, output_reconstruction: bool = True, **kwargs: Unpack[LayerOptions]
    ) -> None:
        if "batch_shape" not in kwargs:
            known = isinstance(encoder, Model) and encoder._graph
            kwargs["batch_shape"] = encoder.input_shape if known else encoder.batch_shape
        super().__init__(**kwargs)

    def call(self, x: Array) -> Array:
        code = self.encoder(x)
        return self.decoder(code) if self.output_reconstruction else code


class ThresholdedReLU(Layer):
    """y = x where x > theta, else 0.

    Source: Konda et al., Zero-Bias Autoencoders and the Benefits of Co-Adapting Features (2014).

    >>> ThresholdedReLU(theta=1.0)(jnp.array([0.5, 2.0])).tolist()
    [0.0, 2.0]
    """

    supports_masking = True

    def __init__(self, theta: float = 1.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)

    def call(self, x: Array) -> Array:
        return jnp.where(x > self.theta, x, 0)


class _Parametric(Layer):
    """Base class of activations with a weight per element; the weights are shared along `shared_axes` (from 1)."""

    supports_masking = True
    shared_axes: Any

    def weight_shape(self, input_shape: Any) -> tuple[int, ...]:
        given = self.shared_axes or ()
        shared = (given,) if isinstance(given, int) else given
        return tuple(1 if axis in shared else n for axis, n in enumerate(input_shape[1:], 1))


class ParametricSoftplus(_Parametric):
    """y = alpha log(1 + exp(beta x)), with alpha and beta trained.

    >>> ParametricSoftplus(1.0, 1.0)(jnp.zeros((1, 2))).round(3).tolist()
    [[0.6930000185966492, 0.6930000185966492]]
    """

    def __init__(
        self,
        alpha_init: float = 0.2,
        beta_init: float = 5.0,
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)

    def build(self, input_shape: Shape) -> None:
        for name, start in (("alphas", self.alpha_init), ("betas", self.beta_init)):
            setattr(self, name, self.add_weight(name, self.weight_shape(input_shape), initializers.Constant(start)))

    def call(self, x: Array) -> Array:
        return jax.nn.softplus(self.betas.value * x) * self.alphas.value


class SReLU(_Parametric):
    """S-shaped activation of three linear parts with trainable thresholds t and factors a.

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
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Unpack[LayerOptions],
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

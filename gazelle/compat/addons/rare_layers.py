"""`tfa.layers`: those for optical flow, bags of embeddings, hyperbolic space and echo state networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp

from gazelle.compat.addons.registration import addon
from gazelle.compat.addons.rnn import ESNCell
from gazelle.core.errors import ArgumentError, ShapeError, message, unknown
from gazelle.core.types import ActivationLike, Array, ConstraintLike, InitializerLike, RegularizerLike, Shape
from gazelle.layers import RNN, Layer
from gazelle.layers.rnn import of_cell

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions, OptionsOfEmbedding


@addon
class CorrelationCost(Layer, abstract=True):
    """Correlation of the patches of two images over displacements of one of them:  [a, b] -> costs.

    cost(p, d) = mean over the patch of  a(p + l) . b(p + d + l),  l in the patch of kernel_size x kernel_size
    a, b (batch, h, w, c)  ->  (batch, h', w', (2 r + 1)^2),  r = max_displacement // stride_2

    Args:
        kernel_size: Size of a patch, an odd number.
        max_displacement: Largest displacement along an axis.
        stride_1: Step between the positions p.
        stride_2: Step between the displacements d.
        pad: Zeros on each side of both images.
        data_format: "channels_last" or "channels_first".

    Source: Fischer et al., FlowNet (2015).
    """

    def __init__(
        self,
        kernel_size: int,
        max_displacement: int,
        stride_1: int,
        stride_2: int,
        pad: int,
        data_format: str,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        if kernel_size % 2 == 0:
            raise ArgumentError(message("kernel_size of CorrelationCost", expected="an odd number", got=kernel_size))
        formats = ["channels_last", "channels_first"]
        if data_format not in formats:
            raise ArgumentError(unknown("data_format of CorrelationCost", data_format, formats))

    def call(self, inputs: list[Array]) -> Array:
        if not isinstance(inputs, list | tuple) or len(inputs) != 2 or inputs[0].shape != inputs[1].shape:
            got = [each.shape for each in inputs] if isinstance(inputs, list | tuple) else inputs.shape
            raise ShapeError(message("Input of CorrelationCost", expected="a list of 2 images of one shape", got=got))
        if self.data_format == "channels_last":
            return self._costs(*inputs)
        return jnp.moveaxis(self._costs(*(jnp.moveaxis(each, 1, -1) for each in inputs)), -1, 1)

    def _costs(self, a: Array, b: Array) -> Array:
        size, far, radius = self.kernel_size, self.max_displacement, self.max_displacement // self.stride_2
        pad = [(0, 0), (self.pad, self.pad), (self.pad, self.pad), (0, 0)]
        a, b = jnp.pad(a, pad), jnp.pad(b, pad)
        height, width = (n - 2 * far for n in a.shape[1:3])  # where each displacement is inside of the images
        patches = a[:, far : far + height, far : far + width]

        def at(displacement: Array) -> Array:
            moved = jax.lax.dynamic_slice(b, (0, *(far + displacement), 0), patches.shape)
            window, steps = (1, size, size), (1, self.stride_1, self.stride_1)
            total = jax.lax.reduce_window((patches * moved).sum(-1), 0.0, jax.lax.add, window, steps, "VALID")
            return total / (size * size * a.shape[-1])

        offsets = jnp.arange(-radius, radius + 1) * self.stride_2
        displacements = jnp.stack(jnp.meshgrid(offsets, offsets, indexing="ij"), -1).reshape(-1, 2)
        return jnp.moveaxis(jax.lax.map(at, displacements), 0, -1)


@addon
class EmbeddingBag(Layer, abstract=True):
    """Sum or mean of the embeddings of several indices:  (..., n) -> (..., output_dim).

    Call arguments:
        indices: Integers (..., n) below input_dim.
        weights: Factors (..., n) of the embeddings, with the combiner "sum" only.
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: InitializerLike = "uniform",
        embeddings_regularizer: RegularizerLike = None,
        embeddings_constraint: ConstraintLike = None,
        mask_zero: bool = False,
        combiner: str = "sum",
        **kwargs: Unpack[OptionsOfEmbedding],
    ) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type]  # without `input_dim`
        self.input_dim = input_dim  # `Layer` has an argument of this name, too, with another meaning
        if combiner not in ("sum", "mean"):
            raise ArgumentError(unknown("combiner of EmbeddingBag", combiner, ["sum", "mean"]))
        self.supports_masking = mask_zero

    def build(self, input_shape: Shape) -> None:
        self.embeddings: Any = self.add_weight("embeddings", (self.input_dim, self.output_dim))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"input_dim": self.input_dim}

    def call(self, indices: Array, weights: Array | None = None) -> Array:
        rows = self.embeddings.value[jnp.asarray(indices, "int32")]
        if weights is None:
            return rows.sum(-2) if self.combiner == "sum" else rows.mean(-2)
        if self.combiner != "sum":
            raise ArgumentError(message("Combiner of EmbeddingBag with weights", expected="'sum'", got=self.combiner))
        return (rows * jnp.asarray(weights, rows.dtype)[..., None]).sum(-2)


@addon
class PoincareNormalize(Layer, abstract=True):
    """Vectors longer than 1 - epsilon are shortened to that length:  x min(1, (1 - epsilon) / |x|).

    Source: Nickel and Kiela, Poincaré Embeddings for Learning Hierarchical Representations (2017).
    """

    def __init__(
        self, axis: int | Sequence[int] | None = 1, epsilon: float = 1e-5, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)

    def call(self, x: Array) -> Array:
        axis = self.axis if self.axis is None or isinstance(self.axis, int) else tuple(self.axis)
        inverse = jax.lax.rsqrt(jnp.sum(x**2, axis=axis, keepdims=True))
        return x * jnp.minimum((1.0 - self.epsilon) * inverse, 1.0)


@addon
class ESN(RNN, abstract=True):
    """Echo state network, a recurrent layer with an `ESNCell`, whose weights are drawn and not trained.

    x (batch, time, features)  ->  h (batch, units), or (batch, time, units) with return_sequences

    Source: Jaeger, The "echo state" approach to analysing and training recurrent neural networks (2001).
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
        return_sequences: bool = False,
        go_backwards: bool = False,
        unroll: bool = False,
        return_state: bool = False,
        stateful: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        reservoir = units, connectivity, leaky, spectral_radius, use_norm2, use_bias, activation
        cell = ESNCell(*reservoir, kernel_initializer, recurrent_initializer, bias_initializer)
        super().__init__(cell, return_sequences, return_state, go_backwards, stateful, unroll, **kwargs)


of_cell(ESN, ESNCell)

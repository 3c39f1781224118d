"""SpectralNormalization: a layer whose kernel has the largest singular value 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp

from gazelle import initializers
from gazelle.core import settings
from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array, Shape
from gazelle.layers.base import Layer
from gazelle.layers.input_spec import InputSpec
from gazelle.layers.wrappers import Wrapper

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions


def _unit(x: Any) -> Any:
    return x / jnp.maximum(jnp.linalg.norm(x), settings.epsilon())


class SpectralNormalization(Wrapper):
    """Division of the kernel of a layer by its largest singular value in each training step:  W <- W / sigma(W).

    W (..., out) as a matrix;  v = u W^T / |u W^T|,  u = v W / |v W|,  sigma = v W u^T  (power iteration)

    Args:
        layer: Layer with a `kernel` or `embeddings`.
        power_iterations: Number of power iterations per step.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: The layer has neither, or `power_iterations` is not a positive integer.

    References:
        Miyato et al., Spectral Normalization for Generative Adversarial Networks (2018).

    Example:
        >>> layer = SpectralNormalization(Dense(2, use_bias=False, kernel_initializer="identity"))
        >>> layer(jnp.ones((4, 2)), training=True).shape
        (4, 2)
    """

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(layer, **kwargs)
        if not isinstance(power_iterations, int) or power_iterations <= 0:
            raise ArgumentError(
                message("power_iterations of SpectralNormalization", expected="1 or more", got=repr(power_iterations))
            )

    def build(self, input_shape: Shape) -> None:  # type: ignore[override]
        super().build(input_shape)
        kernel: Any = getattr(self.layer, "kernel", None)
        self.kernel: Any = kernel if kernel is not None else getattr(self.layer, "embeddings", None)
        if self.kernel is None:
            raise ArgumentError(
                message(
                    f"The layer of {self._label}",
                    expected="one with a kernel or embeddings",
                    got=type(self.layer).__name__,
                )
            )
        size: Any = input_shape[-1]
        self.input_spec = InputSpec(min_ndim=1, axes={-1: size})
        start = initializers.TruncatedNormal(stddev=0.02)
        self.vector_u = self.add_weight(
            "vector_u", (1, self.kernel.shape[-1]), start, self.kernel.dtype, trainable=False
        )

    def call(self, x: Array, training: bool = False) -> Array:
        if training:
            self.normalize()
        y = self.layer(x)
        return y.astype(x.dtype) if jnp.issubdtype(x.dtype, jnp.floating) else y  # indices of an embedding are integers

    def normalize(self) -> None:
        """Run the power iteration and divide the kernel by sigma; a kernel of zeros is not changed."""
        kernel, old = self.kernel.value, self.vector_u.value
        w, u = jnp.reshape(kernel, (-1, kernel.shape[-1])), old
        for _ in range(self.power_iterations):
            v = _unit(u @ w.T)
            u = _unit(v @ w)
        u, v = jax.lax.stop_gradient(u), jax.lax.stop_gradient(v)
        empty = jnp.all(kernel == 0)
        sigma = jnp.where(empty, 1, v @ w @ u.T)
        self.vector_u.assign(jnp.where(empty, old, u))
        self.kernel.assign(kernel / jnp.reshape(sigma, ()))

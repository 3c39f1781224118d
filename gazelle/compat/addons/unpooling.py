"""`tfa.layers.MaxUnpooling2D`: the inverse of `tf.nn.max_pool_with_argmax`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import jax.numpy as jnp

from gazelle.compat.addons.registration import addon
from gazelle.core.errors import unknown
from gazelle.core.types import Array
from gazelle.layers import Layer

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions


def _unpooled(values: Array, positions: Array, shape: tuple[int, ...]) -> Array:
    """Zeros of a shape with the values added at positions within each image."""
    _, _, width, channels = shape
    positions = jnp.asarray(positions, "int32")
    samples, features = jnp.arange(len(values))[:, None, None, None], jnp.arange(channels)
    at = samples, positions // (width * channels), positions // channels % width, features
    return jnp.zeros(shape, values.dtype).at[at].add(values)


@addon
class MaxUnpooling2D(Layer, abstract=True):
    """Values at the positions from which pooling took them, zeros elsewhere:  `layer(values, positions)`.

    values, positions (batch, height, width, channels)  ->  (batch, height', width', channels)
    """

    def __init__(
        self,
        pool_size: int | tuple[int, int] = (2, 2),
        strides: int | tuple[int, int] = (2, 2),
        padding: str = "SAME",
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        if padding not in ("SAME", "VALID"):
            raise unknown("padding of MaxUnpooling2D", padding, ("SAME", "VALID"))

    def call(self, updates: Array, mask: Array) -> Array:
        sizes, strides = (v if isinstance(v, list | tuple) else (v, v) for v in (self.pool_size, self.strides))
        batch, *space, channels = updates.shape
        if self.padding == "SAME":
            height, width = (n * stride for n, stride in zip(space, strides, strict=True))
        else:
            height, width = ((n - 1) * stride + size for n, stride, size in zip(space, strides, sizes, strict=True))
        return _unpooled(updates, mask, (batch, height, width, channels))


@addon
class MaxUnpooling2DV2(Layer, abstract=True):
    """The same with the shape of the result."""

    def __init__(self, output_shape: tuple[int, int, int, int], **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.shape_of_result = tuple(output_shape)

    def call(self, updates: Array, mask: Array) -> Array:
        return _unpooled(updates, mask, self.shape_of_result)

"""Pixels spread over the whole range of values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.layers.image.base import ImageLayer, ordered, rescaled


class AutoContrast(ImageLayer):
    """Stretches each channel over the whole range:  y = (x - min) / (max - min),  in training and outside of it.

    A channel of one value stays.

    >>> AutoContrast((0, 1))(jnp.array([[[0.2], [0.4], [0.6]]]))[..., 0].round(2)
    Array([[0. , 0.5, 1. ]], dtype=float32)
    """

    fixed = True

    def __init__(self, value_range: Any = (0, 255), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value_range = ordered(value_range)

    def change(self, images: Any, transformation: Any, interpolation: str) -> Any:
        x = rescaled(images, self.value_range, (0, 255))
        low, high = x.min((1, 2), keepdims=True), x.max((1, 2), keepdims=True)
        flat = high == low
        scale = 255 / jnp.where(flat, 1, high - low)
        stretched = rescaled(jnp.clip(x * scale - low * scale, 0, 255), (0, 255), self.value_range)
        return jnp.where(flat, images, stretched)


class Equalization(ImageLayer):
    """In training gives all values an equal share of the pixels: a value becomes the share of pixels up to it.

    Args:
        value_range: (low, high) of the pixels.
        bins: into how many values the range is divided.

    As in Keras the shares of a channel are those of the whole batch.

    >>> Equalization()(jnp.array([[[10.0], [11.0], [12.0]]]))[..., 0]
    Array([[  0., 128., 255.]], dtype=float32)
    """

    def __init__(
        self, value_range: Any = (0, 255), bins: int = 256, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = ordered(value_range)

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Any) -> Any:
        return {}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """The images with equal shares; nothing is drawn for it."""
        return super().transform_images(images, transformation or {}, training)

    def change(self, images: Any, transformation: Any, interpolation: str) -> Any:
        x = rescaled(images, self.value_range, (0, 255)).astype("float32")
        out = jax.vmap(self._equalized, in_axes=-1, out_axes=-1)(x)
        return rescaled(out, (0, 255), self.value_range)

    def _equalized(self, x: Any) -> Any:
        """One channel (batch, h, w) of 0 to 255."""
        last = self.bins - 1
        counts = jnp.zeros(self.bins, "int32").at[jnp.clip((x * last / 255).astype("int32"), 0, last)].add(1)
        below = jnp.cumsum(counts)
        first = below[jnp.argmax(below > 0)]
        rest = below[-1] - first
        table = jnp.clip(jnp.round((below - first) * 255 / jnp.where(rest == 0, 1, rest)), 0, 255)
        places = jnp.clip(x / 255 * last, 0, last).astype("int32")
        return jnp.where(rest == 0, x, table[places])

"""Rectangles cut out of images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, message
from gazelle.layers.image.base import ImageLayer, chosen, interval, per_image, uniform
from gazelle.ops.space import is_first


def rectangles(keys: Iterator[Any], batch: int, sizes: Any, height: int, width: int) -> tuple[Any, Any]:
    """(inside, area) of a rectangle for each image, at a random place.

    sizes (batch, 2), shares of (width, height)  ->  inside (batch, height, width, 1) of bool, area (batch, 1, 1, 1)
    """
    spans = []
    for fraction, length in zip(jnp.moveaxis(sizes, 1, 0), (width, height), strict=True):
        size = fraction * length
        start = uniform(keys, (batch,)) * (length - size)
        spans.append((per_image(start), per_image(start + size)))
    (x0, x1), (y0, y1) = spans
    x, y = jnp.arange(width)[None, None, :, None], jnp.arange(height)[None, :, None, None]
    return (x >= x0) & (x < x1) & (y >= y0) & (y < y1), (x1 - x0) * (y1 - y0)


def placed(values: Any, channels: int, data_format: str) -> Any:
    """Values (batch, height, width, 1) for each channel, where `data_format` has the channels."""
    values = jnp.repeat(values, channels, -1)
    return jnp.moveaxis(values, -1, 1) if is_first(data_format) else values


class RandomErasing(ImageLayer):
    """In training covers a rectangle of some images with noise, or with `fill_value`.

    Args:
        factor: the chance, a number from 0 to 1, or two between which it is drawn.
        scale: two shares of the image's area between which each side's square is drawn.
        fill_value: a number, or one for each channel; None is noise of normal distribution.
        value_range: (low, high) of the pixels.

    Source: Zhong et al., Random Erasing Data Augmentation (AAAI 2020).

    >>> RandomErasing(seed=1)(jnp.ones((2, 4, 4, 3))).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: Any = None,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = interval("factor of RandomErasing", factor, (0, 1), loose=True)
        self.scale = interval("scale of RandomErasing", scale, (0, 1), loose=True)
        if isinstance(fill_value, list | tuple) and len(fill_value) != 3:
            raise ArgumentError(
                message("fill_value of RandomErasing", expected="a number or three", got=repr(fill_value))
            )

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Any) -> Any:
        sizes = jnp.sqrt(uniform(keys, (batch, 2), self.scale))
        inside, _ = rectangles(keys, batch, sizes, height, width)
        channels = images.shape[-3 if is_first(self.data_format) else -1]
        taken = chosen(keys, batch, self.factor)
        if self.fill_value is None:
            fill = jax.random.normal(next(keys), images.shape) * self.value_range[1]
        else:
            fill = jnp.broadcast_to(jnp.asarray(self.fill_value, "float32"), (batch, height, width, channels))
            fill = jnp.moveaxis(fill, -1, 1) if is_first(self.data_format) else fill
        return {
            "apply_erasing": taken,
            "batch_masks": placed(inside, channels, self.data_format),
            "fill_value": jnp.clip(fill, *self.value_range),
        }

    def change(self, images: Any, transformation: Any, interpolation: str) -> Any:
        inside, fill = transformation["batch_masks"], transformation["fill_value"]
        if is_first(self.data_format):
            inside, fill = (jnp.moveaxis(v, -3, -1) for v in (inside, fill))
        return jnp.where(per_image(transformation["apply_erasing"]) & inside, fill, images)

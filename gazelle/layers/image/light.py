"""Brightness, contrast, and colours that fade."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp

from gazelle.layers.image.base import ImageLayer, interval, ordered, per_image, uniform
from gazelle.ops.image import rgb_to_grayscale


class RandomBrightness(ImageLayer):
    """In training  y = clip(x + d (high - low)),  with d from factor[0] to factor[1] for each image.

    Args:
        factor: two numbers from -1 to 1, or f for -f to f.
        value_range: (low, high) of the pixels.

    >>> RandomBrightness((0.2, 0.2), (0.0, 1.0))(jnp.full((1, 1, 1), 0.5)).item()
    0.699999...
    """

    def __init__(self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = interval("factor of RandomBrightness", factor, (-1, 1), loose=True)
        self.value_range = ordered(value_range)

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Any) -> Any:
        low, high = self.value_range
        return {"rgb_delta": uniform(keys, (batch, 1, 1, 1), self.factor) * (high - low)}

    def change(self, images: Any, transformation: Any, interpolation: str) -> Any:
        return jnp.clip(images + per_image(transformation["rgb_delta"]), *self.value_range)


class RandomContrast(ImageLayer):
    """In training  y = clip((x - mean) c + mean)  for each channel, with c from 1 - factor[0] to 1 + factor[1].

    Args:
        factor: two numbers from 0 on, or f for 0 to f.
        value_range: (low, high) of the pixels.

    >>> RandomContrast(0.3, seed=1)(jnp.full((2, 4, 4, 3), 9.0)).max().item()
    9.0
    """

    def __init__(self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = interval("factor of RandomContrast", factor, (0, 1), loose=True)

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Any) -> Any:
        bounds = (1 - self.factor[0], 1 + self.factor[1])
        return {"contrast_factor": uniform(keys, (batch, 1, 1, 1), bounds)}

    def change(self, images: Any, transformation: Any, interpolation: str) -> Any:
        mean = images.mean((1, 2), keepdims=True)
        return jnp.clip((images - mean) * per_image(transformation["contrast_factor"]) + mean, *self.value_range)


class RandomColorDegeneration(ImageLayer):
    """In training  y = clip(x + d (grey(x) - x)),  with d from factor[0] to factor[1]: 0 leaves x, 1 is grey.

    Args:
        factor: two numbers from -1 to 1, or f for -f to f.
        value_range: (low, high) of the pixels.

    >>> RandomColorDegeneration((1.0, 1.0))(jnp.ones((2, 4, 4, 3))).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = interval("factor of RandomColorDegeneration", factor, (-1, 1), loose=True)
        self.value_range = ordered(value_range)

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Any) -> Any:
        return {"factor": uniform(keys, (batch, 1, 1, 1), self.factor)}

    def change(self, images: Any, transformation: Any, interpolation: str) -> Any:
        grey = rgb_to_grayscale(images, "channels_last")
        return jnp.clip(images + per_image(transformation["factor"]) * (grey - images), *self.value_range)

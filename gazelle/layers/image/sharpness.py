"""Images sharper, or blurred."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array
from gazelle.layers.image.base import ImageLayer, Transformation, chosen, interval, ordered, per_image, uniform
from gazelle.ops.image import gaussian_blur
from gazelle.ops.image.filters import smoothed


class RandomSharpness(ImageLayer):
    """In training  y = clip(x + (1 - 2 f)(blur(x) - x)),  with f from factor[0] to factor[1]: 0.5 leaves x, 1 sharpens.

    Args:
        factor: two numbers from 0 to 1, or f for 0 to f.
        value_range: (low, high) of the pixels.

    >>> RandomSharpness((0.5, 0.5))(jnp.ones((2, 4, 4, 3))).min().item()
    1.0
    """

    def __init__(
        self,
        factor: float | Sequence[float],
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = interval("factor of RandomSharpness", factor, (0, 1), loose=True)
        self.value_range = ordered(value_range)

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        return {"factor": uniform(keys, (batch,), self.factor)}

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        ones = jnp.ones(3, images.dtype)
        smooth = (smoothed(images, ones, ones) + 4 * images) / 13  # a window of ones, 5 in the middle
        fraction = 1 - 2 * per_image(transformation["factor"])
        return jnp.clip(images + fraction * (smooth - images), *self.value_range)


class RandomGaussianBlur(ImageLayer):
    """In training blurs some of the images: `ops.image.gaussian_blur` with one random sigma for the batch.

    Args:
        factor: the chance, a number from 0 to 1, or two between which it is drawn.
        kernel_size: an odd number, or two for (x, y).
        sigma: a number from 0 to 1, or two between which it is drawn.
        value_range: (low, high) of the pixels.

    >>> RandomGaussianBlur(seed=1)(jnp.ones((2, 4, 4, 3))).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self,
        factor: float | Sequence[float] = 1.0,
        kernel_size: int | Sequence[int] = 3,
        sigma: float | Sequence[float] = 1.0,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = interval("factor of RandomGaussianBlur", factor, (0, 1), loose=True)
        self.sigma = interval("sigma of RandomGaussianBlur", sigma, (0, 1), loose=True)
        sizes = tuple(kernel_size) if isinstance(kernel_size, list | tuple) else (kernel_size, kernel_size)
        if len(sizes) != 2 or not all(size % 2 for size in sizes):
            raise ArgumentError(
                message("kernel_size of RandomGaussianBlur", expected="an odd number, or two", got=kernel_size)
            )
        self.kernel_size = sizes

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        taken = chosen(keys, batch, self.factor)
        return {"should_apply_blur": taken, "blur_factor": uniform(keys, (2,), self.sigma) + 1e-6}

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        blurred = gaussian_blur(images, self.kernel_size, transformation["blur_factor"], "channels_last")
        out = jnp.where(per_image(transformation["should_apply_blur"]), blurred, images)
        return jnp.clip(out, *self.value_range)

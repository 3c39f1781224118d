"""Random sharpness and Gaussian blur."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array
from gazelle.layers.image.base import ImageLayer, Transformation, chosen, interval, ordered, per_image, uniform
from gazelle.ops.image import gaussian_blur
from gazelle.ops.image.filters import smoothed

if TYPE_CHECKING:
    from gazelle.layers.options import OptionsOfImageLayer


class RandomSharpness(ImageLayer):
    """Random change of the sharpness in training:  y = clip(x + (1 - 2 f)(blur(x) - x)),  f ~ Uniform(factor).

    x (height, width, 3) or (batch, ...)  ->  y (same shape). f = 0.5 leaves x unchanged, larger values sharpen it.

    Args:
        factor: Range of f: two numbers from 0 to 1, or f for (0, f).
        value_range: (low, high) of the pixel values.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        seed: Seed of the random numbers; None derives it from the global seed.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    Raises:
        ArgumentError: `factor` is out of range.

    Example:
        >>> RandomSharpness((0.5, 0.5))(jnp.ones((2, 4, 4, 3))).min().item()
        1.0
    """

    def __init__(
        self,
        factor: float | Sequence[float],
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[OptionsOfImageLayer],
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
    """Gaussian blur of some images in training, with one random sigma per batch; see `ops.image.gaussian_blur`.

    x (height, width, channels) or (batch, ...)  ->  y (same shape)

    Args:
        factor: Probability of the blur, from 0 to 1, or two numbers between which it is drawn.
        kernel_size: Odd size of the filter, or two sizes (x, y).
        sigma: Number from 0 to 1, or two numbers between which it is drawn.
        value_range: (low, high) of the pixel values.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        seed: Seed of the random numbers; None derives it from the global seed.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    Raises:
        ArgumentError: An argument is out of range.

    Example:
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
        **kwargs: Unpack[OptionsOfImageLayer],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = interval("factor of RandomGaussianBlur", factor, (0, 1), loose=True)
        self.sigma = interval("sigma of RandomGaussianBlur", sigma, (0, 1), loose=True)
        sizes = tuple(kernel_size) if isinstance(kernel_size, list | tuple) else (kernel_size, kernel_size)
        if len(sizes) != 2 or not all(size > 0 and size % 2 for size in sizes):
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

"""Random color adjustments: brightness, contrast, hue, saturation and grayscale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array
from gazelle.layers.image.base import ImageLayer, Transformation, interval, ordered, per_image, rescaled, uniform
from gazelle.ops.base import EPSILON
from gazelle.ops.image import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv

if TYPE_CHECKING:
    from gazelle.layers.options import OptionsOfImageLayer, OptionsOfPlainImageLayer


class RandomHue(ImageLayer):
    """Random rotation of the hue in training, by an angle of up to  factor[1] π  in either direction.

    x (height, width, 3) or (batch, ...)  ->  y (same shape)

    Args:
        factor: Range of the angle as a fraction of π: two numbers from 0 to 1, or f for (0, f).
        value_range: (low, high) of the pixel values.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        seed: Seed of the random numbers; None derives it from the global seed.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    Raises:
        ArgumentError: `factor` is out of range.

    Example:
        >>> RandomHue(0.3, (0.0, 1.0))(jnp.ones((2, 4, 4, 3))).shape
        (2, 4, 4, 3)
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
        self.factor = interval("factor of RandomHue", factor, (0, 1), loose=True)

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        sign = jnp.where(uniform(keys, (batch,)) > 0.5, -1.0, 1.0)
        return {"factor": sign * uniform(keys, (batch,), self.factor) * 0.5}

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        h, s, v = jnp.split(rgb_to_hsv(rescaled(images, self.value_range, (0, 1)), "channels_last"), 3, -1)
        h = h + per_image(transformation["factor"])
        h = jnp.where(h > 1, h - 1, h)
        h = jnp.where(h < 0, h + 1, h)
        rgb = hsv_to_rgb(jnp.concatenate([h, s, v], -1), "channels_last")
        return rescaled(jnp.clip(rgb, 0, 1), (0, 1), self.value_range)


class RandomSaturation(ImageLayer):
    """Random change of the saturation in training:  s -> clip(s f / (1 - f)),  f ~ Uniform(factor).

    x (height, width, 3) or (batch, ...)  ->  y (same shape). f = 0 gives gray, f = 0.5 leaves the image unchanged.

    Args:
        factor: Range of f: two numbers from -1 to 1, or f for (-f, f); values below 0 act as 0.
        value_range: (low, high) of the pixel values.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        seed: Seed of the random numbers; None derives it from the global seed.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    Raises:
        ArgumentError: `factor` is out of range.

    Example:
        >>> RandomSaturation((0.5, 0.5), (0.0, 1.0))(jnp.ones((2, 4, 4, 3))).shape
        (2, 4, 4, 3)
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
        self.factor = interval("factor of RandomSaturation", factor, (-1, 1), loose=True)
        self.value_range = ordered(value_range)

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        f = uniform(keys, (batch,), self.factor)
        return {"factor": f / (1 - f + EPSILON)}

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        h, s, v = jnp.split(rgb_to_hsv(images, "channels_last"), 3, -1)
        s = jnp.clip(s * per_image(transformation["factor"]), *self.value_range)
        return hsv_to_rgb(jnp.concatenate([h, s, v], -1), "channels_last")


class RandomGrayscale(ImageLayer):
    """Random conversion of images to grayscale in training; they keep three channels.

    x (height, width, 3) or (batch, ...)  ->  y (same shape)

    Args:
        factor: Probability of the conversion, from 0 to 1.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        seed: Seed of the random numbers; None derives it from the global seed.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    Raises:
        ArgumentError: `factor` is not in [0, 1].

    Example:
        >>> RandomGrayscale(1.0)(jnp.ones((1, 1, 3))).round(3)
        Array([[[1., 1., 1.]]], dtype=float32)
    """

    def __init__(
        self,
        factor: float = 0.5,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[OptionsOfImageLayer],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        if not 0 <= factor <= 1:
            raise ArgumentError(message("factor of RandomGrayscale", expected="a number from 0 to 1", got=factor))

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        return uniform(keys, (batch, 1, 1, 1)) < self.factor

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        return jnp.where(per_image(transformation), rgb_to_grayscale(images, "channels_last"), images)


class RandomBrightness(ImageLayer):
    """Random change of the brightness in training:  y = clip(x + d (high - low)),  d ~ Uniform(factor) for each image.

    x (height, width, channels) or (batch, ...)  ->  y (same shape)

    Args:
        factor: Range of d: two numbers from -1 to 1, or f for (-f, f).
        value_range: (low, high) of the pixel values.
        seed: Seed of the random numbers; None derives it from the global seed.
        **kwargs: `data_format`, `bounding_box_format` and arguments of `Layer`: `name`, `dtype`, `trainable` and
            others.

    Raises:
        ArgumentError: `factor` is out of range.

    Example:
        >>> RandomBrightness((0.2, 0.2), (0.0, 1.0))(jnp.full((1, 1, 1), 0.5)).item()
        0.699999...
    """

    def __init__(
        self,
        factor: float | Sequence[float],
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        **kwargs: Unpack[OptionsOfPlainImageLayer],
    ) -> None:
        super().__init__(**kwargs)
        self.factor = interval("factor of RandomBrightness", factor, (-1, 1), loose=True)
        self.value_range = ordered(value_range)

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        low, high = self.value_range
        return {"rgb_delta": uniform(keys, (batch, 1, 1, 1), self.factor) * (high - low)}

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        return jnp.clip(images + per_image(transformation["rgb_delta"]), *self.value_range)


class RandomContrast(ImageLayer):
    """Random change of the contrast in training:  y = clip((x - mean) c + mean).

    c ~ Uniform(1 - factor[0], 1 + factor[1])

    x (height, width, channels) or (batch, ...)  ->  y (same shape); mean is that of each channel of an image

    Args:
        factor: Two numbers from 0 to 1, or f for both.
        value_range: (low, high) of the pixel values.
        seed: Seed of the random numbers; None derives it from the global seed.
        **kwargs: `data_format`, `bounding_box_format` and arguments of `Layer`: `name`, `dtype`, `trainable` and
            others.

    Raises:
        ArgumentError: `factor` is out of range.

    Example:
        >>> RandomContrast(0.3, seed=1)(jnp.full((2, 4, 4, 3), 9.0)).max().item()
        9.0
    """

    def __init__(
        self,
        factor: float | Sequence[float],
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        **kwargs: Unpack[OptionsOfPlainImageLayer],
    ) -> None:
        super().__init__(**kwargs)
        self.factor = interval("factor of RandomContrast", factor, (0, 1), loose=True)

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        bounds = (1 - self.factor[0], 1 + self.factor[1])
        return {"contrast_factor": uniform(keys, (batch, 1, 1, 1), bounds)}

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        mean = images.mean((1, 2), keepdims=True)
        return jnp.clip((images - mean) * per_image(transformation["contrast_factor"]) + mean, *self.value_range)


class RandomColorDegeneration(ImageLayer):
    """Random interpolation with the grayscale image in training:  y = clip(x + d (gray(x) - x)),  d ~ Uniform(factor).

    x (height, width, 3) or (batch, ...)  ->  y (same shape). d = 0 leaves x unchanged, d = 1 gives gray.

    Args:
        factor: Range of d: two numbers from -1 to 1, or f for (-f, f).
        value_range: (low, high) of the pixel values.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        seed: Seed of the random numbers; None derives it from the global seed.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    Raises:
        ArgumentError: `factor` is out of range.

    Example:
        >>> RandomColorDegeneration((1.0, 1.0))(jnp.ones((2, 4, 4, 3))).shape
        (2, 4, 4, 3)
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
        self.factor = interval("factor of RandomColorDegeneration", factor, (-1, 1), loose=True)
        self.value_range = ordered(value_range)

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        return {"factor": uniform(keys, (batch, 1, 1, 1), self.factor)}

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        grey = rgb_to_grayscale(images, "channels_last")
        return jnp.clip(images + per_image(transformation["factor"]) * (grey - images), *self.value_range)

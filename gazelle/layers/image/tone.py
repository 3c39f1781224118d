"""Random inversion and posterization, and solarization."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp

from gazelle.core.types import Array
from gazelle.layers.image.base import (
    ImageLayer,
    Transformation,
    chosen,
    interval,
    ordered,
    per_image,
    rescaled,
    uniform,
)

if TYPE_CHECKING:
    from gazelle.layers.options import OptionsOfImageLayer, OptionsOfPlainImageLayer


class RandomInvert(ImageLayer):
    """Random inversion of images in training:  y = high - x.

    x (height, width, channels) or (batch, ...)  ->  y (same shape)

    Args:
        factor: Probability of the inversion, from 0 to 1, or two numbers between which it is drawn.
        value_range: (low, high) of the pixel values.
        seed: Seed of the random numbers; None derives it from the global seed.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    Raises:
        ArgumentError: `factor` is out of range.

    Example:
        >>> RandomInvert((1.0, 1.0))(jnp.ones((1, 1, 3)))
        Array([[[254., 254., 254.]]], dtype=float32)
    """

    def __init__(
        self,
        factor: float | Sequence[float] = 1.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[OptionsOfImageLayer],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = interval("factor of RandomInvert", factor, (0, 1), loose=True)

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        return {"apply_inversion": chosen(keys, batch, self.factor)}

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        return jnp.where(per_image(transformation["apply_inversion"]), self.value_range[1] - images, images)


class RandomPosterization(ImageLayer):
    """Random reduction of the bits per pixel value in training.

    x (height, width, channels) or (batch, ...)  ->  y (same shape)

    Args:
        factor: Number of bits to keep of 8, from 1 to 8; for two numbers it is drawn from the first to below the
            second.
        value_range: (low, high) of the pixel values.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        seed: Seed of the random numbers; None derives it from the global seed.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    Raises:
        ArgumentError: `factor` is out of range.

    Example:
        >>> RandomPosterization(1)(jnp.array([[[100.0, 200.0]]]))
        Array([[[  0., 128.]]], dtype=float32)
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
        self.factor = interval("factor of RandomPosterization", factor, (1, 8), loose=True)
        self.value_range = ordered(value_range)

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        low, high = self.factor
        bits = jnp.full((batch,), low) if low == high else jax.random.randint(next(keys), (batch,), low, high)
        return {"shift_factor": (8 - bits).astype("uint8")}

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        lost = per_image(transformation["shift_factor"]).astype("uint8")
        pixels = rescaled(images, self.value_range, (0, 255)).astype("uint8")
        kept = jnp.left_shift(jnp.right_shift(pixels, lost), lost)
        return rescaled(kept.astype(images.dtype), (0, 255), self.value_range)


class Solarization(ImageLayer):
    """Random addition and inversion above a threshold in training:  y = 255 - x  for x + addition >= threshold.

    x (height, width, channels) or (batch, ...)  ->  y (same shape), computed in the range 0 to 255

    Args:
        addition_factor: Range of the addition as a fraction of 255: two numbers from 0 to 1, or f for (0, f).
        threshold_factor: Range of the threshold as a fraction of 255: two numbers from 0 to 1, or f for (0, f).
        value_range: (low, high) of the pixel values.
        seed: Seed of the random numbers; None derives it from the global seed.
        **kwargs: `data_format`, `bounding_box_format` and arguments of `Layer`: `name`, `dtype`, `trainable` and
            others.

    Raises:
        ArgumentError: A factor is out of range.

    Example:
        >>> Solarization()(jnp.array([[[0.0, 200.0]]]))
        Array([[[255.,  55.]]], dtype=float32)
    """

    def __init__(
        self,
        addition_factor: float | Sequence[float] = 0.0,
        threshold_factor: float | Sequence[float] = 0.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        **kwargs: Unpack[OptionsOfPlainImageLayer],
    ) -> None:
        super().__init__(**kwargs)
        self.addition_factor = interval("addition_factor of Solarization", addition_factor, (0, 1), 0)
        self.threshold_factor = interval("threshold_factor of Solarization", threshold_factor, (0, 1), 0)
        self.value_range = ordered(value_range)

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        return {  # as in Keras only the upper bound is a fraction of 255
            name: uniform(keys, (batch, 1, 1, 1), (low, high * 255))
            for name, (low, high) in (("additions", self.addition_factor), ("thresholds", self.threshold_factor))
        }

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        x = rescaled(images, self.value_range, (0, 255)) + per_image(transformation["additions"])
        x = jnp.clip(x, 0, 255)
        x = jnp.where(x < per_image(transformation["thresholds"]), x, 255 - x)
        return rescaled(x, (0, 255), self.value_range)

"""Pixels turned over, or told in fewer bits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

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


class RandomInvert(ImageLayer):
    """In training turns some images into their negative:  y = high - x.

    Args:
        factor: the chance, a number from 0 to 1, or two between which it is drawn.
        value_range: (low, high) of the pixels.

    >>> RandomInvert((1.0, 1.0))(jnp.ones((1, 1, 3)))
    Array([[[254., 254., 254.]]], dtype=float32)
    """

    def __init__(
        self,
        factor: float | Sequence[float] = 1.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = interval("factor of RandomInvert", factor, (0, 1), loose=True)

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        return {"apply_inversion": chosen(keys, batch, self.factor)}

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        return jnp.where(per_image(transformation["apply_inversion"]), self.value_range[1] - images, images)


class RandomPosterization(ImageLayer):
    """In training keeps only the first bits of each pixel's eight.

    Args:
        factor: number of bits from 1 to 8; two numbers give one from the first to below the second.
        value_range: (low, high) of the pixels.

    >>> RandomPosterization(1)(jnp.array([[[100.0, 200.0]]]))
    Array([[[  0., 128.]]], dtype=float32)
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
    """In training adds a number to all pixels, then turns over those from a threshold on:  y = 255 - x.

    Args:
        addition_factor: a share of 255 from 0 to 1, or two between which it is drawn; f stands for 0 to f.
        threshold_factor: the same for the threshold.
        value_range: (low, high) of the pixels.

    >>> Solarization()(jnp.array([[[0.0, 200.0]]]))
    Array([[[255.,  55.]]], dtype=float32)
    """

    def __init__(
        self,
        addition_factor: float | Sequence[float] = 0.0,
        threshold_factor: float | Sequence[float] = 0.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.addition_factor = interval("addition_factor of Solarization", addition_factor, (0, 1), 0)
        self.threshold_factor = interval("threshold_factor of Solarization", threshold_factor, (0, 1), 0)
        self.value_range = ordered(value_range)

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        return {  # as in Keras only the upper bound is a share of 255
            name: uniform(keys, (batch, 1, 1, 1), (low, high * 255))
            for name, (low, high) in (("additions", self.addition_factor), ("thresholds", self.threshold_factor))
        }

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        x = rescaled(images, self.value_range, (0, 255)) + per_image(transformation["additions"])
        x = jnp.clip(x, 0, 255)
        x = jnp.where(x < per_image(transformation["thresholds"]), x, 255 - x)
        return rescaled(x, (0, 255), self.value_range)

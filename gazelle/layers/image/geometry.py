"""Images flipped, turned, moved, grown and sheared, with their masks and boxes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import jax.numpy as jnp

from gazelle.core.types import Array
from gazelle.layers.image.base import ImageLayer, Transformation, checked, interval, per_image, uniform
from gazelle.ops.image import affine_transform as warp
from gazelle.ops.image.boxes import affine_transform as moved_boxes
from gazelle.ops.image.form import choose


class RandomFlip(ImageLayer):
    """In training turns every second image over, on average.

    Args:
        mode: 'horizontal', 'vertical', or 'horizontal_and_vertical' for both at once.
        seed: gives other draws than layers with another seed.

    >>> RandomFlip("horizontal")(jnp.arange(3.0).reshape(1, 3, 1), training=False)[..., 0]
    Array([[0., 1., 2.]], dtype=float32)
    """

    moves = True

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        choose("mode of RandomFlip", mode, ("horizontal", "vertical", "horizontal_and_vertical"))

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        return {"flips": uniform(keys, (batch, 1, 1, 1)) <= 0.5}

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        axes = [axis for axis, word in ((1, "vertical"), (2, "horizontal")) if word in self.mode]
        return jnp.where(transformation["flips"], jnp.flip(images, axes), images)

    def move_boxes(self, boxes: Array, transformation: Transformation, height: int, width: int) -> Array:
        x1, y1, x2, y2 = jnp.split(boxes, 4, -1)
        if "horizontal" in self.mode:
            x1, x2 = width - x2, width - x1
        if "vertical" in self.mode:
            y1, y2 = height - y2, height - y1
        return jnp.where(per_image(transformation["flips"])[..., 0], jnp.concatenate([x1, y1, x2, y2], -1), boxes)


class RandomRotation(ImageLayer):
    """In training turns images around their middle by an angle from factor[0] to factor[1] of a full turn.

    Args:
        factor: two shares of a full turn, or f for -f to f; positive turns against the clock.
        fill_mode: what is seen beyond the edges: 'reflect', 'wrap', 'nearest', or 'constant', which is `fill_value`.
        interpolation: 'bilinear' or 'nearest'; masks are always seen by 'nearest'.

    >>> RandomRotation(0.1, seed=1)(jnp.ones((2, 4, 4, 3))).shape
    (2, 4, 4, 3)
    """

    moves = True

    def __init__(
        self,
        factor: float | Sequence[float],
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = interval("factor of RandomRotation", factor, (-1, 1))
        checked(self)

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        angle = uniform(keys, (batch,), [360 * f for f in self.factor])
        x, y = (width - 1) / 2, (height - 1) / 2
        cos, sin = jnp.cos(angle * math.pi / 180), jnp.sin(angle * math.pi / 180)
        rows = [cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos, 0 * cos, 0 * cos]
        return {
            "angle": angle,
            "rotation_matrix": jnp.stack(rows, 1),
            "image_height": height,
            "image_width": width,
            "batch_size": batch,
        }

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        return warp(images, transformation["rotation_matrix"], interpolation, self.fill_mode, self.fill_value)

    def _size_before(self, transformation: Any) -> tuple[int, int]:
        return transformation["image_height"], transformation["image_width"]

    def move_boxes(self, boxes: Array, transformation: Transformation, height: int, width: int) -> Array:
        angle = transformation["angle"]
        zero, one = jnp.zeros_like(angle), jnp.ones_like(angle)
        return moved_boxes(boxes, angle, zero, zero, one, zero, zero, height, width)


class RandomTranslation(ImageLayer):
    """In training moves images down by a share from `height_factor` of their height, and to the right by one from
    `width_factor` of their width.

    Args:
        height_factor, width_factor: two shares from -1 to 1, or f for -f to f.
        fill_mode, interpolation, fill_value: as in `RandomRotation`.

    >>> RandomTranslation(0.2, (0.0, 0.1), seed=1)(jnp.ones((2, 4, 4, 3))).shape
    (2, 4, 4, 3)
    """

    moves = True

    def __init__(
        self,
        height_factor: float | Sequence[float],
        width_factor: float | Sequence[float] | None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.rows = interval("height_factor of RandomTranslation", height_factor, (-1, 1))
        self.columns = interval("width_factor of RandomTranslation", width_factor, (-1, 1))
        checked(self)

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        down, right = uniform(keys, (batch, 1), self.rows) * height, uniform(keys, (batch, 1), self.columns) * width
        return {"translations": jnp.concatenate([right, down], 1)}

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        right, down = jnp.moveaxis(transformation["translations"], 1, 0)
        zero, one = jnp.zeros_like(right), jnp.ones_like(right)
        maps = jnp.stack([one, zero, -right, zero, one, -down, zero, zero], 1)
        return warp(images, maps, interpolation, self.fill_mode, self.fill_value)

    def move_boxes(self, boxes: Array, transformation: Transformation, height: int, width: int) -> Array:
        return boxes + jnp.tile(transformation["translations"], (1, 2))[:, None]


class RandomZoom(ImageLayer):
    """In training grows or shrinks images around their middle:  1 + height_factor rows are seen where 1 was.

    Args:
        height_factor: two numbers above -1 and to 1, or f for -f to f; negative ones go nearer, positive ones away.
        width_factor: the same for columns; None keeps the aspect ratio.
        fill_mode, interpolation, fill_value: as in `RandomRotation`.

    >>> RandomZoom(0.3, seed=1)(jnp.ones((2, 4, 4, 3))).shape
    (2, 4, 4, 3)
    """

    moves = True

    def __init__(
        self,
        height_factor: float | Sequence[float],
        width_factor: float | Sequence[float] | None = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        bounds = (math.nextafter(-1, 0), 1)
        self.rows = interval("height_factor of RandomZoom", height_factor, bounds)
        self.columns = None if width_factor is None else interval("width_factor of RandomZoom", width_factor, bounds)
        checked(self)

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        rows = 1 + uniform(keys, (batch, 1), self.rows)
        columns = rows if self.columns is None else 1 + uniform(keys, (batch, 1), self.columns)
        return {"height_zoom": rows, "width_zoom": columns}

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        (rows, top), (columns, left) = self._axes(transformation, *images.shape[1:3])
        zero = jnp.zeros_like(rows)
        maps = jnp.concatenate([columns, zero, left, zero, rows, top, zero, zero], 1)
        return warp(images, maps, interpolation, self.fill_mode, self.fill_value)

    def move_boxes(self, boxes: Array, transformation: Transformation, height: int, width: int) -> Array:
        x1, y1, x2, y2 = jnp.split(boxes, 4, -1)
        (rows, top), (columns, left) = self._axes(transformation, height, width)
        rows, top, columns, left = (v[:, None] for v in (rows, top, columns, left))
        xs, ys = [(x - left) / columns for x in (x1, x2)], [(y - top) / rows for y in (y1, y2)]
        return jnp.concatenate([xs[0], ys[0], xs[1], ys[1]], -1)

    @staticmethod
    def _axes(transformation: Any, height: int, width: int) -> list[tuple[Any, Any]]:
        """(zoom, offset) of rows and of columns: place i shows zoom i + offset."""
        zooms = ((transformation["height_zoom"], height), (transformation["width_zoom"], width))
        return [(zoom, (n - 1) / 2 * (1 - zoom)) for zoom, n in zooms]


class RandomShear(ImageLayer):
    """In training slants images: the place (x, y) shows (x + a y, b x + y), a from `x_factor` and b from `y_factor`.

    Args:
        x_factor, y_factor: two numbers from 0 to 1, or f for -f to f; the sign of both is drawn.
        fill_mode, interpolation, fill_value: as in `RandomRotation`.

    >>> RandomShear(0.3, seed=1)(jnp.ones((2, 4, 4, 3))).shape
    (2, 4, 4, 3)
    """

    moves = True

    def __init__(
        self,
        x_factor: float | Sequence[float] = 0.0,
        y_factor: float | Sequence[float] = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        pair: tuple[tuple[str, Any], ...] = (("x_factor", x_factor), ("y_factor", y_factor))
        for name, factor in pair:
            given = isinstance(factor, list | tuple)  # a pair may come from a config, and then begins below 0
            low = -1 if given and len(factor) == 2 and factor[0] == -factor[1] else 0
            setattr(self, name, interval(f"{name} of RandomShear", factor, (low, 1), None if given else -abs(factor)))
        checked(self)

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        sign = jnp.where(uniform(keys, (batch, 1)) > 0.5, -1.0, 1.0)
        both = [uniform(keys, (batch, 1), factor) for factor in (self.x_factor, self.y_factor)]
        return {"shear_factor": jnp.concatenate(both, 1) * sign}

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        a, b = jnp.moveaxis(transformation["shear_factor"], 1, 0)
        zero, one = jnp.zeros_like(a), jnp.ones_like(a)
        maps = jnp.stack([one, a, zero, b, one, zero, zero, zero], 1)
        return warp(images, maps, interpolation, self.fill_mode, self.fill_value)

    def move_boxes(self, boxes: Array, transformation: Transformation, height: int, width: int) -> Array:
        """As Keras: the edges as shares of the image, x first, by the corner that lies farthest out."""
        a, b = jnp.split(jnp.asarray(transformation["shear_factor"])[:, None], 2, -1)
        x1, y1, x2, y2 = jnp.split(boxes / jnp.array([width, height, width, height]), 4, -1)
        x1, x2 = x1 - a * jnp.where(a < 0, y1, y2), x2 - a * jnp.where(a < 0, y2, y1)
        y1, y2 = y1 - b * jnp.where(b > 0, x2, x1), y2 - b * jnp.where(b > 0, x1, x2)
        return jnp.concatenate([x1 * width, y1 * height, x2 * width, y2 * height], -1)

"""Random geometric transformations: flip, rotation, translation, zoom and shear, also of masks and boxes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax.numpy as jnp

from gazelle.core.types import Array
from gazelle.layers.image.base import ImageLayer, Transformation, checked, interval, per_image, uniform
from gazelle.ops.image import affine_transform as warp
from gazelle.ops.image.boxes import affine_transform as moved_boxes
from gazelle.ops.image.layout import choose

if TYPE_CHECKING:
    from gazelle.layers.options import OptionsOfImageLayer


class RandomFlip(ImageLayer):
    """Random flip of each image with probability 1/2 in training.

    x (height, width, channels) or (batch, ...)  ->  y (same shape). Masks and bounding boxes are flipped too.

    Args:
        mode: 'horizontal', 'vertical', or 'horizontal_and_vertical' for both at once.
        seed: Seed of the random numbers; None derives it from the global seed.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    Raises:
        ArgumentError: `mode` is unknown.

    Example:
        >>> RandomFlip("horizontal")(jnp.arange(3.0).reshape(1, 3, 1), training=False)[..., 0]
        Array([[0., 1., 2.]], dtype=float32)
    """

    moves = True

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[OptionsOfImageLayer],
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
    """Random rotation of images around their center in training, by an angle of  2π f,  f ~ Uniform(factor).

    x (height, width, channels) or (batch, ...)  ->  y (same shape). Masks and bounding boxes are rotated too.

    Args:
        factor: Range of f: two numbers from -1 to 1, or f for (-f, f); positive angles are counterclockwise.
        fill_mode: Values outside of the image: 'reflect', 'wrap', 'nearest', or 'constant' for `fill_value`.
        interpolation: 'bilinear' or 'nearest'; segmentation masks always use 'nearest'.
        seed: Seed of the random numbers; None derives it from the global seed.
        fill_value: Value outside of the image with fill_mode='constant'.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    Raises:
        ArgumentError: An argument is out of range.

    Example:
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
        **kwargs: Unpack[OptionsOfImageLayer],
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
    """Random translation of images in training, down by  f height  and to the right by  g width.

    x (height, width, channels) or (batch, ...)  ->  y (same shape). Masks and bounding boxes are moved too.

    Args:
        height_factor: Range of f: two numbers from -1 to 1, or f for (-f, f).
        width_factor: Range of g: two numbers from -1 to 1, or g for (-g, g).
        fill_mode: Values outside of the image: 'reflect', 'wrap', 'nearest', or 'constant' for `fill_value`.
        interpolation: 'bilinear' or 'nearest'; segmentation masks always use 'nearest'.
        seed: Seed of the random numbers; None derives it from the global seed.
        fill_value: Value outside of the image with fill_mode='constant'.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    Raises:
        ArgumentError: An argument is out of range.

    Example:
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
        **kwargs: Unpack[OptionsOfImageLayer],
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
    """Random zoom of images around their center in training: 1 + f rows of x are shown where y has 1.

    x (height, width, channels) or (batch, ...)  ->  y (same shape). Masks and bounding boxes are scaled too.

    Args:
        height_factor: Range of f: two numbers above -1 and up to 1, or f for (-f, f); negative values enlarge the
            image.
        width_factor: The same for columns; None preserves the aspect ratio.
        fill_mode: Values outside of the image: 'reflect', 'wrap', 'nearest', or 'constant' for `fill_value`.
        interpolation: 'bilinear' or 'nearest'; segmentation masks always use 'nearest'.
        seed: Seed of the random numbers; None derives it from the global seed.
        fill_value: Value outside of the image with fill_mode='constant'.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    Raises:
        ArgumentError: An argument is out of range.

    Example:
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
        **kwargs: Unpack[OptionsOfImageLayer],
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
        """Return (zoom, offset) of rows and of columns: position i shows zoom i + offset."""
        zooms = ((transformation["height_zoom"], height), (transformation["width_zoom"], width))
        return [(zoom, (n - 1) / 2 * (1 - zoom)) for zoom, n in zooms]


class RandomShear(ImageLayer):
    """Random shear of images in training: y at (i, j) is x at (i + a j, b i + j).

    x (height, width, channels) or (batch, ...)  ->  y (same shape). Masks and bounding boxes are sheared too. i counts
    columns, j rows.

    Args:
        x_factor: Range of |a|: two numbers from 0 to 1, or a number for (-a, a); the sign is random.
        y_factor: Range of |b|, likewise.
        interpolation: 'bilinear' or 'nearest'; segmentation masks always use 'nearest'.
        fill_mode: Values outside of the image: 'reflect', 'wrap', 'nearest', or 'constant' for `fill_value`.
        fill_value: Value outside of the image with fill_mode='constant'.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        seed: Seed of the random numbers; None derives it from the global seed.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    Raises:
        ArgumentError: An argument is out of range.

    Example:
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
        **kwargs: Unpack[OptionsOfImageLayer],
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
        # as in Keras: edges as fractions of the image, x first, by the outermost corner
        a, b = jnp.split(jnp.asarray(transformation["shear_factor"])[:, None], 2, -1)
        x1, y1, x2, y2 = jnp.split(boxes / jnp.array([width, height, width, height]), 4, -1)
        x1, x2 = x1 - a * jnp.where(a < 0, y1, y2), x2 - a * jnp.where(a < 0, y2, y1)
        y1, y2 = y1 - b * jnp.where(b > 0, x2, x1), y2 - b * jnp.where(b > 0, x1, x2)
        return jnp.concatenate([x1 * width, y1 * height, x2 * width, y2 * height], -1)

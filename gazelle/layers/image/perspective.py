"""Random perspective transformation and elastic deformation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array, ArrayLike
from gazelle.layers.image.base import ImageLayer, Transformation, checked, chosen, interval, per_image, uniform
from gazelle.ops.image import perspective_transform
from gazelle.ops.image.boxes import enclosing_box
from gazelle.ops.image.warping import elastically_transformed, homography

if TYPE_CHECKING:
    from gazelle.layers.options import OptionsOfImageLayer


class RandomPerspective(ImageLayer):
    """Random perspective transformation of some images in training; each coordinate of a corner changes by up to half.

    x (height, width, channels) or (batch, ...)  ->  y (same shape). Masks and bounding boxes are transformed too.

    Args:
        factor: Probability of the transformation, from 0 to 1, or two numbers between which it is drawn.
        scale: Strength, from 0 to 1.
        interpolation: 'bilinear' or 'nearest'.
        fill_value: Value outside of the image.
        seed: Seed of the random numbers; None derives it from the global seed.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    Raises:
        ArgumentError: An argument is out of range.

    Example:
        >>> RandomPerspective(seed=1)(jnp.ones((2, 4, 4, 3))).shape
        (2, 4, 4, 3)
    """

    moves = True

    def __init__(
        self,
        factor: float | Sequence[float] = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[OptionsOfImageLayer],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = interval("factor of RandomPerspective", factor, (0, 1), loose=True)
        if not 0 <= scale <= 1:
            raise ArgumentError(message("scale of RandomPerspective", expected="a number from 0 to 1", got=scale))
        checked(self)

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        taken = chosen(keys, batch, self.factor)
        fraction = uniform(keys, (batch, 4, 2), (-0.5 * self.scale, 0.5 * self.scale))
        right, low = float(width - 1), float(height - 1)
        start = jnp.tile(jnp.array([[[0, 0], [right, 0], [0, low], [right, low]]]), (batch, 1, 1))
        return {"apply_perspective": taken, "start_points": start, "end_points": start * (1 + fraction)}

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        points = transformation["start_points"], transformation["end_points"]
        seen = perspective_transform(images, *points, interpolation, self.fill_value, "channels_last")
        return jnp.where(per_image(transformation["apply_perspective"]), seen, images)

    def move_boxes(self, boxes: Array, transformation: Transformation, height: int, width: int) -> Array:
        back = homography(transformation["start_points"], transformation["end_points"])
        matrix = jnp.concatenate([back, jnp.ones_like(back[:, :1])], 1).reshape(-1, 3, 3)
        x1, y1, x2, y2 = jnp.split(boxes, 4, -1)
        xs, ys = jnp.concatenate([x1, x2, x1, x2], -1), jnp.concatenate([y1, y2, y2, y1], -1)
        corners = jnp.stack([xs, ys, jnp.ones_like(xs)], -1)
        x, y, depth = jnp.moveaxis(jnp.einsum("bij,bnkj->bnki", jnp.linalg.inv(matrix), corners), -1, 0)
        return jnp.where(
            per_image(transformation["apply_perspective"])[..., 0], enclosing_box(x / depth, y / depth), boxes
        )


class RandomElasticTransform(ImageLayer):
    """Random elastic deformation of some images in training; see `ops.image.elastic_transform`.

    x (height, width, channels) or (batch, ...)  ->  y (same shape)

    Args:
        factor: Probability of the deformation, from 0 to 1, or two numbers between which it is drawn.
        scale: Strength d from 0 to 1, or two numbers between which it is drawn: alpha = 0.1 d max(h, w), sigma = 0.05 d
            min(h, w).
        interpolation: 'bilinear' or 'nearest'; segmentation masks always use 'nearest'.
        fill_mode: Values outside of the image: 'reflect', 'wrap', 'nearest', 'mirror', or 'constant' for `fill_value`.
        fill_value: Value outside of the image with fill_mode='constant'.
        value_range: (low, high) of the pixel values.
        seed: Seed of the random numbers; None derives it from the global seed.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    Raises:
        ArgumentError: An argument is out of range.

    Example:
        >>> RandomElasticTransform(seed=1)(jnp.ones((2, 8, 8, 3))).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        factor: float | Sequence[float] = 1.0,
        scale: ArrayLike = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[OptionsOfImageLayer],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = interval("factor of RandomElasticTransform", factor, (0, 1), loose=True)
        self.scale = interval("scale of RandomElasticTransform", scale, (0, 1), loose=True)
        checked(self, ("reflect", "wrap", "constant", "nearest", "mirror"))

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        if self.scale[1] == 0 or self.factor[1] == 0:
            return None
        taken, strength = chosen(keys, batch, self.factor), uniform(keys, (), self.scale)
        return {"apply_transform": taken, "distortion_factor": strength, "seed": next(keys)}

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        h, w = images.shape[1:3]
        strength, seed = transformation["distortion_factor"], transformation["seed"]
        alpha, sigma = 0.1 * max(h, w) * strength, 0.05 * min(h, w) * strength
        window = int(6 * 0.05 * min(h, w) * self.scale[1]) | 1
        options = (interpolation, self.fill_mode, self.fill_value, seed, "channels_last")
        out = jnp.where(
            per_image(transformation["apply_transform"]),
            elastically_transformed(images, alpha, sigma, window, *options),
            images,
        )
        return jnp.clip(out, *self.value_range)

    def transform_segmentation_masks(
        self, segmentation_masks: ArrayLike, transformation: Transformation = None, training: bool = True
    ) -> Array:
        masks = jnp.asarray(segmentation_masks)
        if not training or transformation is None:
            return masks
        return self._changed(masks.astype(jax.dtypes.canonicalize_dtype(float)), transformation, "nearest").astype(
            masks.dtype
        )

"""Random erasing, MixUp and CutMix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array, ArrayLike
from gazelle.layers.image.base import ImageLayer, Transformation, chosen, interval, per_image, uniform
from gazelle.ops.space import is_first

if TYPE_CHECKING:
    from gazelle.layers.options import OptionsOfImageLayer


def rectangles(keys: Iterator[Any], batch: int, sizes: Array, height: int, width: int) -> tuple[Any, Any]:
    """Return a random rectangle for each image.

    Args:
        keys: Random keys.
        batch: Number of images.
        sizes: Sizes (batch, 2) as fractions of (width, height).
        height: Rows of an image.
        width: Columns of an image.

    Returns:
        Masks (batch, height, width, 1) and areas (batch, 1, 1, 1).
    """
    spans = []
    for fraction, length in zip(jnp.moveaxis(sizes, 1, 0), (width, height), strict=True):
        size = fraction * length
        start = uniform(keys, (batch,)) * (length - size)
        spans.append((per_image(start), per_image(start + size)))
    (x0, x1), (y0, y1) = spans
    x, y = jnp.arange(width)[None, None, :, None], jnp.arange(height)[None, :, None, None]
    return (x >= x0) & (x < x1) & (y >= y0) & (y < y1), (x1 - x0) * (y1 - y0)


def placed(values: Array, channels: int, data_format: str) -> Array:
    """Repeat values for each channel, with the channels at the position of `data_format`.

    Args:
        values: Array (batch, height, width, 1).
        channels: Number of channels.
        data_format: 'channels_last' or 'channels_first'.

    Returns:
        Array (batch, height, width, channels) or (batch, channels, height, width).
    """
    values = jnp.repeat(values, channels, -1)
    return jnp.moveaxis(values, -1, 1) if is_first(data_format) else values


class RandomErasing(ImageLayer):
    """Random erasing of a rectangle of some images in training.

    x (height, width, channels) or (batch, ...)  ->  y (same shape)

    Args:
        factor: Probability of the erasing, from 0 to 1, or two numbers between which it is drawn.
        scale: Two fractions; each side of the rectangle has the square root of a fraction between them of the image's
            side.
        fill_value: Number, or one per channel; None for normally distributed noise.
        value_range: (low, high) of the pixel values.
        seed: Seed of the random numbers; None derives it from the global seed.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    Raises:
        ArgumentError: An argument is out of range.

    References:
        Zhong et al., Random Erasing Data Augmentation (AAAI 2020).

    Example:
        >>> RandomErasing(seed=1)(jnp.ones((2, 4, 4, 3))).shape
        (2, 4, 4, 3)
    """

    def __init__(
        self,
        factor: float | Sequence[float] = 1.0,
        scale: ArrayLike = (0.02, 0.33),
        fill_value: float | Sequence[float] | None = None,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[OptionsOfImageLayer],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = interval("factor of RandomErasing", factor, (0, 1), loose=True)
        self.scale = interval("scale of RandomErasing", scale, (0, 1), loose=True)
        if isinstance(fill_value, list | tuple) and len(fill_value) != 3:
            raise ArgumentError(
                message("fill_value of RandomErasing", expected="a number or three", got=repr(fill_value))
            )

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
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

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        inside, fill = transformation["batch_masks"], transformation["fill_value"]
        if is_first(self.data_format):
            inside, fill = (jnp.moveaxis(v, -3, -1) for v in (inside, fill))
        return jnp.where(per_image(transformation["apply_erasing"]) & inside, fill, images)


def _mix_labels(self: Any, labels: Array, transformation: Transformation = None, training: bool = True) -> Array:
    """Return labels that are mixed in the same way as the images.

    Args:
        self: The layer.
        labels: One-hot labels (batch, classes).
        transformation: What `get_random_transformation` returned.
        training: Whether the layer mixes.

    Returns:
        The mixed labels (batch, classes).
    """
    labels = jnp.asarray(labels)
    if not training or transformation is None:
        return labels
    weight = jnp.reshape(transformation["mix_weight"], (-1, 1))
    return weight * labels + (1 - weight) * labels[transformation["permutation_order"]]


class MixUp(ImageLayer):
    """Random convex combinations of images in training:  y = w x + (1 - w) x',  w ~ Beta(alpha, alpha).

    x (batch, height, width, channels)  ->  y (same shape); x' is another image of the batch. One-hot labels are
    combined in the same way; an image has the bounding boxes of both.

    Args:
        alpha: Parameter of the Beta distribution.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        seed: Seed of the random numbers; None derives it from the global seed.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    References:
        Zhang et al., mixup: Beyond Empirical Risk Minimization (ICLR 2018).

    Example:
        >>> MixUp(seed=1)({"images": jnp.ones((2, 4, 4, 3)), "labels": jnp.eye(2)})["labels"].sum(1).round(3)
        Array([1., 1.], dtype=float32)
    """

    transform_labels = _mix_labels

    def __init__(
        self,
        alpha: float = 0.2,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[OptionsOfImageLayer],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        weight = jax.random.beta(next(keys), self.alpha, self.alpha, (batch,))
        return {"mix_weight": weight, "permutation_order": jax.random.permutation(next(keys), batch)}

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        weight = per_image(transformation["mix_weight"])
        return weight * images + (1 - weight) * images[transformation["permutation_order"]]

    def transform_bounding_boxes(
        self, bounding_boxes: Mapping[str, Any], transformation: Transformation = None, training: bool = True
    ) -> Mapping[str, Any]:
        # boxes of the image, then those of its partner
        if not training or transformation is None:
            return bounding_boxes
        order = transformation["permutation_order"]
        return {key: jnp.concatenate([value, value[order]], 1) for key, value in bounding_boxes.items()}

    def transform_segmentation_masks(
        self, segmentation_masks: ArrayLike, transformation: Transformation = None, training: bool = True
    ) -> Array:
        masks = jnp.asarray(segmentation_masks)
        if not training or transformation is None:
            return masks
        weight = per_image(transformation["mix_weight"])
        return weight * masks + (1 - weight) * masks[transformation["permutation_order"]]


class CutMix(ImageLayer):
    """Replacement of a rectangle of each image by that of another image in training.

    x (batch, height, width, channels)  ->  y (same shape). One-hot labels are combined by the areas.

    Args:
        factor: alpha of the area's fraction 1 - area ~ Beta(alpha, alpha): a number from 0 to 1, or two between which
            it is drawn.
        seed: Seed of the random numbers; None derives it from the global seed.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    Raises:
        ArgumentError: `factor` is out of range, or bounding boxes are given in training.

    References:
        Yun et al., CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features (ICCV 2019).

    Example:
        >>> CutMix(seed=1)({"images": jnp.ones((2, 4, 4, 3)), "labels": jnp.eye(2)})["labels"].sum(1).round(3)
        Array([1., 1.], dtype=float32)
    """

    transform_labels = _mix_labels

    def __init__(
        self,
        factor: float | Sequence[float] = 1.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[OptionsOfImageLayer],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = interval("factor of CutMix", factor, (0, 1), loose=True)

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        alpha = uniform(keys, (), self.factor) + 1e-6
        side = jnp.sqrt(1 - jax.random.beta(next(keys), alpha, alpha, (batch,)))
        inside, area = rectangles(keys, batch, jnp.stack([side, side], 1), height, width)
        channels = images.shape[-3 if is_first(self.data_format) else -1]
        return {
            "permutation_order": jax.random.permutation(next(keys), batch),
            "batch_masks": placed(inside, channels, self.data_format),
            "mix_weight": 1 - area / (height * width),
        }

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        inside = transformation["batch_masks"]
        inside = jnp.moveaxis(inside, 1, -1) if is_first(self.data_format) else inside
        inside = inside if inside.shape[-1] == images.shape[-1] else inside[..., :1]  # masks have one channel
        return jnp.where(inside, images[transformation["permutation_order"]], images)

    def transform_segmentation_masks(
        self, segmentation_masks: ArrayLike, transformation: Transformation = None, training: bool = True
    ) -> Array:
        masks = jnp.asarray(segmentation_masks)
        if not training or transformation is None:
            return masks
        return self._changed(masks, transformation, "nearest")

    def transform_bounding_boxes(
        self, bounding_boxes: Mapping[str, Any], transformation: Transformation = None, training: bool = True
    ) -> Mapping[str, Any]:
        # an error in training: a box may be partly covered
        if not training or transformation is None:
            return bounding_boxes
        raise ArgumentError(message(self._label, expected="no bounding boxes", got="some", hint="MixUp supports them."))

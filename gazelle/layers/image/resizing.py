"""Images of a fixed size: Resizing, CenterCrop, RandomCrop; MaxNumBoundingBoxes for a fixed number of boxes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Unpack

import jax.numpy as jnp
from jax import lax

from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array, ArrayLike
from gazelle.layers.image.base import ImageData, ImageLayer, Transformation, uniform
from gazelle.ops.image import resize
from gazelle.ops.image.boxes import crop
from gazelle.ops.image.layout import choose
from gazelle.ops.image.resizing import INTERPOLATIONS

if TYPE_CHECKING:
    from gazelle.layers.options import OptionsOfCrop, OptionsOfImageLayer, OptionsOfPlainImageLayer


def _target_size(self: Any, height: int, width: int) -> tuple[int, int]:
    """Return the size of the images after a layer that makes all images equally large."""
    return self.height, self.width


def _resized(images: Array, size: tuple[int, int], interpolation: str, crop_to_aspect_ratio: bool = False) -> Array:
    """Images (batch, height, width, channels), in every data format, resized."""
    return resize(images, size, interpolation, crop_to_aspect_ratio=crop_to_aspect_ratio, data_format="channels_last")


class Resizing(ImageLayer):
    """Resizing of images to height x width, in training and in inference.

    x (height, width, channels) or (batch, ...)  ->  y (same, with the new size), in the dtype of x

    Args:
        height: Number of rows of the output.
        width: Number of columns of the output.
        interpolation: 'bilinear', 'nearest', 'bicubic', 'lanczos3', 'lanczos5', 'area', 'gaussian' or 'mitchellcubic'.
        crop_to_aspect_ratio: Whether to crop to the target's aspect ratio instead of changing it.
        pad_to_aspect_ratio: Whether to pad to the target's aspect ratio instead of changing it.
        fill_mode: Padding mode; only 'constant' is supported.
        fill_value: Value of the padding.
        antialias: Whether to widen the filter where images are reduced.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    Raises:
        ArgumentError: `interpolation` is unknown, or both cropping and padding are requested.

    Example:
        >>> Resizing(2, 3)(jnp.ones((8, 4, 4, 3))).shape
        (8, 2, 3, 3)
    """

    moves = True
    _size_after = _target_size

    fixed = True

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Unpack[OptionsOfImageLayer],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        choose("interpolation of Resizing", interpolation, INTERPOLATIONS)
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ArgumentError(
                message("Resizing", expected="crop_to_aspect_ratio or pad_to_aspect_ratio", got="both at once")
            )

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        return height, width

    def transform_images(self, images: Array, transformation: Transformation = None, training: bool = True) -> Array:
        return self._changed(jnp.asarray(images), transformation, self.interpolation)

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        return resize(
            images,
            (self.height, self.width),
            interpolation,
            self.antialias,
            self.crop_to_aspect_ratio,
            self.pad_to_aspect_ratio,
            self.fill_mode,
            self.fill_value,
            "channels_last",
        )

    def transform_bounding_boxes(
        self, bounding_boxes: Mapping[str, Any], transformation: Transformation = None, training: bool = True
    ) -> Mapping[str, Any]:
        # boxes of four -1, which mark missing boxes, become 0
        absent = (jnp.asarray(bounding_boxes["boxes"]) == -1).all(-1, keepdims=True)
        boxes = {**bounding_boxes, "boxes": jnp.where(absent, 0, bounding_boxes["boxes"])}
        shape = (*transformation, 1) if self.data_format == "channels_last" else (1, *transformation)
        return super().transform_bounding_boxes(boxes, {"input_shape": shape}, training)

    def move_boxes(self, boxes: Array, transformation: Transformation, height: int, width: int) -> Array:
        absent = (boxes == 0).all(-1, keepdims=True)
        x, y = self.width / width, self.height / height
        right = down = 0.0
        if self.pad_to_aspect_ratio or self.crop_to_aspect_ratio:
            x = y = min(x, y) if self.pad_to_aspect_ratio else max(x, y)
            right, down = (self.width - width * x) // 2, (self.height - height * y) // 2
            if self.crop_to_aspect_ratio:
                right, down = -((width * x - self.width) // 2), -((height * y - self.height) // 2)
        return jnp.where(absent, 0, boxes * jnp.array([x, y, x, y]) + jnp.array([right, down, right, down]))


class CenterCrop(ImageLayer):
    """Center crop of images to height x width, in training and in inference.

    x (height, width, channels) or (batch, ...)  ->  y (same, with the new size). Smaller images are enlarged: their
    center crop with the target's aspect ratio is resized.

    Args:
        height: Number of rows of the output.
        width: Number of columns of the output.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    Example:
        >>> CenterCrop(1, 2)(jnp.arange(9.0).reshape(3, 3, 1))[..., 0]
        Array([[3., 4.]], dtype=float32)
    """

    moves = True
    _size_after = _target_size

    fixed = True

    def __init__(
        self, height: int, width: int, data_format: str | None = None, **kwargs: Unpack[OptionsOfImageLayer]
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        return {}

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        top, left = (images.shape[1] - self.height) // 2, (images.shape[2] - self.width) // 2
        if top < 0 or left < 0:
            return _resized(images, (self.height, self.width), interpolation, True)
        return images[:, top : top + self.height, left : left + self.width]

    def move_boxes(self, boxes: Array, transformation: Transformation, height: int, width: int) -> Array:
        top, left = (height - self.height) // 2, (width - self.width) // 2
        if top >= 0 and left >= 0:
            return crop(boxes, top, left, self.height, self.width)
        rows = max(min(height, int(width * self.height / self.width)), 1)
        columns = max(min(width, int(height * self.width / self.height)), 1)
        inner = crop(boxes, (height - rows) // 2, (width - columns) // 2, rows, columns)
        x, y = self.width / columns, self.height / rows
        return inner * jnp.array([x, y, x, y])


class RandomCrop(ImageLayer):
    """Random crop of images to height x width in training, at the same position for all images of a batch.

    x (height, width, channels) or (batch, ...)  ->  y (same, with the new size). In inference, and if an image is not
    larger than the target, its center crop with the target's aspect ratio is resized.

    Args:
        height: Number of rows of the output.
        width: Number of columns of the output.
        seed: Seed of the random numbers; None derives it from the global seed.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        name: Name of the layer; None generates one.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    Example:
        >>> RandomCrop(2, 2, seed=1)(jnp.ones((8, 4, 4, 3))).shape
        (8, 2, 2, 3)
    """

    moves = True
    _size_after = _target_size

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Unpack[OptionsOfCrop],
    ) -> None:
        super().__init__(data_format=data_format, name=name, **kwargs)

    def get_random_transformation(
        self, data: ImageData, training: bool = True, seed: int | Array | None = None
    ) -> Transformation:
        # (top, left) of the crop and (height, width) of the images
        images: Any = data["images"] if isinstance(data, dict) else data
        height, width = self._size(images.shape)
        if training and self._is_larger(height, width):
            keys = self._keys(seed)
            top, left = (
                jnp.minimum(uniform(keys, (), (0, n + 1)).astype("int32"), n)  # rounding may reach n + 1
                for n in (height - self.height, width - self.width)
            )
            return top, left, height, width
        rows = max(min(height, int(width * self.height / self.width)), 1)
        columns = max(min(width, int(height * self.width / self.height)), 1)
        return (height - rows) // 2, (width - columns) // 2, height, width

    def transform_images(self, images: Array, transformation: Transformation = None, training: bool = True) -> Array:
        how = transformation if training else None
        return self._changed(jnp.asarray(images, self.compute_dtype), how, "bilinear")

    def transform_segmentation_masks(
        self, segmentation_masks: ArrayLike, transformation: Transformation = None, training: bool = True
    ) -> Array:
        return self._changed(jnp.asarray(segmentation_masks), transformation if training else None, "nearest")

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        size = (self.height, self.width)
        if transformation is None:
            return _resized(images, size, interpolation, True)
        top, left = transformation[:2]
        n, h, w, c = images.shape
        part = self._part(top, left, h, w)
        out = lax.dynamic_slice(images, jnp.asarray((0, top, left, 0), "int32"), (n, *part, c))
        return out if part == size else _resized(out, size, interpolation)

    def _is_larger(self, height: int, width: int) -> bool:
        return height > self.height and width > self.width

    def _part(self, top: Any, left: Any, height: int, width: int) -> tuple[int, int]:
        """Return the size of the crop; below the target if images are too small, and (top, left) are then ints."""
        if self._is_larger(height, width):
            return self.height, self.width
        return min(self.height, height - top), min(self.width, width - left)

    def transform_bounding_boxes(
        self, bounding_boxes: Mapping[str, Any], transformation: Transformation = None, training: bool = True
    ) -> Mapping[str, Any]:
        # unchanged outside of training
        if not training:
            return bounding_boxes
        size = tuple(transformation[2:]) or (self.height, self.width)
        shape = (*size, 1) if self.data_format == "channels_last" else (1, *size)
        return super().transform_bounding_boxes(bounding_boxes, {"input_shape": shape, "offset": transformation})

    def move_boxes(self, boxes: Array, transformation: Transformation, height: int, width: int) -> Array:
        top, left = transformation["offset"][:2]
        rows, columns = self._part(top, left, height, width)
        x, y = self.width / columns, self.height / rows
        return crop(boxes, top, left, rows, columns) * jnp.array([x, y, x, y])


class MaxNumBoundingBoxes(ImageLayer):
    """Truncation or padding of the bounding boxes of each image to a fixed number.

    Images are not changed.

    Args:
        max_number: Number of boxes per image.
        fill_value: Value of the boxes and labels that are added.
        **kwargs: `bounding_box_format`, `data_format` and arguments of `Layer`: `name`, `dtype`, `trainable` and
            others.

    Example:
        >>> boxes = {"boxes": jnp.ones((1, 2, 4)), "labels": jnp.ones((1, 2))}
        >>> layer = MaxNumBoundingBoxes(3, bounding_box_format="xyxy")
        >>> layer({"images": jnp.ones((1, 4, 4, 3)), "bounding_boxes": boxes})["bounding_boxes"]["labels"]
        Array([[ 1.,  1., -1.]], dtype=float32)
    """

    fixed = True

    def __init__(self, max_number: int, fill_value: int = -1, **kwargs: Unpack[OptionsOfPlainImageLayer]) -> None:
        super().__init__(**kwargs)

    def transform_images(self, images: Array, transformation: Transformation = None, training: bool = True) -> Array:
        return jnp.asarray(images)

    def transform_bounding_boxes(
        self, bounding_boxes: Mapping[str, Any], transformation: Transformation = None, training: bool = True
    ) -> Mapping[str, Any]:
        out = {}
        for key, value in bounding_boxes.items():
            value = value[:, : self.max_number]
            pads = [(0, 0), (0, self.max_number - value.shape[1])] + [(0, 0)] * (value.ndim - 2)
            out[key] = jnp.pad(value, pads, constant_values=self.fill_value)
        return out

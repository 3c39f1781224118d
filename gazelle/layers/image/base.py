"""Base of the image layers: draw a transformation, apply it to images, masks, boxes and labels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, Unpack

import jax
import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, ShapeError, message, unknown
from gazelle.core.types import Array, ArrayLike
from gazelle.layers.base import Layer
from gazelle.ops.image.boxes import FORMATS, RELATIVE, clip_to_image_size, convert_format
from gazelle.ops.image.layout import as_float, choose, on_batch
from gazelle.ops.space import is_first

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions

#: what `draw` returns: a tree of arrays, or None for no change; each layer defines its structure
Transformation: TypeAlias = Any
#: images, or a dict of "images", "labels", "bounding_boxes" and "segmentation_masks"
ImageData: TypeAlias = Array | Mapping[str, Any]

FILL_MODES = ("reflect", "wrap", "constant", "nearest")


class ImageLayer(Layer, abstract=True):
    """Base class of the image layers; a subclass draws random numbers in `draw` and applies them in `change`.

    The input is images (height, width, channels), a batch of them, or a dict of "images" with "labels",
    "bounding_boxes" ({"boxes", "labels"}) or "segmentation_masks". `training` is True by default.

    Args:
        bounding_box_format: Format of the bounding boxes in the input, such as 'xyxy' or 'rel_xyxy'.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable` and others.
    """

    moves = False  # whether pixels are moved, and masks and boxes with them
    fixed = False  # whether nothing is random, and inference equals training

    def __init__(
        self, bounding_box_format: str | None = None, data_format: str | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = "channels_first" if is_first(data_format) else "channels_last"
        if bounding_box_format is not None and bounding_box_format not in (*FORMATS, *RELATIVE):
            name = f"bounding_box_format of {type(self).__name__}"
            raise unknown(name, bounding_box_format, (*FORMATS, *RELATIVE))

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "data_format": self.data_format}
        if config.get("bounding_box_format") is None:
            config.pop("bounding_box_format", None)
        return config

    # For subclasses -----------------------------------------------------------------------------------------------

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        """Draw the transformation of a batch.

        Args:
            keys: Random keys, one for each random array.
            batch: Number of images.
            height: Rows of an image.
            width: Columns of an image.
            images: Images (height, width, channels) or (batch, ...).

        Returns:
            A tree of arrays for `change`.
        """
        return None

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        """Apply the transformation to images.

        Args:
            images: Images (batch, height, width, channels).
            transformation: What `get_random_transformation` returned; None for no change.
            interpolation: 'bilinear' or 'nearest'.

        Returns:
            The new images.
        """
        return images

    def move_boxes(self, boxes: Array, transformation: Transformation, height: int, width: int) -> Array:
        """Apply the transformation to bounding boxes.

        Args:
            boxes: Boxes (batch, n, 4) in the format xyxy.
            transformation: What `get_random_transformation` returned; None for no change.
            height: Rows of an image.
            width: Columns of an image.

        Returns:
            The new boxes.
        """
        return boxes

    # Public API of Keras ------------------------------------------------------------------------------------------

    def get_random_transformation(
        self, data: ImageData, training: bool = True, seed: int | Array | None = None
    ) -> Transformation:
        """Draw the transformation of some data.

        Args:
            data: Images, or a dict with "images".
            training: Whether the layer is in training mode.
            seed: Integer, or random key; None for the layer's own sequence.

        Returns:
            Argument of `transform_images` and the similar methods; None for no change.
        """
        if not training and not self.fixed:
            return None
        images: Any = data["images"] if isinstance(data, dict) else data
        shape = tuple(images.shape)
        if len(shape) not in (3, 4):
            raise ShapeError(message(self._label, expected="an image of 3 axes or a batch of 4", got=f"shape {shape}"))
        height, width = self._size(shape)
        drawn = self.draw(self._keys(seed), shape[0] if len(shape) == 4 else 1, height, width, images)
        return {**drawn, "input_shape": shape} if self.moves and isinstance(drawn, dict) else drawn

    def transform_images(self, images: Array, transformation: Transformation = None, training: bool = True) -> Array:
        """Apply a transformation to images.

        Args:
            images: Images (height, width, channels) or (batch, ...).
            transformation: What `get_random_transformation` returned; None for no change.
            training: Whether the layer is in training mode.

        Returns:
            The images in the compute dtype.
        """
        x = jnp.asarray(images, self.compute_dtype)
        if (not training or transformation is None) and not self.fixed:
            return x
        return self._changed(x, transformation, getattr(self, "interpolation", "bilinear"))

    def transform_labels(self, labels: Array, transformation: Transformation = None, training: bool = True) -> Array:
        """Apply a transformation to labels; only layers that mix images change them.

        Args:
            labels: Labels.
            transformation: What `get_random_transformation` returned; None for no change.
            training: Whether the layer is in training mode.

        Returns:
            The labels.
        """
        return labels

    def transform_segmentation_masks(
        self, segmentation_masks: ArrayLike, transformation: Transformation = None, training: bool = True
    ) -> Array:
        """Apply a transformation to segmentation masks, without interpolation between classes.

        Args:
            segmentation_masks: Masks (height, width, channels) or (batch, ...).
            transformation: What `get_random_transformation` returned; None for no change.
            training: Whether the layer is in training mode.

        Returns:
            The masks.
        """
        masks = jnp.asarray(segmentation_masks)
        if not self.moves or ((not training or transformation is None) and not self.fixed):
            return masks
        return self._changed(masks, transformation, "nearest")

    def transform_bounding_boxes(
        self, bounding_boxes: Mapping[str, Any], transformation: Transformation = None, training: bool = True
    ) -> Mapping[str, Any]:
        """Apply a transformation to bounding boxes; boxes outside of the image get the label -1.

        Args:
            bounding_boxes: {"boxes", "labels"}.
            transformation: What `get_random_transformation` returned; None for no change.
            training: Whether the layer is in training mode.

        Returns:
            {"boxes", "labels"}.
        """
        if not self.moves or ((not training or transformation is None) and not self.fixed):
            return bounding_boxes
        height, width = self._size_before(transformation)
        boxes: Any = convert_format(dict(bounding_boxes), self._format(), "xyxy", height, width, self.compute_dtype)
        boxes["boxes"] = self.move_boxes(boxes["boxes"], transformation, height, width)
        height, width = self._size_after(height, width)
        boxes = clip_to_image_size(boxes, height, width)
        converted: Any = convert_format(boxes, "xyxy", self._format(), height, width, self.compute_dtype)
        if jnp.ndim(bounding_boxes["boxes"]) < jnp.ndim(converted["boxes"]):  # the transformation has an axis of images
            converted = {name: value[0] if name == "boxes" else value.reshape(-1) for name, value in converted.items()}
        return converted

    def call(self, data: ImageData, training: bool = True) -> ImageData:
        given: dict[str, Any] = dict(data) if isinstance(data, dict) else {"images": data}
        if "images" not in given:
            raise ArgumentError(message(self._label, expected="a dict with images", got=f"one with {list(given)}"))
        if "bounding_boxes" in given:
            given["bounding_boxes"] = dense(given["bounding_boxes"])
            self._format()
        single = given["images"].ndim == 3
        if single:
            given = jax.tree.map(lambda x: jnp.asarray(x)[None], given)
        how = self.get_random_transformation(given, training=training)
        for key in ("images", "labels", "bounding_boxes", "segmentation_masks"):
            if key in given:
                given[key] = getattr(self, f"transform_{key}")(given[key], how, training)
        if single:
            given = jax.tree.map(lambda x: x[0], given)
        return given if isinstance(data, dict) else given["images"]

    # Helpers ---------------------------------------------------------------------------------------------------------

    def _changed(self, x: Any, transformation: Any, interpolation: str) -> Any:
        def changed(images: Any) -> Any:
            return self.change(images, transformation, interpolation).astype(images.dtype)

        return on_batch(self.name, x, self.data_format, changed)

    def _size(self, shape: Any) -> tuple[int, int]:
        """Return (height, width) of the shape of images."""
        return tuple(shape[-2:] if is_first(self.data_format) else shape[-3:-1])

    def _size_before(self, transformation: Any) -> tuple[int, int]:
        """Return (height, width) of the images that a transformation was drawn for."""
        return self._size(transformation["input_shape"])

    def _size_after(self, height: int, width: int) -> tuple[int, int]:
        """Return (height, width) of the output."""
        return height, width

    def _format(self) -> str:
        if self.bounding_box_format is None:
            raise ArgumentError(
                message(
                    f"{self._label} was given bounding boxes",
                    expected="bounding_box_format",
                    got="none",
                    hint=f"Write {type(self).__name__}(..., bounding_box_format='xyxy').",
                )
            )
        return str(self.bounding_box_format)

    def _keys(self, seed: Any) -> Iterator[Any]:
        """Yield random keys, derived from an integer, a key, or the seed of the layer."""
        if seed is None:
            key = self.random_key(getattr(self, "seed", None))
        elif hasattr(seed, "dtype") and jnp.issubdtype(seed.dtype, jax.dtypes.prng_key):
            key = seed
        else:
            key = jax.random.key(int(seed))
        while True:
            key, part = jax.random.split(key)
            yield part


def interval(
    name: str,
    value: object,
    bounds: tuple[float, float],
    low: float | None = None,
    loose: bool = False,
) -> tuple[Any, Any]:
    """Return (lower, upper) from a number or a pair within `bounds`; f becomes (-f or the bound or `low`, f).

    Of a `loose` pair, the first must not exceed the upper bound, and the second not be below the lower bound.

    Args:
        name: Name of the argument in errors.
        value: Number or pair.
        bounds: Allowed range.
        low: Lower end for a single number; None for -value.
        loose: Whether pairs are checked loosely.

    Returns:
        The pair.

    Raises:
        ArgumentError: `value` is out of range.
    """
    given: Any = value.tolist() if hasattr(value, "tolist") else value  # an array of two numbers
    pair = given if isinstance(given, list | tuple) else (given, given)
    limits = ((-math.inf, bounds[1]), (bounds[0], math.inf)) if loose and pair is given else (bounds, bounds)
    fit = len(pair) == 2 and all(isinstance(v, int | float) and a <= v <= b for v, (a, b) in zip(pair, limits))
    if not fit:
        raise ArgumentError(
            message(name, expected=f"a number from {bounds[0]} to {bounds[1]}, or two of them", got=repr(given))
        )
    if isinstance(given, list | tuple):
        lower, upper = sorted(given)
        return lower, upper
    size = abs(given)
    return (max(-size, bounds[0]) if low is None else low), size


def ordered(value_range: Sequence[float]) -> list[Any]:
    """Return [low, high] of the pixel values.

    Args:
        value_range: Two numbers.

    Returns:
        The sorted numbers.

    Raises:
        ArgumentError: `value_range` is not a pair.
    """
    if not isinstance(value_range, list | tuple) or len(value_range) != 2:
        raise ArgumentError(message("value_range", expected="two numbers, such as (0, 255)", got=repr(value_range)))
    return sorted(value_range)


def rescaled(x: Array, source: Sequence[float], target: Sequence[float]) -> Array:
    """Return pixels of the range `source` in the range `target`.

    Args:
        x: Images.
        source: (low, high) of x.
        target: (low, high) of the result.

    Returns:
        The images.
    """
    if tuple(source) == tuple(target):
        return x
    return (as_float(x) - source[0]) / (source[1] - source[0]) * (target[1] - target[0]) + target[0]


def checked(layer: Layer, fill_modes: tuple[str, ...] = FILL_MODES) -> None:
    """Check `interpolation` and `fill_mode` of a layer.

    Args:
        layer: The layer.
        fill_modes: Known fill modes.
    """
    choose(f"interpolation of {type(layer).__name__}", layer.interpolation, ("nearest", "bilinear"))
    choose(f"fill_mode of {type(layer).__name__}", getattr(layer, "fill_mode", fill_modes[0]), fill_modes)


def per_image(values: Array) -> Array:
    """Return numbers (batch, ...) in a shape that broadcasts to images (batch, h, w, c).

    Args:
        values: The numbers.

    Returns:
        Array (batch, 1, 1, 1).
    """
    return jnp.reshape(values, (-1, 1, 1, 1))


def uniform(keys: Iterator[Any], shape: Sequence[int], bounds: Sequence[float] = (0.0, 1.0)) -> Array:
    """Return uniformly distributed random numbers.

    Args:
        keys: Random keys.
        shape: Shape of the result.
        bounds: Range of the numbers.

    Returns:
        The numbers.
    """
    return jax.random.uniform(next(keys), shape, minval=bounds[0], maxval=bounds[1])


def chosen(keys: Iterator[Any], batch: int, factor: Sequence[float]) -> Array:
    """Select images at random, each with a probability that is drawn from `factor`.

    Args:
        keys: Random keys.
        batch: Number of images.
        factor: Range of the probability.

    Returns:
        Boolean array (batch,).
    """
    probability = uniform(keys, (batch,), factor)
    return uniform(keys, (batch,)) < probability


def dense(boxes: object) -> dict[str, Any]:
    """Return bounding boxes as arrays; shorter lists are padded by boxes of 0 with the label -1.

    Args:
        boxes: {"boxes", "labels"} of arrays or nested lists.

    Returns:
        {"boxes", "labels"} of arrays.

    Raises:
        ArgumentError: A key is missing.
    """
    if not isinstance(boxes, dict) or not {"boxes", "labels"} <= set(boxes):
        got = f"a dict with {list(boxes)}" if isinstance(boxes, dict) else type(boxes).__name__
        raise ArgumentError(message("bounding_boxes", expected='a dict of "boxes" and "labels"', got=got))
    values, labels = boxes["boxes"], boxes["labels"]
    if (
        isinstance(values, list)
        and values
        and isinstance(values[0], list)
        and any(isinstance(p, list) for p in values[0])
    ):
        most = max(map(len, values))
        values = [[*p, *[[0.0] * 4] * (most - len(p))] for p in values]
        labels = [[*each, *[-1] * (most - len(each))] for each in labels]
    return {**boxes, "boxes": jnp.asarray(values, "float32"), "labels": jnp.asarray(labels)}

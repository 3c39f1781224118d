"""Histogram operations: AutoContrast, Equalization and contrast-limited adaptive equalization (CLAHE)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp

from gazelle.core import budget
from gazelle.core.types import Array
from gazelle.layers.image.base import ImageLayer, Transformation, ordered, rescaled

if TYPE_CHECKING:
    from gazelle.layers.options import OptionsOfImageLayer, OptionsOfPlainImageLayer


class AutoContrast(ImageLayer):
    """Stretching of each channel to the full range:  y = (x - min) / (max - min),  in training and in inference.

    x (height, width, channels) or (batch, ...)  ->  y (same shape); a constant channel is not changed

    Args:
        value_range: (low, high) of the pixel values.
        **kwargs: `data_format`, `bounding_box_format` and arguments of `Layer`: `name`, `dtype`, `trainable` and
            others.

    Raises:
        ArgumentError: `value_range` is not a pair.

    Example:
        >>> AutoContrast((0, 1))(jnp.array([[[0.2], [0.4], [0.6]]]))[..., 0].round(2)
        Array([[0. , 0.5, 1. ]], dtype=float32)
    """

    fixed = True

    def __init__(self, value_range: Sequence[float] = (0, 255), **kwargs: Unpack[OptionsOfPlainImageLayer]) -> None:
        super().__init__(**kwargs)
        self.value_range = ordered(value_range)

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        x = rescaled(images, self.value_range, (0, 255))
        low, high = x.min((1, 2), keepdims=True), x.max((1, 2), keepdims=True)
        flat = high == low
        scale = 255 / jnp.where(flat, 1, high - low)
        stretched = rescaled(jnp.clip(x * scale - low * scale, 0, 255), (0, 255), self.value_range)
        return jnp.where(flat, images, stretched)


class Equalization(ImageLayer):
    """Histogram equalization in training: each value becomes the fraction of pixels with at most this value.

    x (height, width, channels) or (batch, ...)  ->  y (same shape). As in Keras, the histogram of a channel is that of
    the whole batch.

    Args:
        value_range: (low, high) of the pixel values.
        bins: Number of bins of the histogram.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    Raises:
        ArgumentError: `value_range` is not a pair.

    Example:
        >>> Equalization()(jnp.array([[[10.0], [11.0], [12.0]]]))[..., 0]
        Array([[  0., 128., 255.]], dtype=float32)
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        bins: int = 256,
        data_format: str | None = None,
        **kwargs: Unpack[OptionsOfImageLayer],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = ordered(value_range)

    def draw(self, keys: Iterator[Any], batch: int, height: int, width: int, images: Array) -> Transformation:
        return {}

    def transform_images(self, images: Array, transformation: Transformation = None, training: bool = True) -> Array:
        return super().transform_images(images, transformation or {}, training)

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        x = rescaled(images, self.value_range, (0, 255)).astype("float32")
        out = jax.vmap(self._equalized, in_axes=-1, out_axes=-1)(x)
        return rescaled(out, (0, 255), self.value_range)

    def _equalized(self, x: Any) -> Any:
        """One channel (batch, h, w) of 0 to 255."""
        last = self.bins - 1
        counts = jnp.zeros(self.bins, "int32").at[jnp.clip((x * last / 255).astype("int32"), 0, last)].add(1)
        below = jnp.cumsum(counts)
        first = below[jnp.argmax(below > 0)]
        rest = below[-1] - first
        table = jnp.clip(jnp.round((below - first) * 255 / jnp.where(rest == 0, 1, rest)), 0, 255)
        indices = jnp.clip(x / 255 * last, 0, last).astype("int32")
        return jnp.where(rest == 0, x, table[indices])


class ContrastLimitedAdaptiveHistogramEqualization(ImageLayer):
    """Histogram equalization of the tiles of an image (CLAHE), interpolated between the four nearest tiles.

    x (height, width, channels) or (batch, ...)  ->  y (same shape), in training and in inference

    Args:
        value_range: (low, high) of the pixel values.
        clip_limit: Maximal count of a histogram bin as a multiple of the mean count; the excess is distributed over all
            bins.
        tile_grid_size: (rows, columns) of tiles.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: `bounding_box_format`, the format of boxes in the input such as 'xyxy', and arguments of `Layer`:
            `name`, `dtype`, `trainable` and others.

    References:
        Zuiderveld, Contrast Limited Adaptive Histogram Equalization (Graphics Gems IV, 1994).

    Example:
        >>> ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2))(jnp.ones((2, 8, 8, 3))).shape
        (2, 8, 8, 3)
    """

    fixed = True

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: Sequence[int] = (8, 8),
        data_format: str | None = None,
        **kwargs: Unpack[OptionsOfImageLayer],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)

    def change(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        x = rescaled(images, self.value_range, (0, 255)).astype("float32")
        n, h, w, c = x.shape
        rows, columns = self.tile_grid_size
        budget.check_repetitions(max(rows, columns))  # of the image beyond its border
        height, width = -(-h // rows), -(-w // columns)  # of a tile
        pads = ((0, 0), (0, height * rows - h), (0, width * columns - w), (0, 0))
        pixels = jnp.clip(jnp.pad(x, pads, mode="symmetric"), 0, 255).astype("int32")
        tiles = pixels.reshape(n, rows, height, columns, width, c).transpose(0, 1, 3, 5, 2, 4)
        tables = self._tables(tiles.reshape(n, rows, columns, c, height * width))
        mixed = jnp.zeros(pixels.shape)
        (y0, y1, wy), (x0, x1, wx) = _between(rows, height), _between(columns, width)
        for row, weight_y in ((y0, 1 - wy), (y1, wy)):
            for column, weight_x in ((x0, 1 - wx), (x1, wx)):
                index = (jnp.arange(n)[:, None, None, None], row[:, None, None], column[:, None], jnp.arange(c), pixels)
                mixed = mixed + tables[index] * (weight_y[:, None] * weight_x)[:, :, None]
        return rescaled(mixed[:, :h, :w], (0, 255), self.value_range)

    def _tables(self, tiles: Any) -> Any:
        """Pixels of tiles (n, rows, columns, c, pixels)  ->  tables (n, rows, columns, c, 256)."""
        size = tiles.shape[-1]
        counts = jax.vmap(lambda v: jnp.zeros(256).at[v].add(1))(tiles.reshape(-1, size)).reshape(
            *tiles.shape[:-1], 256
        )
        if self.clip_limit > 0:
            kept = jnp.clip(counts, 0, self.clip_limit * size / 256)
            counts = kept + (counts - kept).sum(-1, keepdims=True) / 256
        below = jnp.cumsum(counts, -1)
        least = below.min(-1, keepdims=True)
        rest = size - least
        return jnp.clip((below - least) * 255 / jnp.where(rest == 0, 1, rest), 0, 255)


def _between(tiles: int, size: int) -> tuple[Any, Any, Any]:
    """Return the tiles whose centers precede and follow each position on an axis, and the weight of the latter."""
    at = (jnp.arange(tiles * size) - size / 2) / size
    before = jnp.floor(at)
    first, second = (jnp.clip(v, 0, tiles - 1).astype("int32") for v in (before, before + 1))
    return first, second, at - before

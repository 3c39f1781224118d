"""Equal shares of all values within each part of an image."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from gazelle.layers.image.base import ImageLayer, rescaled


class ContrastLimitedAdaptiveHistogramEqualization(ImageLayer):
    """CLAHE: each of `tile_grid_size` tiles has a table of new values, each pixel the mean of the four nearest tables'.

    Args:
        value_range: (low, high) of the pixels.
        clip_limit: how many times its fair share of a tile's pixels a value may have; the rest is given to all.
        tile_grid_size: (rows, columns) of tiles.

    Source: Zuiderveld, Contrast Limited Adaptive Histogram Equalization (Graphics Gems IV, 1994).

    >>> ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2))(jnp.ones((2, 8, 8, 3))).shape
    (2, 8, 8, 3)
    """

    fixed = True

    def __init__(
        self,
        value_range: Any = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: Any = (8, 8),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)

    def change(self, images: Any, transformation: Any, interpolation: str) -> Any:
        x = rescaled(images, self.value_range, (0, 255)).astype("float32")
        n, h, w, c = x.shape
        rows, columns = self.tile_grid_size
        height, width = -(-h // rows), -(-w // columns)  # of a tile
        pads = ((0, 0), (0, height * rows - h), (0, width * columns - w), (0, 0))
        pixels = jnp.clip(jnp.pad(x, pads, mode="symmetric"), 0, 255).astype("int32")
        tiles = pixels.reshape(n, rows, height, columns, width, c).transpose(0, 1, 3, 5, 2, 4)
        tables = self._tables(tiles.reshape(n, rows, columns, c, height * width))
        mixed = jnp.zeros(pixels.shape)
        (y0, y1, wy), (x0, x1, wx) = _between(rows, height), _between(columns, width)
        for row, share_y in ((y0, 1 - wy), (y1, wy)):
            for column, share_x in ((x0, 1 - wx), (x1, wx)):
                place = (jnp.arange(n)[:, None, None, None], row[:, None, None], column[:, None], jnp.arange(c), pixels)
                mixed = mixed + tables[place] * (share_y[:, None] * share_x)[:, :, None]
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
    """For each place on an axis: the tiles before and after, by their middles, and the share of the latter."""
    at = (jnp.arange(tiles * size) - size / 2) / size
    before = jnp.floor(at)
    first, second = (jnp.clip(v, 0, tiles - 1).astype("int32") for v in (before, before + 1))
    return first, second, at - before

"""As many bounding boxes for each image."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle.layers.image.base import ImageLayer


class MaxNumBoundingBoxes(ImageLayer):
    """The first `max_number` boxes of each image; where there are fewer, boxes of `fill_value` follow.

    >>> boxes = {"boxes": jnp.ones((1, 2, 4)), "labels": jnp.ones((1, 2))}
    >>> layer = MaxNumBoundingBoxes(3, bounding_box_format="xyxy")
    >>> layer({"images": jnp.ones((1, 4, 4, 3)), "bounding_boxes": boxes})["bounding_boxes"]["labels"]
    Array([[ 1.,  1., -1.]], dtype=float32)
    """

    fixed = True

    def __init__(self, max_number: int, fill_value: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """The images as they are."""
        return jnp.asarray(images)

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        """{"boxes": (batch, max_number, 4), "labels": (batch, max_number)}"""
        out = {}
        for key, value in bounding_boxes.items():
            value = value[:, : self.max_number]
            pads = [(0, 0), (0, self.max_number - value.shape[1])] + [(0, 0)] * (value.ndim - 2)
            out[key] = jnp.pad(value, pads, constant_values=self.fill_value)
        return out

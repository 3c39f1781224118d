"""Convolutions of Keras 1 with padding 'full', and its order of axes."""

from __future__ import annotations

import warnings
from typing import Any

import jax.numpy as jnp

from gazelle.compat import era
from gazelle.core import settings
from gazelle.core.types import Array
from gazelle.layers import Conv1D, Conv2D, Layer
from gazelle.layers.convolution import dilated_size
from gazelle.layers.spatial import space_axes


def _full_padding(layer: Any, x: Any) -> Any:
    """Pad x with zeros so that every window overlapping x counts: n pixels become n + window - 1."""
    widths = [(0, 0)] * x.ndim
    for axis, window in zip(space_axes(layer), dilated_size(layer), strict=True):
        widths[axis] = (window - 1, window - 1)
    return jnp.pad(x, widths)


class FullConvolution2D(Conv2D):
    """`Conv2D` with padding 'full'.

    >>> FullConvolution2D(4, 3)(jnp.ones((2, 8, 8, 3))).shape
    (2, 10, 10, 4)
    """

    def call(self, x: Array) -> Array:
        return super().call(_full_padding(self, x))


class FullConvolution1D(Conv1D):
    """`Conv1D` with padding 'full'.

    >>> FullConvolution1D(4, 3)(jnp.ones((2, 8, 5))).shape
    (2, 10, 4)
    """

    def call(self, x: Array) -> Array:
        return super().call(_full_padding(self, x))


def guess_data_format(layer: Layer | None, kwargs: dict[str, Any]) -> None:
    """Set channels first for the process if the first images of a Keras 1 program are (3, rows, columns)."""
    shape: Any = kwargs.get("input_shape") or (kwargs.get("batch_input_shape") or ())[1:]
    is_given = kwargs.get("data_format") or settings.is_image_data_format_set()
    is_first = settings.image_data_format() == "channels_first"
    if era.number() != 1 or getattr(layer, "rank", 2) != 2 or len(shape) != 3 or is_given or is_first:
        return
    if shape[0] in (1, 3) and None not in shape and min(shape[1:]) > 4:
        settings.set_image_data_format("channels_first")
        warnings.warn(
            f"Images of shape {tuple(shape)} are read as channels first, the order of Theano, in the whole program. "
            "`gazelle run --image-data-format channels_last` selects the other order.",
            UserWarning,
            stacklevel=6,
        )

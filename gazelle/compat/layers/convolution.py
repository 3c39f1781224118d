"""Convolutions under their names of old, with holes, and with more padding than any has today."""

from __future__ import annotations

import warnings
from typing import Any

import jax.numpy as jnp

from gazelle.compat import era
from gazelle.core import settings
from gazelle.layers import Conv1D, Conv2D, Conv2DTranspose, Conv3DTranspose
from gazelle.layers.convolution import dilated_size
from gazelle.layers.spatial import space_axes


class AtrousConvolution1D(Conv1D):
    """`Conv1D`; `atrous_rate` was its `dilation_rate`.

    >>> AtrousConvolution1D(4, 3, dilation_rate=2)(jnp.ones((2, 8, 5))).shape
    (2, 4, 4)
    """


class AtrousConvolution2D(Conv2D):
    """`Conv2D`; `atrous_rate` was its `dilation_rate`.

    >>> AtrousConvolution2D(4, 3, dilation_rate=2)(jnp.ones((2, 8, 8, 3))).shape
    (2, 4, 4, 4)
    """


class Deconvolution2D(Conv2DTranspose):
    """`Conv2DTranspose`; the shape of the output, which it was told, follows from the others.

    >>> Deconvolution2D(4, 3, strides=2, padding="same")(jnp.ones((2, 8, 8, 3))).shape
    (2, 16, 16, 4)
    """


class Deconvolution3D(Conv3DTranspose):
    """`Conv3DTranspose`.

    >>> Deconvolution3D(4, 2)(jnp.ones((1, 4, 4, 4, 3))).shape
    (1, 5, 5, 5, 4)
    """


def _wider(layer: Any, x: Any) -> Any:
    """x with zeros around it, so that every window that meets it counts: n pixels become n + window - 1."""
    widths = [(0, 0)] * x.ndim
    for axis, window in zip(space_axes(layer), dilated_size(layer), strict=True):
        widths[axis] = (window - 1, window - 1)
    return jnp.pad(x, widths)


class FullConvolution2D(Conv2D):
    """`Conv2D` with padding 'full'.

    >>> FullConvolution2D(4, 3)(jnp.ones((2, 8, 8, 3))).shape
    (2, 10, 10, 4)
    """

    def call(self, x: Any) -> Any:
        return super().call(_wider(self, x))


class FullConvolution1D(Conv1D):
    """`Conv1D` with padding 'full'.

    >>> FullConvolution1D(4, 3)(jnp.ones((2, 8, 5))).shape
    (2, 10, 4)
    """

    def call(self, x: Any) -> Any:
        return super().call(_wider(self, x))


def guess_ordering(layer: Any, words: dict[str, Any]) -> None:
    """A program of Keras 1 whose first images are (3, rows, columns) means channels first, for the whole process."""
    shape: Any = words.get("input_shape") or (words.get("batch_input_shape") or ())[1:]
    told = words.get("data_format") or settings.is_image_data_format_set()
    first = settings.image_data_format() == "channels_first"
    if era.number() != 1 or getattr(layer, "rank", 2) != 2 or len(shape) != 3 or told or first:
        return
    if shape[0] in (1, 3) and None not in shape and min(shape[1:]) > 4:
        settings.set_image_data_format("channels_first")
        warnings.warn(
            f"Images of shape {tuple(shape)}: taken as channels first, as Theano had them, from here on. "
            "`gazelle run --image-data-format channels_last` keeps the other order.",
            UserWarning,
            stacklevel=6,
        )

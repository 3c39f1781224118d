"""Convolutions of Keras 1 with padding 'full', its order of axes, and those with a kernel at each position."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle.compat import era
from gazelle.compat.backend.networks import bias_added, local_conv
from gazelle.compat.backend.shapes import format_of
from gazelle.core import settings
from gazelle.core.errors import ShapeError, message
from gazelle.core.types import Array, Shape
from gazelle.layers import Conv1D, Conv2D, Conv2DTranspose, Conv3DTranspose, Layer, spatial
from gazelle.layers.convolution import check_positive, dilated_size, set_window
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


def use_output_shape(layer: Conv2DTranspose | Conv3DTranspose, output_shape: Shape, input_shape: Shape) -> None:
    """Choose output_padding so that the transposed convolution has the sizes that Keras 1 was given."""
    axes = space_axes(layer)
    found = tuple(n for axis in axes if (n := input_shape[axis]) is not None)
    wanted = tuple(n for axis in axes if (n := output_shape[axis]) is not None)
    if len(found) < len(axes) or len(wanted) < len(axes):
        return
    smallest = tuple(
        (n - 1) * step + (window if layer.padding == "valid" else window % 2)
        for n, step, window in zip(found, layer.strides, dilated_size(layer), strict=True)
    )
    if layer.padding == "same" and wanted == tuple(n * s for n, s in zip(found, layer.strides, strict=True)):
        return
    extra = tuple(size - least for size, least in zip(wanted, smallest, strict=True))
    if any(not 0 <= n < step for n, step in zip(extra, layer.strides, strict=True)):
        raise ShapeError(
            message(
                f"output_shape of {type(layer).__name__}",
                expected=f"sizes from {smallest}, less than strides {tuple(layer.strides)} above",
                got=wanted,
                hint=f"The input has the sizes {found}.",
            )
        )
    layer.output_padding = extra


def guess_data_format(layer: Layer | None, kwargs: dict[str, Any]) -> None:
    """Set channels first for the process if the first images of a Keras 1 program are (3, rows, columns).

    Frames of a game are (4, side, side).
    """
    shape: Any = kwargs.get("input_shape") or (kwargs.get("batch_input_shape") or ())[1:]
    is_given = kwargs.get("data_format") or settings.is_image_data_format_set()
    is_first = settings.image_data_format() == "channels_first"
    if era.number() != 1 or getattr(layer, "rank", 2) != 2 or len(shape) != 3 or is_given or is_first:
        return
    if None in shape:
        return
    is_stack = shape[0] in (2, 4) and shape[1] == shape[2] > 16  # of frames
    if is_stack or (shape[0] in (1, 3) and min(shape[1:]) > 4):
        settings.set_image_data_format("channels_first")
        warnings.warn(
            f"Images of shape {tuple(shape)} are read as channels first, the order of Theano, in the whole program. "
            "`gazelle run --image-data-format channels_last` selects the other order.",
            UserWarning,
            stacklevel=6,
        )


class _LocallyConnected(Layer):
    rank: int

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: Any = None,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        implementation: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        set_window(self, kernel_size, strides, padding, data_format, 1, ("valid", "same")[:implementation])
        check_positive(self, "filters")

    def build(self, input_shape: Any) -> None:
        channels = spatial.channels(self, input_shape)
        spatial.check_fits(self, input_shape, self.kernel_size, "kernel_size")
        sizes = [input_shape[a] for a in spatial.space_axes(self)]
        steps = zip(sizes, self.kernel_size, self.strides, strict=True)
        self.output_positions = tuple(-(-n // s) if self.padding == "same" else (n - k) // s + 1 for n, k, s in steps)
        if self.implementation == 1:
            shape = (math.prod(self.output_positions), channels * math.prod(self.kernel_size), self.filters)
        else:
            self._mask = self._connected(sizes, channels)
            shape = self._mask.shape if self.implementation == 2 else (int(np.sum(self._mask)),)
        self.kernel = self.add_weight("kernel", shape)
        self.bias = self.add_weight("bias", (*self.output_positions, self.filters)) if self.use_bias else None
        spatial.accept_channels(self, channels)

    def _connected(self, sizes: Sequence[int], channels: int) -> np.ndarray:
        """Which inputs have a weight to which outputs: (*shape of an input, *shape of an output)."""
        mask = np.ones(())
        for n, count, window, step in zip(sizes, self.output_positions, self.kernel_size, self.strides, strict=True):
            first = np.arange(count) * step - (window // 2 if self.padding == "same" else 0)
            positions = np.arange(n)[:, None]
            mask = np.multiply.outer(mask, (positions >= first) & (positions < first + window))
        mask = np.transpose(mask, (*range(0, mask.ndim, 2), *range(1, mask.ndim, 2)))
        is_first = self.data_format == "channels_first"
        axes = (0, self.rank + 1) if is_first else (self.rank, mask.ndim + 1)
        shape = [*sizes, *self.output_positions]
        shape.insert(axes[0], channels)
        shape.insert(axes[1], self.filters)
        return np.broadcast_to(np.expand_dims(mask, axes), shape)

    def _product(self, x: Any) -> Any:
        """The implementations 2, a matrix in which not all numbers count, and 3, those that count alone."""
        kernel, sizes = self.kernel.value, self._mask.shape[: self.rank + 1]
        shape = (math.prod(sizes), -1)
        if self.implementation == 2:
            matrix = jnp.reshape(kernel * self._mask, shape)
        else:
            outputs, inputs = np.nonzero(np.reshape(self._mask, shape).T)
            matrix = jnp.zeros(np.reshape(self._mask, shape).shape, kernel.dtype).at[inputs, outputs].set(kernel)
        return jnp.reshape(jnp.reshape(x, (x.shape[0], -1)) @ matrix, (x.shape[0], *self._mask.shape[self.rank + 1 :]))

    def call(self, x: Any) -> Any:
        positions = self.output_positions
        y: Any = (
            local_conv(x, self.kernel.value, self.kernel_size, self.strides, positions, self.data_format)
            if self.implementation == 1
            else self._product(x)
        )
        return self.activation(y if self.bias is None else bias_added(y, self.bias.value, format_of(self.data_format)))


class LocallyConnected1D(_LocallyConnected):
    r"""`Conv1D` with a kernel for each step:  y[t, o] = f(Σ_{k,i} x[t s + k, i] W[t, (k, i), o] + b[t, o]).

    x (batch, steps, in) · W (new steps, kernel_size in, filters) · b (new steps, filters)  ->  y like `Conv1D`

    >>> LocallyConnected1D(4, 3)(jnp.ones((2, 8, 5))).shape
    (2, 6, 4)
    """

    rank = 1


class LocallyConnected2D(_LocallyConnected):
    r"""`Conv2D` with a kernel for each pixel:  y[p, o] = f(Σ_{k,i} x[p s + k, i] W[p, (k, i), o] + b[p, o]).

    x (batch, rows, columns, in) · W (new pixels, *kernel_size in, filters) · b (*new sizes, filters)
    ->  y like `Conv2D`

    >>> LocallyConnected2D(4, 3)(jnp.ones((2, 8, 8, 3))).shape
    (2, 6, 6, 4)
    """

    rank = 2

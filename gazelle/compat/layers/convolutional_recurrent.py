"""Base classes of custom convolutional recurrent layers in Keras 2: ConvRNN2D, ConvLSTM2DCell, ConvRecurrent2D."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from gazelle.compat.layers.recurrent import Recurrent
from gazelle.compat.mixins.common import receiving_tensors
from gazelle.compat.types import Option
from gazelle.core import settings
from gazelle.core.types import Array, Shape
from gazelle.layers import RNN, InputSpec
from gazelle.layers.conv_lstm import _ConvLSTMCell
from gazelle.layers.spatial import sizes


class ConvRNN2D(RNN, abstract=True):
    """Loop over images x (batch, steps, rows, columns, channels) with a cell of convolutions.

    The first states have the shape of `cell.input_conv(x_t, kernel, padding)` with `cell.filters` channels.
    """

    rank = 2  # the states are images

    def build(self, sequences_shape: Shape) -> None:
        first: Any = sequences_shape[0] if isinstance(sequences_shape, list) else sequences_shape
        self._size_of_step = tuple(first[2:])
        super().build(sequences_shape)

    def get_initial_state(self, inputs: Array | int | None) -> list[Any]:
        """Return zeros for each state of the cell."""
        if not hasattr(self.cell, "input_conv"):
            return super().get_initial_state(inputs)
        batch = next(iter(getattr(inputs, "shape", ())), inputs)
        x = jnp.zeros((batch, *self._size_of_step), self.compute_dtype)
        kernel = jnp.zeros((*self.cell.kernel_shape[:-1], self.cell.filters), self.compute_dtype)
        first = receiving_tensors(self.cell.input_conv)(x, kernel, padding=self.cell.padding)
        return [first] * len(self.state_size)


class ConvLSTM2DCell(_ConvLSTMCell, abstract=True):
    """The cell of ConvLSTM2D."""

    def __init__(self, filters: int, kernel_size: int | Sequence[int], *args: Option, **kwargs: Option) -> None:
        super().__init__(2, filters, kernel_size, *args, **kwargs)


class ConvRecurrent2D(Recurrent, abstract=True):
    """`Recurrent` with the arguments of a convolution, for subclasses that define `build` and `step`."""

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = (1, 1),
        **kwargs: Option,
    ) -> None:
        super().__init__(**kwargs)
        name = type(self).__name__
        self.kernel_size = sizes(name, "kernel_size", kernel_size, 2)
        self.strides = sizes(name, "strides", strides, 2)
        self.dilation_rate = sizes(name, "dilation_rate", dilation_rate, 2)
        self.data_format = data_format or settings.image_data_format()
        self.input_spec, self.state_spec = [InputSpec(ndim=5)], None

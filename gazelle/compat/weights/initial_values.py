"""Initial values of weights as the packages Keras 1 and 2 drew them, where later versions draw others."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gazelle.compat import era
from gazelle.core.types import DTypeLike, InitializerLike
from gazelle.initializers import Identity, Initializer, Orthogonal, VarianceScaling, compute_fans
from gazelle.layers import Conv1D, Conv2DTranspose, GRUCell, Layer, LSTMCell

_GAIN = 1.1  # of orthogonal matrices in Keras 1


def of_era(layer: Layer, name: str | None, initializer: InitializerLike) -> InitializerLike:
    """The initializer of a weight of a layer, or a function (shape, dtype) that draws as the era did."""
    if isinstance(initializer, Identity) and name == "recurrent_kernel" and era.is_package_before_keras_3():
        return functools.partial(_identities, initializer)
    if era.number() != 1 or not isinstance(initializer, VarianceScaling | Orthogonal):
        return initializer
    if isinstance(layer, LSTMCell | GRUCell) and getattr(layer, "consume_less", "cpu") != "gpu":
        # Keras 1.2.2 drew both kernels of each gate alone, and both from `init`
        initializer = layer.kernel_initializer
        return functools.partial(_by_gate, functools.partial(drawn, _first(initializer)), layer.units)
    draw = functools.partial(drawn, _first(initializer))
    if hasattr(layer, "kernel_size") and hasattr(layer, "recurrent_initializer"):  # the cell of ConvLSTM2D
        draw = functools.partial(_kernel, draw, layer.data_format == "channels_first", order="th")
        return functools.partial(_by_gate, draw, layer.filters)
    if isinstance(layer, Conv1D):
        return lambda shape, dtype=None: draw((shape[0], 1, *shape[1:]), dtype).reshape(shape)
    if hasattr(layer, "kernel_size"):
        first = getattr(layer, "data_format", None) == "channels_first"
        return functools.partial(_kernel, draw, first, swapped=isinstance(layer, Conv2DTranspose))
    return draw


def drawn(
    initializer: Initializer, shape: Sequence[int], dtype: DTypeLike | None = None, order: str = "th"
) -> np.ndarray[Any, Any]:
    """The values that Keras 1 drew for a shape; `order` is that of the axes of kernels of 4 or 5 axes."""
    if isinstance(initializer, Orthogonal) and len(shape) > 1:
        return initializer((shape[0], math.prod(shape[1:])), dtype).reshape(tuple(shape))
    if not isinstance(initializer, VarianceScaling):
        return initializer(shape, dtype)
    number = {"fan_in": 0, "fan_out": 1}.get(initializer.mode)
    sizes = [
        pair if number is None else pair[number : number + 1] for pair in (compute_fans(shape), fans(shape, order))
    ]
    scale = initializer.scale * (sum(sizes[0]) / sum(sizes[1]))
    kind = "uniform" if initializer.distribution == "uniform" else "untruncated_normal"
    return VarianceScaling(scale, initializer.mode, kind, initializer.seed)(shape, dtype)


def fans(shape: Sequence[int], dim_ordering: str = "th") -> tuple[float, float]:
    """The fan-in and fan-out of Keras 1: of matrices and kernels; for others the root of the size is both."""
    if len(shape) == 2:
        return shape[0], shape[1]
    if len(shape) not in (4, 5):
        return (root := math.sqrt(math.prod(shape))), root
    if dim_ordering == "th":
        window, inputs, outputs = math.prod(shape[2:]), shape[1], shape[0]
    else:  # with two axes of a window, also of three
        window, inputs, outputs = math.prod(shape[:2]), shape[-2], shape[-1]
    return inputs * window, outputs * window


def _first(initializer: Any) -> Any:
    is_default = isinstance(initializer, Orthogonal) and initializer.gain == 1
    return Orthogonal(_GAIN, initializer.seed) if is_default else initializer


def _kernel(
    draw: Callable[..., Any],
    channels_first: bool,
    shape: Sequence[int],
    dtype: Any = None,
    order: str = "tf",
    swapped: bool = False,
) -> Any:
    """A kernel (*window, inputs, outputs), or (*window, outputs, inputs) if `swapped`, drawn in the axes of Keras 1."""
    *window, inputs, outputs = shape
    inputs, outputs = (outputs, inputs) if swapped else (inputs, outputs)
    if channels_first:
        values = np.moveaxis(draw((outputs, inputs, *window), dtype, "th"), (0, 1), (-1, -2))
    else:
        values = draw((*window, inputs, outputs), dtype, order)
    return np.swapaxes(values, -1, -2) if swapped else values


def _by_gate(draw: Callable[..., Any], units: int, shape: Sequence[int], dtype: Any = None) -> Any:
    """Draw the part of each gate (..., units) alone."""
    return np.concatenate([draw((*shape[:-1], units), dtype) for _ in range(shape[-1] // units)], -1)


def _identities(initializer: Identity, shape: tuple[int, int], dtype: Any = None) -> Any:
    """One identity matrix for each gate of a recurrent kernel (units, n units)."""
    return np.tile(initializer((shape[0], shape[0]), dtype), (1, shape[1] // shape[0]))


def fans_in_format(shape: Sequence[int], data_format: str = "channels_last") -> tuple[float, float]:
    """The fan-in and fan-out that Keras 2 computed in the order of axes of a data format."""
    if data_format == "channels_first" and len(shape) in (3, 4, 5):
        window = math.prod(shape[2:])
        return shape[1] * window, shape[0] * window
    return compute_fans(shape)

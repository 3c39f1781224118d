"""Conversion of a layer's weights from the layout of Keras 1 and 2 to that of Keras 3."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core.variable import Variable
from gazelle.saving.safetensors import Array

if TYPE_CHECKING:
    from gazelle.layers.base import Layer
    from gazelle.models import Model

#: number of weights in Keras 1, order of their gates in ours, axes of kernel, recurrent kernel and bias
_GATES = {
    "LSTM": (12, (0, 2, 1, 3), (2, 2, 1)),
    "GRU": (9, (0, 1, 2), (2, 2, 1)),
    "ConvLSTM2D": (12, (0, 2, 1, 3), (4, 4, 1)),
}
_CONVOLUTIONS = (
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "Conv2DTranspose",
    "Conv3DTranspose",
    "ConvLSTM2D",
    "SeparableConv2D",
    "SeparableConv1D",
    "DepthwiseConv2D",
    "DepthwiseConv1D",
)


@dataclasses.dataclass
class Layout:
    """The version and backend that wrote the file."""

    keras_1: bool  # written by Keras 1
    flipped: bool  # written by Theano, whose convolution flips the kernel


def leaves(layer: Layer) -> Iterator[Any]:
    """The layer itself, or the layers inside it that have the weights, in the order of the file."""
    kind = type(layer).__name__
    if kind == "Bidirectional":
        yield from leaves(layer.forward_layer)
        yield from leaves(layer.backward_layer)
    elif kind == "TimeDistributed":
        yield from leaves(layer.layer)
    elif hasattr(type(layer), "layers"):
        for inner in layer.layers:
            yield from leaves(inner)
    elif layer.weights:
        yield layer


def weights_of(layer: Layer) -> list[Variable]:
    """The variables of a layer in the order of the file: trainable variables come first, also of the layers inside."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def own_weights(model: Model) -> list[Variable]:
    """The variables of a model that none of its layers has, in the order of the file: trainable ones come first."""
    of_layers = {id(v) for layer in (*model.layers, *model._auxiliary_layers) for v in layer.weights}
    return [v for v in weights_of(model) if id(v) not in of_layers]


def parts(layer: Layer, wanted: list[Variable]) -> list[tuple[Layer | None, int]]:
    """(layer, number of its adjacent variables), for variables in the order of the file."""
    owner = {id(v): leaf for leaf in leaves(layer) for v in leaf.weights}
    return [(leaf, len(list(group))) for leaf, group in itertools.groupby(owner.get(id(v)) for v in wanted)]


def fitted(
    layer: Layer, arrays: list[Array], layout: Layout, wanted: list[Variable] | None = None
) -> list[tuple[Variable, Array]] | None:
    """(variable, array) for all variables of a layer, or for `wanted`; None if they do not fit."""
    wanted = weights_of(layer) if wanted is None else wanted
    owner = {id(v): leaf for leaf in leaves(layer) for v in leaf.weights}
    if layout.keras_1:
        arrays = gathered(parts(layer, wanted), arrays)
        if type(layer).__name__ == "Highway" and len(arrays) == 4 and arrays[1].ndim == 1:  # before Keras 1.2
            arrays = [arrays[n] for n in (0, 2, 1, 3)]
    arrays = _from_cudnn(parts(layer, wanted), arrays)
    if len(arrays) == len(wanted) + 1 and arrays[-1].shape == () and type(layer).__name__ == "Normalization":
        arrays = arrays[:-1]  # the number of samples that were seen
    if len(arrays) != len(wanted):
        return None
    pairs = []
    for variable, array in zip(wanted, arrays, strict=True):
        array = laid_out(owner.get(id(variable)), variable, array, layout)
        if array.shape != variable.shape:
            return None
        pairs.append((variable, array))
    return pairs


def laid_out(layer: Layer | None, variable: Variable, array: Array, layout: Layout) -> Array:
    """Convert an array to the layout of its variable."""
    kind = next((c.__name__ for c in type(layer).__mro__ if c.__name__ in _CONVOLUTIONS), "")
    if type(layer).__name__ == "LocallyConnected2D" and layer is not None and layer.data_format == "channels_first":
        is_bias = array.shape == (layer.filters, *layer.output_positions)  # of Keras 1; the layer reshapes it back
        return array.reshape(variable.shape) if is_bias else array
    if not kind or array.ndim < 3:
        return array
    if layout.keras_1:
        array = _first_layout(kind, layer, variable, array)
    if layout.flipped and kind.startswith("Conv") and array.ndim == variable.ndim:
        spatial = array.ndim - 2
        array = array[tuple([slice(None, None, -1)] * spatial)]
    return array


def _first_layout(kind: str, layer: Any, variable: Variable, array: Array) -> Array:
    """Convert a kernel of Keras 1: 1D kernels had two spatial axes, and the channel axis followed `dim_ordering`."""
    if kind == "Conv1D" and array.ndim == 4:
        if array.shape[1] != 1 or array.shape[0] != variable.shape[0]:
            array = array.transpose(2, 3, 1, 0)
        return array[:, 0]
    if getattr(layer, "data_format", None) == "channels_first" and kind != "ConvLSTM2D":
        axes = (*range(2, array.ndim), 1, 0)
        if kind == "Conv2DTranspose" and array.transpose(*axes[:-2], 0, 1).shape == variable.shape:
            axes = (*axes[:-2], 0, 1)
        return array.transpose(axes)
    if kind == "Conv2DTranspose":
        return array.transpose(0, 1, 3, 2)
    return array


def _gates(layer: Layer | None) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """The entry of `_GATES` for a layer, also for one of a subclass; of 0 weights for a layer without gates."""
    return next((_GATES[c.__name__] for c in type(layer).__mro__ if c.__name__ in _GATES), (0, (), (0,)))


def to_first(layer: Layer | None, arrays: list[Array], gates: bool) -> list[Array]:
    """Convert the values of a layer's weights to the layout of Keras 1.

    Args:
        layer: the layer.
        arrays: its weights.
        gates: separate the gates of LSTM and GRU.

    Returns:
        The arrays; (W, U, b) of each gate for a layer with gates, and then the weights that a subclass has added.
    """
    names = [c.__name__ for c in type(layer).__mro__]
    _, order, ranks = _gates(layer)
    is_first = getattr(layer, "data_format", None) == "channels_first"
    if order and len(arrays) >= 3 and (gates or ranks[0] == 4):
        split = [np.split(array, len(order), axis=-1) for array in arrays[:3]]
        found = [part[order.index(gate)] for gate in range(len(order)) for part in split]
        return [a.transpose(3, 2, 0, 1) if is_first and a.ndim == 4 else a for a in found] + arrays[3:]
    kind = next((name for name in names if name in _CONVOLUTIONS), "")
    return [_to_first_kernel(kind, is_first, array) if kind and array.ndim > 2 else array for array in arrays]


def axes_of_first(cls: type, is_first: bool, count: int) -> dict[int, int]:
    """{axis of a kernel of Keras 1: its axis now} for a class of layers; `is_first`: the channels come first."""
    kind = next((c.__name__ for c in cls.__mro__ if c.__name__ in _CONVOLUTIONS), "")
    sizes = range(2, 2 + count)  # one for each axis
    found = _to_first_kernel(kind, is_first, np.empty(sizes)).shape if kind else tuple(sizes)
    return {axis: size - 2 for axis, size in enumerate(found) if size > 1}


def _to_first_kernel(kind: str, is_first: bool, array: Array) -> Array:
    """The reverse of `_first_layout`."""
    if kind == "Conv1D":
        return array[:, None]
    if kind == "Conv2DTranspose":
        return array.transpose(2, 3, 0, 1) if is_first else array.transpose(0, 1, 3, 2)
    return array.transpose(array.ndim - 1, array.ndim - 2, *range(array.ndim - 2)) if is_first else array


def _from_cudnn(owners: list[tuple[Layer | None, int]], arrays: list[Array]) -> list[Array]:
    """Convert the weights of CuDNNLSTM and CuDNNGRU, which have kernels by columns and two biases."""
    out = list(arrays)
    start = 0
    for layer, number in owners:
        gates = {"LSTM": 4, "GRU": 3}.get(type(layer).__name__, 0)
        group = out[start : start + 3]
        if gates and number == len(group) == 3 and group[2].shape == (2 * group[0].shape[-1],):
            kernel, recurrent, bias = (np.asarray(array) for array in group)
            kernels = [k.reshape(k.shape[::-1]).T for k in np.split(kernel, gates, axis=1)]
            biases = bias.reshape(2, -1)
            out[start : start + 3] = [
                np.concatenate(kernels, axis=1),
                np.concatenate([k.T for k in np.split(recurrent, gates, axis=1)], axis=1),
                biases.sum(axis=0) if gates == 4 else biases,
            ]
        start += number
    return out


def gathered(owners: list[tuple[Layer | None, int]], arrays: list[Array]) -> list[Array]:
    """Combine the arrays (W, U, b) that Keras 1 stored for each gate of a cell.

    owners: (layer, the number of arrays it has now), in the order of the arrays.
    """
    out: list[Array] = []
    rest = list(arrays)
    for layer, number in owners:
        count, order, ranks = _gates(layer)
        fits = number >= 3 and [a.ndim for a in rest[:count]] == [*ranks] * (count // 3)
        # the recurrent kernel of one gate is square, that of all gates is not
        if count and fits and (ranks[0] == 4 or len({*rest[1].shape}) == 1):
            gates, rest = rest[:count], rest[count:]
            if ranks[0] == 4 and getattr(layer, "data_format", None) == "channels_first":
                gates = [a.transpose(2, 3, 1, 0) if a.ndim == 4 else a for a in gates]
            out += [np.concatenate([gates[3 * gate + n] for gate in order], axis=-1) for n in range(3)]
            number -= 3  # those that a subclass has added
        out, rest = [*out, *rest[:number]], rest[number:]
    return [*out, *rest]

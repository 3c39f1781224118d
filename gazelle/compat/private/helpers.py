"""Helper functions inside the modules of Keras 1 and 2, which programs imported from there for their own layers.

`old_names.find` looks them up in every module, with or without an underscore in front of the name. The table
`tables/private_helpers.txt` has those that gazelle has under another name.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np

from gazelle.compat import backend as K  # noqa: N812 - the usual name in programs
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tables import defined
from gazelle.compat.types import TensorLike, TensorResult
from gazelle.core import tracing
from gazelle.core.errors import ArgumentTypeError, message
from gazelle.core.masks import get_mask
from gazelle.core.types import DTypeLike
from gazelle.layers import Layer, weight_tree
from gazelle.losses.reduction import reduce
from gazelle.models import Model

#: a group of h5py, which is imported by the program
Group: TypeAlias = Any
EPSILON, FLOATX = 1e-7, "float32"


def to_list(x: object, allow_tuple: bool = False) -> list[Any]:
    """Return a list as it is, a single thing in a list."""
    return x if isinstance(x, list) else list(x) if allow_tuple and isinstance(x, tuple) else [x]


def unpack_singleton(x: Any) -> Any:
    """Return the only element of a list, or the list."""
    return x[0] if len(x) == 1 else x


def is_all_none(x: object) -> bool:
    """Return whether all elements are None."""
    return all(one is None for one in to_list(x, allow_tuple=True))


def object_list_uid(objects: object) -> str:
    """Return a text that identifies the objects."""
    return ", ".join(str(abs(id(one))) for one in to_list(objects))


def has_arg(fn: Callable[..., Any], name: str, accept_all: bool = False) -> bool:
    """Return whether a function takes an argument of this name."""
    parameters = inspect.signature(fn).parameters
    return name in parameters or (accept_all and any(p.kind is p.VAR_KEYWORD for p in parameters.values()))


def unchanged(x: TensorResult, *_: Any, **__: Any) -> TensorResult:
    """Return a function or a tensor as it is: there is nothing to track, to declare or to inject."""
    return x


def make_batches(size: int, batch_size: int) -> list[tuple[int, int]]:
    """Return (start, stop) of each batch."""
    return [(start, min(size, start + batch_size)) for start in range(0, int(size), batch_size)]


def batch_shuffle(indices: np.ndarray, batch_size: int) -> np.ndarray:
    """Return the indices with shuffled batches and the rest at the end."""
    whole = len(indices) // batch_size * batch_size
    batches = np.random.permutation(indices[:whole].reshape(-1, batch_size))
    return np.append(batches.ravel(), indices[whole:])


def count_params(weights: Sequence[Any]) -> int:
    """Return the number of parameters."""
    return int(sum(np.prod(tuple(weight.shape)) for weight in weights))


def make_divisible(v: float, divisor: int, min_value: int | None = None) -> int:
    """Return the multiple of `divisor` nearest to v, and not below 90 % of it."""
    rounded = max(min_value or divisor, int(v + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * v else rounded


def validate_kwargs(kwargs: Iterable[str], allowed_kwargs: Iterable[str], error_message: str = "{}") -> None:
    """Raise an error for other keywords than the allowed ones."""
    for name in kwargs:
        if name not in allowed_kwargs:
            raise ArgumentTypeError(message(error_message.format(name), expected=", ".join(allowed_kwargs), got=name))


# losses ---------------------------------------------------------------------------------------------------------------


def remove_squeezable_dimensions(
    labels: TensorLike, predictions: TensorLike, expected_rank_diff: int = 0, name: str | None = None
) -> tuple[TensorResult, TensorResult]:
    """Return (labels, predictions) without the last axis of size 1 of the one that has an axis more than expected."""
    difference = K.ndim(predictions) - K.ndim(labels) - expected_rank_diff
    if difference == 1 and K.int_shape(predictions)[-1] in (1, None):
        predictions = K.squeeze(predictions, -1)
    elif difference == -1 and K.int_shape(labels)[-1] in (1, None):
        labels = K.squeeze(labels, -1)
    return labels, predictions


def squeeze_or_expand_dimensions(
    y_pred: TensorLike, y_true: TensorLike = None, sample_weight: TensorLike = None
) -> tuple[TensorResult, ...]:
    """Return what is given with one axis more or less, so that all have the same number of axes."""
    if y_true is not None:
        y_true, y_pred = remove_squeezable_dimensions(y_true, y_pred)
    if sample_weight is None:
        return y_pred, y_true
    missing = K.ndim(y_pred) - K.ndim(sample_weight)
    if K.ndim(sample_weight) and missing == 1:
        sample_weight = K.expand_dims(sample_weight, -1)
    elif missing == -1:
        sample_weight = K.squeeze(sample_weight, -1)
    return y_pred, y_true, sample_weight


def compute_weighted_loss(
    losses: TensorLike,
    sample_weight: TensorLike = None,
    reduction: str = "sum_over_batch_size",
    name: str | None = None,
) -> TensorResult:
    """Return the weighted losses, reduced."""
    chosen: Any = "sum_over_batch_size" if reduction == "auto" else reduction
    weights: Any = sample_weight
    return reduce(jnp.asarray(losses), weights, None, chosen, name or "loss")


# sizes of convolutions ------------------------------------------------------------------------------------------------


def conv_input_length(output_length: int | None, filter_size: int, padding: str, stride: int) -> int | None:
    """Return the length from which a convolution makes this output."""
    if output_length is None:
        return None
    pad = {"same": filter_size // 2, "valid": 0, "full": filter_size - 1}[padding]
    return (output_length - 1) * stride - 2 * pad + filter_size


def deconv_length(
    size: int | None, stride: int, kernel: int, padding: str, output_padding: int | None = None, dilation: int = 1
) -> int | None:
    """Return the length of the output of a transposed convolution."""
    if size is None:
        return None
    kernel = (kernel - 1) * dilation + 1
    if output_padding is None:
        more = {"same": 0, "valid": max(kernel - stride, 0), "full": 2 - kernel - stride}
        return size * stride + more[padding]
    pad = {"same": kernel // 2, "valid": 0, "full": kernel - 1}[padding]
    return (size - 1) * stride + kernel - 2 * pad + output_padding


def deconv_output_length(
    size: int | None, kernel: int, padding: str, output_padding: int | None = None, stride: int = 0, dilation: int = 1
) -> int | None:
    """Return the length of the output of a transposed convolution."""
    return deconv_length(size, stride, kernel, padding, output_padding, dilation)


# recurrent layers -----------------------------------------------------------------------------------------------------


@ignores("input_dim@4 output_dim@5 timesteps@6")
def time_distributed_dense(
    x: TensorLike, w: TensorLike, b: TensorLike = None, dropout: float | None = None, training: bool | None = None
) -> TensorResult:
    """Return x w + b for each time step; dropout applies to x in training."""
    x = K.in_train_phase(K.dropout(x, dropout), x, training=training) if dropout else x
    out = K.dot(x, w)
    return out if b is None else K.bias_add(out, b)


def generate_dropout_ones(inputs: TensorLike, dims: int) -> TensorResult:
    """Return ones of shape (batch, dims)."""
    return K.tile(K.expand_dims(K.ones_like(K.reshape(inputs, (K.shape(inputs)[0], -1))[:, 0])), (1, dims))


def generate_dropout_mask(ones: TensorLike, rate: float, training: bool | None = None, count: int = 1) -> TensorResult:
    """Return `count` dropout masks, in a list if there are several."""
    with tracing.at_every_step():
        masks = [K.in_train_phase(lambda: K.dropout(ones, rate), ones, training=training) for _ in range(count)]
    return masks[0] if count == 1 else masks


def standardize_args(
    inputs: TensorLike, initial_state: TensorLike, constants: TensorLike, num_constants: int | None
) -> tuple[TensorResult, ...]:
    """Return (inputs, initial_state, constants), the last two as lists, from a list of all."""
    if isinstance(inputs, list):
        rest = inputs[1:]
        split = len(rest) - (num_constants or 0)
        inputs, initial_state, constants = inputs[0], rest[:split] or None, rest[split:] or None
    lists = [None if one is None else to_list(one, allow_tuple=True) for one in (initial_state, constants)]
    return inputs, *lists


def is_multiple_state(state_size: object) -> bool:
    """Return whether a cell has several states."""
    return hasattr(state_size, "__len__")


def generate_zero_filled_state_for_cell(
    cell: Layer, inputs: TensorLike, batch_size: TensorLike, dtype: DTypeLike
) -> TensorResult:
    """Return the first states of a cell: zeros of shape (batch, size)."""
    size = K.shape(inputs)[0] if inputs is not None else batch_size
    sizes = [(n,) if isinstance(n, int) else tuple(n) for n in to_list(cell.state_size, allow_tuple=True)]
    states = [K.zeros((size, *shape), dtype or "float32") for shape in sizes]
    return states if is_multiple_state(cell.state_size) else states[0]


def collect_previous_mask(tensors: TensorLike) -> TensorResult:
    """Return the masks of tensors."""
    return unpack_singleton([get_mask(tensor) for tensor in to_list(tensors)])


def collect_input_shape(tensors: TensorLike) -> TensorResult:
    """Return the shapes of tensors; that of a single one is not in a list."""
    return unpack_singleton([K.int_shape(tensor) for tensor in to_list(tensors)])


# weights in HDF5 files ------------------------------------------------------------------------------------------------


def load_attributes_from_hdf5_group(group: Group, name: str) -> list[str]:
    """Return an attribute of a group that holds texts, which may be divided into parts."""
    parts = [group.attrs[name]] if name in group.attrs else [group.attrs[f"{name}{i}"] for i in _parts(group, name)]
    return [text.decode() if isinstance(text, bytes) else str(text) for part in parts for text in part]


def _parts(group: Any, name: str) -> Iterator[int]:
    number = 0
    while f"{name}{number}" in group.attrs:
        yield number
        number += 1


def preprocess_weights_for_loading(layer: Layer, weights: list[Any], *_: Any, **__: Any) -> list[Any]:
    """Return the weights."""
    return weights


def _stored(f: Any) -> dict[str, list[Any]]:
    found = {}
    for name in load_attributes_from_hdf5_group(f, "layer_names"):
        arrays = [np.asarray(f[name][key]) for key in load_attributes_from_hdf5_group(f[name], "weight_names")]
        if arrays:
            found[name] = arrays
    return found


@ignores("reshape=False")
def load_weights_from_hdf5_group(f: Group, layers: Sequence[Layer] | Model) -> None:
    """Set the weights of layers, which Keras 3 takes from a model, in their order from a group of an HDF5 file."""
    layers = layers.layers if isinstance(layers, Model) else layers
    for layer, arrays in zip([one for one in layers if one.weights], _stored(f).values(), strict=True):
        weight_tree.set_values(layer, layer.weights, arrays)


@ignores("reshape=False")
def load_weights_from_hdf5_group_by_name(
    f: Group, layers: Sequence[Layer] | Model, skip_mismatch: bool = False
) -> None:
    """Set the weights of layers with names of an HDF5 file; with `skip_mismatch` those of equal shapes."""
    layers, stored = layers.layers if isinstance(layers, Model) else layers, _stored(f)
    for layer in layers:
        arrays = stored.get(layer.name)
        fits = arrays is not None and [a.shape for a in arrays] == [tuple(w.shape) for w in layer.weights]
        if arrays is not None and (fits or not skip_mismatch):
            weight_tree.set_values(layer, layer.weights, arrays)


def save_weights_to_hdf5_group(f: Group, layers: Sequence[Layer] | Model) -> None:
    """Write the weights of layers to a group of an HDF5 file."""
    layers = layers.layers if isinstance(layers, Model) else layers
    f.attrs["layer_names"] = [layer.name.encode() for layer in layers]
    for layer in layers:
        group = f.create_group(layer.name)
        names = [f"{layer.name}/{number}_{weight.name}".encode() for number, weight in enumerate(layer.weights)]
        group.attrs["weight_names"] = names
        for name, array in zip(names, weight_tree.get_values(layer.weights), strict=True):
            group[name.decode()] = array


@ignores("input_shapes")
def print_layer_shapes(model: Model, input_shapes: object) -> None:
    """Print the shapes of the output of each layer for inputs of these shapes."""
    for layer in model.layers:
        print(f"shape after {layer.name}: {tuple(layer.output_shape)}")


#: the names that every module has, besides those in the table
NAMES = frozenset(defined(sys.modules[__name__]))

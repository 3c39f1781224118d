"""Layers of gazelle on ragged tensors, which their arrays cannot be: on all tokens at once, or on padded rows.

Layers of categories also take sparse tensors: what is not stored is no token, while the dense array has zeros there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle import layers
from gazelle.compat.tensorflow.ops.arrays import stack
from gazelle.compat.tensorflow.ops.ragged import RaggedTensor
from gazelle.compat.tensorflow.ops.sparse import SparseTensor
from gazelle.compat.types import TensorResult
from gazelle.core.errors import ArgumentTypeError, message
from gazelle.core.own_code import from_gazelle
from gazelle.core.symbolic import KerasTensor
from gazelle.models import Sequential

if TYPE_CHECKING:
    from gazelle.layers import Layer


_OF_CATEGORIES = (
    layers.CategoryEncoding,
    layers.Discretization,
    layers.Hashing,
    layers.IntegerLookup,
    layers.StringLookup,
)
#: layers that compute each token, of any shape, by itself
_OF_TOKENS = (
    *(*_OF_CATEGORIES, layers.Embedding, layers.Activation, layers.Dropout, layers.ELU, layers.LeakyReLU),
    *(layers.ReLU, layers.Rescaling, layers.GaussianNoise),
)
#: layers that compute each token that is a vector
_OF_VECTORS = (layers.Dense, layers.EinsumDense, layers.LayerNormalization, layers.Softmax, layers.PReLU)
#: layers that leave out the steps beyond the end of a row by a mask
_OF_MASKED_ROWS = (layers.RNN, layers.Bidirectional, layers.GlobalAveragePooling1D)


def takes(layer: Layer, inputs: object) -> bool:
    """Whether `call` is for these inputs: ragged tensors for a layer that runs no code of the program's own."""
    if isinstance(layer, _OF_CATEGORIES) and (isinstance(inputs, SparseTensor) or _is_sparse_input(inputs)):
        return True
    several = inputs if isinstance(inputs, list | tuple) else [inputs]
    own = from_gazelle(type(layer).call) and not isinstance(layer, layers.Lambda)
    return own and any(isinstance(value, RaggedTensor) for value in several)


def _is_sparse_input(inputs: object) -> bool:
    return isinstance(inputs, KerasTensor) and inputs.sparse


def call(layer: Layer, ragged: RaggedTensor | Sequence[Any], *args: Any, **kwargs: Any) -> TensorResult:
    """Call a layer on a ragged or sparse tensor.

    Raises:
        ArgumentTypeError: the layer needs rows of equal length.
    """
    if isinstance(ragged, SparseTensor | KerasTensor):
        return _of_sparse(layer, ragged, *args, **kwargs)
    if isinstance(ragged, list | tuple):
        raise _refused(layer, f"a list with ragged tensors, of {len(ragged)} tensors")
    if isinstance(layer, Sequential):
        for each in layer.layers:
            ragged = each(ragged)
        return ragged
    if isinstance(layer, layers.TextVectorization) and getattr(layer, "split", None) is None:
        return layer._lookup_layer(ragged).to_tensor()
    if getattr(layer, "output_mode", None) in ("multi_hot", "count", "tf_idf"):  # a row is a sample
        return stack([layer(row) for row in ragged])
    vector = np.ndim(ragged.flat_values.array) > 1
    if isinstance(layer, _OF_TOKENS) or (vector and isinstance(layer, _OF_VECTORS)):
        return ragged.with_flat_values(layer(ragged.flat_values, *args, **kwargs))
    if vector and ragged.ragged_rank == 1 and isinstance(layer, _OF_MASKED_ROWS):
        lengths = ragged.row_lengths().numpy()
        mask = np.arange(lengths.max(initial=0)) < lengths[:, None]
        out = layer(ragged.to_tensor(), *args, **{**kwargs, "mask": mask})
        sequences = getattr(layer, "return_sequences", False) and not isinstance(out, list | tuple)
        return RaggedTensor.from_row_lengths(out[np.nonzero(mask)], lengths) if sequences else out
    raise _refused(layer, f"a ragged tensor of shape {ragged.shape}")


def _of_sparse(layer: Any, given: Any, count_weights: Any = None) -> Any:
    """The category of each stored token, or a vector for each row of them."""
    mode = getattr(layer, "output_mode", None)
    if isinstance(given, KerasTensor) or mode == "one_hot":
        hint = "Write tf.sparse.to_dense(x, default_value=...), with a value that is no token."
        got = "a sparse input of a model" if isinstance(given, KerasTensor) else "a sparse tensor"
        raise ArgumentTypeError(message(f"'{layer.name}'", expected="a dense tensor", got=got, hint=hint))
    if mode == "int":
        return given.with_values(layer(given.values))
    options = [{} if count_weights is None else {"count_weights": count_weights[n].values} for n in range(len(given))]
    return stack([layer(given[n].values, **each) for n, each in enumerate(options)])


def _refused(layer: Any, got: str) -> ArgumentTypeError:
    hint = "Write x.to_tensor(), which pads rows with zeros; mask_zero=True of an Embedding leaves them out."
    return ArgumentTypeError(
        message(f"{type(layer).__name__} '{layer.name}'", expected="rows of equal length", got=got, hint=hint)
    )

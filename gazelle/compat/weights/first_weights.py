"""Arrays that `get_weights` and `set_weights` of Keras 1 exchange: those of each gate, kernels by `dim_ordering`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gazelle.core.types import ArrayLike
from gazelle.core.variable import Variable
from gazelle.layers import Layer
from gazelle.saving.h5_format import weight_layout
from gazelle.saving.safetensors import Array

_LAYOUT = weight_layout.Layout(keras_1=True, flipped=False)


def exported(layer: Layer, variables: Sequence[Variable], arrays: Sequence[Array]) -> list[Array]:
    """Convert the values of variables to the layout of Keras 1."""
    found: list[Array] = []
    rest = list(arrays)
    for owner, count in weight_layout.parts(layer, list(variables)):
        own, rest = rest[:count], rest[count:]
        found += weight_layout.to_first(owner, own, getattr(owner, "consume_less", "cpu") != "gpu")
    return found


def imported(layer: Layer, variables: Sequence[Variable], arrays: Sequence[ArrayLike]) -> Sequence[ArrayLike]:
    """Convert arrays from the layout of Keras 1; all are unchanged if one does not fit its variable."""
    pairs = weight_layout.fitted(layer, [np.asarray(array) for array in arrays], _LAYOUT, list(variables))
    return arrays if pairs is None else [array for _, array in pairs]

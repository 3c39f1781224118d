"""The parts of a layer in files besides its config: the shapes it was built on, and its own weights."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core.errors import ArgumentError, message
from gazelle.core.own_code import from_gazelle
from gazelle.core.serialization import serialize
from gazelle.core.symbolic import KerasTensor
from gazelle.core.variable import Variable
from gazelle.layers import lora, weight_tree
from gazelle.layers.call_arguments import as_shape

if TYPE_CHECKING:
    from gazelle.layers.base import Layer
    from gazelle.layers.weight_matrix import WeightMatrix

#: the order of Keras' files; %s is the main weight
_FILE_ORDER = (
    *("%s", "bias", "inputs_scale", "inputs_amax_history", "%s_scale", "%s_zero", "g_idx"),
    *("reverse_%s", "reverse_%s_scale", "reverse_%s_zero"),
    *("%s_amax_history", "outputs_grad_scale", "outputs_grad_amax_history"),
)
_CALIBRATED_FILE_ORDER = ("bias", "%s", "%s_scale", "%s_zero", "awq_scales", "g_idx")


def stored_weights(layer: Layer) -> list[Variable]:
    """Return the weights of one layer, without those of layers inside it, as files hold them.

    A low-rank correction is part of the weight that it corrects.
    """
    own = weight_tree.own_weights(layer)
    matrix = layer.__dict__.get("_matrix")
    return own if matrix is None else _in_files(matrix, own)


def _in_files(matrix: WeightMatrix, weights: list[Variable]) -> list[Variable]:
    """The weights of a layer in the order of files, with the correction merged."""
    names = _FILE_ORDER if matrix.calibrated is None else _CALIBRATED_FILE_ORDER
    order = [name % matrix.name if "%" in name else name for name in names]
    if matrix.is_quantized:
        weights.sort(key=lambda v: order.index(v.name) if v.name in order else len(order))
    if not matrix.is_corrected:
        return weights
    kept = [v for v in weights if not v.name.startswith(f"lora_{matrix.name}_")]
    merged = lora.merged(matrix) if matrix.layer.built else {}
    return [lora.MergedVariable(matrix, v) if v.name in merged else v for v in kept]  # type: ignore[misc]


def build_config(layer: Layer) -> dict[str, Any] | None:
    """Return the shapes that a layer was built on, as JSON holds them; None if it is not built."""
    shapes = layer._build_shapes
    if shapes is None:
        return None
    if isinstance(shapes, dict) and all(key.endswith("_shape") for key in shapes):
        return {"shapes_dict": serialize(shapes)}
    return {"input_shape": serialize(shapes)}


def build(layer: Layer, config: Mapping[str, Any]) -> None:
    """Build a layer on the shapes of a `build_config`."""
    if "shapes_dict" in config:
        shapes = {key: as_shape(shape) for key, shape in config["shapes_dict"].items()}
        if "initial_state_shape" not in inspect.signature(layer.build).parameters:
            shapes.pop("initial_state_shape", None)  # Keras records it, and no weight depends on it
        layer.build(**shapes)
    elif config.get("input_shape") is not None:
        shape = as_shape(config["input_shape"])
        layer.build(shape)
        if not from_gazelle(type(layer).build):
            _build_inside(layer, shape)


def _build_inside(layer: Layer, shape: Any) -> None:
    """Build the layers inside of one whose own `build` leaves them to its first call, by tracing a call."""
    if not all(one.built for one in weight_tree.named_layers(layer).values()):
        with contextlib.suppress(Exception):  # `call` has further arguments: the weights that are missing are reported
            layer.compute_output_spec(KerasTensor(shape, layer.compute_dtype))


def save(layer: Layer, store: MutableMapping[str, Any]) -> None:
    """Put the arrays of `stored_weights` into `store`, under '0', '1', ..."""
    for number, variable in enumerate(stored_weights(layer)):
        store[str(number)] = variable.numpy()


def load(layer: Layer, store: Mapping[str, np.ndarray]) -> None:
    """Assign the arrays that `save` put into `store`.

    Raises:
        ArgumentError: the number of arrays differs.
    """
    own = stored_weights(layer)
    if len(own) != len(store.keys()):
        hint = "" if layer.built else "Build it first: its weights do not exist yet."
        what = f"load_own_variables of {layer._label}"
        raise ArgumentError(message(what, expected=f"{len(own)} arrays", got=len(store.keys()), hint=hint))
    for number, variable in enumerate(own):
        variable.assign(store[str(number)])

"""Calls of layers and operations in the config of a functional model, as Keras 2 wrote them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import jax

from gazelle.core.operation_names import operation_of
from gazelle.core.types import Serialized
from gazelle.layers import RNN, Bidirectional, Layer
from gazelle.models import operation_configs
from gazelle.saving import tensorflow_functions

Config = Mapping[str, Any]
#: arguments of recurrent layers whose tensors follow the sequences
_FURTHER_INPUTS = ("initial_state", "constants")


def first_numbers(entries: list[Config]) -> dict[str, int]:
    """{name: number of its first call} of the layers of a model: nested models were called when they were made."""
    return {entry["name"]: int(_has_own_input(entry["config"])) for entry in entries}


def _has_own_input(config: Config) -> bool:
    layers = config.get("layers")
    return isinstance(layers, list) and bool(layers) and layers[0].get("class_name") == "InputLayer"


def without_unused_inputs(config: Config) -> Config:
    """The config of a functional model without the inputs that nothing reads.

    Args:
        config: in the form of Keras 3, with a list of inputs.
    """
    trees = [entry["inbound_nodes"] for entry in config["layers"]]
    tensors = filter(_is_tensor, jax.tree.leaves(trees, is_leaf=_is_tensor))
    positions = [tensor["config"]["keras_history"] for tensor in tensors]
    read = {name for name, *_ in [*positions, *_several(config["output_layers"])]}
    unused = {name for name, *_ in _several(config["input_layers"])} - read
    layers = [entry for entry in config["layers"] if entry["name"] not in unused]
    return {**config, "layers": layers, "input_layers": [p for p in _several(config["input_layers"]) if p[0] in read]}


def _several(positions: Any) -> list[Any]:
    """The positions in a structure, each once for each tensor."""
    parts = list(positions.values()) if isinstance(positions, Mapping) else positions
    return [parts] if isinstance(parts[0], str) else [place for part in parts for place in _several(part)]


def ends(tree: Serialized, first: Mapping[str, int]) -> Serialized:
    """The inputs or outputs of a model: [["name", call, output], ...]; a dict has them by name."""
    numbered = _numbered(tree, first)
    return [numbered] if isinstance(numbered, list) and isinstance(numbered[0], str) else numbered


def _numbered(tree: Any, first: Mapping[str, int]) -> Any:
    if isinstance(tree, Mapping):
        return {key: _numbered(value, first) for key, value in tree.items()}
    if not isinstance(tree[0], str):
        return type(tree)(_numbered(part, first) for part in tree)
    name, number, output = tree
    return [name, number + first.get(name, 0), output]


def placed(entry: Config, made: Config, layer: Layer | None, first: Mapping[str, int]) -> dict[str, Any]:
    """An entry of a functional model: the layer's config, its name and its calls.

    entry: in the form of Keras 3.
    made: the config in the form of Keras 2.
    layer: None for an operation.
    first: what `first_numbers` returned.
    """
    if str(entry.get("module")).startswith(operation_configs.MODULES):
        return _function(entry, first)
    calls = [_call(call, layer, first) for call in entry["inbound_nodes"]]
    if constants := getattr(layer, "num_constants", 0):  # the last tensors of each call
        made = {**made, "config": {**made["config"], "num_constants": constants}}
    if made["class_name"] == "TFOpLambda":  # a list is a list of tensors
        calls = [
            made_call[0] if len(made_call) == 1 and not any(map(_is_tensor, _listed(call["args"][0]))) else made_call
            for made_call, call in zip(calls, entry["inbound_nodes"], strict=True)
        ]
    return {**made, "name": entry["name"], "inbound_nodes": calls}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _call(call: Config, layer: Any, first: Mapping[str, int]) -> Any:
    """A call of a layer: a list of [name, number, output, keywords] for the tensors of the first argument."""
    args, kwargs = list(call["args"]), dict(call["kwargs"])
    names = [p for p in inspect.signature(layer.call).parameters if p != "self"] if layer is not None else []
    kwargs = {**dict(zip(names[1:], args[1:], strict=False)), **kwargs}
    tensors = args[0] if args else kwargs.pop(names[0])
    further = [kwargs.pop(name, None) for name in _FURTHER_INPUTS if isinstance(layer, RNN | Bidirectional)]
    if any(further):
        tensors = [
            tensors,
            *(one for given in further if given for one in (given if isinstance(given, list) else [given])),
        ]
    keywords = {key: _value(value, first) for key, value in kwargs.items()}
    if isinstance(tensors, Mapping) and not _is_tensor(tensors):
        return {key: [*_place(value, first), keywords] for key, value in tensors.items()}
    many = isinstance(tensors, list) and any(map(_is_tensor, tensors))
    return [[*_place(each, first), keywords] for each in (tensors if many else [tensors])]


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__"


def _place(value: Any, first: Mapping[str, int]) -> list[Any]:
    if _is_tensor(value):
        return _numbered(value["config"]["keras_history"], first)
    return [tensorflow_functions.CONSTANT, -1, _value(value, first)]


def _value(value: Any, first: Mapping[str, int]) -> Any:
    """The value of an argument: tensors are ["name", call, output], slices tables and arrays lists."""
    if _is_tensor(value):
        return _place(value, first)
    if isinstance(value, Mapping):
        if value.get("class_name") == "__slice__":
            return value["config"]
        if value.get("class_name") in ("__numpy__", "__tensor__"):
            return value["config"]["value"]
        return {key: _value(each, first) for key, each in value.items()}
    return [_value(each, first) for each in value] if isinstance(value, list | tuple) else value


def _function(entry: Config, first: Mapping[str, int]) -> dict[str, Any]:
    """An operation as the function of TensorFlow that computes it; one that has none keeps its name."""
    operation = operation_of(entry["class_name"])
    if entry["module"] == "keras.losses":
        name, arguments = f"{tensorflow_functions.LOSSES}{operation}", {"y_pred": "y_pred"}
    else:
        name, arguments = tensorflow_functions.function_of(operation)
    (call,) = entry["inbound_nodes"]
    operands = call["args"]
    of_call = [name for name, current in arguments.items() if current not in entry["config"]]
    given = dict(zip(of_call, operands[1:], strict=False))
    names = {current: earlier for earlier, current in arguments.items()}
    options = {**entry["config"], **call["kwargs"]}
    given |= {names.get(key, key): value for key, value in options.items() if key != "name"}
    keywords = {key: _value(value, first) for key, value in given.items()}
    if isinstance(operands[0], list) and any(map(_is_tensor, operands[0])):
        place: Any = [[*_place(each, first), keywords] for each in operands[0]]
    else:
        place = [*_place(operands[0], first), keywords]
    config = {"name": entry["name"], "trainable": True, "dtype": "float32", "function": name}
    kind = "SlicingOpLambda" if operation == "get_item" else "TFOpLambda"
    return {"class_name": kind, "config": config, "name": entry["name"], "inbound_nodes": [place]}

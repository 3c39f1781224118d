"""Conversion of the config of a model of Keras 1 or 2 to Keras 3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from gazelle.core.errors import DamagedFileError, message
from gazelle.core.names import snake
from gazelle.core.registry import REGISTRY
from gazelle.core.symbolic import OPS
from gazelle.saving import tensorflow_functions, tf_keras_config
from gazelle.saving.h5_format import keras1, regularizers
from gazelle.saving.h5_format.activations import hard_sigmoid_before_keras_3
from gazelle.saving.h5_format.training_config import is_package

if TYPE_CHECKING:
    from gazelle.core.types import Serialized

_ENDS = ("input_layers", "output_layers", "losses", "reports")
_MODELS = ("Sequential", "Model", "Functional")
#: class names that only TensorFlow 1.13 and previews of 2.0 wrote
_CLASSES = {
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "UnifiedGRU": "GRU",
    "UnifiedLSTM": "LSTM",
}
_NAMESPACES = {"initializer": "initializers", "regularizer": "regularizers", "constraint": "constraints"}


class ConfigUpgrade:
    """Converts the config of a file.

    Args:
        version: of Keras, such as "1.2.2"; "" where the file has none.
        config: the root of the model's config.
        label: the name of the file, for errors.
    """

    def __init__(self, version: str, config: Serialized, label: str) -> None:
        self.keras_1 = version.startswith("1.")
        self.old = not version.startswith("3.")
        self._undivided = is_package(version)
        self.label = label
        self._ordering = _first_ordering(config) or "channels_last"

    def model(self, node: Mapping[str, Any], name: str | None = None) -> dict[str, Any]:
        """Convert a model, which may be nested."""
        kind = node.get("class_name")
        config: Any = node.get("config")
        if kind == "Sequential":
            entries = config if isinstance(config, list) else config.get("layers")
            given = config if isinstance(config, dict) else {}
            if entries and isinstance(entries[0], dict) and entries[0].get("class_name") == "Merge":
                return self._merged(entries, name)
            layers = [*self._layers(entries)]
            out = {"name": name or given.get("name") or "sequential", "layers": layers}
            shape = given.get("build_input_shape")
            if isinstance(shape, list) and layers and layers[0]["class_name"] != "InputLayer":
                out["build_input_shape"] = shape  # Keras 2.3 leaves out an InputLayer
            return {"module": "keras", "class_name": "Sequential", "config": out}
        if kind not in _MODELS or not isinstance(config, dict):
            return dict(node)  # refused later, by its name
        config = tf_keras_config.convert_graph(config)
        layers = [self._placed(entry) for entry in config["layers"]]
        own = {k: v for k, v in config.items() if k in ("name", "trainable", "with_added", *_ENDS)}
        renumber_nested_calls(layers, {end: own.get(end) for end in _ENDS})
        layers = [tf_keras_config.convert_object(entry) for entry in layers]  # also the calls
        own |= {"name": own.get("name") or name, "layers": layers}
        return {"module": "keras", "class_name": "Functional", "config": own}

    def _layers(self, entries: Any) -> Iterator[dict[str, Any]]:
        """Convert the layers of a Sequential; the first one declares the input."""
        for number, entry in enumerate(entries):
            layer = self.layer(entry)
            if layer["class_name"] != "InputLayer":
                shape, dtype = layer["config"].pop("batch_shape", None), layer["config"].pop("input_dtype", None)
                if number == 0 and shape is not None:
                    yield _input(layer, shape, dtype)
            yield layer

    def _placed(self, entry: Any) -> dict[str, Any]:
        """Convert a layer of a graph, whose name and calls are stored next to its config."""
        if "within" in entry or tensorflow_functions.is_function(entry):
            return {**entry}  # converted with its calls
        layer = self.layer(entry, entry.get("name"))
        if layer["class_name"] != "InputLayer":
            layer["config"].pop("batch_shape", None), layer["config"].pop("input_dtype", None)
        calls = entry.get("inbound_nodes", [])
        return {**layer, "name": entry["name"], "inbound_nodes": [*calls]}

    def layer(self, entry: Mapping[str, Any], name: str | None = None) -> dict[str, Any]:
        """Convert a layer and the layers inside it."""
        kind, config = entry.get("class_name"), entry.get("config")
        if kind in _MODELS:
            return self.model(entry, name)
        if not isinstance(kind, str) or not isinstance(config, dict):
            raise DamagedFileError(message(f"A layer in {self.label}", expected="a class and its config", got=kind))
        kind = _CLASSES.get(kind, kind)
        if self.keras_1:
            kind, config = keras1.layer(kind, config)
            if config.get("data_format", "") is None:
                config["data_format"] = self._ordering
        config = {k: self._value(k, v) for k, v in config.items()}
        if "batch_input_shape" in config:
            config["batch_shape"] = config.pop("batch_input_shape")
        if kind == "GRU" and self.old:
            config.setdefault("reset_after", False)
        if kind == "BatchNormalization" and isinstance(config.get("axis"), list):
            config["axis"] = config["axis"][0]
        if self._undivided:
            kind, config = regularizers.undivided(kind, config)
        if kind == "ThresholdedReLU":
            kind, config = "ReLU", {("threshold" if k == "theta" else k): v for k, v in config.items()}
        module = "keras.layers" if kind in REGISTRY["layers"] else entry.get("module")
        if not self.old and "trainable" not in config and snake(kind) in {*OPS, *REGISTRY.get("ops", {})}:
            module = "keras.src.ops.numpy"  # an operator as a node of the graph
        return tf_keras_config.convert_object(
            {"module": module, "class_name": kind, "config": config, "registered_name": None}
        )

    def _value(self, key: str, value: Any) -> Any:
        if key in ("layer", "backward_layer", "cell") and isinstance(value, dict):
            return self.layer(value)
        if key == "cells" and isinstance(value, list):
            return [self.layer(cell) for cell in value]
        namespace = _NAMESPACES.get(key.rsplit("_", 1)[-1])
        if namespace is not None and isinstance(value, dict) and not value.get("module"):
            return {"module": f"keras.{namespace}", **value}
        if key.rsplit("_", 1)[-1] == "activation" and value == "hard_sigmoid" and self.old:
            return hard_sigmoid_before_keras_3.__name__
        return value

    def _merged(self, entries: list[Any], name: str | None) -> dict[str, Any]:
        """Convert a Sequential of Keras 1 whose first layer merges branches to a graph with an input for each."""
        layers: list[dict[str, Any]] = []
        inputs = []

        def add(layer: dict[str, Any], *before: str) -> str:
            own = layer["config"]["name"]
            tensors = [tf_keras_config.tensor_reference([b, 0, 0]) for b in before]
            call: dict[str, Any] = {"args": [tensors] if len(tensors) > 1 else tensors, "kwargs": {}}
            layers.append({**layer, "name": own, "inbound_nodes": [call] if before else []})
            if layer["class_name"] == "InputLayer":
                inputs.append([own, 0, 0])
            return str(own)

        def branch(entries: list[Any]) -> str:
            last = ""
            if entries and entries[0].get("class_name") == "Merge" and entries[0]["config"].get("layers"):
                ends = [branch(inner["config"]) for inner in entries[0]["config"]["layers"]]
                last, entries = add(self.layer(entries[0]), *ends), entries[1:]
            for layer in self._layers(entries):
                if layer["class_name"] != "InputLayer" or not last:
                    last = add(layer, *([last] if last else []))
            return last

        last = branch(entries)
        config = {"name": name or "model", "layers": layers, "input_layers": inputs, "output_layers": [[last, 0, 0]]}
        return {"module": "keras", "class_name": "Functional", "config": config}


def _input(before: dict[str, Any], shape: Any, dtype: str | None) -> dict[str, Any]:
    usual = "int32" if before["class_name"] == "Embedding" else before["config"].get("dtype") or "float32"
    config = {"name": f"{before['config'].get('name')}_input", "batch_shape": shape, "dtype": dtype or usual}
    return {"module": "keras.layers", "class_name": "InputLayer", "config": config, "registered_name": None}


def _first_ordering(config: Any) -> str | None:
    """The data format that all layers of a Keras 1 model have."""
    stack = [config]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            if value.get("dim_ordering") in ("th", "tf"):
                return str(keras1.data_format(value["dim_ordering"]))
            stack += value.values()
        elif isinstance(value, list):
            stack += value
    return None


def upgraded_config(kind: str, config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The config that `get_config` of a "Sequential" or "Functional" of Keras 2 or 3 returned, as one of Keras 3."""
    graph, layers = kind == "Functional", config["layers"]
    if any(
        any(isinstance(call, list) for call in entry.get("inbound_nodes") or ()) if graph else "module" not in entry
        for entry in layers
    ):
        node = {"class_name": kind, "config": config}
        upgraded: dict[str, Any] = ConfigUpgrade("2", node, "a config of Keras 2").model(node)["config"]
        return upgraded
    if graph:  # tf.keras from 2.13 on wrote the calls of Keras 3 with its own numbers
        renumber_nested_calls(layers, {end: config.get(end) for end in _ENDS})
    return config


def renumber_nested_calls(layers: list[dict[str, Any]], ends: dict[str, Any]) -> None:
    """Renumber the calls of nested models: earlier Keras counted the creation of the model as its first call."""
    nested = [entry for entry in layers if entry.get("class_name") in _MODELS]
    own = {entry["name"]: len(entry["inbound_nodes"]) for entry in nested if "name" in entry}
    references = [*_references([e.get("inbound_nodes") for e in layers], own), *_references(ends, own)]
    counted = {reference[0] for reference in references if reference[1] >= own[reference[0]]}
    for reference in references:
        if reference[0] in counted:
            reference[1] -= 1


def _references(value: Any, names: Any) -> Iterator[list[Any]]:
    """All triples [name of a layer, call, output] in lists and dicts."""
    if isinstance(value, list):
        if len(value) in (3, 4) and isinstance(value[0], str) and value[0] in names and type(value[1]) is int:
            yield value
        for inner in value:
            yield from _references(inner, names)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _references(inner, names)

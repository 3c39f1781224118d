"""Configs of Keras 3 as configs of Keras 2: names of arguments, dtypes, calls of layers."""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gazelle.compat import era, tables
from gazelle.compat.former_files import calls
from gazelle.core.registry import REGISTRY
from gazelle.core.serialization import serialize_object
from gazelle.saving import tf_keras_config
from gazelle.saving.h5_format.activations import hard_sigmoid_before_keras_3

if TYPE_CHECKING:
    from gazelle.core.types import Serialized
    from gazelle.layers import Layer
    from gazelle.models import Model

_ABSENT = object()
#: what a layer has in addition to its class and arguments in `.keras` files; `.h5` files do not need them
_LAYER_ENTRIES = ("module", "registered_name", "build_config", "shared_object_id")
_ALWAYS = "every class"
#: values of added arguments that are the only ones of Keras 2
_NEUTRAL = (("data_format", "channels_last"),)


def model_config(model: Model) -> dict[str, Any]:
    """The config of a model as `.h5` files and JSON texts of Keras 2 contain it.

    Args:
        model: the model.
    """
    config: dict[str, Any] = _without_modules(_of_model(model))
    return {**config, "config": _without_input_layer(model, config["config"])}


def config_of_model(model: Model) -> dict[str, Any]:
    """What `get_config` of a model returned in Keras 2.

    Args:
        model: the model.
    """
    config: dict[str, Any] = _without_modules(_of_model(model), False)["config"]
    for entry in config["layers"]:
        _with_tuple(entry["config"])
    return _without_input_layer(model, config)


def _without_input_layer(model: Model, config: dict[str, Any]) -> dict[str, Any]:
    """The config of a Sequential of the package Keras 2, whose first layer has the input shape, also a changed one."""
    layers = config.get("layers", [])
    if "input_layers" in config or not era.standalone() or len(layers) < 2 or layers[0]["class_name"] != "InputLayer":
        return config
    first, second, *others = layers
    if "layers" not in second["config"]:
        shape = getattr(model.layers[0], "batch_input_shape", None) or first["config"]["batch_input_shape"]
        second = {**second, "config": {**second["config"], "batch_input_shape": shape}}
    return {**config, "layers": [second, *others]}


def _of_model(model: Model) -> dict[str, Any]:
    """A model in a config of Keras 2; the package `keras` left out the inputs that no layer reads."""
    node = serialize_object(model)
    if era.standalone() and isinstance(node["config"].get("input_layers"), list):
        node = {**node, "config": calls.without_unused_inputs(node["config"])}
    out: dict[str, Any] = converted(node, model)
    return out


def config_of_layer(layer: Layer, name: str, config: dict[str, Any]) -> dict[str, Any]:
    """What `get_config` of a layer returned in Keras 2.

    Args:
        layer: the layer.
        name: the name of its class.
        config: its config now.
    """
    found: dict[str, Any] = converted({"class_name": name, "config": config})["config"]
    further = {key: getattr(layer, key, value) for key, value in _of_programs(name, era.standalone()).items()}
    return _with_tuple({**further, **found})


@functools.cache
def _of_programs(name: str, standalone: bool) -> dict[str, Any]:
    """{argument: value} of what the configs of a class have for programs alone."""
    section = tables.read("former_files")["only in configs of programs"]
    pairs = " ".join(value for names, value in section.items() if name in names.split()).split()
    later = _added(name, True) | {"time_major"} if standalone else frozenset()
    found = {key: ast.literal_eval(value) for key, _, value in (pair.partition(":") for pair in pairs)}
    return {key: value for key, value in found.items() if key not in later}


def _with_tuple(config: dict[str, Any]) -> dict[str, Any]:
    if config.get("batch_input_shape") is not None:
        config["batch_input_shape"] = tuple(config["batch_input_shape"])
    return config


def _without_modules(node: dict[str, Any], by_name: bool = True) -> dict[str, Any]:
    """A model, and the layers of its graph, by the names of their classes alone; functions by name if `by_name`."""
    config = node["config"]
    if isinstance(config, dict) and isinstance(config.get("layers"), list):
        config = {**config, "layers": [_without_modules(entry, by_name) for entry in config["layers"]]}
    elif by_name:
        config = names_of_functions(config)
    out = {key: value for key, value in node.items() if key not in _LAYER_ENTRIES}
    functional = "Model" if era.standalone() else "Functional"
    kind = functional if "input_layers" in config and node["class_name"] == "Model" else class_name(node)
    return {**out, "class_name": kind, "config": config}


def class_name(node: Mapping[str, Any]) -> str:
    """The class of a config as `.h5` files name it: with the package that it is registered under, "package>name".

    Args:
        node: the config of an object.
    """
    registered = node.get("registered_name")
    return registered if registered and ">" in registered else node["class_name"]


def names_of_functions(value: Serialized) -> Serialized:
    """A config with names of user-defined functions in the place of their descriptions, and full names of classes.

    Args:
        value: a part of a config.
    """
    if isinstance(value, list):
        return [names_of_functions(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    if value.get("class_name") == "function" and "fingerprint" not in value:
        return value["config"]
    out = {key: names_of_functions(each) for key, each in value.items()}
    return {**out, "class_name": class_name(value)} if "class_name" in value else out


def converted(node: Serialized, model: Model | Layer | None = None) -> Serialized:
    """Convert a value of a config of Keras 3.

    Args:
        node: the value.
        model: the model or layer that the config is of; the signatures of its layers name the arguments of calls.
    """
    if isinstance(node, list | tuple):
        return [converted(each) for each in node]
    if not isinstance(node, Mapping):
        return node if node != hard_sigmoid_before_keras_3.__name__ else "hard_sigmoid"
    config = node.get("config")
    if "class_name" not in node or not isinstance(config, Mapping):
        return {key: converted(value) for key, value in node.items()}
    name = node["class_name"]
    if name == "Undivided":  # as all penalties on outputs are in Keras 2.3.1
        return converted(config["regularizer"])
    if name in ("DTypePolicy", "FloatDTypePolicy"):
        return _policy(config["name"])
    if "layers" in config and not isinstance(config["layers"], Mapping):
        config = _layers(config, model)
    else:
        config = {key: converted(value) for key, value in _arguments(name, config).items()}
    out = {**node, "config": config}
    if era.standalone() and name in _former_classes():
        former, arguments = _former_classes()[name]
        return {"class_name": former, "config": {**config, **arguments}}
    if name == "Functional":  # the public name, by which Keras 2 and 3 find it
        out |= {"module": "keras", "class_name": "Model", "registered_name": None}
    shapes = (node.get("build_config") or {}).get("shapes_dict")
    if shapes is not None:  # layers of Keras 2 were built on one input
        del out["build_config"]
    if name == "MultiHeadAttention" and shapes:
        value = shapes["value_shape"]
        config |= {
            "query_shape": shapes["query_shape"],
            "value_shape": value,
            "key_shape": shapes.get("key_shape", value),
        }
    return out


def _policy(name: str) -> Any:
    """The dtype of a layer: its name, or a policy if variables have another dtype."""
    if not name.startswith("mixed_"):
        return name
    config = {"name": name}
    return {"module": "keras.mixed_precision", "class_name": "Policy", "config": config, "registered_name": None}


def _layers(config: Mapping[str, Any], model: Any) -> dict[str, Any]:
    """The config of a Sequential or functional model."""
    layers = {layer.name: layer for layer in getattr(model, "layers", ())}
    entries = [(entry, layers.get(entry.get("name") or entry["config"].get("name"))) for entry in config["layers"]]
    if "input_layers" not in config:
        kept = {key: value for key, value in config.items() if key == "name"}
        return {**kept, "layers": [converted(entry, layer) for entry, layer in entries]}
    first = calls.first_numbers(config["layers"])
    return {
        "name": config["name"],
        "trainable": config["trainable"],
        "layers": [calls.placed(entry, converted(entry, layer), layer, first) for entry, layer in entries],
        **{end: calls.ends(config[end], first) for end in ("input_layers", "output_layers")},
        **{key: value for key, value in config.items() if key == "with_added"},  # of gazelle
    }


def _arguments(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a class by their names in Keras 2, without those that it did not have."""
    names = _renamed().get(name, {})
    out = {}
    for key, value in config.items():
        is_neutral = not value or (key, value) in _NEUTRAL or value == _default(name, key)
        is_unknown = key == "zero_output_for_mask" and era.standalone()  # Bidirectional sets it to True
        if key in _added(name, era.standalone()) and (is_neutral or is_unknown):
            continue
        out[names.get(key, key)] = value
    backward = out.get("backward_layer")  # absent if a `get_config` of the program has written this config already
    if name == "Bidirectional" and backward and _is_mirrored(out["layer"]["config"], backward["config"]):
        del out["backward_layer"]
    if name == "Discretization" and out.get("bin_boundaries") is not None:
        out.pop("num_bins", None)  # from which they were computed
    if name in (*tf_keras_config.TEXT_LAYERS, "IntegerLookup"):  # the dtype of the input, or integers
        out.pop("dtype", None)
    if name == "BatchNormalization" and isinstance(out.get("axis"), list):
        out["axis"] = out["axis"][0]
    return out


def _is_mirrored(layer: Mapping[str, Any], backward: Mapping[str, Any]) -> bool:
    """Whether Bidirectional makes the layer for the other direction itself."""
    keys = layer.keys() - {"name", "go_backwards"}
    return layer["go_backwards"] != backward["go_backwards"] and all(layer[key] == backward.get(key) for key in keys)


@functools.cache
def _added(name: str, standalone: bool) -> frozenset[str]:
    """The arguments of a class that tf.keras 2, or Keras 2.3.1 if `standalone`, does not have."""
    sections = ["added", "added after 2.3.1"] if standalone else ["added"]
    found = [
        value
        for section in sections
        for key, value in tables.read("former_files")[section].items()
        if key == _ALWAYS or name in key.split()
    ]
    return frozenset(" ".join(found).split())


@functools.cache
def _renamed() -> dict[str, dict[str, str]]:
    section = tables.read("former_files")["renamed"]
    return {name: dict(pair.split(":") for pair in pairs.split()) for name, pairs in section.items()}


@functools.cache
def _former_classes() -> dict[str, tuple[str, dict[str, Any]]]:
    """{class: (class of Keras 2.3.1, its further arguments)}."""
    found = {}
    for name, value in tables.read("former_files")["classes before 2.4"].items():
        former, *pairs = value.split()
        arguments = dict(pair.split(":") for pair in pairs)
        found[name] = former, {k: float(v) if v[0].isdigit() else v for k, v in arguments.items()}
    return found


@functools.cache
def _default(name: str, argument: str) -> Any:
    """The default of an argument as a config contains it."""
    target = next((table[name] for table in REGISTRY.values() if name in table), None)
    for cls in getattr(target, "__mro__", ()):
        parameter = inspect.signature(cls.__init__).parameters.get(argument) if "__init__" in cls.__dict__ else None
        if parameter is not None:
            return list(parameter.default) if isinstance(parameter.default, tuple) else parameter.default
    return _ABSENT

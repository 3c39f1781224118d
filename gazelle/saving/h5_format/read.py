"""Reading of models and weights from `.h5` files of Keras 1, 2 and 3."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core.errors import DamagedFileError, message
from gazelle.core.registry import custom_object_scope
from gazelle.core.variable import Variable
from gazelle.saving import config as configs
from gazelle.saving import hdf5
from gazelle.saving.h5_format import optimizer_state
from gazelle.saving.h5_format.config_upgrade import ConfigUpgrade
from gazelle.saving.h5_format.training_config import compiled
from gazelle.saving.h5_format.weight_layout import Layout, fitted, leaves, own_weights, weights_of
from gazelle.saving.keras_weights import need_match, report, weight_errors
from gazelle.saving.safetensors import Array

if TYPE_CHECKING:
    from gazelle.models.model import Model


def load_model(reader: hdf5.Reader, custom_objects: Mapping[str, Any] | None, compile: bool) -> Model:
    """Read a model from an `.h5` file: architecture, weights, compile arguments and optimizer state."""
    label = f"'{reader.label}'"
    parsed = _json(reader, "model_config", label)
    if parsed is None:
        raise DamagedFileError(
            message(
                f"{label} contains no model",
                expected="the attribute model_config",
                got="only weights",
                hint="Build the model in code and call model.load_weights(path).",
            )
        )
    version = str(reader.attributes.get("keras_version") or parsed.get("keras_version") or "1")
    with custom_object_scope(custom_objects or {}), configs.config_errors(label):
        config = ConfigUpgrade(version, parsed, label).model(parsed)
    stored = sum(math.prod(shape) for shape, _ in reader.declared.values())
    model = configs.build(config, label, custom_objects, stored)
    saved = {n: paths for n, paths in _layers(reader, _root(reader)).items() if paths}
    _sort_layers(model, [*saved])
    with weight_errors(label):
        load_weights(model, reader)
    training = _json(reader, "training_config", label) if compile else None
    if training is not None:
        with custom_object_scope(custom_objects or {}), configs.config_errors(label):
            training = compiled(training, version, len(getattr(model, "outputs", None) or [0]))
        configs.compile_model(model, training, label, custom_objects, stored)
        names = [path.rsplit("/", 1)[-1] for paths in saved.values() for path in paths]
        optimizer_state.load(model, reader, _layout(reader), names)
    return model


def load_weights(model: Model, reader: hdf5.Reader, *, by_name: bool = False, skip_mismatch: bool = False) -> list[str]:
    """Assign the weights in the file to the layers, in order or by name; return the names of the layers that match."""
    layout = _layout(reader)
    saved = [(n, paths) for n, paths in _layers(reader, _root(reader)).items() if paths]
    layers = [layer for layer in model.layers if weights_of(layer)]
    added = [layer for layer in model._auxiliary_layers if weights_of(layer)]
    if added and len(saved) == len(layers) + len(added):  # tf.keras lists them last, also where they are in a model
        named = {layer.name: layer for layer in added}
        last = [name for name, _ in saved[len(layers) :]]
        layers += [named[name] for name in last] if named.keys() == set(last) else added
    if not by_name and len(saved) != len(layers):
        layers = [leaf for layer in layers for leaf in leaves(layer)]
    pairs: list[tuple[Variable, Array]] = []
    misfits, matched = [], []
    if layout.keras_1:  # it divided models that merge branches
        known = {name for name, _ in saved}
        parts = [leaf for layer in layers for leaf in ([layer] if layer.name in known else leaves(layer))]
        layers = parts if known.issuperset(leaf.name for leaf in parts) else layers
    same_names = sorted(layer.name for layer in layers) == sorted(name for name, _ in saved)
    if by_name or (layout.keras_1 and same_names):  # Keras 1 ordered the layers of some graphs differently
        found = dict(saved)
        couples = [(layer, layer.name, found[layer.name]) for layer in layers if layer.name in found]
    else:
        couples = [(layer, name, paths) for layer, (name, paths) in zip(layers, saved, strict=False)]
        if len(saved) != len(layers):
            misfits.append(f"expected {len(layers)} layers with weights, got {len(saved)}")
    for layer, name, paths in couples:
        arrays = [reader.read(path, *reader.declared[path]) for path in paths]
        fit = fitted(layer, arrays, layout)
        if fit is None:
            expected = [v.shape for v in weights_of(layer)]
            misfits.append(f"{name} (layer '{layer.name}'): expected {expected}, got {[a.shape for a in arrays]}")
        else:
            pairs += fit
            matched.append(layer.name)
    top = _paths(reader, "/".join(filter(None, (_root(reader), "top_level_model_weights"))))
    arrays = [reader.read(path, *reader.declared[path]) for path in top]
    own = own_weights(model) if top and not by_name else []
    if [v.shape for v in own] == [a.shape for a in arrays]:
        pairs += zip(own, arrays, strict=True)
    elif not by_name:
        misfits.append(f"weights of the model: expected {[v.shape for v in own]}, got {[a.shape for a in arrays]}")
    report(misfits, reader.label, skip_mismatch, matched)
    need_match(matched, model, reader.label)
    for variable, array in pairs:
        variable.assign(array)
    return matched


def _sort_layers(model: Model, names: list[str]) -> None:
    """Give the layers with weights the order of the file: that of Keras 1 was another one for some graphs."""
    indices = [n for n, layer in enumerate(model._layers) if layer.name in names] if model._graph is not None else []
    if len(indices) == len(names):
        found = sorted((model._layers[n] for n in indices), key=lambda layer: names.index(layer.name))
        for n, layer in zip(indices, found, strict=True):
            model._layers[n] = layer


def _root(reader: hdf5.Reader) -> str:
    return "model_weights" if "model_weights" in reader.groups else ""


def _layout(reader: hdf5.Reader) -> Layout:
    """The version that wrote the file; Theano is detected by an attribute, in Keras 1 by weight names without `:0`."""
    attributes = {**reader.attributes, **reader.attributes_of("model_weights")}
    backend, version = attributes.get("backend"), str(attributes.get("keras_version") or "1")
    names = [path for path in reader.declared if not path.startswith("optimizer_weights")]
    theano = backend == "theano" if backend else not any(name.endswith(":0") for name in names)
    return Layout(keras_1=version.startswith("1"), flipped=theano)


def _layers(reader: hdf5.Reader, root: str) -> dict[str, list[str]]:
    """{name of a layer: paths of its arrays}, in the order of the file."""
    out: dict[str, list[str]] = {}
    for name in _listed(reader, root, "layer_names"):
        group = f"{root}/{name}" if root else name
        out[name] = _paths(reader, group)
    return out


def _paths(reader: hdf5.Reader, group: str) -> list[str]:
    """The paths of the arrays of a group; there are none in the files before that group existed."""
    if group.endswith("top_level_model_weights") and group not in reader.nodes:
        return []
    paths = [f"{group}/{weight}" for weight in _listed(reader, group, "weight_names")]
    lost = [path for path in paths if path not in reader.declared]
    if lost:
        raise DamagedFileError(message(f"'{reader.label}' lists an array that it does not contain", got=lost[0]))
    return paths


def _listed(reader: hdf5.Reader, group: str, key: str) -> list[str]:
    """A list of names; long lists are divided into key0, key1 ..."""
    stored = reader.attributes_of(group)
    parts = [key] if key in stored else sorted((k for k in stored if re.fullmatch(key + r"\d+", k)), key=_number)
    if group not in reader.nodes or (not parts and key == "layer_names"):
        raise DamagedFileError(message(f"'{reader.label}' is not a file of Keras", expected=f"{key} of '{group}'"))
    return [str(name) for part in parts for name in np.ravel(stored[part]).tolist()]


def _number(key: str) -> int:
    return int(re.sub(r"\D", "", key))


def _json(reader: hdf5.Reader, key: str, label: str) -> dict[str, Any] | None:
    text = reader.attributes.get(key)
    if text is None:
        return None
    if not isinstance(text, str):
        raise DamagedFileError(message(f"{key} in {label}", expected="text", got=type(text).__name__))
    return configs.parse(text.encode(), label)

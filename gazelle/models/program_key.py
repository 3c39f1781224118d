"""The key of a model's compiled programs: equal for models of the same structure and compile arguments."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax

from gazelle.core import conventions, dtypes, settings, symbolic
from gazelle.core.registry import REGISTRY, find
from gazelle.core.replaced_methods import are_original, replaced
from gazelle.core.serialization import serialize, serialize_object
from gazelle.layers import weight_tree
from gazelle.layers.base import Layer
from gazelle.layers.input import InputLayer
from gazelle.models.graph import Graph
from gazelle.ops import native
from gazelle.training.step import ModelSpec

if TYPE_CHECKING:
    from gazelle.models.model import Model

#: a class or function of another module, or a function without a config, in the JSON of a config
_USER_CODE = re.compile(r'"module": "(?!keras[."])|"class_name": "(?:function|Lambda)"')
_NAMES = ("name", "keras_history", "input_layers", "output_layers")  # where configs have names of layers
_ARGUMENTS = ("loss", "loss_weights", "metrics", "weighted_metrics")


def structure(model: Model, spec: ModelSpec) -> str | None:
    """Return a text that is equal for models with equal programs; None if user code takes part.

    Args:
        model: a built model.
        spec: what its step is made of.
    """
    layers = list(weight_tree.named_layers(model).values())
    if model._graph is None or spec.run_eagerly or spec.methods.replaced():
        return None
    for layer in layers:  # what a layer has adapted to and its RematScope are not in its config
        extended = getattr(layer, "_extended_graph", None) is not None
        if extended or hasattr(type(layer), "adapt") or layer._remat is not None:
            return None
    if not all(map(_is_registered, {type(part) for part in (*layers, spec.optimizer)})):
        return None
    if not are_original({type(thing) for thing in spec.methods.things} | _chosen_by_name()):
        return None
    if spec.optimizer is not None and spec.optimizer._excluded != ((), ""):
        return None
    try:
        config = _without_names(serialize_object(model), {})
        arguments = serialize({name: getattr(spec, name) for name in _ARGUMENTS})
        optimizer = serialize(spec.optimizer)
    except Exception:
        return None  # a part has no config, or its get_config is code of the program
    if optimizer is not None:
        for name in (*spec.optimizer.hyper(), "name"):
            optimizer["config"].pop(name, None)
    variables = [
        [path, list(v._value.shape), v.dtype, path in spec.trainable, v.overwrite_with_gradient]
        + [None if part is None else serialize(part) for part in (v.regularizer, v.constraint)]
        for path, v in spec.variables.items()
    ]
    outputs = spec.outputs if len(spec.outputs or ()) > 1 else None
    inputs = model._graph.input_names if len(model._graph.input_names) > 1 else None
    flags = [[layer.trainable, layer.compute_dtype, layer.variable_dtype] for layer in layers]
    parts = [config, arguments, optimizer, variables, [outputs, inputs], flags, model._graph.guessed]
    global_settings = [
        dtypes.floatx(),
        settings.epsilon(),
        settings.image_data_format(),
        native.ready(),
        dataclasses.astuple(conventions.active),
    ]
    try:
        text = json.dumps([parts, *global_settings, settings.is_flash_attention_enabled()])
    except TypeError:
        return None  # a part cannot be converted to JSON
    return None if _USER_CODE.search(text) else text


def _is_registered(cls: type) -> bool:
    """Whether it is the class that a config names."""
    return find(cls.__name__, getattr(cls, "_namespace", None)) is cls


def _chosen_by_name() -> set[type]:
    """The classes of the objects that names of losses and metrics may stand for."""
    targets = [*REGISTRY.get("losses", {}).values(), *REGISTRY.get("metrics", {}).values()]
    return {target for target in targets if isinstance(target, type)}


def _without_names(value: Any, numbers: dict[str, str], is_name: bool = False) -> Any:
    """A config with numbers instead of names of layers, in order of occurrence; is_name: strings are names."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "DTypePolicy":
            return value
        return {key: _without_names(entry, numbers, key in _NAMES) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_names(entry, numbers, is_name) for entry in value]
    return numbers.setdefault(value, f"#{len(numbers)}") if is_name and isinstance(value, str) else value


def is_batch_independent(model: Layer) -> bool:
    """Return whether the outputs for a sample are known to depend on that sample only, without running the model."""
    graph: Graph | None = model._graph
    if graph is None or replaced(model):
        return False
    for node in graph.nodes:
        layer = node.operation
        if isinstance(layer, InputLayer):
            continue
        if not isinstance(layer, Layer) or node.kwargs.get("training") or True in [a for a in node.args if a is True]:
            return False
        if replaced(layer) or not are_original({type(layer)}):
            return False
        if isinstance(getattr(layer, "_graph", None), Graph):
            if not is_batch_independent(layer):
                return False
        elif not _is_row_wise(layer, node):
            return False
    return True


def _is_row_wise(layer: Layer, node: Any) -> bool:
    try:
        config = json.dumps(serialize_object(layer))
    except Exception:  # it contains something that has no config, or its get_config is code of the program
        return False
    if getattr(layer, "stateful", False) or getattr(layer, "mixes_samples", False) or _USER_CODE.search(config):
        return False
    ranks = [len(tensor.shape) for tensor in symbolic.leaves(node.inputs)]
    axes = jax.tree.leaves([getattr(layer, "axis", None), getattr(layer, "axes", None)])
    return not any(isinstance(axis, int) and (axis == 0 or -axis in ranks) for axis in axes)

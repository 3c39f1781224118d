"""Which models can run the same compiled programs: those that are built and compiled alike, whatever their names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any

import jax

from gazelle.core import dtypes, settings, symbolic
from gazelle.core.config import find, serialize, serialize_object
from gazelle.core.errors import GazelleError
from gazelle.layers import weight_tree
from gazelle.layers.base import Layer
from gazelle.layers.input import InputLayer
from gazelle.models.graph import Graph
from gazelle.training.step import ModelSpec

_NAMES = ("name", "keras_history", "input_layers", "output_layers")  # where configs have names of layers
_WORDS = ("loss", "loss_weights", "metrics", "weighted_metrics")


def structure(model: Any, plan: ModelSpec) -> str | None:
    """The same text for two models whose programs are the same; None where code of the user's takes part."""
    layers = list(weight_tree.named_layers(model).values())
    if model._graph is None or any(
        hasattr(layer, "adapt") or layer._remat is not None or getattr(layer, "_wide", None) is not None
        for layer in layers
    ):
        return None  # what a layer has adapted to, and the RematScope it was made in, are not in its config
    if plan.run_eagerly or not all(map(_as_written, {type(part) for part in (*layers, plan.optimizer)})):
        return None
    if plan.optimizer is not None and plan.optimizer._excluded != ((), ""):
        return None
    try:
        config = _nameless(serialize_object(model), {})
        words = serialize({word: getattr(plan, word) for word in _WORDS})
        optimizer = serialize(plan.optimizer)
    except (GazelleError, TypeError, AttributeError, NotImplementedError):
        return None  # something in it has no config
    if optimizer is not None:
        for word in (*plan.optimizer.hyper(), "name"):
            optimizer["config"].pop(word, None)
    variables = [
        [path, list(v.shape), v.dtype, path in plan.trainable, serialize(v.regularizer), serialize(v.constraint)]
        for path, v in plan.variables.items()
    ]
    several = len(plan.outputs or ()) > 1
    names = [plan.outputs if several else None, model._graph.input_names if len(model._graph.input_names) > 1 else None]
    flags = [[layer.trainable, layer.compute_dtype, layer.variable_dtype] for layer in layers]
    parts = [config, words, optimizer, variables, names, flags, model._graph.guessed]
    if not all(map(_ours, _entries(parts))):
        return None
    try:
        around = [dtypes.floatx(), settings.epsilon(), settings.image_data_format()]
        return json.dumps([parts, *around, settings.is_flash_attention_enabled()])
    except TypeError:
        return None  # something in it has no text that says all


def _entries(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every {"class_name": ...} in a config."""
    if isinstance(value, Mapping):
        if "class_name" in value:
            yield value
        for entry in value.values():
            yield from _entries(entry)
    elif isinstance(value, (list, tuple)):
        for entry in value:
            yield from _entries(entry)


def _ours(entry: Mapping[str, Any]) -> bool:
    module = str(entry.get("module") or "keras")
    if entry["class_name"] in ("function", "Lambda"):
        return False
    return module.startswith("keras.src.ops") or (module.startswith("keras") and not entry.get("registered_name"))


def _as_written(kind: type) -> bool:
    """Whether it is the class that a config names, and no program has put a method of its own into it."""
    if find(kind.__name__, getattr(kind, "_namespace", None)) is not kind:
        return False
    ours = [one for one in kind.__mro__ if one.__module__.startswith("gazelle.")]
    methods = [value for one in ours for value in vars(one).values() if isinstance(value, FunctionType)]
    return all(method.__globals__["__name__"].startswith("gazelle.") for method in methods)


def _nameless(value: Any, numbers: dict[str, str], here: bool = False) -> Any:
    """A config with numbers for the names of layers, in the order in which they occur; `here`: strings are names."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "DTypePolicy":
            return value
        return {key: _nameless(entry, numbers, key in _NAMES) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_nameless(entry, numbers, here) for entry in value]
    return numbers.setdefault(value, f"#{len(numbers)}") if here and isinstance(value, str) else value


def is_batch_independent(model: Any) -> bool:
    """Whether the outputs for a sample depend on that sample only, as far as can be told without running it."""
    graph: Graph | None = model._graph
    if graph is None:
        return False
    for node in graph.nodes:
        layer = node.operation
        if isinstance(layer, InputLayer):
            continue
        if not isinstance(layer, Layer) or node.kwargs.get("training") or True in [a for a in node.args if a is True]:
            return False
        if isinstance(getattr(layer, "_graph", None), Graph):
            if not is_batch_independent(layer):
                return False
        elif not _alone(layer, node):
            return False
    return True


def _alone(layer: Layer, node: Any) -> bool:
    try:
        ours = all(map(_ours, _entries([serialize_object(layer)])))
    except (GazelleError, TypeError, AttributeError, NotImplementedError):
        return False  # it holds something that has no config, such as a module of another library
    if getattr(layer, "stateful", False) or not ours:
        return False
    ranks = [len(tensor.shape) for tensor in symbolic.leaves(node.inputs)]
    axes = jax.tree.leaves([getattr(layer, "axis", None), getattr(layer, "axes", None)])
    return not any(isinstance(axis, int) and (axis == 0 or -axis in ranks) for axis in axes)

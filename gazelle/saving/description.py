"""Descriptions of objects, models and data as values that JSON can hold, short enough for an error message.

Equal objects of two processes have equal descriptions, without counters of automatic names and addresses.
"""

from __future__ import annotations

import functools
import math
import zlib
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from gazelle.core import symbolic
from gazelle.core.operation import Operation
from gazelle.core.own_code import from_gazelle
from gazelle.core.policies import DTypePolicy
from gazelle.core.variable import Variable
from gazelle.layers import weight_tree
from gazelle.layers.input import InputLayer
from gazelle.saving.code_digest import class_name, function_name

if TYPE_CHECKING:
    from gazelle.core.types import Serialized, Tree
    from gazelle.layers.base import Layer

#: arguments that do not belong to the structure, or that are read from the graph and the tree of layers
_LEFT_OUT = frozenset(
    {"name", "layers", "inputs", "outputs", "args", "dtype", "trainable"}
    | {"input_shape", "batch_input_shape", "input_length"}
)


def describe(value: object) -> Serialized:
    """Describe a value of a config.

    Args:
        value: a number, a string, an array, a function, an object with a config, or lists and dicts of them.

    Returns:
        A value that JSON can hold. Objects are {"class": name, argument: value}, or the name alone.

    >>> describe(gazelle.losses.Huber(delta=2.0))
    {'class': 'Huber', 'delta': 2.0, 'reduction': 'sum_over_batch_size'}
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return _short(value)
    if isinstance(value, Mapping) and not hasattr(value, "get_config"):
        if "class_name" in value and isinstance(value.get("config"), Mapping):  # an object in a config
            value = {"class": value["class_name"], **{k: v for k, v in value["config"].items() if k not in _LEFT_OUT}}
        return {str(key): described for key, v in value.items() if (described := describe(v)) is not None}
    if isinstance(value, (list, tuple)):
        return [describe(v) for v in value]
    if isinstance(value, (Variable, np.ndarray, np.generic, jax.Array)):
        return _number_or_array(value)
    if isinstance(value, DTypePolicy):
        return value.name
    if isinstance(value, type):
        return class_name(value)
    if isinstance(value, Operation):  # a layer inside of another one, which the tree of layers describes
        return type(value).__name__
    if isinstance(value, functools.partial):
        return {"class": "partial", "of": describe(value.func), "values": describe([value.args, value.keywords])}
    if hasattr(value, "_config") or hasattr(value, "get_config"):
        arguments = _arguments(value)
        return {"class": class_name(type(value)), **arguments} if arguments else class_name(type(value))
    function = getattr(value, "__wrapped__", getattr(value, "__func__", value))
    if isinstance(function, FunctionType):
        return function_name(function)
    return getattr(value, "__name__", None) or class_name(type(value))


def describe_model(model: Layer) -> dict[str, Any]:
    """Describe the structure of a model: its layers by path, their arguments, and the calls between them.

    Args:
        model: a built model.

    Returns:
        {path: {"class": name, argument: value}}; the model itself has the path "model".
    """
    layers = weight_tree.named_layers(model)
    names = {id(layer): path for path, layer in layers.items()}
    described = {}
    for path, layer in layers.items():
        if isinstance(layer, InputLayer):
            continue  # its shape is in `calls`, also where the first layer was given it
        parts = {"class": class_name(type(layer)), **_arguments(layer)}
        if not layer.trainable:
            parts["trainable"] = False
        if layer.dtype_policy.name != "float32":
            parts["dtype"] = layer.dtype_policy.name
        graph = getattr(layer, "_extended_graph", None) or getattr(layer, "_graph", None)
        if graph is not None:
            parts["calls"] = list(_calls(graph.nodes, names))
        described[path or "model"] = parts
    return described


def describe_rows(name: str, arrays: Tree, rows: int) -> dict[str, str]:
    """Describe data by type, shape and a checksum of the first rows.

    Args:
        name: name of the structure.
        arrays: a structure of arrays, or None.
        rows: number of rows in the checksum.

    Returns:
        {name of an array: description}.

    >>> describe_rows("x", np.zeros((3, 2), "float32"), rows=2)
    {'x': 'float32 (n, 2), first rows ecbb4b55'}
    """
    described = {}
    for path, array in jax.tree.leaves_with_path(arrays):
        shape = f"({', '.join(['n', *map(str, array.shape[1:])])})"
        text = f"{array.dtype} {shape}, first rows {_checksum(array[:rows])}"
        described[f"{name}{jax.tree_util.keystr(path)}"] = text
    return described


def _arguments(value: Any) -> dict[str, Any]:
    """The constructor's arguments of an object with a config: of ours the current ones, else those it was given."""
    ours = from_gazelle(type(value))
    given = None if ours else getattr(value, "_config", None)
    if given is None:
        try:
            given = value.get_config()
        except Exception:  # of the user, or something inside has no config: the class and the arguments describe it
            given = getattr(value, "_config", {})
    arguments = {}
    for name, argument in given.items():
        if name == "learning_rate":  # a schedule's attribute of this name is the rate of the moment
            argument = getattr(value, "_learning_rate", argument)
        elif ours:
            argument = getattr(value, name, argument)
        left_out = name in _LEFT_OUT or (name == "input_dim" and "output_dim" not in given)  # an Embedding needs it
        described = None if left_out else describe(argument)
        if described is not None:
            arguments[name] = described
    return arguments


def _calls(nodes: Any, names: Mapping[int, str]) -> Iterator[str]:
    """The calls of a graph in their order, such as `dense_1(dense)`."""
    outputs: dict[int, str] = {}

    def shown(argument: Any) -> Any:
        return outputs.get(id(argument), "input") if symbolic.is_symbolic(argument) else describe(argument)

    for number, node in enumerate(nodes):
        results = symbolic.leaves(node.outputs)
        if isinstance(node.operation, InputLayer):
            name = f"input#{number}"
            yield f"{name} {results[0].dtype} {results[0].shape}"
        else:
            name = names.get(id(node.operation)) or f"{_operation_name(node.operation)}#{number}"
            args, kwargs = symbolic.map_tree(shown, (node.args, node.kwargs))
            named = [f"{key}={argument}" for key, argument in kwargs.items() if argument is not None]
            yield f"{name}({', '.join([*map(str, args), *named])})"
        for position, tensor in enumerate(results):
            outputs[id(tensor)] = f"{name}[{position}]" if position else name


def _operation_name(operation: Any) -> str:
    """The name of a step of a graph that is no layer: that of its function, or of its class."""
    return getattr(getattr(operation, "function", None), "__name__", None) or type(operation).__name__


def _number_or_array(value: Any) -> Any:
    array = value.numpy() if isinstance(value, Variable) else np.asarray(value)
    if array.ndim:
        return f"{array.dtype} {array.shape}, checksum {_checksum(array)}"
    number = array.item()
    return _short(number) if isinstance(number, float) else number if isinstance(number, (bool, int)) else str(number)


def _short(number: float) -> float:
    """Without the digits that float32 does not have."""
    return float(f"{number:.7g}") if math.isfinite(number) else number


def _checksum(array: Any) -> str:
    return f"{zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8)):08x}"

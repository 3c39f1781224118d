"""Conversion of the configs in `.keras` files of tf.keras 2.13 to 2.15 to Keras 3: arguments and recorded calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from gazelle.core.registry import REGISTRY, find_custom
from gazelle.saving import tensorflow_functions

if TYPE_CHECKING:
    from gazelle.core.types import Serialized

HARD_SIGMOID = "hard_sigmoid_before_keras_3"

#: class -> {earlier argument: current one; "": the argument had no effect}
_ARGUMENTS = {
    "InputLayer": {"batch_input_shape": "batch_shape"},
    "Embedding": {"input_length": ""},
    "IntegerLookup": {"max_values": "max_tokens", "mask_value": "mask_token", "oov_value": "oov_token"},
    "Lambda": {
        "function_type": "",
        "module": "",
        "output_shape_type": "",
        "output_shape_module": "",
        "mask_type": "",
        "mask_module": "",
    },
    "LeakyReLU": {"alpha": "negative_slope"},
    **{
        name: {f"kernel_{end}": "" for end in ("initializer", "regularizer", "constraint")}
        for name in ("DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D")
    },
    **{name: {"implementation": ""} for name in ("LSTM", "GRU", "SimpleRNN")},
    "MultiHeadAttention": {f"{name}_shape": "" for name in ("query", "key", "value")},
}
TEXT_LAYERS = ("Hashing", "HashedCrossing", "StringLookup", "TextVectorization")
_EARLIER_RATES = frozenset({"lr", "decay", "schedule_decay"})


def replace_hard_sigmoid(value: Serialized) -> Serialized:
    """Copy a config written before Keras 3, with another name for `hard_sigmoid`: it was another function."""
    if isinstance(value, dict):
        return {
            k: HARD_SIGMOID if v == "hard_sigmoid" and str(k).endswith("activation") else replace_hard_sigmoid(v)
            for k, v in value.items()
        }
    return [replace_hard_sigmoid(v) for v in value] if isinstance(value, list) else value


def convert_graph(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config of a graph without the layers that Keras 3 does not have.

    `AddLoss` and `AddMetric` become lists of the tensors that they take. The layers that only these need may be those
    of a nested model, which tf.keras writes twice.

    >>> entry = {"class_name": "AddLoss", "config": {}, "inbound_nodes": [[["dense", 0, 0, {}]]]}
    >>> convert_graph({"layers": [entry]})
    {'layers': [], 'losses': [['dense', 0, 0]]}
    """
    losses, layers = [], []
    reports: dict[str, list[Any]] = {}
    for entry in tensorflow_functions.without_squared_difference(config["layers"]):
        if entry.get("class_name") == "AddLoss":
            losses += [call[0][:3] for call in entry["inbound_nodes"]]
        elif entry.get("class_name") == "AddMetric":
            ((call, *_),) = entry["inbound_nodes"]
            reports[entry["config"]["metric_name"]] = call[:3]
        else:
            layers.append(entry)
    if losses or reports:
        inner = dict(_shared_inside(layers))
        layers = [
            {"name": entry["name"], "within": inner[number], "inbound_nodes": entry["inbound_nodes"]}
            if (number := entry.get("shared_object_id")) in inner
            else entry
            for entry in layers
        ]
    added = {"losses": losses, "reports": reports}
    return {**config, "layers": layers, **{key: tensors for key, tensors in added.items() if tensors}}


def _shared_inside(entries: list[Any]) -> Iterator[tuple[int, list[str]]]:
    """(number, names) of the layers of nested models that are shared with the graph around these."""
    for entry in entries:
        config = entry.get("config")
        for inner in config["layers"] if isinstance(config, dict) and isinstance(config.get("layers"), list) else ():
            if "shared_object_id" in inner:
                yield inner["shared_object_id"], [entry["config"]["name"], inner["config"]["name"]]
            yield from ((number, [entry["config"]["name"], *names]) for number, names in _shared_inside([inner]))


def convert_object(node: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the config of one object to Keras 3; a config of Keras 3 is not changed."""
    out = dict(node)
    config = out.get("config")
    if "within" in out:
        return {**out, "inbound_nodes": [convert_call(each) for each in out["inbound_nodes"]]}
    if not isinstance(config, dict):
        return out
    kind, module = str(out.get("class_name")), str(out.get("module"))
    if kind in ("Functional", "Model") and isinstance(config.get("layers"), list):
        config = convert_graph(config)
    elif kind == "Lambda":
        config = _of_lambda(config)
    elif module.endswith("initializers"):
        config = _of_initializer(config)
    elif module.endswith("optimizers"):
        config = _of_optimizer(config, kind)
    out["config"] = _with_present_arguments(config, kind)
    if module.startswith("tf_keras") and kind in ("Functional", "Sequential", "Model"):
        out["module"] = "keras.models"
    if tensorflow_functions.is_function(out):
        return tensorflow_functions.to_operation(out)
    if kind == "MultiHeadAttention" and "input_shape" in (out.get("build_config") or ()):
        del out["build_config"]  # the layer has several input shapes, known from its first call
    if isinstance(out.get("inbound_nodes"), list):
        out["inbound_nodes"] = [convert_call(each) for each in out["inbound_nodes"]]
    return out


def _of_lambda(config: dict[str, Any]) -> dict[str, Any]:
    """The config of a Lambda layer without code for shapes and masks, and with lists in the place of stored arrays."""
    out = {k: v for k, v in config.items() if config.get(f"{k}_type", "raw") == "raw" or k == "function"}
    given = out.get("arguments")
    if isinstance(given, Mapping):
        arrays = {k: v["value"] for k, v in given.items() if isinstance(v, Mapping) and v.get("type") == "ndarray"}
        out["arguments"] = {**given, **arrays}
    return out


def _with_present_arguments(config: dict[str, Any], kind: str) -> dict[str, Any]:
    """The config of a layer or loss with the present names of its arguments, and without those that it has no more."""
    names = _ARGUMENTS.get(kind, {})
    if not names.keys().isdisjoint(config):
        config = {names.get(k, k): v for k, v in config.items() if names.get(k, k)}
    if config.get("time_major") is False:  # of each recurrent layer
        config = {k: v for k, v in config.items() if k != "time_major"}
    if config.get("pad_to_max_tokens") and config.get("max_tokens") is None:  # the default of TensorFlow 2.4
        config = {**config, "pad_to_max_tokens": False}
    if config.get("dtype") == "string" and kind in TEXT_LAYERS:  # what the layer takes
        config = {k: v for k, v in config.items() if k != "dtype"}
    axis = config.get("axis")
    if kind == "BatchNormalization" and isinstance(axis, list) and len(axis) == 1:
        config = {**config, "axis": axis[0]}
    if config.get("reduction") == "auto":  # the mean, outside of a distribution
        config = {**config, "reduction": "sum_over_batch_size"}
    return config


def _of_initializer(config: dict[str, Any]) -> dict[str, Any]:
    """The config of an initializer of TensorFlow 1: the weight has its own dtype, and random numbers end at 1."""
    if "dtype" not in config:
        return config
    out = {k: v for k, v in config.items() if k != "dtype"}
    return {**out, "maxval": 1.0} if out.get("maxval", 1.0) is None else out


def _of_optimizer(config: dict[str, Any], kind: str) -> dict[str, Any]:
    is_ours = kind in REGISTRY["optimizers"] and find_custom(kind) is None  # another one has arguments of its own
    return config if not is_ours or _EARLIER_RATES.isdisjoint(config) else optimizer_arguments(config, kind)


def optimizer_arguments(config: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The arguments of an optimizer in Keras 3: `decay` is a schedule, that of Nadam's momentum is fixed.

    >>> optimizer_arguments({"lr": 0.1, "decay": 0.0}, "SGD")
    {'learning_rate': 0.1}
    >>> optimizer_arguments({"lr": 0.1, "decay": 0.004}, "Nadam")  # tf.keras's name of `schedule_decay`
    {'learning_rate': 0.1}
    """
    out = {k: v for k, v in config.items() if k not in _EARLIER_RATES}
    if "lr" in config:
        out["learning_rate"] = config["lr"]
    decay = config.get("decay")
    if decay and kind != "Nadam":  # the rate decreases with each step: lr / (1 + decay * step)
        schedule = {"initial_learning_rate": out["learning_rate"], "decay_steps": 1, "decay_rate": decay}
        out["learning_rate"] = {
            "module": "keras.optimizers.schedules",
            "class_name": "InverseTimeDecay",
            "config": schedule,
            "registered_name": None,
        }
    return out


#: the beginning of the entry of a value that is no tensor
_CONSTANT = ["_CONSTANT_VALUE", -1]


def convert_call(call: Serialized) -> Serialized:
    """Convert [["dense", 0, 0, {...}], ...], one entry for each tensor, to {"args": [...], "kwargs": {...}}.

    The entries may also be in a dict or in nested lists, as the inputs of the call were.

    >>> convert_call({"a": ["dense", 0, 0, {}]})["args"]
    [{'a': {'class_name': '__keras_tensor__', 'config': {'keras_history': ['dense', 0, 0]}}}]
    """
    if not call or not isinstance(call, list | dict) or (isinstance(call, dict) and {"args", "kwargs"} <= call.keys()):
        return call
    entries = [call] if isinstance(call, list) and isinstance(call[0], str) else call
    options: list[dict[str, Any]] = []
    try:
        inputs = _convert_inputs(entries, options)
    except ValueError:
        return call
    kwargs = {k: _convert_value(v) for k, v in options[0].items() if k != "name"}
    return {"args": [inputs[0] if isinstance(inputs, list) and len(inputs) == 1 else inputs], "kwargs": kwargs}


def _convert_inputs(value: Any, options: list[dict[str, Any]]) -> Any:
    """Convert the entries of a call, and add the keywords of each to `options`."""
    if isinstance(value, dict):
        return {key: _convert_inputs(each, options) for key, each in value.items()}
    if not isinstance(value, list):
        raise ValueError("no entry of a call")
    if len(value) in (3, 4) and isinstance(value[0], str):
        options.append(value[3] if len(value) == 4 else {})
        return value[2] if value[:2] == _CONSTANT else tensor_reference(value[:3])
    return [_convert_inputs(each, options) for each in value]


def tensor_reference(history: list[Any]) -> dict[str, Any]:
    """The config of a tensor, from [layer name, node index, tensor index]."""
    return {"class_name": "__keras_tensor__", "config": {"keras_history": history}}


def _convert_value(value: Any) -> Any:
    """Convert an argument value; ["dense", 0, 0] is a tensor."""
    if isinstance(value, list):
        if len(value) == 3 and isinstance(value[0], str) and all(type(n) is int for n in value[1:]):
            return tensor_reference(value)
        return [_convert_value(v) for v in value]
    return value

"""How tf.keras 2.13 and later wrote their `.keras` files, in the words of Keras 3: renamed arguments, listed calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HARD_SIGMOID = "hard_sigmoid_before_keras_3"

#: functions that a call of an operator was written as -> the operation of Keras 3
_OPERATORS = {
    "__operators__.add": "Add",
    "math.add": "Add",
    "math.subtract": "Subtract",
    "math.multiply": "Multiply",
    "math.divide": "Divide",
    "math.truediv": "Divide",
    "__operators__.getitem": "GetItem",
}
#: class -> {old argument: new one; "": the class never used it}
_ARGUMENTS = {
    "InputLayer": {"batch_input_shape": "batch_shape"},
    "Embedding": {"input_length": ""},
    "LeakyReLU": {"alpha": "negative_slope"},
    **{
        name: {f"kernel_{end}": "" for end in ("initializer", "regularizer", "constraint")}
        for name in ("DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D")
    },
    **{name: {"implementation": ""} for name in ("LSTM", "GRU", "SimpleRNN")},
    "MultiHeadAttention": {f"{name}_shape": "" for name in ("query", "key", "value")},
}


def meant(value: Any) -> Any:
    """A config written before Keras 3, in which `hard_sigmoid` is another function."""
    if isinstance(value, dict):
        return {
            k: HARD_SIGMOID if v == "hard_sigmoid" and str(k).endswith("activation") else meant(v)
            for k, v in value.items()
        }
    return [meant(v) for v in value] if isinstance(value, list) else value


def renewed(node: Mapping[str, Any]) -> dict[str, Any]:
    """One object of a config in the words of Keras 3; what is in them already comes back as it is."""
    out = dict(node)
    config = out.get("config")
    if not isinstance(config, dict):
        return out
    names = _ARGUMENTS.get(str(out.get("class_name")), {})
    if any(key in names for key in config):
        config = {names.get(k, k): v for k, v in config.items() if names.get(k, k)}
        out["config"] = config
    if str(out.get("module")).startswith("tf_keras") and out["class_name"] in ("Functional", "Sequential", "Model"):
        out["module"] = "keras.models"
    if out.get("class_name") == "TFOpLambda" and config.get("function") in _OPERATORS:
        out |= {"module": "keras.src.ops.numpy", "class_name": _OPERATORS[config["function"]]}
        out["config"] = {"name": config.get("name")}
    if out.get("class_name") == "MultiHeadAttention" and "input_shape" in (out.get("build_config") or ()):
        del out["build_config"]  # it builds on several shapes, which its first call tells
    if isinstance(out.get("inbound_nodes"), list):
        out["inbound_nodes"] = [call(each) for each in out["inbound_nodes"]]
    return out


def call(call: Any) -> Any:
    """[["dense", 0, 0, {...}], ...], one entry for each tensor, as {"args": [...], "kwargs": {...}}."""
    if not isinstance(call, list) or not call:
        return call
    entries = [call] if isinstance(call[0], str) else call
    if not all(isinstance(e, list) and len(e) in (3, 4) and isinstance(e[0], str) for e in entries):
        return call
    tensors = [tensor(e[:3]) for e in entries]
    given = {k: _words(v) for k, v in (entries[0][3] if len(entries[0]) == 4 else {}).items() if k != "name"}
    args = [tensors[0] if len(tensors) == 1 else tensors]
    if isinstance(call[0], str):  # an operator: its second operand was called y
        args += [given.pop(key) for key in ("y", "slice_spec") if key in given]
    return {"args": args, "kwargs": given}


def tensor(history: list[Any]) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": history}}


def _words(value: Any) -> Any:
    """Argument values: ["dense", 0, 0] is a tensor."""
    if isinstance(value, list):
        if len(value) == 3 and isinstance(value[0], str) and all(type(n) is int for n in value[1:]):
            return tensor(value)
        return [_words(v) for v in value]
    return value

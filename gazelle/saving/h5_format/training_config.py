"""Conversion of the compile arguments of Keras 1 and 2 to Keras 3."""

from __future__ import annotations

from typing import Any

from gazelle import optimizers
from gazelle.core.registry import find_custom
from gazelle.saving import tf_keras_config

_DROPPED = ("is_legacy_optimizer", "jit_compile", "name")


def compiled(config: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `compile` from a `training_config`.

    >>> old = {"optimizer_config": {"class_name": "SGD", "config": {"lr": 0.1, "decay": 0.0}}, "loss": "mse"}
    >>> compiled(old)["optimizer"]["config"]
    {'learning_rate': 0.1}
    """
    out = {k: config.get(k) for k in ("loss", "loss_weights", "weighted_metrics") if config.get(k)}
    metrics = _metrics(config.get("metrics"))
    if metrics:
        out["metrics"] = metrics
    given = {key: _with_custom_functions(value) for key, value in out.items()}
    return {"optimizer": _optimizer(config["optimizer_config"]), **given}


def _optimizer(node: dict[str, Any]) -> dict[str, Any]:
    name = str(node["class_name"]).rsplit(">", 1)[-1]
    named = {"module": "keras.optimizers", "class_name": name, "registered_name": None}
    if not hasattr(optimizers, name):  # a custom optimizer with its own arguments
        return {**named, "config": node["config"]}
    config = {k: v for k, v in node["config"].items() if k not in _DROPPED and v is not None}
    return {**named, "config": tf_keras_config.optimizer_arguments(config)}


def _metrics(value: Any) -> Any:
    """Names, or lists of names for several outputs."""
    if isinstance(value, dict):
        inner = value.get("config")
        if value.get("class_name") == "MeanMetricWrapper" and isinstance(inner, dict):
            return inner.get("fn")
        return value if "class_name" in value else {k: _metrics(v) for k, v in value.items()}
    if isinstance(value, list):
        kept = [_metrics(v) for v in value]
        if len(kept) == 1 and isinstance(kept[0], list):
            return kept[0]
        return kept if any(v for v in kept) else None
    return value


def _with_custom_functions(value: Any) -> Any:
    """Losses or metrics, with functions of custom_objects in the place of their names."""
    if isinstance(value, list):
        return [_with_custom_functions(each) for each in value]
    if isinstance(value, dict):
        return value if "class_name" in value else {k: _with_custom_functions(v) for k, v in value.items()}
    if not isinstance(value, str) or find_custom(value) is None:
        return value
    return {"module": "builtins", "class_name": "function", "config": value, "registered_name": "function"}

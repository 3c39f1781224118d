"""Conversion of the compile arguments of Keras 1 and 2 to Keras 3."""

from __future__ import annotations

import re
from typing import Any

from gazelle import optimizers
from gazelle.core.registry import find, find_custom
from gazelle.saving import tf_keras_config

_DROPPED = ("jit_compile", "name")


#: names whose meaning depends on the shapes
_BY_SHAPE = ("accuracy", "acc", "crossentropy", "ce")


def compiled(config: dict[str, Any], version: str = "", outputs: int = 1) -> dict[str, Any]:
    """The arguments of `compile` from a `training_config`.

    Args:
        config: the content of the file.
        version: of the Keras that wrote it; Keras 3 replaces the names of metrics when it reads the file.
        outputs: number of the outputs of the model; each had all metrics of a list before Keras 3.

    >>> old = {"optimizer_config": {"class_name": "SGD", "config": {"lr": 0.1, "decay": 0.0}}, "loss": "mse"}
    >>> compiled(old)["optimizer"]["config"]
    {'learning_rate': 0.1}
    """
    out = {k: config.get(k) for k in ("loss", "loss_weights") if config.get(k)}
    for key in ("metrics", "weighted_metrics"):
        metrics = _metrics(config.get(key))
        if metrics and version.startswith("3"):
            metrics = _full_names(metrics)
        elif isinstance(metrics, list) and outputs > 1 and not any(isinstance(m, list | None) for m in metrics):
            metrics = [metrics] * outputs
        if metrics:
            out[key] = metrics
    given = {key: _with_custom_functions(value) for key, value in out.items()}
    optimizer = _optimizer(config["optimizer_config"])
    if is_package(version) and "clipnorm" in optimizer["config"]:
        optimizer["config"]["global_clipnorm"] = optimizer["config"].pop("clipnorm")
    return {"optimizer": optimizer, **given}


def is_package(version: str) -> bool:
    """Whether a version is one of the package `keras` before it was a part of TensorFlow; those have "-tf".

    >>> is_package("2.3.1"), is_package("2.2.4-tf"), is_package("2.4.0")
    (True, False, False)
    """
    return re.fullmatch(r"1\..*|2\.[0-3](\.\d+)?", version) is not None


def _optimizer(node: dict[str, Any]) -> dict[str, Any]:
    package, _, name = str(node["class_name"]).rpartition(">")
    if package and find_custom(node["class_name"]) is not None:
        return {"module": None, **node}
    named = {"module": "keras.optimizers", "class_name": name, "registered_name": None}
    if not hasattr(optimizers, name):  # a custom optimizer with its own arguments
        return {**named, "config": node["config"]}
    config = {k: v for k, v in node["config"].items() if k not in _DROPPED and v is not None}
    if config.get("is_legacy_optimizer"):  # False stays: `tf_keras_optimizer.mark` reads it
        del config["is_legacy_optimizer"]
    return {**named, "config": tf_keras_config.optimizer_arguments(config, name)}


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


def _full_names(value: Any) -> Any:
    """Metrics whose log names are those of Keras 3: "mae" is "mean_absolute_error", and "AUC" is "auc"."""
    if isinstance(value, list):
        return [_full_names(each) for each in value]
    if isinstance(value, dict):
        return value if "class_name" in value else {k: _full_names(v) for k, v in value.items()}
    if not isinstance(value, str) or value in _BY_SHAPE or find_custom(value) is not None:
        return value
    metric, loss = find(value, "metrics"), find(value, "losses")
    if getattr(metric, "__name__", None) == value:
        return {"module": "keras.metrics", "class_name": value, "config": {}, "registered_name": None}
    return getattr(loss, "__name__", value)


def _with_custom_functions(value: Any) -> Any:
    """Losses or metrics, with functions of custom_objects in the place of their names."""
    if isinstance(value, list):
        return [_with_custom_functions(each) for each in value]
    if isinstance(value, dict):
        return value if "class_name" in value else {k: _with_custom_functions(v) for k, v in value.items()}
    if not isinstance(value, str) or find_custom(value) is None:
        return value
    return {"module": "builtins", "class_name": "function", "config": value, "registered_name": "function"}

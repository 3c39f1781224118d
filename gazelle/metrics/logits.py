"""Metrics of an output whose loss has `from_logits=True`: metrics for probabilities would be silently wrong."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from gazelle import losses
from gazelle.core.errors import message
from gazelle.core.traceback import warn
from gazelle.losses.target_shapes import kind_of
from gazelle.metrics.accuracy import BinaryAccuracy, binary_accuracy
from gazelle.metrics.auc import AUC
from gazelle.metrics.base import Metric
from gazelle.metrics.confusion import (
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from gazelle.metrics.iou import BinaryIoU
from gazelle.metrics.probability import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy

#: the logit of the probability 0.5 is 0
_THRESHOLDS = {"thresholds": 0.0}
_COUNTS = (FalseNegatives, FalsePositives, Precision, Recall, TrueNegatives, TruePositives)
#: metric or function -> its arguments for logits of two classes
_BINARY: dict[Any, dict[str, Any]] = {
    BinaryAccuracy: {"threshold": 0.0},
    BinaryIoU: {"threshold": 0.0},
    binary_accuracy: {"threshold": 0.0},
    AUC: {"from_logits": True},
    BinaryCrossentropy: {"from_logits": True},
    losses.binary_crossentropy: {"from_logits": True},
    **dict.fromkeys(_COUNTS, _THRESHOLDS),
}
_CLASSES: dict[Any, dict[str, Any]] = {
    CategoricalCrossentropy: {"from_logits": True},
    SparseCategoricalCrossentropy: {"from_logits": True},
    losses.categorical_crossentropy: {"from_logits": True},
    losses.sparse_categorical_crossentropy: {"from_logits": True},
}


def takes_logits(loss: object) -> bool:
    """Return whether a loss given to `compile` expects logits: it has `from_logits=True`."""
    if isinstance(loss, functools.partial):
        return bool(loss.keywords.get("from_logits"))
    return bool({**getattr(loss, "fn_kwargs", {}), **getattr(loss, "__dict__", {})}.get("from_logits"))


def for_logits(metric: Metric | Callable[..., Any], loss: object, by_name: bool) -> Metric | Callable[..., Any]:
    """Return a metric for the output of a loss that expects logits.

    Args:
        metric: the metric, or its function, for probabilities.
        loss: the loss.
        by_name: whether a name or class selected the metric: it is then made for logits. An object is the user's own
            choice, of which a warning states what it computes.
    """
    function: Any = getattr(metric, "fn", None) if type(metric).__name__ == "MeanMetricWrapper" else metric
    key: Any = function if function in (*_BINARY, *_CLASSES) else type(metric)
    binary = kind_of(loss) == "binary"
    arguments = {**_CLASSES, **(_BINARY if binary else {})}.get(key)
    if arguments is None or _fits(metric, arguments):
        return metric
    if by_name:
        return (
            key(name=metric.name, **arguments) if isinstance(metric, Metric) else functools.partial(metric, **arguments)
        )
    name, value = next(iter(arguments.items()))
    label = type(metric).__name__ if isinstance(metric, Metric) else getattr(metric, "__name__", "metric")
    warn(
        message(
            f"Metric '{getattr(metric, 'name', label)}' of an output whose loss has from_logits=True",
            expected=f"{name}={value}",
            got="settings for probabilities",
            hint=f"Write {label}({name}={value}): the outputs are logits, and the probability 0.5 is the logit 0.",
        )
    )
    return metric


def _fits(metric: Any, arguments: dict[str, Any]) -> bool:
    """Whether a metric has settings that differ from those for probabilities."""
    name, value = next(iter(arguments.items()))
    if name == "thresholds":
        return list(getattr(metric, "thresholds", [])) != [0.5] or getattr(metric, "_top_k", None) is not None
    own = {**getattr(metric, "fn_kwargs", {}), **getattr(metric, "__dict__", {})}
    if name == "threshold":
        return bool(own.get(name, 0.5) != 0.5)
    return own.get(name, False) == value

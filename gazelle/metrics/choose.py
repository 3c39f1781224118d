"""From what a user writes in `compile(metrics=...)` to a metric, made for the shapes of its output."""

from __future__ import annotations

from typing import Any

from gazelle import losses
from gazelle.core.config import find, snake
from gazelle.core.errors import ArgumentError, message
from gazelle.losses.target_shapes import family
from gazelle.metrics.accuracy import BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy
from gazelle.metrics.base import Metric, get
from gazelle.metrics.probability import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from gazelle.metrics.reduction import MeanMetricWrapper

_ACCURACY = {
    "binary": BinaryAccuracy,
    "sparse": SparseCategoricalAccuracy,
    "categorical": CategoricalAccuracy,
}
_CROSSENTROPY = {
    "binary": BinaryCrossentropy,
    "sparse": SparseCategoricalCrossentropy,
    "categorical": CategoricalCrossentropy,
}
_BY_SHAPE = {"accuracy": _ACCURACY, "acc": _ACCURACY, "crossentropy": _CROSSENTROPY, "ce": _CROSSENTROPY}


def choose(identifier: Any, y_true_shape: tuple[Any, ...], y_pred_shape: tuple[Any, ...]) -> Metric:
    """The metric for one output, built and with the name that the user wrote.

    'accuracy', 'acc', 'crossentropy' and 'ce' are binary where y_pred (batch, ..., k) has k = 1, sparse where y_true
    holds class numbers (one axis less, or a last axis of 1), else categorical.

    >>> choose("acc", (None,), (None, 10))
    <SparseCategoricalAccuracy name=acc>
    """
    if identifier is None:
        raise ArgumentError(message("metrics", expected="a name, a function or a Metric", got="None"))
    written = identifier if isinstance(identifier, str) else None
    table = _BY_SHAPE.get(written.lower()) if written is not None else None
    if table is not None:
        found: Any = table[family(y_true_shape, y_pred_shape)](name=written)
    elif written is not None and find(written, "metrics") is None and find(written, "losses") is not None:
        found = losses.get(written)
    elif isinstance(identifier, type) and issubclass(identifier, Metric):
        found = identifier(name=snake(identifier.__name__))  # not the next automatic name: programs go by it
    else:
        found = get(identifier)
    if not isinstance(found, Metric):
        name = written or getattr(found, "name", None) or snake(getattr(found, "__name__", type(found).__name__))
        found = MeanMetricWrapper(found, name=name)
    if written is not None:
        found.name = written
    found.build(y_true_shape, y_pred_shape)
    return found

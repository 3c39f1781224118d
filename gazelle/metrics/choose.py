"""The metric that an entry of `compile(metrics=...)` means for the shapes of an output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp

from gazelle import losses
from gazelle.core.errors import ArgumentError, message
from gazelle.core.names import of_function, snake
from gazelle.core.own_code import from_gazelle
from gazelle.core.registry import find
from gazelle.core.types import Shape
from gazelle.losses.target_shapes import family
from gazelle.metrics.accuracy import BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy
from gazelle.metrics.base import Metric, get
from gazelle.metrics.logits import for_logits, takes_logits
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


def choose(
    identifier: str | Mapping[str, Any] | type[Metric] | Metric | Callable[..., Any] | None,
    y_true_shape: Shape,
    y_pred_shape: Shape,
    loss: object = None,
) -> Metric:
    """Return the metric for one output of a model, built and with the name that the identifier states.

    'accuracy', 'acc', 'crossentropy' and 'ce' are binary where y_pred (batch, ..., k) has k = 1, sparse where y_true
    contains class indices (one axis less, or a last axis of 1), else categorical.

    Args:
        identifier: A name, a config, a class, a function or a `Metric`.
        y_true_shape: Shape of the targets.
        y_pred_shape: Shape of the predictions.
        loss: The loss of the output, which states whether the predictions are logits.

    Returns:
        The metric.

    Raises:
        ArgumentError: If the identifier is None or its name is unknown.

    Example:
        >>> choose("acc", (None,), (None, 10))
        <SparseCategoricalAccuracy name=acc>
    """
    if identifier is None:
        raise ArgumentError(message("metrics", expected="a name, a function or a Metric", got="None"))
    given_name, takes = identifier if isinstance(identifier, str) else None, False
    table = _BY_SHAPE.get(given_name.lower()) if given_name is not None else None
    if table is not None:
        found: Any = table[family(tuple(y_true_shape), tuple(y_pred_shape))](name=given_name)
    elif given_name is not None and find(given_name, "metrics") is None and find(given_name, "losses") is not None:
        found = losses.get(given_name)
    elif isinstance(identifier, type) and issubclass(identifier, Metric):
        found = identifier(name=snake(identifier.__name__))  # without a number: programs read the logs by this name
    else:
        found = get(identifier)
    if takes_logits(loss):
        by_name = given_name is not None or isinstance(identifier, type)
        changed = for_logits(found, loss, by_name)
        takes, found = changed is not found, changed
    if not isinstance(found, Metric):
        name = given_name or getattr(found, "name", None) or of_function(found)
        found = getattr(found, "metric_class", MeanMetricWrapper)(found, name=name)
    if given_name is not None:
        found.name = given_name
    found._takes_logits = takes
    found._build(y_true_shape, y_pred_shape)
    _create_sums(found, y_true_shape, y_pred_shape)
    return found


def _create_sums(metric: Metric, *shapes: Shape) -> None:
    """Let a user-defined metric create its sums in `update_state`, as Keras allows: with labels and outputs of 0."""
    if metric.variables or from_gazelle(type(metric).update_state):
        return
    sizes = [tuple(1 if n is None else n for n in shape) for shape in shapes]
    for dtype in ("float32", "int32"):
        try:
            metric.update_state(jnp.zeros(sizes[0], dtype), jnp.zeros(sizes[1]))
        except Exception:  # the training step raises it, with the real data
            continue
        metric.reset_state()
        return

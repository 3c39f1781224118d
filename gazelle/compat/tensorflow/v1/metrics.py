"""`tf.metrics` of TensorFlow 1: metrics whose sums are variables of the graph, which an operation increases.

Each function returns (value, operation). In a metric of `compile`, the sums belong to that metric, and are never reset.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend.lifting import computes_values
from gazelle.compat.backend.updates import Update
from gazelle.compat.metrics import running_sums
from gazelle.compat.tables import with_parameters
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.v1 import graph_variables, graphs, scopes
from gazelle.compat.tensorflow.v1.losses import weights_of
from gazelle.compat.types import Array, Option, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.core.shape_inference import call_op
from gazelle.core.symbolic import is_symbolic

#: the sums of one metric
Sums = tuple[Array, ...]
_TINY = 1e-6
#: metrics, but for those that are also functions of `tf.metrics` in TensorFlow 2
ONLY_OF_1: set[str] = set()


def _streamed(
    kind: str, given: tuple[Any, ...], add: Callable[..., Sums], result: Callable[..., Array], *options: Any
) -> tuple[Any, Any]:
    """(value, operation) of a metric.

    Args:
        kind: Its name.
        given: The labels, predictions and weights.
        add: The function of these that returns the sums of a batch.
        result: The function of the sums that returns the value.
        *options: The arguments `metrics_collections`, `updates_collections` and `name`.
    """
    collections, updates, name = options
    owner = running_sums.owner.get()
    if owner is not None:  # the function of a metric runs
        arrays = [None if value is None else jnp.asarray(unboxed(value)) for value in given]
        sums = owner.of_next_call(jax.eval_shape(add, *arrays))
        for total, part in zip(sums, add(*arrays), strict=True):
            total.assign_add(part)
        value = result(*(total.value for total in sums))
        return value, value
    graphs.build_graphs()
    parts = call_op(add, given, {}) if any(map(is_symbolic, given)) else add(*map(unboxed, given))
    prefix = scopes.unique(name or kind)
    sums = [
        graph_variables.variable(np.zeros(part.shape, "float32"), False, full_name=f"{prefix}/{number}")
        for number, part in enumerate(parts)
    ]
    for total in sums:
        scopes.add_to_collections(("local_variables", "metric_variables"), total)
    value = call_op(result, tuple(sums), {})
    first, *others = (Update(total, total + part) for total, part in zip(sums, parts, strict=True))
    made = Update(first.variable, first.value, tuple(others), _OF_UPDATES.get(result, result))
    scopes.add_to_collections(collections or (), value)
    scopes.add_to_collections(updates or (), made)
    return value, made


def _weighted(values: Any, weights: Any) -> tuple[Array, Array]:
    """(values as floats, weights of the same shape)."""
    values = jnp.asarray(values, "float32")
    return values, jnp.ones_like(values) if weights is None else weights_of(values, weights)


def _mean(values: Any, weights: Any) -> Sums:
    values, weights = _weighted(values, weights)
    return jnp.sum(values * weights), jnp.sum(weights)


def _mean_of(error: Callable[..., Array]) -> Callable[..., Sums]:
    def add(labels: Any, predictions: Any, weights: Any) -> Sums:
        labels, predictions = jnp.asarray(labels), jnp.asarray(predictions)
        if labels.shape != predictions.shape and labels.size == predictions.size:
            labels = labels.reshape(predictions.shape)
        return _mean(error(labels, predictions), weights)

    return add


def _count(label: bool | None, prediction: bool) -> Callable[..., Array]:
    """The function that counts values with this label and prediction; None is any label."""

    def count(labels: Any, predictions: Any, weights: Any) -> Array:
        predictions, weights = _weighted(jnp.asarray(predictions, bool), weights)
        found = predictions == prediction
        if label is not None:
            found &= jnp.asarray(labels, bool).reshape(predictions.shape) == label
        return jnp.sum(jnp.where(found, weights, 0))

    return count


def _quotient(total: Array, count: Array) -> Array:
    return jnp.where(count > 0, total / jnp.where(count > 0, count, 1), 0)


def _over(part: Callable[..., Array], whole: Callable[..., Array]) -> tuple[Callable[..., Sums], Any]:
    return lambda *given: (part(*given), whole(*given)), _quotient


def _confusion(classes: int) -> Callable[..., Sums]:
    """The function that counts pairs (label, prediction)."""

    def add(labels: Any, predictions: Any, weights: Any) -> Sums:
        labels, predictions = (jnp.asarray(jnp.ravel(v), "int32") for v in (labels, predictions))
        weights = _weighted(labels, None if weights is None else jnp.ravel(weights))[1]
        return (jnp.zeros((classes, classes), "float32").at[labels, predictions].add(weights),)

    return add


def _intersection_over_union(counts: Array) -> Array:
    hits = jnp.diagonal(counts)
    union = jnp.sum(counts, 0) + jnp.sum(counts, 1) - hits
    return _quotient(jnp.sum(_quotient(hits, union)), jnp.sum(union > 0))


def _accuracies(counts: Array) -> Array:
    return _quotient(jnp.diagonal(counts), jnp.sum(counts, 1))


def _accuracy_by_class(counts: Array) -> Array:
    return jnp.mean(_accuracies(counts))


#: of metrics whose operation does not return their value: value -> what it returns
_OF_UPDATES: dict[Any, Callable[..., Array]] = {
    _intersection_over_union: lambda counts: counts,
    _accuracy_by_class: _accuracies,
}


def _at_thresholds(thresholds: Array, labels: Any, predictions: Any, weights: Any) -> Sums:
    """(true positives, false positives, true negatives, false negatives) of each threshold."""
    predictions, weights = (jnp.ravel(v) for v in _weighted(predictions, weights))
    labels = jnp.ravel(jnp.asarray(labels, bool))
    above = predictions[None] > thresholds[:, None]
    pairs = (labels & above, ~labels & above, ~labels & ~above, labels & ~above)
    return tuple(jnp.sum(jnp.where(found, weights, 0), 1) for found in pairs)


_HEIGHTS: dict[str, Callable[[Array, Array], Array]] = {
    "trapezoidal": lambda left, right: (left + right) / 2,
    "minoring": jnp.minimum,
    "majoring": jnp.maximum,
    "careful_interpolation": lambda left, right: (left + right) / 2,
}


def _careful_area(tp: Array, fp: Array, fn: Array) -> Array:
    """The area under the curve of precision and recall, between whose points the true positives grow linearly."""
    positive = tp + fp
    added = tp[:-1] - tp[1:]
    per_positive = _quotient(added, positive[:-1] - positive[1:])
    both = (positive[:-1] > 0) & (positive[1:] > 0)
    ratio = jnp.where(both, positive[:-1] / jnp.where(both, positive[1:], 1), 1)
    areas = per_positive * (added + (tp[1:] - per_positive * positive[1:]) * jnp.log(ratio))
    return jnp.sum(_quotient(areas, tp[1:] + fn[1:]))


def _area(curve: str, method: str, tp: Array, fp: Array, tn: Array, fn: Array) -> Array:
    if method == "careful_interpolation" and curve == "PR":
        return _careful_area(tp, fp, fn)
    rate = (tp + _TINY) / (tp + fn + _TINY)
    x, y = (fp / (fp + tn + _TINY), rate) if curve == "ROC" else (rate, (tp + _TINY) / (tp + fp + _TINY))
    return jnp.sum((x[:-1] - x[1:]) * _HEIGHTS[method](y[:-1], y[1:]))


def _named(kind: str) -> Callable[[Any], Any]:
    """Register a metric, and its former name, whose first arguments are the predictions and the labels."""

    def decorate(metric: Any) -> Any:
        former = metric
        if kind != "mean":
            former = lambda predictions, labels, *args, **kwargs: metric(labels, predictions, *args, **kwargs)  # noqa: E731
        named(f"contrib.metrics.streaming_{kind}")(former)
        ONLY_OF_1.add(f"metrics.{kind}")
        return named(f"metrics.{kind}", f"compat.v1.metrics.{kind}")(metric)

    return decorate


def _register(kind: str, parameters: str, parts: Callable[..., tuple[Any, ...]]) -> None:
    """Register a metric; `parts` returns, for its own arguments, those of `_streamed` after the name."""

    def metric(*values: Any) -> TensorResult:
        return _streamed(kind, *parts(*values[:-3]), *values[-3:])

    options = "metrics_collections=None updates_collections=None name=None"
    _named(kind)(with_parameters(metric, f"{parameters} {options}".split()))


_HITS, _FALSE, _MISSED, _REJECTED = _count(True, True), _count(False, True), _count(True, False), _count(False, False)
_square = lambda labels, predictions: jnp.square(predictions - labels)  # noqa: E731
_PAIRS: dict[str, tuple[Callable[..., Sums], Any]] = {
    "accuracy": (_mean_of(lambda labels, predictions: labels == predictions), _quotient),
    "mean_absolute_error": (_mean_of(lambda labels, predictions: jnp.abs(predictions - labels)), _quotient),
    "mean_squared_error": (_mean_of(_square), _quotient),
    "root_mean_squared_error": (_mean_of(_square), lambda *sums: jnp.sqrt(_quotient(*sums))),
    "precision": _over(_HITS, _count(None, True)),
    "recall": _over(_HITS, lambda *given: _HITS(*given) + _MISSED(*given)),
    "true_positives": (lambda *given: (_HITS(*given),), lambda total: total),
    "false_positives": (lambda *given: (_FALSE(*given),), lambda total: total),
    "false_negatives": (lambda *given: (_MISSED(*given),), lambda total: total),
    "true_negatives": (lambda *given: (_REJECTED(*given),), lambda total: total),
}
for _name, _parts in _PAIRS.items():
    _register(_name, "labels predictions weights=None", lambda *given, parts=_parts: (given, *parts))
_register("mean", "values weights=None", lambda *given: (given, _mean, _quotient))
for _name, _result in {"mean_iou": _intersection_over_union, "mean_per_class_accuracy": _accuracy_by_class}.items():
    _register(
        _name,
        "labels predictions num_classes weights=None",
        lambda x, y, classes, weights, result=_result: ((x, y, weights), _confusion(int(classes)), result),
    )
_AT_THRESHOLDS: dict[str, Callable[..., Array]] = {
    "true_positives": lambda tp, fp, tn, fn: tp,
    "false_positives": lambda tp, fp, tn, fn: fp,
    "true_negatives": lambda tp, fp, tn, fn: tn,
    "false_negatives": lambda tp, fp, tn, fn: fn,
    "precision": lambda tp, fp, tn, fn: tp / (1e-7 + tp + fp),
    "recall": lambda tp, fp, tn, fn: tp / (1e-7 + tp + fn),
}
for _name, _result in _AT_THRESHOLDS.items():
    _register(
        f"{_name}_at_thresholds",
        "labels predictions thresholds weights=None",
        lambda x, y, thresholds, weights, result=_result: (
            (x, y, weights),
            lambda *given: _at_thresholds(jnp.asarray(thresholds, "float32"), *given),
            result,
        ),
    )


def _largest(predictions: Any, k: int | None) -> Array:
    """The classes of the k largest predictions; without `k`, predictions are classes."""
    return jnp.asarray(predictions) if k is None else jax.lax.top_k(jnp.asarray(predictions), k)[1]


def _pairs_of_rows(k: int | None, labels: Any, predictions: Any) -> tuple[Array, Array, Array]:
    """(labels, predicted classes, whether a class is among the labels), by row."""
    predictions = _largest(predictions, k)
    labels = jnp.asarray(labels, predictions.dtype)
    labels = labels if labels.ndim == predictions.ndim else labels[..., None]
    return labels, predictions, jnp.any(predictions[..., None] == labels[..., None, :], -1)


def _hits_of_rows(missed: bool, k: int | None, class_id: int | None, *given: Any) -> Sums:
    """(hits, hits and labels that are not predicted, or predictions that are no label)."""
    labels, predictions, found = _pairs_of_rows(k, *given[:2])
    counted = found if class_id is None else found & (predictions == class_id)
    if missed:
        earlier = jnp.tril(labels[..., None] == labels[..., None, :], -1)  # labels are sets
        others = ~jnp.any(labels[..., None] == predictions[..., None, :], -1) & ~jnp.any(earlier, -1)
        others = others if class_id is None else others & (labels == class_id)
    else:
        others = ~found if class_id is None else ~found & (predictions == class_id)
    hits, others = jnp.sum(counted, -1), jnp.sum(others, -1)
    weights = _weighted(hits, given[2])[1]
    return jnp.sum(hits * weights), jnp.sum((hits + others) * weights)


def _average_precision(k: int, labels: Any, predictions: Any, weights: Any) -> Sums:
    labels, _, found = _pairs_of_rows(k, labels, predictions)
    precisions = jnp.cumsum(found, -1) / jnp.arange(1, k + 1)
    return _mean(jnp.sum(precisions * found, -1) / min(k, labels.shape[-1]), weights)


_K = "labels predictions k=None class_id=None weights=None"
for _name, _missed in {"recall": True, "precision": False}.items():
    _at_k: Any = lambda x, y, k, class_id, weights, missed=_missed: (  # noqa: E731
        (x, y, weights),
        lambda *given: _hits_of_rows(missed, k, class_id, *given),
        lambda hits, count: hits / count,
    )
    _register(f"{_name}_at_k", _K, _at_k)
    _register(
        f"{_name}_at_top_k", f"labels predictions_idx{_K[18:]}", lambda x, y, k, *rest, at=_at_k: at(x, y, None, *rest)
    )
_average: Any = lambda x, y, k, weights: ((x, y, weights), lambda *given: _average_precision(k, *given), _quotient)  # noqa: E731
for _prefix in ("", "sparse_"):
    _register(f"{_prefix}average_precision_at_k", "labels predictions k weights=None", _average)
_register("sparse_precision_at_k", _K, _at_k)


def _distance(axis: int) -> Callable[..., Sums]:
    return lambda x, y, weights: _mean(jnp.sum(jnp.asarray(x) * y, axis, keepdims=True), weights)


def _relative(x: Any, y: Any, normalizer: Any, weights: Any) -> Sums:
    zero = jnp.asarray(normalizer) == 0
    return _mean(jnp.where(zero, 0, jnp.abs(x - y) / jnp.where(zero, 1, normalizer)), weights)


_register(
    "mean_cosine_distance",
    "labels predictions dim weights=None",
    lambda x, y, axis, weights: ((x, y, weights), _distance(axis), lambda *sums: 1 - _quotient(*sums)),
)
_register(
    "mean_relative_error", "labels predictions normalizer weights=None", lambda *given: (given, _relative, _quotient)
)


def _products(values: Any, weights: Any) -> Sums:
    values, weights = _weighted(values, weights)
    return values * weights, weights


_register("mean_tensor", "values weights=None", lambda *given: (given, _products, _quotient))
_register(
    "percentage_below",
    "values threshold weights=None",
    lambda values, threshold, weights: (
        (values, weights),
        lambda values, weights: _mean(values < threshold, weights),
        _quotient,
    ),
)


ONLY_OF_1 -= {"metrics.mean_absolute_error", "metrics.mean_squared_error"}


@_named("auc")
@ignores("thresholds=None")
def auc(
    labels: TensorLike,
    predictions: TensorLike,
    weights: TensorLike = None,
    num_thresholds: int = 200,
    metrics_collections: Option = None,
    updates_collections: Option = None,
    curve: str = "ROC",
    name: str | None = None,
    summation_method: str = "trapezoidal",
) -> TensorResult:
    """`tf.metrics.auc`: the area under the curve of rates at thresholds from 0 to 1."""
    if summation_method not in _HEIGHTS:
        got = repr(summation_method)
        raise ArgumentError(message("summation_method of tf.metrics.auc", expected=list(_HEIGHTS), got=got))
    inner = [(i + 1) / (num_thresholds - 1) for i in range(num_thresholds - 2)]
    thresholds = jnp.asarray([-1e-7, *inner, 1 + 1e-7], "float32")
    given = labels, predictions, weights
    add: Any = lambda *given: _at_thresholds(thresholds, *given)  # noqa: E731
    result: Any = lambda *sums: _area(curve, summation_method, *sums)  # noqa: E731
    return _streamed("auc", given, add, result, metrics_collections, updates_collections, name)


@named("contrib.metrics.accuracy")
def accuracy(predictions: TensorLike, labels: TensorLike, weights: TensorLike = None) -> TensorResult:
    """`tf.contrib.metrics.accuracy`: the part of equal predictions and labels of one batch."""
    given = labels, predictions, weights
    compute: Any = lambda *given: _quotient(*_PAIRS["accuracy"][0](*given))  # noqa: E731
    return call_op(compute, given, {}) if any(map(is_symbolic, given)) else compute(*map(unboxed, given))


@named("contrib.metrics.aggregate_metric_map")
def aggregate_metric_map(names_to_tuples: Mapping[str, tuple[TensorResult, TensorResult]]) -> tuple[Any, Any]:
    """`slim.metrics.aggregate_metric_map`: the results and the updates of named metrics, each as a dict."""
    of = lambda index: {name: pair[index] for name, pair in names_to_tuples.items()}  # noqa: E731
    return of(0), of(1)


@named("local_variables_initializer", "initialize_local_variables")
def local_variables_initializer() -> TensorResult:
    """`tf.local_variables_initializer`: sets the sums of metrics to 0."""
    return None if computes_values() else graph_variables.initialize(scopes.get_collection("local_variables"))

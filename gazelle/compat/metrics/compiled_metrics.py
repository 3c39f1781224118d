"""Metrics that names in `compile` meant in Keras 1 and 2, and their names in the logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import FunctionType
from typing import Any

from gazelle import tree
from gazelle.compat import era, facade, old_names
from gazelle.compat.classes import compat_class
from gazelle.compat.metrics import former_metrics, keras1_metrics
from gazelle.compat.metrics.layer_metrics import LayerMetric
from gazelle.compat.metrics.running_sums import RunningMetric
from gazelle.compat.types import Option
from gazelle.core.names import snake
from gazelle.core.own_code import from_gazelle
from gazelle.core.registry import REGISTRY
from gazelle.core.replaced_methods import is_own_code
from gazelle.core.types import LossLike, MetricLike, Nested
from gazelle.layers import Layer
from gazelle.metrics import BinaryAccuracy, BinaryCrossentropy, CosineSimilarity

_ACCURACY = ("accuracy", "acc")
_CROSSENTROPY = ("crossentropy", "ce")
_NAMES = {**dict.fromkeys(_ACCURACY, "acc"), **dict.fromkeys(_CROSSENTROPY, "ce"), **old_names.SHORT_METRICS}
#: the functions of Keras 1 by their other names; the logs had the name of the function
_FUNCTIONS = {**keras1_metrics.NAMES, **former_metrics.KERAS_1, **dict.fromkeys(_ACCURACY, keras1_metrics.acc)}


def of_era(given: Nested[MetricLike], loss: Nested[LossLike], outputs: Sequence[str]) -> Nested[MetricLike]:
    """The argument `metrics` of a program for Keras 1 or 2 as `compile` takes it now.

    Args:
        given: The argument.
        loss: The argument `loss`.
        outputs: The names of the outputs; empty if they are not known yet.

    Returns:
        The metrics in the same structure.
    """
    if era.is_before_tf_keras_2():
        given = _with_binary_metrics(given, loss, outputs)
    return tree.map_structure(_meant, given)


def parts_of_dicts(given: Option, shape: Sequence[int | None]) -> Option:
    """The argument `metrics` of a program for Keras 1, whose functions may return a dict: one function for each entry.

    Args:
        given: The argument: a list, a function, or a dict of them by output.
        shape: The shape of an output.
    """
    if isinstance(given, Mapping):
        return {name: parts_of_dicts(each, shape) for name, each in given.items()}
    if isinstance(given, list | tuple):
        parts = [(each, parts_of_dicts(each, shape)) for each in given]
        return [one for each, found in parts for one in ([found] if isinstance(each, list | tuple) else found)]
    user_defined = isinstance(given, FunctionType) and not from_gazelle(given)
    return keras1_metrics.parts(given, shape) if user_defined else [given]


def _meant(given: Any) -> Any:
    """What a name meant: in Keras 1 a function, later also a class, whose metric has the name "auc", not "AUC"."""
    if isinstance(given, FunctionType) and facade.adapter.has_tensors and _is_of_program(given):
        given.metric_class = RunningMetric  # type: ignore[attr-defined]  # it may call `tf.metrics`
    if isinstance(given, Layer) and getattr(given, "stateful", False):
        return LayerMetric(given)
    if not isinstance(given, str):
        return given
    if era.number() == 1:
        return _FUNCTIONS.get(given, given)
    if era.is_before_2_3() and given in _NAMES:  # the logs had the name of the function
        return _NAMES[given]
    if era.is_package_before_2_3() and given in ("cosine", "cosine_proximity"):
        return former_metrics.cosine_of_unit_vectors
    if given == "cosine":
        return compat_class(CosineSimilarity)(name=given)
    cls = REGISTRY["metrics"].get(given) if given != "Accuracy" else None
    return cls if cls is not None and cls.__name__ == given else given


def _is_of_program(function: FunctionType) -> bool:
    """Whether a program defines a function; `functools.wraps` copies the name of another module."""
    return not (is_own_code(function) and from_gazelle(function))


def _with_binary_metrics(given: Any, loss: Any, outputs: Sequence[str]) -> Any:
    """Metrics in which "accuracy" and "crossentropy" are binary for each output whose loss is a binary crossentropy.

    Until tf.keras 2.2 the loss selected it; now the shape of the output does.
    """
    if len(outputs) > 1:
        of_output = loss if isinstance(loss, Mapping) else dict(zip(outputs, _listed(loss, len(outputs)), strict=False))
        pairs = given.items() if isinstance(given, Mapping) else zip(outputs, given, strict=False)
        chosen = {name: _with_binary_metrics(one, of_output.get(name), ()) for name, one in pairs}
        return chosen if isinstance(given, Mapping) else list(chosen.values())
    loss = next(iter(loss.values() if isinstance(loss, Mapping) else _listed(loss, 1)), None)
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
    if snake(name) != "binary_crossentropy" or getattr(loss, "from_logits", False):
        return given
    return tree.map_structure(_binary, given)


def _listed(loss: Any, count: int) -> Sequence[Any]:
    return loss if isinstance(loss, list | tuple) else [loss] * count


def _binary(given: Any) -> Any:
    if not isinstance(given, str) or given not in (*_ACCURACY, *_CROSSENTROPY):
        return given
    if era.number() == 1:
        return keras1_metrics.acc_of_units if given in _ACCURACY else given
    cls = BinaryAccuracy if given in _ACCURACY else BinaryCrossentropy
    return compat_class(cls)(name=_NAMES[given] if era.is_before_2_3() else given)

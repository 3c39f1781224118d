"""`class_weight` as Keras 1 and 2 took it: by output, and also for the samples of `validation_split`."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from gazelle.compat import era
from gazelle.core.errors import message
from gazelle.core.traceback import warn
from gazelle.data.labels import class_weights
from gazelle.models import Model
from gazelle.training.outputs import per_output


def as_sample_weights(
    model: Model, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of `fit` or `train_on_batch`, with class weights as sample weights where Keras 3 has others.

    Those by output become sample weights by output; those by class count for the samples of `validation_split`, too.
    Before 2.3 they did not count where there were sample weights.
    """
    given: Any = kwargs.get("class_weight")
    if (
        era.is_before_tf_keras_2()
        and not isinstance(given, Mapping)
        and (model._graph is None or len(model.outputs) == 1)
    ):
        given = kwargs["class_weight"] = _of_one_output(given)
    if given is None or (isinstance(given, Mapping) and not given):
        return args, kwargs
    either = era.is_package_before_2_3()
    if either and kwargs.get("sample_weight") is not None and _is_by_class(given):
        return args, {**kwargs, "class_weight": None}
    if era.is_package_before_keras_3() and kwargs.get("validation_split") and _is_by_class(given):
        labels: Any = kwargs.get("y", args[1] if len(args) > 1 else None)
        weights = class_weights(given, labels, kwargs.get("sample_weight"))
        return args, {**kwargs, "class_weight": None, "sample_weight": weights}
    names = [] if model._graph is None else model._graph.output_names
    if len(names) < 2 or not _is_by_output(given, names):
        return args, kwargs
    y = kwargs.get("y", args[1] if len(args) > 1 else None)
    if y is None:  # the labels are those of a generator or sequence
        return _in_order(args, kwargs, names, given) if isinstance(given, Mapping) else (args, kwargs)
    labels = per_output("y", y, names)
    classes = [given.get(name) for name in names] if isinstance(given, Mapping) else list(given)
    own = per_output("sample_weight", kwargs.get("sample_weight"), names)
    by_name = {
        name: weight if wanted is None or (either and weight is not None) else class_weights(wanted, target, weight)
        for name, wanted, target, weight in zip(names, classes, labels, own, strict=True)
    }
    known = {name: weight for name, weight in by_name.items() if weight is not None}
    return args, {**kwargs, "class_weight": None, "sample_weight": known}


def _of_one_output(given: Any) -> Any:
    """The dict in a list of one; other lists and arrays had no effect, as programs for several outputs pass them."""
    if isinstance(given, list | tuple) and len(given) == 1 and isinstance(given[0], Mapping):
        return given[0]
    expected = "a dict such as {0: 1.0, 1: 5.0} for a model of one output"
    warn(message("class_weight has no effect, as in Keras 2", expected=expected, got=type(given).__name__))
    return None


def _in_order(args: Any, kwargs: dict[str, Any], names: list[str], given: Mapping[str, Any]) -> Any:
    """The class weights in a list, if the batches of x have lists of labels."""
    x: Any = args[0] if args else kwargs.get("x")
    if inspect.isgenerator(x):
        first = next(x)
        x = itertools.chain([first], x)
        args, kwargs = ((x, *args[1:]), kwargs) if args else (args, {**kwargs, "x": x})
    elif hasattr(x, "__getitem__") and hasattr(x, "__len__"):
        first = x[0]
    else:
        return args, kwargs
    if not isinstance(first, list | tuple) or len(first) < 2 or not isinstance(first[1], list | tuple):
        return args, kwargs
    return args, {**kwargs, "class_weight": [given.get(name) for name in names]}


def _is_by_class(given: Any) -> bool:
    return isinstance(given, Mapping) and all(isinstance(key, int | np.integer) for key in given)


def _is_by_output(given: Any, names: list[str]) -> bool:
    if isinstance(given, Mapping):
        return bool(given) and set(given) <= set(names)
    return isinstance(given, list | tuple) and len(given) == len(names)

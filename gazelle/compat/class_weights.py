"""`class_weight` of models with several outputs, which Keras 1 and 2 took by output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gazelle.data.labels import class_weights
from gazelle.models import Model
from gazelle.training.outputs import per_output


def as_sample_weights(
    model: Model, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of `fit` or `train_on_batch`, with class weights by output as sample weights by output."""
    given: Any = kwargs.get("class_weight")
    if model._graph is None or len(model.output_names) < 2 or not _is_by_output(given, model.output_names):
        return args, kwargs
    y = kwargs.get("y", args[1] if len(args) > 1 else None)
    if y is None:  # a generator, whose labels are not known yet
        return args, kwargs
    names = model.output_names
    labels = per_output("y", y, names)
    classes = [given.get(name) for name in names] if isinstance(given, Mapping) else list(given)
    own = per_output("sample_weight", kwargs.get("sample_weight"), names)
    weights = {
        name: weight if wanted is None else class_weights(wanted, target, weight)
        for name, wanted, target, weight in zip(names, classes, labels, own, strict=True)
    }
    known = {name: weight for name, weight in weights.items() if weight is not None}
    return args, {**kwargs, "class_weight": None, "sample_weight": known}


def _is_by_output(given: Any, names: list[str]) -> bool:
    if isinstance(given, Mapping):
        return bool(given) and set(given) <= set(names)
    return isinstance(given, list | tuple) and len(given) == len(names)

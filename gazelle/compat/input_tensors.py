"""Models of Keras 1 and 2 whose data are tensors of a graph: `Input(tensor=...)`, `compile(target_tensors=...)`.

Each step of a loop without data takes the values that a session computes for these tensors.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np

import gazelle
from gazelle.compat.backend.lifting import GraphVariable
from gazelle.compat.backend.sessions import get_session
from gazelle.compat.types import Arguments, Keywords, TensorLike
from gazelle.core.symbolic import KerasTensor
from gazelle.core.variable import Variable
from gazelle.models import Model

_LOOPS = ("fit", "evaluate", "predict")
_METHODS = (*_LOOPS, "train_on_batch", "test_on_batch", "predict_on_batch")
#: the tensors of `Input(tensor=...)`
COMPUTED: weakref.WeakSet[KerasTensor] = weakref.WeakSet()


def computed(tensor: TensorLike) -> KerasTensor:
    """The tensor of an input that is computed at each step; a variable or a constant as a tensor of the graph."""
    made: Any = tensor
    if not isinstance(tensor, KerasTensor):
        variable = tensor if isinstance(tensor, Variable) else GraphVariable(np.asarray(tensor), trainable=False)
        made = gazelle.ops.cast(variable, variable.dtype)
    COMPUTED.add(made)
    return made


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def remember_targets(model: Model, kwargs: Keywords) -> dict[str, Any]:
    """Store the argument `target_tensors` of `compile`, in place of that of an earlier call; return the other ones."""
    rest = dict(kwargs)
    given = rest.pop("target_tensors", None)
    if isinstance(given, dict):
        given = [given[name] for name in model.output_names]
    vars(model).pop("_target_tensors", None)
    if given is not None:
        vars(model)["_target_tensors"] = _listed(given)
    return rest


def with_values(model: Model, method: str, args: Arguments, kwargs: dict[str, Any]) -> tuple[Arguments, dict[str, Any]]:
    """The arguments of a method of a model, with the values of tensors for data that were not passed."""
    if method not in _METHODS or model._graph is None:
        return args, kwargs
    names = ("x",) if method.startswith("predict") else ("x", "y")
    given = dict(zip(names, args, strict=False)) | {name: kwargs[name] for name in names if name in kwargs}
    x, y = given.get("x"), given.get("y")
    own = [tensor if tensor in COMPUTED else None for tensor in model.inputs]
    targets = [] if y is not None or "y" not in names else vars(model).get("_target_tensors", [])
    computes = any(tensor is not None for tensor in own) or (targets and method not in _LOOPS)
    if not computes or isinstance(x, Iterator | dict):
        return args, kwargs
    if len(_listed(x)) not in (0, own.count(None)):  # values of all inputs are passed
        return args, kwargs
    batches = _batches(own, targets, _listed(x))
    if method in _LOOPS and x is None and y is None:
        data: tuple[Any, ...] = (batches, None)
    else:
        inputs, labels = next(batches) if targets else (next(batches), y)
        data = (inputs, labels)
    rest = {name: value for name, value in kwargs.items() if name not in names}
    return (*data[: len(names)], *args[len(names) :]), rest


def _batches(own: list[KerasTensor | None], targets: list[TensorLike], x: list[Any]) -> Iterator[Any]:
    """(inputs, labels) of each step; the inputs alone if no labels are tensors."""
    tensors = [tensor for tensor in own if tensor is not None]
    while True:
        values, passed = iter(get_session().run([*tensors, *targets])), iter(x)
        inputs = [np.asarray(next(passed)) if tensor is None else next(values) for tensor in own]
        labels = list(values)
        found = inputs if len(inputs) > 1 else inputs[0]
        yield (found, labels if len(labels) > 1 else labels[0]) if labels else found

"""What callbacks and programs of Keras 1 and 2 read and change in `fit`: metrics, `params`, `validation_data`.

`model.metrics_names.append(name)` and `model.metrics_tensors.append(tensor)` add a tensor to the logs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gazelle.compat import era


class _Names(list[str]):
    """The names of metrics; an appended name belongs to the next tensor."""

    def __init__(self, model: Any, names: list[str]) -> None:
        super().__init__(names)
        self._model = model

    def append(self, name: str) -> None:
        super().append(name)
        self._model.__dict__.setdefault("_names_of_tensors", []).append(name)


class _Tensors(list[Any]):
    """The tensors of metrics; appending one adds its mean to the logs."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self._model = model

    def append(self, tensor: Any) -> None:
        super().append(tensor)
        waiting = self._model.__dict__.get("_names_of_tensors", [])
        self._model.add_metric(tensor, name=waiting.pop(0) if waiting else None)


def metrics_names(model: Any, now: list[str]) -> list[str]:
    """`model.metrics_names`, to which programs append."""
    return _Names(model, now)


def metrics_tensors(model: Any) -> list[Any]:
    """`model.metrics_tensors`."""
    return _Tensors(model)


def callback_params(model: Any, run: tuple[Sequence[Any], Any, Any], params: dict[str, Any]) -> dict[str, Any]:
    """The params of a run of `fit`, which is given as (callbacks, source of the samples, validation data).

    It also sets `validation_data` of the callbacks: a list of the inputs, the targets, and a weight for each target.
    """
    callbacks, source, validation = run
    names = [*model.metrics_names, *(f"val_{name}" for name in model.metrics_names if validation is not None)]
    if era.number() == 3:
        return {**params, "metrics": names}  # of callbacks that are older than the program
    if era.standalone():
        for callback in callbacks:
            callback.validation_data = _flat(validation)
    samples = {"samples": getattr(source, "count", None), "batch_size": getattr(source, "batch_size", None)}
    first = {"nb_sample": samples["samples"], "nb_epoch": params["epochs"]} if era.number() == 1 else {}
    return {**params, **samples, **first, "do_validation": validation is not None, "metrics": names}


def _flat(given: Any) -> list[Any] | None:
    if not isinstance(given, tuple | list):
        return None  # of a generator, Keras did not keep the batches
    x, y, *weight = given
    targets = _as_list(y)
    weights = _as_list(weight[0]) if weight and weight[0] is not None else [np.ones(len(t), "float32") for t in targets]
    return [*_as_list(x), *targets, *weights]


def _as_list(arrays: Any) -> list[Any]:
    if isinstance(arrays, dict):
        return list(arrays.values())
    return list(arrays) if isinstance(arrays, list | tuple) and np.ndim(arrays[0]) > 0 else [np.asarray(arrays)]

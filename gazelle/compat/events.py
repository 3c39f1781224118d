"""What callbacks of Keras 1 and 2 found in `self.params` and `self.validation_data`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gazelle.compat import era


def run(told: tuple[Sequence[Any], Any, Any], params: dict[str, Any]) -> dict[str, Any]:
    """The params of a run; told: its callbacks, its source of samples, and what it validates on, as it was given.

    `validation_data` is a list: the inputs, the targets, a weight for each target.
    """
    callbacks, source, validation = told
    if era.standalone():
        for callback in callbacks:
            callback.validation_data = _flat(validation)
    samples = {"samples": getattr(source, "count", None), "batch_size": getattr(source, "batch_size", None)}
    first = {"nb_sample": samples["samples"], "nb_epoch": params["epochs"]} if era.number() == 1 else {}
    return {**params, **samples, **first, "do_validation": validation is not None}


def _flat(given: Any) -> list[Any] | None:
    if not isinstance(given, tuple | list):
        return None  # a generator was asked for batches, one after the other
    x, y, *weight = given
    targets = _many(y)
    weights = _many(weight[0]) if weight and weight[0] is not None else [np.ones(len(t), "float32") for t in targets]
    return [*_many(x), *targets, *weights]


def _many(arrays: Any) -> list[Any]:
    if isinstance(arrays, dict):
        return list(arrays.values())
    return list(arrays) if isinstance(arrays, list | tuple) and np.ndim(arrays[0]) > 0 else [np.asarray(arrays)]

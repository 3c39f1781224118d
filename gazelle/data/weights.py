"""Weights of classes as weights of samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gazelle.core.errors import ArgumentError, DataError, message


def class_weights(class_weight: Mapping[int, float], y: Any, sample_weight: Any = None) -> Any:
    """w_i = class_weight[class of sample i], times sample_weight_i; classes that are not named count 1.

    The class is the label itself, or the place of the one in a one-hot row.
    """
    if isinstance(y, (dict, list)):
        raise ArgumentError(
            message(
                "class_weight",
                expected="a model with one output",
                got=f"{len(y)} outputs",
                hint="Give sample_weight as a dict by output name.",
            )
        )
    if y is None:
        raise DataError(message("class_weight", expected="labels y", got="none"))
    if not isinstance(class_weight, Mapping):
        raise ArgumentError(
            message(
                "class_weight",
                expected="a dict such as {0: 1.0, 1: 5.0}",
                got=repr(class_weight),
                hint="dict(enumerate(weights)) makes one of a list.",
            )
        )
    wrong = [k for k in class_weight if not isinstance(k, (int, np.integer))]
    if wrong:
        raise ArgumentError(
            message("class_weight", expected="class numbers as keys, such as {0: 1.0, 1: 5.0}", got=repr(wrong[0]))
        )
    odd = [w for w in class_weight.values() if not _is_weight(w)]
    if odd:
        raise ArgumentError(message("class_weight", expected="weights that are numbers from 0 on", got=repr(odd[0])))
    labels = np.asarray(y)
    labels = labels.argmax(-1) if labels.ndim > 1 and labels.shape[-1] > 1 else labels.reshape(len(labels))
    labels = np.round(labels).astype(np.int64)
    weights = np.ones(len(labels), np.float32)
    for label, weight in class_weight.items():
        weights[labels == label] = weight
    return weights if sample_weight is None else weights * np.asarray(sample_weight)


def _is_weight(value: Any) -> bool:
    return bool(np.ndim(value) == 0 and np.asarray(value).dtype.kind in "iuf" and 0 <= value < np.inf)

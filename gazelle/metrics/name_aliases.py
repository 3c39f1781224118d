"""Aliases of metric names: `logs["acc"]` and `logs["accuracy"]` are the same entry."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from gazelle.core.errors import MissingKeyError, english, message, unknown

#: groups of aliases; the first is the name in logs
EQUAL = (
    ("accuracy", "acc"),
    ("binary_accuracy", "binary_acc"),
    ("categorical_accuracy", "categorical_acc"),
    ("sparse_categorical_accuracy", "sparse_categorical_acc"),
    ("top_k_categorical_accuracy", "top_k_categorical_acc"),
    ("sparse_top_k_categorical_accuracy", "sparse_top_k_categorical_acc"),
    ("mean_squared_error", "mse", "MSE", "MeanSquaredError"),
    ("mean_absolute_error", "mae", "MAE", "MeanAbsoluteError"),
    ("mean_absolute_percentage_error", "mape", "MAPE", "MeanAbsolutePercentageError"),
    ("mean_squared_logarithmic_error", "msle", "MSLE", "MeanSquaredLogarithmicError"),
    ("root_mean_squared_error", "rmse", "RMSE", "RootMeanSquaredError"),
    ("cosine_similarity", "cosine_proximity", "CosineSimilarity"),
    ("kl_divergence", "kullback_leibler_divergence", "kld", "KLD", "KLDivergence"),
    ("logcosh", "log_cosh", "LogCoshError"),
    ("crossentropy", "ce"),
    ("binary_crossentropy", "bce", "BCE", "BinaryCrossentropy"),
    ("categorical_crossentropy", "CategoricalCrossentropy"),
    ("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy"),
    ("learning_rate", "lr"),
    ("auc", "AUC"),
    ("precision", "Precision"),
    ("recall", "Recall"),
    ("f1_score", "F1Score"),
)
#: a general name -> the metrics that 'accuracy' or 'crossentropy' may have become
KINDS = {
    "accuracy": ("binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy"),
    "crossentropy": ("binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"),
}

_FIRST = {spelling: group[0] for group in EQUAL for spelling in group}
_GROUPS = {group[0]: group for group in EQUAL}


def spellings(name: str) -> list[str]:
    """Return all keys that a name may have in logs: itself, its aliases, then the metrics of a general name.

    A prefix 'val_' and the name of an output are kept.

    Args:
        name: Name of a metric.

    Returns:
        The keys.

    Example:
        >>> spellings("val_lr")
        ['val_lr', 'val_learning_rate']
        >>> spellings("head_acc")[:3]
        ['head_acc', 'head_accuracy', 'head_binary_accuracy']
    """
    start = "val_" if name.startswith("val_") else ""
    rest = name[len(start) :]
    known = [s for s in _FIRST if rest == s or rest.endswith(f"_{s}")]
    if not known:
        return [name]
    alias = max(known, key=len)  # 'head_binary_accuracy' is a binary_accuracy, not an accuracy
    prefix = start + rest[: len(rest) - len(alias)]
    first = _FIRST[alias]
    same = [*_GROUPS[first], *(s for kind in KINDS.get(first, ()) for s in _GROUPS[kind])]
    return list(dict.fromkeys([name, *(prefix + s for s in same)]))


def find_key(name: object, keys: Collection[Any]) -> object:
    """Return the key that a name means, None if there is none.

    A name without a number also finds the automatic name 'auc_1', if it is the only one.
    """
    if name in keys or not isinstance(name, str):
        return name if name in keys else None
    for spelling in spellings(name):
        if spelling in keys:
            return spelling
    numbered = [k for k in keys if isinstance(k, str) and re.fullmatch(re.escape(name) + r"_\d+", k)]
    if not numbered and "weighted_" in name:  # `weighted_metrics` have it where `metrics` have the same name
        return find_key(name.replace("weighted_", "", 1), keys)
    return numbered[0] if len(numbered) == 1 else None


def _no_key(name: Any, keys: list[str]) -> str:
    """The error's text for a key that is not in the logs, with what `fit` or `compile` needs to record it."""
    text = str(name)
    if text.startswith("val_") and keys and not any(key.startswith("val_") for key in keys):
        fix = "Pass validation data to fit: validation_split=0.2 or validation_data=(x, y)."
        return message(f"Unknown key {name!r}", hint=f"Known: {', '.join(sorted(keys))}. {fix}")
    metric = text.removeprefix("val_")
    recorded = any(key.endswith(f"_{spelling}") for spelling in spellings(metric) for key in keys)  # of an output
    absent = _FIRST.get(metric, "learning_rate") != "learning_rate" and not recorded
    fix = f"Request it in compile: metrics=[{metric!r}]." if absent else ""
    return english(unknown("key", name, keys, fix))


class Logs(dict):
    """Dict whose `[]`, `get` and `in` accept aliases of metric names; iteration yields its own keys.

    Example:
        >>> logs = Logs({"accuracy": 0.5})
        >>> logs["acc"], "acc" in logs, list(logs)
        (0.5, True, ['accuracy'])
    """

    def __missing__(self, name: Any) -> Any:
        key = find_key(name, self.keys())
        if key is None:
            raise MissingKeyError(_no_key(name, list(map(str, self))))
        return super().__getitem__(key)

    def __contains__(self, name: object) -> bool:
        return find_key(name, self.keys()) is not None

    def get(self, name: str, default: object = None) -> object:
        """Return the value of a key or alias.

        Args:
            name: Name of a metric.
            default: Result if the name is unknown.

        Returns:
            The value.
        """
        key = find_key(name, self.keys())
        return default if key is None else super().__getitem__(key)

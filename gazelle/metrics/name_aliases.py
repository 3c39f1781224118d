"""Old and new spellings of a metric's name are one key: `logs["acc"]` and `logs["accuracy"]`."""

from __future__ import annotations

import re
from typing import Any

from gazelle.core.errors import unknown

#: Spellings that mean the same.
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
#: A name that asks for whichever of its kinds was compiled.
KINDS = {
    "accuracy": ("binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy"),
    "crossentropy": ("binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"),
}

_FIRST = {spelling: group[0] for group in EQUAL for spelling in group}
_GROUPS = {group[0]: group for group in EQUAL}


def spellings(name: str) -> list[str]:
    """All keys that mean `name`, itself first: with 'val_' and output names kept, equal spellings, then kinds.

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
    word = max(known, key=len)  # 'head_binary_accuracy' is a binary_accuracy, not an accuracy
    prefix = start + rest[: len(rest) - len(word)]
    first = _FIRST[word]
    same = [*_GROUPS[first], *(s for kind in KINDS.get(first, ()) for s in _GROUPS[kind])]
    return list(dict.fromkeys([name, *(prefix + s for s in same)]))


def find_key(name: Any, keys: Any) -> Any:
    """The one of `keys` that `name` means, None if there is none.

    A name without a number also finds the automatic 'auc_1', where it is the only one.
    """
    if name in keys or not isinstance(name, str):
        return name if name in keys else None
    for spelling in spellings(name):
        if spelling in keys:
            return spelling
    numbered = [k for k in keys if isinstance(k, str) and re.fullmatch(re.escape(name) + r"_\d+", k)]
    return numbered[0] if len(numbered) == 1 else None


class Logs(dict):
    """A dict whose `[]`, `get` and `in` accept any spelling of a metric's name; its own keys stay as they are.

    >>> logs = Logs({"accuracy": 0.5})
    >>> logs["acc"], "acc" in logs, list(logs)
    (0.5, True, ['accuracy'])
    """

    def __missing__(self, name: Any) -> Any:
        key = find_key(name, self.keys())
        if key is None:
            raise KeyError(str(unknown("key", name, map(str, self))))
        return super().__getitem__(key)

    def __contains__(self, name: object) -> bool:
        return find_key(name, self.keys()) is not None

    def get(self, name: Any, default: Any = None) -> Any:
        key = find_key(name, self.keys())
        return default if key is None else super().__getitem__(key)

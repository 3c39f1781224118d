"""Arguments of `fit` that are numbers or switches: what cannot be meant is told before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from gazelle.core.errors import ArgumentError, DataError, message
from gazelle.core.traceback import warn


def whole(name: str, value: Any, least: int = 1) -> int:
    """The whole number `value`, from `least` on."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < least:
        raise ArgumentError(message(name, expected=f"a whole number from {least} on", got=repr(value)))
    return int(value)


def check_fit(epochs: int, initial_epoch: int, split: Any, freq: Any, shuffle: Any) -> None:
    """Look at the arguments that `fit` would else misread in silence."""
    if initial_epoch > epochs:
        warn(
            message(
                f"fit(initial_epoch={initial_epoch}, epochs={epochs}) trains nothing",
                hint="`epochs` is the number of the last epoch, not how many are added.",
            ),
        )
    if isinstance(split, bool) or not isinstance(split, (int, float, np.number)):
        raise ArgumentError(message("validation_split", expected="a share between 0 and 1", got=repr(split)))
    if not isinstance(freq, (list, tuple, set)):
        whole("validation_freq", freq)
    if isinstance(shuffle, str) and shuffle != "batch":
        raise ArgumentError(message("shuffle", expected="True, False or 'batch'", got=repr(shuffle)))


def warn_unseen_classes(class_weight: Mapping[int, float] | None, y: Any) -> None:
    """Warn of weights for classes that no sample has: their numbers are wrong, more often than not."""
    if not class_weight or not isinstance(y, np.ndarray) or y.dtype.kind not in "iufb":
        return
    if y.ndim > 1 and y.shape[-1] > 1:
        unseen = [label for label in class_weight if not 0 <= label < y.shape[-1]]
    else:
        unseen = sorted(set(class_weight) - set(np.unique(y).tolist()))
    if unseen:
        warn(
            message(
                f"class_weight names class {unseen[0]}",
                expected="classes of the labels",
                got="no sample of this class in y",
            ),
        )


def pair(value: Any) -> Any:
    """(x, y, weight) of what was given as `validation_data`."""
    wanted = "(x, y) or (x, y, sample_weight)"
    if isinstance(value, (tuple, list)):
        if len(value) not in (2, 3):
            raise DataError(message("validation_data", expected=wanted, got=f"{len(value)} parts"))
        return (*value, None)[:3]
    if isinstance(value, (np.ndarray, jax.Array)):
        raise DataError(message("validation_data", expected=wanted, got="one array", hint="Give both: (x_val, y_val)."))
    if isinstance(value, (str, bytes, dict, int, float)):
        raise DataError(message("validation_data", expected=wanted, got=repr(value)[:80]))
    return value, None, None

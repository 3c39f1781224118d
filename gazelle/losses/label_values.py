"""Values of targets, checked on the host before training: class indices in range, probabilities in [0, 1]."""

from __future__ import annotations

from typing import Any

import numpy as np

from gazelle.core.errors import DataError, message
from gazelle.core.traceback import warn
from gazelle.losses.target_shapes import CHOSEN, VALUE_CHECKS, family, kind_of, only_warns

_SLACK = 1e-3  # float32 sums and smoothed labels are not exact
_NOISE = 0.5  # adversarial training adds less noise to the labels 0 and 1


def check_labels(loss: object, y_true: np.ndarray, units: int, counts: bool = False) -> None:
    """Raise an error for labels for which the loss is meaningless; warn of labels that are unusual for it.

    Args:
        loss: A `Loss` or a loss function.
        y_true: The labels.
        units: Size of the last axis of the predictions.
        counts: Whether it is a metric that counts hits, for which a label that is no class is a miss.

    Raises:
        DataError: If a label is out of range; the message names its row, its value, the allowed range and the fix.

    Example:
        >>> check_labels(get("sparse_categorical_crossentropy"), np.array([0, 1, 2]), units=3)
    """
    if "call" in getattr(loss, "__dict__", ()):
        return  # another function was set on the object: its labels are not known
    y = np.asarray(y_true)
    kind = kind_of(loss)
    if kind == "chosen":
        kind = CHOSEN[family(y.shape[-1:], (units,))] if y.ndim > 1 else CHOSEN[family((1,), (units,))]
    check = VALUE_CHECKS.get(kind)
    if check is not None and y.size and y.dtype.kind in "iuf":
        check(
            f"Labels for '{getattr(loss, 'name', None) or getattr(loss, '__name__', 'loss')}'",
            y,
            units,
            getattr(loss, "ignore_class", None),
            counts,
        )


def _first(bad: Any) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(bad)[0])


def _raise(what: str, y: Any, bad: Any, expected: str, hint: str, defined: bool = False) -> None:
    """Raise an error; defined: the loss has a value for such labels, and a program for Keras only gets a warning."""
    index = _first(bad)
    where = f"row {index[0]}" if len(index) < 2 or y.shape[1:] == (1,) else f"row {index[0]}, position {index[1:]}"
    got = f"{y[index]} in {where}"
    if not defined or not only_warns():
        raise DataError(message(what, expected=expected, got=got, hint=hint))
    _warn(what, expected, got, hint)


def _warn(what: str, expected: str, got: str, hint: str) -> None:
    warn(message(what, expected=expected, got=got, hint=hint))


def _classes(what: str, y: Any, units: int, ignore_class: Any, counts: bool) -> None:
    bad = ~((y >= 0) & (y < units) & (y == np.floor(y)))  # `~` so that NaN is bad
    if ignore_class is not None:
        bad &= y != ignore_class
    if not bad.any():
        return
    counted = y[y != ignore_class] if ignore_class is not None else y
    low, high = counted.min(), counted.max()
    if np.isnan(low):
        hint = "Fill or drop the samples without a label."
    elif low == 1 and high == units:
        hint = "These labels count from 1: use y - 1."
    elif low == -1 and high == 1 and not (counted == 0).any():
        hint = "For labels -1 and 1 use (y + 1) // 2."
    elif low < 0:
        hint = "Classes are numbered from 0: np.unique(y, return_inverse=True)[1] numbers them."
    elif not (counted == np.floor(counted)).all():
        hint = "For targets that are not classes use loss='mse'."
    else:
        hint = (
            f"End the model in Dense({int(high) + 1}), or number the classes from 0: "
            "np.unique(y, return_inverse=True)[1]."
        )
    expected = f"integers from 0 to {units - 1} (the last layer has {units} units)"
    truncated = bool(((y[bad] >= 0) & (y[bad] < units)).all())  # to the class below: Keras trains with that
    _raise(what, y, bad, expected, hint, defined=counts or truncated)


def _binary(what: str, y: Any, units: int, ignore_class: Any, counts: bool) -> None:
    bad = ~((y >= -_SLACK) & (y <= 1 + _SLACK))
    if not bad.any():
        return
    if not (y < -_NOISE).any() and not (y > 1 + _NOISE).any() and not np.isnan(y).any():
        index = _first(bad)
        _warn(what, "values from 0 to 1", f"{y[index]:g} in row {index[0]}", "It is used unchanged.")
        return
    values = np.unique(y[:10000])
    integers = bool((values == np.floor(values)).all())
    if np.isnan(values).any():
        hint = "Fill or drop the samples without a label."
    elif set(values) <= {-1, 1}:
        hint = "For labels -1 and 1 use (y + 1) / 2, or loss='hinge'."
    elif set(values) <= {1, 2}:
        hint = "These labels count from 1: use y - 1."
    elif y.ndim > 2 and values.max() > 1 and values.max() <= 255 and values.min() >= 0:
        hint = "For pixels use y / 255."
    elif len(values) == 2 and integers:
        hint = f"For two classes use y == {values[1]:g}."
    elif integers and values.min() >= 0 and (y.ndim == 1 or y.shape[-1] == 1) and values.max() < 1000:
        count = int(values.max()) + 1
        hint = (
            f"For {count} classes use Dense({count}, activation='softmax') and loss='sparse_categorical_crossentropy'."
        )
    else:
        hint = "For targets that are not probabilities use loss='mse'."
    _raise(what, y, bad, "values from 0 to 1", hint, defined=not np.isnan(values).any())


def _onehot(what: str, y: Any, units: int, ignore_class: Any, counts: bool) -> None:
    if y.ndim < 2 or y.shape[-1] == 1:
        return  # `check_shapes` raises an error for these
    bad = ~(y >= -_SLACK)
    if bad.any():
        hint = "Make one-hot rows: to_categorical(y)."
        _raise(what, y, bad, "values from 0 to 1", hint, defined=not np.isnan(y).any())
        return
    sums = y.sum(axis=-1, dtype=np.float64)
    fits = np.abs(sums - 1) <= _SLACK
    if y.ndim > 2:
        fits |= sums == 0  # padded steps of a sequence have no class
    if fits.all():
        return
    row = _first(~fits)
    hint = "For several classes at once use activation='sigmoid' and loss='binary_crossentropy'."
    if sums[row] == 0:
        hint = "A class is missing among the columns: get_dummies(drop_first=True) drops one, to_categorical keeps all."
    got = f"a sum of {sums[row]:g} in row {row[0]}" + (f", position {row[1:]}" if len(row) > 1 else "")
    _warn(what, "rows that sum to 1 (one-hot or probabilities)", got, hint)


VALUE_CHECKS |= {"classes": _classes, "binary": _binary, "onehot": _onehot, "distribution": _onehot}

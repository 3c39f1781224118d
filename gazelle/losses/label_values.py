"""The values of targets, looked at on the host before training: class numbers in range, probabilities in [0, 1]."""

from __future__ import annotations

from typing import Any

import numpy as np

from gazelle.core.errors import DataError, message
from gazelle.core.traceback import warn
from gazelle.losses.target_shapes import CHOSEN, family, kind_of

_SLACK = 1e-3  # float32 sums and smoothed labels are not exact
_NOISE = 0.5  # trainings against each other smear their labels 0 and 1 by less


def check_labels(loss: Any, y_true: Any, units: int) -> None:
    """Refuse labels that the loss would turn into a number without meaning; warn of those that it may be meant for.

    Args:
        loss: a `Loss` or loss function.
        y_true: the labels, a NumPy array.
        units: size of the predictions' last axis.

    Raises:
        DataError: with the first bad row, its value, the allowed range and the mend.
    """
    y = np.asarray(y_true)
    kind = kind_of(loss)
    if kind == "chosen":
        kind = CHOSEN[family(y.shape[-1:], (units,))] if y.ndim > 1 else CHOSEN[family((1,), (units,))]
    check = _CHECKS.get(kind)
    if check is not None and y.size and y.dtype.kind in "iuf":
        check(
            f"Labels for '{getattr(loss, 'name', None) or loss.__name__}'",
            y,
            units,
            getattr(loss, "ignore_class", None),
        )


def _first(bad: Any) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(bad)[0])


def _refuse(what: str, y: Any, bad: Any, expected: str, hint: str) -> None:
    place = _first(bad)
    where = f"row {place[0]}" if len(place) < 2 or y.shape[1:] == (1,) else f"row {place[0]}, position {place[1:]}"
    raise DataError(message(what, expected=expected, got=f"{y[place]} in {where}", hint=hint))


def _warn(what: str, expected: str, got: str, hint: str) -> None:
    warn(message(what, expected=expected, got=got, hint=hint))


def _classes(what: str, y: Any, units: int, ignored: Any) -> None:
    bad = ~((y >= 0) & (y < units) & (y == np.floor(y)))  # `~` so that nan is bad
    if ignored is not None:
        bad &= y != ignored
    if not bad.any():
        return
    counted = y[y != ignored] if ignored is not None else y
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
        hint = "For numbers that are no classes use loss='mse'."
    else:
        hint = (
            f"End the model in Dense({int(high) + 1}), or number the classes from 0: "
            "np.unique(y, return_inverse=True)[1]."
        )
    _refuse(what, y, bad, f"integers from 0 to {units - 1} (the last layer has {units} units)", hint)


def _binary(what: str, y: Any, units: int, ignored: Any) -> None:
    bad = ~((y >= -_SLACK) & (y <= 1 + _SLACK))
    if not bad.any():
        return
    if not (y < -_NOISE).any() and not (y > 1 + _NOISE).any() and not np.isnan(y).any():
        place = _first(bad)
        _warn(what, "values from 0 to 1", f"{y[place]:g} in row {place[0]}", "It is trained as it stands.")
        return
    values = np.unique(y[:10000])
    whole = bool((values == np.floor(values)).all())
    if np.isnan(values).any():
        hint = "Fill or drop the samples without a label."
    elif set(values) <= {-1, 1}:
        hint = "For labels -1 and 1 use (y + 1) / 2, or loss='hinge'."
    elif set(values) <= {1, 2}:
        hint = "These labels count from 1: use y - 1."
    elif y.ndim > 2 and values.max() > 1 and values.max() <= 255 and values.min() >= 0:
        hint = "For pixels use y / 255."
    elif len(values) == 2 and whole:
        hint = f"For two classes use y == {values[1]:g}."
    elif whole and values.min() >= 0 and (y.ndim == 1 or y.shape[-1] == 1) and values.max() < 1000:
        count = int(values.max()) + 1
        hint = (
            f"For {count} classes use Dense({count}, activation='softmax') and loss='sparse_categorical_crossentropy'."
        )
    else:
        hint = "For numbers that are no probabilities use loss='mse'."
    _refuse(what, y, bad, "values from 0 to 1", hint)


def _onehot(what: str, y: Any, units: int, ignored: Any) -> None:
    if y.ndim < 2 or y.shape[-1] == 1:
        return  # `check_shapes` speaks about these
    bad = ~(y >= -_SLACK)
    if bad.any():
        _refuse(what, y, bad, "values from 0 to 1", "Make one-hot rows: to_categorical(y).")
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


_CHECKS = {"classes": _classes, "binary": _binary, "onehot": _onehot}

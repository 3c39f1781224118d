"""Results as numbers of earlier versions.

Arrays of one element are numbers, `"%f" % model.predict(x)[0]`, which NumPy allowed up to version 2.4; losses and
metrics have the methods of NumPy's, `logs["val_loss"].item()`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gazelle import tree
from gazelle.core.types import Scores


class array(np.ndarray):  # this name is printed
    """The result of a model, of which an array with a single element converts to a number."""

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        """A mean, sum or the like is a number of NumPy, as that of any other array."""
        return array[()] if return_scalar else super().__array_wrap__(array, context, return_scalar)

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __round__(self, ndigits: int | None = None) -> Any:
        return round(self.item(), ndigits)


class number(float):
    """A loss or metric with the methods of a NumPy number."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(np.float64(self), name)


def of_numpy(scores: Scores) -> Scores:
    """Return a number, or those in a list or dict, as `number`; all else unchanged.

    >>> of_numpy([0.5, {"mae": 0.25}])[1]["mae"].item()
    0.25
    """
    return tree.map_structure(lambda score: number(score) if type(score) is float else score, scores)


def as_numbers(value: Any) -> Any:
    """Return an array of one row, or with at most one element in each row, as an `array`; all else unchanged.

    >>> "%.1f" % as_numbers(np.ones((3, 1)))[0], int(np.argmax(as_numbers(np.ones((1, 3))), axis=1))
    ('1.0', 0)
    """
    if type(value) is not np.ndarray or value.ndim == 0 or value.dtype.kind not in "fiu":
        return value
    return value.view(array) if value.size in (1, len(value)) or len(value) == 1 else value

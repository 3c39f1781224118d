"""Arrays of one element as numbers: `"%f" % model.predict(x)[0]`, which NumPy allowed up to version 2.4."""

from __future__ import annotations

from typing import Any

import numpy as np


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


def as_numbers(value: Any) -> Any:
    """Return an array of one row, or with at most one element in each row, as an `array`; all else unchanged.

    >>> "%.1f" % as_numbers(np.ones((3, 1)))[0], int(np.argmax(as_numbers(np.ones((1, 3))), axis=1))
    ('1.0', 0)
    """
    if type(value) is not np.ndarray or value.ndim == 0 or value.dtype.kind not in "fiu":
        return value
    return value.view(array) if value.size in (1, len(value)) or len(value) == 1 else value

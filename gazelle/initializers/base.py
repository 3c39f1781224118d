"""The base class of initializers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import jax.numpy as jnp
import numpy as np

from gazelle.core import dtypes
from gazelle.core.config import Configurable
from gazelle.core.errors import missing_method
from gazelle.core.types import DTypeLike


class Initializer(Configurable):
    """Base class of initializers: functions of a shape and a dtype that return the first value of a weight.

    A subclass defines `__call__(self, shape, dtype=None)`.

    Example:
        >>> class Halves(Initializer):
        ...     def __call__(self, shape, dtype=None):
        ...         return np.full(shape, 0.5, dtype)
        >>> Halves()((2,)).tolist()
        [0.5, 0.5]
    """

    _namespace = "initializers"
    _snake_case_names = True

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> np.ndarray:
        """Return an array of a shape and dtype.

        Args:
            shape: Sequence[int] of the weight.
            dtype: Dtype of the weight; None means the default float dtype.
        """
        raise missing_method(self, "__call__(self, shape, dtype=None)")

    def clone(self) -> Self:
        """Return a new initializer with the same config.

        Returns:
            The initializer.
        """
        return type(self).from_config(self.get_config())


def numpy_dtype(dtype: DTypeLike | None) -> np.dtype:
    """Return the NumPy dtype of a name, including bfloat16. None means the default float dtype."""
    return np.dtype(jnp.dtype(dtypes.standardize(dtype)))

"""What every initializer is: a function of a shape and a dtype."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle.core import dtypes
from gazelle.core.lookup import Named


class Initializer(Named):
    """The first value of a weight: `initializer(shape, dtype=None) -> array`.

    A subclass of your own defines `__call__(self, shape, dtype=None)`.
    """

    _namespace = "initializers"

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} has no __call__ method: def __call__(self, shape, dtype=None)"
        )

    def clone(self) -> Any:
        """A new initializer from this one's config."""
        return type(self).from_config(self.get_config())


def numpy_dtype(dtype: Any) -> np.dtype[Any]:
    """The NumPy dtype of a name, bfloat16 included; None is the default float type."""
    return np.dtype(jnp.dtype(dtypes.standardize(dtype)))

"""Constraints that Keras 3 does not have."""

from __future__ import annotations

import numpy as np

from gazelle import constraints
from gazelle.core.errors import ShapeError, message
from gazelle.core.types import Array


class RadialConstraint(constraints.Constraint):
    """Gives all weights of a square kernel at one distance from its middle the value of an element, as tf.keras does.

    >>> RadialConstraint()(np.arange(9.0).reshape(3, 3, 1, 1))[..., 0, 0].tolist()
    [[4.0, 4.0, 4.0], [4.0, 0.0, 4.0], [4.0, 4.0, 4.0]]
    """

    def __call__(self, w: Array) -> Array:
        """Return the projection of a kernel (size, size, in, out)."""
        size = w.shape[0]
        if w.ndim != 4 or w.shape[1] != size:
            raise ShapeError(message("RadialConstraint", expected="a kernel (size, size, in, out)", got=w.shape))
        distance = abs(np.arange(size) - (size - 1) / 2).astype(int)
        ring = np.maximum(distance[:, None], distance)
        element = size // 2 + ring - np.where((size % 2 == 1) | (ring == 0), 1, 0)  # on the diagonal
        return w[element, element]

"""A function that has another meaning since Keras 3, in the meaning of earlier files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gazelle.core.registry import register
from gazelle.ops.base import lift
from gazelle.ops.max_min import larger, smaller

if TYPE_CHECKING:
    from gazelle.core.types import Array


@register("activations")
@lift
def hard_sigmoid_before_keras_3(x: Array) -> Array:
    """y = min(max(0.2 x + 0.5, 0), 1); since Keras 3 the slope of `hard_sigmoid` is 1/6.

    >>> hard_sigmoid_before_keras_3(np.array([-3.0, 0.0, 1.0]))
    Array([0. , 0.5, 0.7], dtype=float32)
    """
    return larger(smaller(0.2 * x + 0.5, 1), 0)

"""In: a weight or an output. Out: a number to add to the loss. Must not know: layers, losses, training."""

from __future__ import annotations

from typing import Any

from gazelle.core.config import RESOLVERS, serialize, with_custom_objects
from gazelle.core.lookup import lookup
from gazelle.regularizers.regularizers import L1, L1L2, L2, OrthogonalRegularizer, Regularizer

l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer


def get(identifier: Any) -> Any:
    """The regularizer for a name ('l2', 'L2'), a config, a class or a function; None stays None.

    >>> get("l2").l2
    0.01
    """
    if identifier == "l1_l2":  # as Keras 2 reads the name; the class alone would be no penalty at all
        return L1L2(0.01, 0.01)
    return lookup("regularizer", "regularizers", identifier)


@with_custom_objects
def deserialize(config: Any) -> Any:
    """The regularizer that `serialize` described."""
    return get(config)


RESOLVERS["regularizer"] = get

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]

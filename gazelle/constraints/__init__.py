"""In: a weight after an optimizer's step. Out: the nearest allowed one. Must not know: layers, optimizers, training."""

from __future__ import annotations

from typing import Any

from gazelle.constraints.constraints import Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from gazelle.core.config import RESOLVERS, serialize, with_custom_objects
from gazelle.core.lookup import lookup

max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm


def get(identifier: Any) -> Any:
    """The constraint for a name ('non_neg', 'NonNeg'), a config, a class or a function; None stays None.

    >>> get("max_norm").max_value
    2
    """
    return lookup("constraint", "constraints", identifier)


@with_custom_objects
def deserialize(config: Any) -> Any:
    """The constraint that `serialize` described."""
    return get(config)


RESOLVERS["constraint"] = get

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]

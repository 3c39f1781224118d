"""Sizes: numbers that are known while a program is compiled.

`ops.shape` gives whole numbers. What a program computes from them with ops stays known, so that it may be a shape
again: `ops.tile(x, ops.stack([ops.shape(y)[0], 1]))` works inside a compiled step.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax
import numpy as np

#: ops whose results stay known if what they are given is
ARITHMETIC = frozenset(
    {
        "add",
        "append",
        "array",
        "cast",
        "concatenate",
        "convert_to_tensor",
        "expand_dims",
        "flip",
        "floor_divide",
        "hstack",
        "max",
        "maximum",
        "min",
        "minimum",
        "mod",
        "multiply",
        "prod",
        "reshape",
        "squeeze",
        "stack",
        "subtract",
        "sum",
        "take",
    }
)
_MOST = 32  # numbers in an array of sizes: no more than axes, with room


def known(values: Iterable[Any]) -> bool:
    """Whether there are whole numbers among the values, all of them known, and nothing else that has numbers."""
    found = False
    for value in values:
        if isinstance(value, list | tuple):
            if not known(value):
                return False
        elif isinstance(value, jax.core.Tracer):
            return False
        elif isinstance(value, jax.Array | np.ndarray | np.generic):
            if value.size > _MOST or value.dtype.kind not in "iu":
                return False
        elif not isinstance(value, int):
            if value is None or isinstance(value, str):
                continue
            return False
        found = True
    return found


def shape_of(shape: Any) -> Any:
    """A shape as `jax.numpy` takes it while it traces: an array of sizes becomes a tuple."""
    if isinstance(shape, jax.core.Tracer):
        return shape
    if isinstance(shape, jax.Array | np.ndarray):
        return tuple(np.asarray(shape).ravel().tolist())
    if isinstance(shape, list | tuple):
        return tuple(n if isinstance(n, int | jax.core.Tracer) or n is None else int(np.asarray(n)) for n in shape)
    return shape

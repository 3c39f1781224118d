"""Integers that are known at compile time stay known through ops.

`ops.shape` returns Python integers. What a program computes from them with ops stays concrete, so that it may be a
shape again: `ops.tile(x, ops.stack([ops.shape(y)[0], 1]))` works inside a compiled step.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from gazelle.core.errors import ArgumentTypeError, message
from gazelle.core.shape_inference import UNKNOWN_SIZE

if TYPE_CHECKING:
    from gazelle.core.types import ShapeLike

#: ops whose results are concrete if their arguments are
ARITHMETIC = frozenset(
    [
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
    ]
)
_MAX_SIZES = 32  # elements in an array of sizes: more than there are axes


def known(values: Iterable[Any]) -> bool:
    """Return whether the values hold integers, all of them concrete, and no other numbers."""
    found = False
    for value in values:
        if isinstance(value, list | tuple):
            if not known(value):
                return False
        elif isinstance(value, jax.core.Tracer):
            return False
        elif isinstance(value, jax.Array | np.ndarray | np.generic):
            if value.size > _MAX_SIZES or value.dtype.kind not in "iu":
                return False
        elif not isinstance(value, int):
            if value is None or isinstance(value, str):
                continue
            return False
        found = True
    return found


def shape_of(shape: ShapeLike) -> ShapeLike:
    """Convert a shape to what `jax.numpy` accepts in a traced function: an array of sizes becomes a tuple."""
    if isinstance(shape, jax.core.Tracer):
        return shape
    if isinstance(shape, jax.Array | np.ndarray):
        if shape.ndim > 1:
            raise ArgumentTypeError(
                message("A shape", expected="one integer for each axis", got=f"an array of shape {shape.shape}")
            )
        return tuple(np.asarray(shape).ravel().tolist())
    if isinstance(shape, list | tuple):
        if any(n is None for n in shape):
            raise ArgumentTypeError(message("A shape", expected="integers", got=str(shape), hint=UNKNOWN_SIZE))
        return tuple(n if isinstance(n, int | jax.core.Tracer) else int(np.asarray(n)) for n in shape)
    return shape

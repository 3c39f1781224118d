"""Functions of NumPy that select elements, and sizes of arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp

from gazelle.core import budget
from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array, ArrayLike
from gazelle.ops.base import array as as_array
from gazelle.ops.base import arrays, lift, op
from gazelle.ops.numpy_table import numpy_op

__all__ = [
    "get_item",
    "ndim",
    "nonzero",
    "select",
    "size",
    "take",
    "take_along_axis",
    "unravel_index",
    "vectorize",
    "where",
]


@op
def take(x: ArrayLike, indices: ArrayLike, axis: int | None = None) -> Array:
    """Take elements at indices along an axis.

    Args:
        x: Array of any shape.
        indices: Array of integers; negative ones count from the end.
        axis: Axis to take from; None takes from the flattened array.

    Returns:
        An array with the axes of `indices` in place of `axis`.

    Example:
        >>> print(gazelle.ops.take([10, 20, 30], [2, 0]))
        [30 10]
    """
    return jnp.take(x, as_array(indices), axis)


@op
def take_along_axis(x: ArrayLike, indices: ArrayLike, axis: int | None = None) -> Array:
    """Take one element for each index, along an axis.

    Args:
        x: Array of any shape.
        indices: Array of integers, with as many axes as `x`.
        axis: Axis that the indices refer to; None takes from the flattened array.

    Returns:
        An array of the shape of `indices`.

    Example:
        >>> print(gazelle.ops.take_along_axis([[1, 2], [3, 4]], [[1], [0]], axis=1))
        [[2]
         [3]]
    """
    return jnp.take_along_axis(x, as_array(indices), axis)


@op
def get_item(x: ArrayLike, key: object) -> Array:
    """Index an array:  y = x[key].

    Args:
        x: Array of any shape.
        key: Anything that indexes an array: integers, slices, arrays, None, `...`, or a tuple of them. A list of
            slices is a tuple, as in TensorFlow and in NumPy before 1.23.

    Returns:
        The selected part.
    """
    if isinstance(key, list) and any(isinstance(part, slice) for part in key):
        key = tuple(key)
    return x[key]


@op
def where(condition: ArrayLike, x1: ArrayLike | None = None, x2: ArrayLike | None = None) -> Array | tuple[Array, ...]:
    """Choose elements of two arrays by a condition.

    Args:
        condition: Array of booleans.
        x1: Values where `condition` is true.
        x2: Values where `condition` is false.

    Returns:
        An array of the broadcast shape; without `x1` and `x2` the indices at which `condition` is true, one vector
        for each axis.

    Example:
        >>> print(gazelle.ops.where([True, False], 1, 2))
        [1 2]
    """
    if (x1 is None) != (x2 is None):
        raise ArgumentError(message("where", expected="both x1 and x2, or neither", got="one"))
    return jnp.where(condition) if x1 is None and x2 is None else jnp.where(condition, x1, x2)


@op
def select(condlist: Sequence[ArrayLike], choicelist: Sequence[ArrayLike], default: ArrayLike = 0) -> Array:
    """Choose each element from the array of the first condition that is true.

    Args:
        condlist: Arrays of booleans.
        choicelist: One array of values for each condition.
        default: Value where no condition is true.

    Returns:
        An array of the broadcast shape.

    Example:
        >>> print(gazelle.ops.select([[True, False], [True, True]], [[1, 1], [2, 2]]))
        [1 2]
    """
    budget.check_repetitions(4 * max(len(condlist), len(choicelist)))  # either may be one array
    return jnp.select(arrays(list(condlist)), arrays(list(choicelist)), default)


@op
def unravel_index(indices: ArrayLike, shape: Sequence[int]) -> tuple[Array, ...]:
    """Convert indices of the flattened array to indices along each axis.

    Args:
        indices: Array of integers.
        shape: Shape of the array that they index.

    Returns:
        One array of indices for each axis.

    Example:
        >>> [i.item() for i in gazelle.ops.unravel_index(5, (2, 3))]
        [1, 2]
    """
    return jnp.unravel_index(as_array(indices), shape)


def vectorize(
    pyfunc: Callable[..., Any], *, excluded: set[int | str] | None = None, signature: str | None = None
) -> Callable[..., Any]:
    """Turn a function of single values into a function of arrays.

    Args:
        pyfunc: The function, in terms of `gazelle.ops` or `jax.numpy`.
        excluded: Positions or names of arguments that are passed on as they are.
        signature: Axes that the function works on, such as '(n),(n)->()'.

    Returns:
        The vectorized function.

    Example:
        >>> print(gazelle.ops.vectorize(lambda a, b: a + b)([1, 2], 10))
        [11 12]
    """
    return lift(jnp.vectorize(pyfunc, excluded=excluded or frozenset(), signature=signature))


def ndim(x: ArrayLike) -> int:
    """Return the number of axes.

    Args:
        x: Array of any shape.

    Returns:
        An integer.

    Example:
        >>> gazelle.ops.ndim([[1, 2]])
        2
    """
    return len(x.shape) if hasattr(x, "shape") else jnp.ndim(as_array(x))


@op
def size(x: ArrayLike) -> int:
    """Return the number of elements.

    Args:
        x: Array of any shape.

    Returns:
        An integer; of a symbolic tensor, one that is computed when the graph runs.

    Example:
        >>> gazelle.ops.size([[1, 2]])
        2
    """
    return math.prod(jnp.shape(x))


def _indices(x: ArrayLike) -> tuple[Array, ...]:
    """{summary}.

    The number of results depends on values, so this does not work inside a compiled step.

    Args:
        x: Array.

    Returns:
        One vector of indices for each axis of `x`.
    """


nonzero = numpy_op(
    _indices,
    "nonzero",
    "Return the indices of the elements that are not 0.",
    "[0, 3, 5]",
    "(Array([1, 2], dtype=int32),)",
)

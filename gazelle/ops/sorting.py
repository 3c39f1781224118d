"""Functions of NumPy that sort, search and count."""

from __future__ import annotations

import jax.numpy as jnp

from gazelle.core.dtypes import floatx
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.sparse import to_sparse
from gazelle.core.types import Array, ArrayLike
from gazelle.ops.base import array as as_array
from gazelle.ops.base import op

__all__ = ["argpartition", "argsort", "bincount", "digitize", "histogram", "isin", "searchsorted", "sort", "unique"]


@op
def sort(x: ArrayLike, axis: int | None = -1) -> Array:
    """Sort the elements along an axis in ascending order.

    Args:
        x: Array of any shape.
        axis: Axis to sort along; None sorts the flattened array.

    Returns:
        The sorted array.

    Example:
        >>> print(gazelle.ops.sort([3, 1, 2]))
        [1 2 3]
    """
    return jnp.sort(x, axis)


@op
def argsort(x: ArrayLike, axis: int | None = -1) -> Array:
    """Return the indices that sort the elements along an axis in ascending order.

    Args:
        x: Array of any shape.
        axis: Axis to sort along; None sorts the flattened array.

    Returns:
        An array of integers.

    Example:
        >>> print(gazelle.ops.argsort([3, 1, 2]))
        [1 2 0]
    """
    return jnp.argsort(x, None if jnp.ndim(x) == 0 else axis)


@op
def argpartition(x: ArrayLike, kth: int, axis: int | None = -1) -> Array:
    """Return indices that put the kth smallest element at index kth, with smaller ones before it.

    Args:
        x: Array of any shape.
        kth: Index along the axis.
        axis: Axis to partition along; None partitions the flattened array.

    Returns:
        An array of integers.
    """
    return jnp.argpartition(x.reshape(-1), kth, 0) if axis is None else jnp.argpartition(x, kth, axis)


@op
def searchsorted(sorted_sequence: ArrayLike, values: ArrayLike, side: str = "left") -> Array:
    """Return the indices at which values would be inserted into a sorted vector.

    Args:
        sorted_sequence: Vector in ascending order.
        values: Values to insert.
        side: 'left' inserts before equal elements, 'right' after them.

    Returns:
        Integers, in the shape of `values`.

    Raises:
        ArgumentError: If `sorted_sequence` has not one axis.

    Example:
        >>> print(gazelle.ops.searchsorted([1, 3, 5], [0, 3, 9]))
        [0 1 3]
    """
    if jnp.ndim(as_array(sorted_sequence)) != 1:
        raise ArgumentError(message("searchsorted's sequence", expected="one axis", got=jnp.shape(sorted_sequence)))
    return jnp.searchsorted(as_array(sorted_sequence), as_array(values), side=side)


@op
def digitize(x: ArrayLike, bins: ArrayLike) -> Array:
    """Return the index of the bin of each value: bin i holds  bins[i - 1] <= x < bins[i].

    Args:
        x: Array of any shape.
        bins: Edges of the bins, in ascending order.

    Returns:
        Integers, in the shape of `x`.

    Example:
        >>> print(gazelle.ops.digitize([0.5, 1.5, 9.0], [1.0, 2.0]))
        [0 1 2]
    """
    return jnp.digitize(x, as_array(bins))


@op
def bincount(x: ArrayLike, weights: ArrayLike | None = None, minlength: int = 0, sparse: bool = False) -> Array:
    """Count how often each integer occurs.

    The length of the result depends on values, so this does not work inside a compiled step.

    Args:
        x: Vector of integers from 0 on, or a matrix whose rows are counted apart. Of a sparse array (BCOO) the stored
            values are counted.
        weights: A weight for each element, which is added instead of 1.
        minlength: Least length of the result.
        sparse: Whether to return a sparse array (BCOO) of floats, as always if `x` is one.

    Returns:
        The counts of 0, 1, ..., one row for each row of `x`.

    Raises:
        ShapeError: If `weights` has another shape than `x`.

    Example:
        >>> print(gazelle.ops.bincount([0, 1, 1]))
        [1 2]
    """
    weights = as_array(weights)
    if weights is not None and weights.shape != x.shape:
        what = "The weights of bincount"
        raise ShapeError(message(what, expected=f"the shape {x.shape} of x", got=f"shape {weights.shape}"))
    if x.ndim == 1:
        counts = jnp.bincount(x, weights, minlength)
    else:
        length = max(minlength, int(jnp.max(x)) + 1)
        rows = (jnp.bincount(row, None if weights is None else weights[i], length) for i, row in enumerate(x))
        counts = jnp.stack(list(rows))
    return to_sparse(counts.astype(jnp.result_type(counts, floatx()))) if sparse else counts


@op
def histogram(x: ArrayLike, bins: int = 10, range: tuple[float, float] | None = None) -> tuple[Array, Array]:
    """Count the elements in bins of equal width.

    Args:
        x: Array of any shape.
        bins: Number of bins.
        range: Lowest and highest edge; None takes the extremes of `x`.

    Returns:
        The counts, and the bins + 1 edges.

    Raises:
        ArgumentError: If `range` is no pair of rising numbers.

    Example:
        >>> counts, edges = gazelle.ops.histogram([0.0, 1.0, 2.0], bins=2)
        >>> print(counts, edges)
        [1. 2.] [0. 1. 2.]
    """
    if range is not None and (len(range) != 2 or not range[0] < range[1]):
        raise ArgumentError(message("range of histogram", expected="a lower and a higher number", got=range))
    return jnp.histogram(x, bins, range)


@op
def unique(
    x: ArrayLike,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: ArrayLike | None = None,
) -> Array | tuple[Array, ...]:
    """Return the distinct elements.

    Without `size` the shape of the result depends on values, so this does not work inside a compiled step.

    Args:
        x: Array of any shape.
        sorted: Whether the result is in ascending order.
        return_index: Whether to return the index of the first occurrence of each.
        return_inverse: Whether to return the indices that rebuild `x` from the result.
        return_counts: Whether to return how often each occurs.
        axis: Axis whose entries are compared; None compares elements.
        size: Length of the result; shorter ones are padded, longer ones cut.
        fill_value: Value of the padding; None is the smallest element.

    Returns:
        The distinct elements, followed by the arrays that the flags request.

    Example:
        >>> print(gazelle.ops.unique([2, 1, 2]))
        [1 2]
    """
    return jnp.unique(
        x,
        return_index,
        return_inverse,
        return_counts,
        axis,
        equal_nan=False,
        size=size,
        fill_value=fill_value,
        sorted=sorted,
    )


@op
def isin(x1: ArrayLike, x2: ArrayLike, assume_unique: bool = False, invert: bool = False) -> Array:
    """Return whether each element of one array occurs in another.

    Args:
        x1: First array.
        x2: Values to look for, of any shape.
        assume_unique: Whether the elements of each array are distinct, which is faster.
        invert: Whether to return the negation.

    Returns:
        Booleans, in the shape of `x1`.

    Example:
        >>> print(gazelle.ops.isin([1, 2, 3], [1, 3]))
        [ True False  True]
    """
    return jnp.isin(x1, x2, assume_unique, invert)

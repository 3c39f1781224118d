"""Functions of NumPy that join and split arrays."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from gazelle.core import budget, tracing
from gazelle.core.errors import ShapeError, message
from gazelle.core.types import Array, ArrayLike
from gazelle.ops.base import arrays, op
from gazelle.ops.numpy_table import numpy_op

__all__ = [
    "append",
    "array_split",
    "concatenate",
    "dsplit",
    "dstack",
    "hsplit",
    "hstack",
    "split",
    "stack",
    "unstack",
    "vsplit",
    "vstack",
]


def _join(xs: Sequence[ArrayLike]) -> Array:
    """{summary}.

    Args:
        xs: Arrays whose shapes differ along that axis only.

    Returns:
        The joined array.
    """


dstack = numpy_op(_join, "dstack", "Stack arrays along the third axis.")
hstack = numpy_op(
    _join, "hstack", "Stack arrays along the second axis, vectors along the first.", "[[1, 2], [3]]", "[1 2 3]"
)
vstack = numpy_op(
    _join, "vstack", "Stack arrays along the first axis, vectors as rows.", "[[1, 2], [3, 4]]", "[[1 2]\n [3 4]]"
)


def _join_along(xs: Sequence[ArrayLike], axis: int = 0) -> Array:
    """{summary}.

    Args:
        xs: Arrays whose shapes differ along `axis` only.
        axis: Axis to join along.

    Returns:
        The joined array.
    """


concatenate = numpy_op(_join_along, "concatenate", "Join arrays along an existing axis.", "[[1, 2], [3]]", "[1 2 3]")


def _parts(x: ArrayLike, indices_or_sections: int | Sequence[int]) -> list[Array]:
    """{summary}.

    Args:
        x: Array to split.
        indices_or_sections: Number of equal parts, or the indices at which a new part begins.

    Returns:
        The parts.
    """


dsplit = numpy_op(_parts, "dsplit", "Split an array along the third axis.")
hsplit = numpy_op(_parts, "hsplit", "Split an array along the second axis, a vector along the first.")
vsplit = numpy_op(_parts, "vsplit", "Split an array along the first axis.")


def _parts_along(x: ArrayLike, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Array]:
    """{summary}.

    Args:
        x: Array to split.
        indices_or_sections: Number of parts, or the indices at which a new part begins.
        axis: Axis to split along.

    Returns:
        The parts.
    """


array_split = numpy_op(
    _parts_along, "array_split", "Split an array along an axis; the parts may differ in size by one."
)
split = numpy_op(_parts_along, "split", "Split an array into equal parts, or at indices, along an axis.")


@op
def stack(x: Sequence[ArrayLike], axis: int = 0) -> Array:
    """Join arrays of one shape along a new axis.

    Args:
        x: Arrays of equal shape.
        axis: Position of the new axis.

    Returns:
        An array with one axis more.

    Example:
        >>> print(gazelle.ops.stack([[1, 2], [3, 4]], axis=1))
        [[1 3]
         [2 4]]
    """
    return jnp.stack(arrays(x), axis)


@op
def unstack(x: ArrayLike, num: int | None = None, axis: int = 0) -> list[Array]:
    """Split an array into its entries along an axis, which is removed.

    Args:
        x: Array to split.
        num: Size of the axis, where it is not known otherwise.
        axis: Axis to split along.

    Returns:
        One array for each index of `axis`.

    Example:
        >>> [part.tolist() for part in gazelle.ops.unstack([[1, 2], [3, 4]])]
        [[1, 2], [3, 4]]
    """
    count = x.shape[axis]
    if num is not None and num != count:
        if tracing.current() is None:
            raise ShapeError(message(f"num of ops.unstack for shape {x.shape}", expected=count, got=num))
        count = min(num, count)  # a symbolic tensor may have an unknown size here
    budget.check_repetitions(count)
    return [jax.lax.index_in_dim(x, i, axis, keepdims=False) for i in range(count)]


@op
def append(x1: ArrayLike, x2: ArrayLike, axis: int | None = None) -> Array:
    """Append one array to another.

    Args:
        x1: First array.
        x2: Array to append.
        axis: Axis to join along; None flattens both first.

    Returns:
        The joined array.

    Example:
        >>> print(gazelle.ops.append([1, 2], [3]))
        [1 2 3]
    """
    return jnp.append(x1, x2, axis)

"""Functions of NumPy that change the shape and order of arrays."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import budget
from gazelle.core.errors import ArgumentError, message
from gazelle.core.shape_inference import infers_shapes, shown
from gazelle.core.types import Array, ArrayLike, AxisLike, DTypeLike, ShapeLike
from gazelle.ops.base import array as as_array
from gazelle.ops.base import op
from gazelle.ops.numpy_table import numpy_op
from gazelle.ops.sizes import shape_of

__all__ = [
    "broadcast_to",
    "copy",
    "diag",
    "diagflat",
    "diagonal",
    "expand_dims",
    "flatten",
    "flip",
    "fliplr",
    "flipud",
    "moveaxis",
    "pad",
    "ravel",
    "repeat",
    "reshape",
    "roll",
    "rot90",
    "squeeze",
    "swapaxes",
    "tile",
    "trace",
    "transpose",
    "tril",
    "triu",
    "view",
]


@op
def view(x: ArrayLike, dtype: DTypeLike | None = None) -> Array:
    """Reinterpret the bits of an array as another dtype.

    Args:
        x: Array of any shape.
        dtype: Dtype of the result; its size should be that of the dtype of `x`, else the last axis changes.

    Returns:
        An array with the same bits.
    """
    return x.view(dtype)


@op
def reshape(x: ArrayLike, newshape: ShapeLike) -> Array:
    """Return an array with the same elements in another shape.

    Args:
        x: Array of any shape.
        newshape: New sizes; one of them may be -1 and follows from the others.

    Returns:
        An array of shape `newshape`.

    Example:
        >>> gazelle.ops.reshape([1, 2, 3, 4], (2, -1)).shape
        (2, 2)
    """
    sizes = shape_of(newshape)
    try:
        return jnp.reshape(x, sizes)
    except TypeError:
        unknown = {shown(shape).count(None) for shape in (x.shape, sizes)}
        if not infers_shapes.get() or 0 in unknown or len(unknown) == 1:
            raise
        return jnp.zeros(sizes, x.dtype)  # one unknown size may be the product of two others


@op
def flatten(x: ArrayLike) -> Array:
    """Flatten the array to one axis.

    Args:
        x: Array of any shape.

    Returns:
        A vector of the elements in row-major order.
    """
    return jnp.ravel(x)


@op
def transpose(x: ArrayLike, axes: Sequence[int] | None = None) -> Array:
    """Permute the axes of an array.

    Args:
        x: Array of any shape.
        axes: Order of the axes; None reverses it.

    Returns:
        An array with permuted axes.

    Example:
        >>> gazelle.ops.transpose(np.ones((2, 3, 4)), (1, 0, 2)).shape
        (3, 2, 4)
    """
    return jnp.transpose(x, axes)


@op
def expand_dims(x: ArrayLike, axis: int | Sequence[int]) -> Array:
    """Insert axes of size 1.

    Args:
        x: Array of any shape.
        axis: Position or positions of the new axes in the result.

    Returns:
        An array with more axes.

    Example:
        >>> gazelle.ops.expand_dims([1, 2], 0).shape
        (1, 2)
    """
    return jnp.expand_dims(x, tuple(axis) if isinstance(axis, list) else axis)


@op
def moveaxis(x: ArrayLike, source: int | Sequence[int], destination: int | Sequence[int]) -> Array:
    """Move axes to other positions; the others keep their order.

    Args:
        x: Array of any shape.
        source: Axes to move.
        destination: Their positions in the result.

    Returns:
        An array with permuted axes.
    """
    return jnp.moveaxis(x, source, destination)


@op
def swapaxes(x: ArrayLike, axis1: int, axis2: int) -> Array:
    """Exchange two axes.

    Args:
        x: Array of any shape.
        axis1: First axis.
        axis2: Second axis.

    Returns:
        An array with permuted axes.
    """
    return jnp.swapaxes(x, axis1, axis2)


@op
def broadcast_to(x: ArrayLike, shape: ShapeLike) -> Array:
    """Broadcast an array to a shape.

    Args:
        x: Array of any shape.
        shape: Shape to broadcast to.

    Returns:
        An array of shape `shape`.
    """
    return jnp.broadcast_to(x, shape_of(shape))


@op
def repeat(x: ArrayLike, repeats: ArrayLike, axis: int | None = None) -> Array:
    """Repeat each element.

    Args:
        x: Array of any shape.
        repeats: How often: one integer, or one for each index along `axis`.
        axis: Axis to repeat along; None flattens `x` first.

    Returns:
        An array that is longer along `axis`.

    Example:
        >>> print(gazelle.ops.repeat([1, 2], 2))
        [1 1 2 2]
    """
    if isinstance(repeats, int) or any(isinstance(n, jax.core.Tracer) for n in jax.tree.leaves(repeats)):
        return jnp.repeat(x, as_array(repeats), axis)
    counts = np.asarray(repeats)  # of NumPy: an array of JAX has no values while a call is traced
    length = x.size if axis is None else x.shape[axis]
    total = int(counts.sum()) if counts.size > 1 else int(counts.sum()) * length
    return jnp.repeat(x, counts, axis, total_repeat_length=total)


@op
def tile(x: ArrayLike, repeats: ShapeLike) -> Array:
    """Repeat the whole array along its axes.

    Args:
        x: Array of any shape.
        repeats: How often along each axis.

    Returns:
        An array whose sizes are multiplied by `repeats`.

    Example:
        >>> print(gazelle.ops.tile([1, 2], 2))
        [1 2 1 2]
    """
    return jnp.tile(x, shape_of(repeats))


@op
def roll(x: ArrayLike, shift: int | Sequence[int], axis: AxisLike = None) -> Array:
    """Shift elements along axes; those that leave the end enter at the start.

    Args:
        x: Array of any shape.
        shift: By how many indices, for each axis.
        axis: Axis or axes to shift along; None shifts the flattened array.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> print(gazelle.ops.roll([1, 2, 3], 1))
        [3 1 2]
    """
    return jnp.roll(x, shift, tuple(axis) if isinstance(axis, list) else axis)


@op
def rot90(array: ArrayLike, k: int = 1, axes: Sequence[int] = (0, 1)) -> Array:
    """Rotate an array by 90 degrees in a plane.

    Args:
        array: Array of at least two axes.
        k: How many times to rotate, from the first axis towards the second.
        axes: The two axes of the plane.

    Returns:
        The rotated array.

    Example:
        >>> print(gazelle.ops.rot90([[1, 2], [3, 4]]))
        [[2 4]
         [1 3]]
    """
    return jnp.rot90(as_array(array), k, tuple(axes))


@op
def pad(
    x: ArrayLike,
    pad_width: int | Sequence[int] | Sequence[Sequence[int]],
    mode: str = "constant",
    constant_values: ArrayLike | None = None,
) -> Array:
    """Pad an array before and after each axis.

    Args:
        x: Array of any shape.
        pad_width: One integer, a pair (before, after), or a pair for each axis.
        mode: 'constant', 'edge', 'reflect', 'symmetric', 'wrap' and others of `numpy.pad`.
        constant_values: Value of the padding for mode 'constant'; None is 0.

    Returns:
        The padded array.

    Raises:
        ArgumentError: If `constant_values` is given with another mode.

    Example:
        >>> print(gazelle.ops.pad([1, 2], (1, 2)))
        [0 1 2 0 0]
    """
    if mode != "constant":  # the input is repeated
        budget.check_repetitions(int(np.max(pad_width)) // max(min(x.shape, default=1), 1))
    if constant_values is None:
        return jnp.pad(x, pad_width, mode)
    if mode != "constant":
        raise ArgumentError(message("pad's constant_values", expected="mode='constant'", got=f"mode={mode!r}"))
    return jnp.pad(x, pad_width, mode, constant_values=constant_values)


def _moved(x: ArrayLike) -> Array:
    """{summary}.

    Args:
        x: Array.

    Returns:
        An array with the elements of `x`.
    """


copy = numpy_op(_moved, "copy", "Return a copy of the array.", "[1, 2]", "[1 2]")
fliplr = numpy_op(_moved, "fliplr", "Reverse the order of the columns (axis 1).", "[[1, 2], [3, 4]]", "[[2 1]\n [4 3]]")
flipud = numpy_op(_moved, "flipud", "Reverse the order of the rows (axis 0).", "[[1, 2], [3, 4]]", "[[3 4]\n [1 2]]")
ravel = numpy_op(_moved, "ravel", "Flatten the array to one axis.", "[[1, 2], [3, 4]]", "[1 2 3 4]")


def _along(x: ArrayLike, axis: AxisLike = None) -> Array:
    """{summary}.

    Args:
        x: Array.
        axis: Axis or axes; None takes all that qualify.

    Returns:
        An array with the elements of `x`.
    """


flip = numpy_op(_along, "flip", "Reverse the order of the elements.", "[1, 2, 3]", "[3 2 1]")
squeeze = numpy_op(_along, "squeeze", "Remove axes of size 1.", "[[1, 2]]", "[1 2]")


def _on_diagonal(x: ArrayLike, k: int = 0) -> Array:
    """{summary}.

    Args:
        x: Array.
        k: Index of the diagonal: above the main one if positive, below if negative.

    Returns:
        An array of the dtype of `x`.
    """


diag = numpy_op(
    _on_diagonal,
    "diag",
    "Return the k-th diagonal of a matrix, or a matrix with a vector on its k-th diagonal.",
    "[1, 2]",
    "[[1 0]\n [0 2]]",
)
diagflat = numpy_op(
    _on_diagonal,
    "diagflat",
    "Return a matrix with the flattened array on its k-th diagonal.",
    "[[1, 2]]",
    "[[1 0]\n [0 2]]",
)
tril = numpy_op(
    _on_diagonal,
    "tril",
    "Return the lower triangle of matrices, with zeros above the k-th diagonal.",
    "[[1, 2], [3, 4]]",
    "[[1 0]\n [3 4]]",
)
triu = numpy_op(
    _on_diagonal,
    "triu",
    "Return the upper triangle of matrices, with zeros below the k-th diagonal.",
    "[[1, 2], [3, 4]]",
    "[[1 2]\n [0 4]]",
)


def _of_diagonal(x: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """{summary}.

    Args:
        x: Array of at least two axes.
        offset: Index of the diagonal: above the main one if positive, below if negative.
        axis1: Axis of the matrices' rows.
        axis2: Axis of the matrices' columns.

    Returns:
        An array without those two axes; `diagonal` has the entries on a new last axis.
    """


diagonal = numpy_op(_of_diagonal, "diagonal", "Return a diagonal of matrices.", "[[1, 2], [3, 4]]", "[1 4]")
trace = numpy_op(_of_diagonal, "trace", "Compute the sum of a diagonal of matrices.", "[[1, 2], [3, 4]]", "5")

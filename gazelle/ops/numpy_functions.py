"""NumPy functions whose arguments or dtypes differ from those of `jax.numpy`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from gazelle.core import budget
from gazelle.core.dtypes import floatx, is_float
from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array, ArrayLike, AxisLike
from gazelle.ops.base import array as as_array
from gazelle.ops.base import op
from gazelle.ops.numpy_table import numpy_op

__all__ = [
    "average",
    "bitwise_invert",
    "bitwise_not",
    "ceil",
    "clip",
    "corrcoef",
    "correlate",
    "cross",
    "diff",
    "divide_no_nan",
    "einsum",
    "floor",
    "ldexp",
    "matmul",
    "nan_to_num",
    "round",
    "tensordot",
    "trapezoid",
    "trunc",
]


@op
def matmul(x1: ArrayLike, x2: ArrayLike) -> Array:
    """Compute the matrix product of the last two axes:  y[..., i, j] = Σ_k x1[..., i, k] x2[..., k, j].

    Products of int8 arrays are int32.

    Args:
        x1: Array (..., n, k), or a vector.
        x2: Array (..., k, m), or a vector.

    Returns:
        An array (..., n, m).

    Example:
        >>> print(gazelle.ops.matmul([[1.0, 2.0]], [[3.0], [4.0]]))
        [[11.]]
    """
    small = jnp.result_type(x1) == jnp.result_type(x2) == jnp.int8
    return jnp.matmul(x1, x2, preferred_element_type=jnp.int32 if small else None)


@op
def einsum(subscripts: str, *operands: ArrayLike, **kwargs: Any) -> Array:
    """Compute a sum of products in Einstein's notation.

    Args:
        subscripts: Letters of the axes of each operand and, after '->', of the result.
        *operands: The arrays.
        **kwargs: Options of `jax.numpy.einsum`.

    Returns:
        The result; of int8 arrays it is int32.

    Example:
        >>> einsum("ij,j->i", np.ones((2, 3)), np.ones(3)).tolist()
        [3.0, 3.0]
    """
    given = [as_array(x) for x in operands]
    small = all(jnp.result_type(x) == jnp.int8 for x in given)
    return jnp.einsum(subscripts, *given, preferred_element_type=jnp.int32 if small else None, **kwargs)


@op
def tensordot(x1: ArrayLike, x2: ArrayLike, axes: int | Sequence[Sequence[int]] = 2) -> Array:
    """Compute sums of products over pairs of axes.

    Args:
        x1: First array.
        x2: Second array.
        axes: How many of the last axes of `x1` and first axes of `x2`, or two lists of axes.

    Returns:
        An array with the remaining axes of `x1`, then those of `x2`.

    Example:
        >>> gazelle.ops.tensordot(np.ones((2, 3)), np.ones((3, 4)), 1).shape
        (2, 4)
    """
    return jnp.tensordot(x1, x2, axes)


@op
def cross(
    x1: ArrayLike, x2: ArrayLike, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Array:
    """Compute the cross product of vectors with two or three components.

    Args:
        x1: First array.
        x2: Second array.
        axisa: Axis of `x1` that holds the components.
        axisb: Axis of `x2` that holds the components.
        axisc: Axis of the result that holds the components.
        axis: Overrides the three others.

    Returns:
        The array of cross products; of vectors with two components the third component of each.

    Example:
        >>> print(gazelle.ops.cross([1, 0, 0], [0, 1, 0]))
        [0 0 1]
    """
    x1, x2 = (jnp.moveaxis(x, a if axis is None else axis, -1) for x, a in ((x1, axisa), (x2, axisb)))
    flat = x1.shape[-1] == x2.shape[-1] == 2
    if flat:  # the third component alone
        return x1[..., 0] * x2[..., 1] - x1[..., 1] * x2[..., 0]
    x1, x2 = (jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, 1)]) if x.shape[-1] == 2 else x for x in (x1, x2))
    return jnp.moveaxis(jnp.cross(x1, x2), -1, axisc if axis is None else axis)


@op
def correlate(x1: ArrayLike, x2: ArrayLike, mode: str = "valid") -> Array:
    """Compute the cross-correlation of two vectors:  y[k] = Σ_n x1[n + k] conj(x2[n]).

    Args:
        x1: First vector.
        x2: Second vector.
        mode: 'valid' (full overlap), 'same' (length of the longer one) or 'full'.

    Returns:
        A vector.

    Example:
        >>> print(gazelle.ops.correlate([1.0, 2.0, 3.0], [0.0, 1.0]))
        [2. 3.]
    """
    return jnp.correlate(x1, x2, mode)


@op
def clip(x: ArrayLike, x_min: ArrayLike, x_max: ArrayLike) -> Array:
    """Limit the elements to a range:  y = min(max(x, x_min), x_max).

    Args:
        x: Array of any shape.
        x_min: Lower limit.
        x_max: Upper limit.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> print(gazelle.ops.clip([-1, 5], 0, 3))
        [0 3]
    """
    return jnp.clip(x.astype("int32") if jnp.result_type(x) == jnp.bool_ else x, as_array(x_min), as_array(x_max))


@op
def round(x: ArrayLike, decimals: int = 0) -> Array:
    """Round to a number of decimals, halves to the even neighbour.

    Args:
        x: Array of any shape.
        decimals: How many decimals; a negative number rounds in front of the decimal point, integers too.

    Returns:
        An array of the shape and dtype of `x`.

    Example:
        >>> print(gazelle.ops.round([1.5, 2.5]))
        [2. 2.]
    """
    x = jnp.asarray(x)
    if decimals < 0 and jnp.issubdtype(x.dtype, jnp.integer):
        return (jnp.round(x * 10.0**decimals) / 10.0**decimals).astype(x.dtype)
    return jnp.round(x, decimals)


@op
def ceil(x: ArrayLike) -> Array:
    """Round up:  y = ⌈x⌉, as a float.

    Args:
        x: Array of any shape.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> print(gazelle.ops.ceil([1.2, -1.2]))
        [ 2. -1.]
    """
    return jnp.ceil(_real(x))


@op
def floor(x: ArrayLike) -> Array:
    """Round down:  y = ⌊x⌋, as a float.

    Args:
        x: Array of any shape.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> print(gazelle.ops.floor([1.2, -1.2]))
        [ 1. -2.]
    """
    return jnp.floor(_real(x))


def _real(x: Any) -> Any:
    inexact = jnp.issubdtype(jnp.result_type(x), jnp.inexact)  # JAX refuses complex ones, whose parts a cast would drop
    return x if inexact else jnp.asarray(x, floatx())


@op
def trunc(x: ArrayLike) -> Array:
    """Round towards 0.

    Args:
        x: Array of any shape.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> print(gazelle.ops.trunc([1.2, -1.2]))
        [ 1. -1.]
    """
    return jnp.trunc(x) if is_float(jnp.result_type(x)) else x


@op
def bitwise_not(x: ArrayLike) -> Array:
    """Invert all bits of integers.

    Args:
        x: Array of integers or booleans.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> print(gazelle.ops.bitwise_not([0, 1]))
        [-1 -2]
    """
    return jnp.invert(x)


bitwise_invert = bitwise_not


@op
def divide_no_nan(x1: ArrayLike, x2: ArrayLike) -> Array:
    """Divide two arrays element by element:  y = x1 / x2, 0 where x2 is 0.

    Args:
        x1: First array.
        x2: Second array, of a shape that broadcasts with that of `x1`.

    Returns:
        An array of the broadcast shape.

    Example:
        >>> print(gazelle.ops.divide_no_nan([1.0, 2.0], [0.0, 4.0]))
        [0.  0.5]
    """
    return jnp.where(x2 == 0, 0, jnp.divide(x1, jnp.where(x2 == 0, 1, x2)))


@op
def ldexp(x1: ArrayLike, x2: ArrayLike) -> Array:
    """Compute  y = x1 2^x2.

    Args:
        x1: First array.
        x2: Array of integers, of a shape that broadcasts with that of `x1`.

    Returns:
        An array of the broadcast shape.

    Raises:
        ArgumentError: If `x2` is not an array of integers.

    Example:
        >>> print(gazelle.ops.ldexp([1.0, 3.0], [2, 1]))
        [4. 6.]
    """
    if not jnp.issubdtype(jnp.result_type(x2), jnp.integer):
        raise ArgumentError(message("ldexp's x2", expected="integers", got=jnp.result_type(x2)))
    return jnp.ldexp(x1, x2)


@op
def average(x: ArrayLike, axis: AxisLike = None, weights: ArrayLike | None = None) -> Array:
    """Compute the weighted mean:  y = Σ w x / Σ w.

    Args:
        x: Array of any shape.
        axis: Axis or axes to reduce; None reduces all.
        weights: Weights: of the shape of `x`, or one for each index of `axis`; None weighs all equally.

    Returns:
        An array without the reduced axes.

    Example:
        >>> print(gazelle.ops.average([1.0, 3.0], weights=[3.0, 1.0]))
        1.5
    """
    return jnp.average(x, axis, as_array(weights))


@op
def nan_to_num(x: ArrayLike, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Array:
    """Replace NaN and infinities by finite numbers.

    Args:
        x: Array of any shape.
        nan: Number in place of NaN.
        posinf: Number in place of infinity; None is the largest of the dtype.
        neginf: Number in place of negative infinity; None is the lowest of the dtype.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> print(gazelle.ops.nan_to_num([1.0, float("nan")]))
        [1. 0.]
    """
    return jnp.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


@op
def diff(a: ArrayLike, n: int = 1, axis: int = -1) -> Array:
    """Compute the n-th differences of neighbours:  y_i = x_{i+1} - x_i.

    Args:
        a: Array.
        n: How often to take differences.
        axis: Axis of the neighbours.

    Returns:
        An array that is n shorter along `axis`.

    Example:
        >>> print(gazelle.ops.diff([1, 4, 9]))
        [3 5]
    """
    budget.check_repetitions(n)
    return jnp.diff(a, n, axis)


@op
def trapezoid(y: ArrayLike, x: ArrayLike | None = None, dx: float = 1.0, axis: int = -1) -> Array:
    """Integrate by the trapezoidal rule:  Σ (x_{i+1} - x_i) (y_i + y_{i+1}) / 2.

    Args:
        y: Values of the function.
        x: Points at which they were taken; None takes points `dx` apart.
        dx: Distance of the points.
        axis: Axis to integrate along.

    Returns:
        An array without `axis`.

    Example:
        >>> print(gazelle.ops.trapezoid([0.0, 1.0, 2.0]))
        2.0
    """
    return jnp.trapezoid(y, x, dx, axis)


def _correlation(x: ArrayLike) -> Array:
    """{summary}.

    Args:
        x: Matrix with one variable in each row.

    Returns:
        The matrix of correlation coefficients.
    """


corrcoef = numpy_op(
    _correlation,
    "corrcoef",
    "Compute the correlation coefficients of variables.",
    "[[1.0, 2.0], [2.0, 4.0]]",
    "[[0.99999994 0.99999994]\n [0.99999994 0.99999994]]",
)

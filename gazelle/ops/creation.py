"""Functions of NumPy that make arrays."""

from __future__ import annotations

import jax.numpy as jnp

from gazelle.core.dtypes import array_dtype, floatx
from gazelle.core.errors import ArgumentTypeError, message
from gazelle.core.shape_inference import UNKNOWN_SIZE
from gazelle.core.types import Array, ArrayLike, DTypeLike, ShapeLike
from gazelle.ops.base import array as as_array
from gazelle.ops.base import op
from gazelle.ops.numpy_table import numpy_op
from gazelle.ops.sizes import shape_of

__all__ = [
    "arange",
    "array",
    "bartlett",
    "blackman",
    "empty",
    "empty_like",
    "eye",
    "full",
    "full_like",
    "geomspace",
    "hamming",
    "hanning",
    "identity",
    "kaiser",
    "linspace",
    "logspace",
    "meshgrid",
    "ones",
    "ones_like",
    "tri",
    "vander",
    "zeros",
    "zeros_like",
]


def zeros(shape: ShapeLike, dtype: DTypeLike | None = None) -> Array:
    """Return an array of zeros.

    Args:
        shape: Shape of the array.
        dtype: Dtype; None is the default float type.

    Returns:
        An array of shape `shape`.

    Example:
        >>> print(gazelle.ops.zeros((2,)))
        [0. 0.]
    """
    return jnp.zeros(shape_of(shape), array_dtype(dtype))


def ones(shape: ShapeLike, dtype: DTypeLike | None = None) -> Array:
    """Return an array of ones.

    Args:
        shape: Shape of the array.
        dtype: Dtype; None is the default float type.

    Returns:
        An array of shape `shape`.

    Example:
        >>> print(gazelle.ops.ones((2,)))
        [1. 1.]
    """
    return jnp.ones(shape_of(shape), array_dtype(dtype))


def empty(shape: ShapeLike, dtype: DTypeLike | None = None) -> Array:
    """Return an array of zeros: JAX's arrays are never uninitialized.

    Args:
        shape: Shape of the array.
        dtype: Dtype; None is the default float type.

    Returns:
        An array of shape `shape`.

    Example:
        >>> gazelle.ops.empty((2, 3)).shape
        (2, 3)
    """
    return jnp.empty(shape_of(shape), array_dtype(dtype))


def full(shape: ShapeLike, fill_value: ArrayLike, dtype: DTypeLike | None = None) -> Array:
    """Return an array filled with a value.

    Args:
        shape: Shape of the array.
        fill_value: A number, or an array that broadcasts to `shape`.
        dtype: Dtype; None is the default float type.

    Returns:
        An array of shape `shape`.

    Example:
        >>> print(gazelle.ops.full((2,), 7.0))
        [7. 7.]
    """
    return jnp.full(shape_of(shape), as_array(fill_value), array_dtype(dtype))


def eye(N: int, M: int | None = None, k: int = 0, dtype: DTypeLike | None = None) -> Array:
    """Return a matrix with ones on the k-th diagonal and zeros elsewhere.

    Args:
        N: Number of rows.
        M: Number of columns; None is `N`.
        k: Index of the diagonal: above the main one if positive, below if negative.
        dtype: Dtype; None is the default float type.

    Returns:
        An array of shape (N, M).

    Example:
        >>> print(gazelle.ops.eye(2, 3))
        [[1. 0. 0.]
         [0. 1. 0.]]
    """
    return jnp.eye(N, M, k, array_dtype(dtype))


def identity(n: int, dtype: DTypeLike | None = None) -> Array:
    """Return the identity matrix.

    Args:
        n: Number of rows and columns.
        dtype: Dtype; None is the default float type.

    Returns:
        An array of shape (n, n).

    Example:
        >>> print(gazelle.ops.identity(2))
        [[1. 0.]
         [0. 1.]]
    """
    return jnp.identity(n, array_dtype(dtype))


def tri(N: int, M: int | None = None, k: int = 0, dtype: DTypeLike | None = None) -> Array:
    """Return a matrix with ones on and below the k-th diagonal and zeros above.

    Args:
        N: Number of rows.
        M: Number of columns; None is `N`.
        k: Index of the diagonal: above the main one if positive, below if negative.
        dtype: Dtype; None is the default float type.

    Returns:
        An array of shape (N, M).

    Example:
        >>> print(gazelle.ops.tri(2, 3))
        [[1. 0. 0.]
         [1. 1. 0.]]
    """
    return jnp.tri(N, M, k, array_dtype(dtype))


@op
def arange(
    start: ArrayLike, stop: ArrayLike | None = None, step: ArrayLike | None = None, dtype: DTypeLike | None = None
) -> Array:
    """Return the numbers start, start + step, ... below `stop`.

    Args:
        start: First number; the end, counting from 0, if `stop` is None.
        stop: The end, which is not included.
        step: Distance of two numbers; None is 1.
        dtype: Dtype; None gives int32 for integers and the default float type for Python floats.

    Returns:
        A vector.

    Example:
        >>> print(gazelle.ops.arange(2, 8, 2))
        [2 4 6]
    """
    if start is None:
        raise ArgumentTypeError(message("start of arange", expected="a number", got="None", hint=UNKNOWN_SIZE))
    if dtype is None:
        limits = [as_array(v) for v in (start, stop, step) if v is not None]
        dtype = jnp.result_type(*limits)
        dtype = (
            floatx()
            if jnp.issubdtype(dtype, jnp.floating) and all(isinstance(v, int | float) for v in limits)
            else dtype
        )
    return jnp.arange(start, stop, step, dtype)


@op
def linspace(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Array | tuple[Array, Array]:
    """Return evenly spaced numbers from `start` to `stop`.

    Args:
        start: First number.
        stop: Last number.
        num: How many numbers.
        endpoint: Whether `stop` is one of them.
        retstep: Whether to return their distance too.
        dtype: Dtype; None is that of `start` and `stop`, at least a float.
        axis: Axis of the result along which the numbers lie, if `start` or `stop` are arrays.

    Returns:
        An array with `num` entries along `axis`; with `retstep` a pair of it and the distance.

    Example:
        >>> print(gazelle.ops.linspace(0.0, 1.0, 5))
        [0.   0.25 0.5  0.75 1.  ]
    """
    return jnp.linspace(as_array(start), as_array(stop), num, endpoint, retstep, dtype, axis)


@op
def logspace(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    base: float = 10,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Array:
    """Return numbers evenly spaced on a logarithmic scale, from base^start to base^stop.

    Args:
        start: Exponent of the first number.
        stop: Exponent of the last number.
        num: How many numbers.
        endpoint: Whether base^stop is one of them.
        base: Base of the powers.
        dtype: Dtype; None is that of `start` and `stop`, at least a float.
        axis: Axis of the result along which the numbers lie, if `start` or `stop` are arrays.

    Returns:
        An array with `num` entries along `axis`.

    Example:
        >>> print(gazelle.ops.logspace(0.0, 2.0, 3))
        [  1.  10. 100.]
    """
    return jnp.logspace(as_array(start), as_array(stop), num, endpoint, base, dtype, axis)


def _spaced(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Array:
    """{summary}.

    Args:
        start: First number.
        stop: Last number.
        num: How many numbers.
        endpoint: Whether `stop` is one of them.
        dtype: Dtype; None is that of `start` and `stop`, at least a float.
        axis: Axis of the result along which the numbers lie, if `start` or `stop` are arrays.

    Returns:
        An array with `num` entries along `axis`.
    """


geomspace = numpy_op(
    _spaced,
    "geomspace",
    "Return numbers that are evenly spaced on a logarithmic scale, from `start` to `stop`.",
    "1.0, 8.0, 4",
    "[1.        2.        4.0000005 8.       ]",
)


def _like(x: ArrayLike, dtype: DTypeLike | None = None) -> Array:
    """{summary}.

    Args:
        x: Array whose shape is taken.
        dtype: Dtype; None is that of `x`.

    Returns:
        An array of the shape of `x`.
    """


empty_like = numpy_op(
    _like,
    "empty_like",
    "Return an array of zeros of the shape of x: JAX's arrays are never uninitialized.",
    "[1, 2]",
    "[0 0]",
)
ones_like = numpy_op(_like, "ones_like", "Return an array of ones of the shape of x.", "[1.0, 2.0]", "[1. 1.]")
zeros_like = numpy_op(_like, "zeros_like", "Return an array of zeros of the shape of x.", "[1.0, 2.0]", "[0. 0.]")


@op
def full_like(x: ArrayLike, fill_value: ArrayLike, dtype: DTypeLike | None = None) -> Array:
    """Return an array of the shape of x, filled with a value.

    Args:
        x: Array whose shape is taken.
        fill_value: A number, or an array that broadcasts to the shape.
        dtype: Dtype; None is that of `x`.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> print(gazelle.ops.full_like([1.0, 2.0], 7))
        [7. 7.]
    """
    return jnp.full_like(x, as_array(fill_value), dtype)


@op
def array(x: ArrayLike, dtype: DTypeLike | None = None) -> Array:
    """Return a new array with the values of x.

    Args:
        x: Array, number or nested lists of numbers.
        dtype: Dtype; None is that of `x`.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> print(gazelle.ops.array([1, 2], "float32"))
        [1. 2.]
    """
    return jnp.array(x, None if dtype is None else array_dtype(dtype))


@op
def meshgrid(*x: ArrayLike, indexing: str = "xy") -> list[Array]:
    """Return the coordinates of the points of a grid.

    Args:
        *x: Vectors: the coordinates along each axis.
        indexing: 'xy' (the first vector varies along the columns) or 'ij' (along the rows).

    Returns:
        One array of the grid's shape for each vector.

    Example:
        >>> print(gazelle.ops.meshgrid([1, 2], [5, 6])[0])
        [[1 2]
         [1 2]]
    """
    return list(jnp.meshgrid(*map(as_array, x), indexing=indexing))


@op
def vander(x: ArrayLike, N: int | None = None, increasing: bool = False) -> Array:
    """Return the Vandermonde matrix of x: its columns are powers of x.

    Args:
        x: Vector.
        N: Number of columns; None is the length of `x`.
        increasing: Whether the powers rise from left to right, from 0 on.

    Returns:
        An array of shape (len(x), N).

    Example:
        >>> print(gazelle.ops.vander([2, 3], 3))
        [[4 2 1]
         [9 3 1]]
    """
    return jnp.vander(x, N, increasing)


def _window(name: str, x: float, *args: float) -> Array:
    out: Array = getattr(jnp, name)(int(x), *args).astype(floatx())
    return out


def bartlett(x: int) -> Array:
    """Return the Bartlett window, a triangle with zeros at both ends.

    Args:
        x: Number of samples.

    Returns:
        A vector of length x.

    Example:
        >>> print(gazelle.ops.bartlett(5))
        [0.  0.5 1.  0.5 0. ]
    """
    return _window("bartlett", x)


def blackman(x: int) -> Array:
    """Return the Blackman window:  0.42 - 0.5 cos(2π n / (x - 1)) + 0.08 cos(4π n / (x - 1)).

    Args:
        x: Number of samples.

    Returns:
        A vector of length x.

    Example:
        >>> print(gazelle.ops.blackman(5).round(2))
        [-0.    0.34  1.    0.34 -0.  ]
    """
    return _window("blackman", x)


def hamming(x: int) -> Array:
    """Return the Hamming window:  0.54 - 0.46 cos(2π n / (x - 1)).

    Args:
        x: Number of samples.

    Returns:
        A vector of length x.

    Example:
        >>> print(gazelle.ops.hamming(3).round(2))
        [0.08 1.   0.08]
    """
    return _window("hamming", x)


def hanning(x: int) -> Array:
    """Return the Hann window:  0.5 - 0.5 cos(2π n / (x - 1)).

    Args:
        x: Number of samples.

    Returns:
        A vector of length x.

    Example:
        >>> print(gazelle.ops.hanning(3))
        [0. 1. 0.]
    """
    return _window("hanning", x)


def kaiser(x: int, beta: float) -> Array:
    """Return the Kaiser window:  I0(beta √(1 - (2 n / (x - 1) - 1)²)) / I0(beta).

    Args:
        x: Number of samples.
        beta: Shape of the window: 0 is a rectangle, larger values are narrower.

    Returns:
        A vector of length x.

    Example:
        >>> print(gazelle.ops.kaiser(3, 0.0))
        [1. 1. 1.]
    """
    return _window("kaiser", x, beta)

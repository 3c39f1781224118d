"""Functions of NumPy that compute, and whose arguments or dtypes are not those of `jax.numpy`."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

from gazelle.core.dtypes import floatx, is_float
from gazelle.core.errors import ArgumentError, message
from gazelle.ops.base import array, op, public


@op
def matmul(x1: Any, x2: Any) -> Any:
    """The matrix product of the last two axes; of int8 arrays it is int32."""
    small = jnp.result_type(x1) == jnp.result_type(x2) == jnp.int8
    return jnp.matmul(x1, x2, preferred_element_type=jnp.int32 if small else None)


@op
def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    """The sum of products that `subscripts` describes.

    >>> einsum("ij,j->i", np.ones((2, 3)), np.ones(3)).tolist()
    [3.0, 3.0]
    """
    given = [array(x) for x in operands]
    small = all(jnp.result_type(x) == jnp.int8 for x in given)
    return jnp.einsum(subscripts, *given, preferred_element_type=jnp.int32 if small else None, **kwargs)


@op
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """The sum of products over `axes`: how many of the last and first ones, or a pair of lists."""
    return jnp.tensordot(x1, x2, axes)


@op
def cross(x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """The vector product."""
    return jnp.cross(x1, x2, axisa, axisb, axisc, axis)


@op
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Any:
    """The cross-correlation of two sequences."""
    return jnp.correlate(x1, x2, mode)


@op
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """min(max(x, x_min), x_max)."""
    return jnp.clip(x.astype("int32") if jnp.result_type(x) == jnp.bool_ else x, array(x_min), array(x_max))


@op
def round(x: Any, decimals: int = 0) -> Any:
    """x rounded to `decimals` places; a negative number of places rounds whole numbers too."""
    x = jnp.asarray(x)
    if decimals < 0 and jnp.issubdtype(x.dtype, jnp.integer):
        return (jnp.round(x * 10.0**decimals) / 10.0**decimals).astype(x.dtype)
    return jnp.round(x, decimals)


@op
def ceil(x: Any) -> Any:
    """The least whole number not below x, as a float."""
    return jnp.ceil(_real(x))


@op
def floor(x: Any) -> Any:
    """The greatest whole number not above x, as a float."""
    return jnp.floor(_real(x))


def _real(x: Any) -> Any:
    return x if is_float(jnp.result_type(x)) else jnp.asarray(x, floatx())


@op
def trunc(x: Any) -> Any:
    """x without what follows the decimal point."""
    return jnp.trunc(x) if is_float(jnp.result_type(x)) else x


@op
def bitwise_not(x: Any) -> Any:
    """Every bit turned."""
    return jnp.invert(x)


bitwise_invert = bitwise_not


@op
def divide_no_nan(x1: Any, x2: Any) -> Any:
    """x1 / x2, and 0 where x2 is 0."""
    return jnp.where(x2 == 0, 0, jnp.divide(x1, jnp.where(x2 == 0, 1, x2)))


@op
def ldexp(x1: Any, x2: Any) -> Any:
    """x1 · 2^x2 for whole numbers x2."""
    if not jnp.issubdtype(jnp.result_type(x2), jnp.integer):
        raise ArgumentError(message("ldexp's x2", expected="whole numbers", got=jnp.result_type(x2)))
    return jnp.ldexp(x1, x2)


@op
def average(x: Any, axis: Any = None, weights: Any = None) -> Any:
    """Σ w x / Σ w along `axis`; the mean without `weights`."""
    return jnp.average(x, axis, array(weights))


@op
def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """x with numbers in place of what is none."""
    return jnp.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


@op
def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """The n-th difference between neighbours along `axis`."""
    return jnp.diff(a, n, axis)


@op
def digitize(x: Any, bins: Any) -> Any:
    """The number of the bin that each value falls into; `bins` are the rising borders."""
    return jnp.digitize(x, array(bins))


@op
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    """Where in a rising sequence each of `values` would be put in."""
    if jnp.ndim(array(sorted_sequence)) != 1:
        raise ArgumentError(message("searchsorted's sequence", expected="one axis", got=jnp.shape(sorted_sequence)))
    return jnp.searchsorted(array(sorted_sequence), array(values), side=side)


@op
def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    """How often each whole number occurs; one row for each row of x. Its size depends on values: not inside `fit`."""
    weights = array(weights)
    if x.ndim == 1:
        return jnp.bincount(x, weights, minlength)
    length = max(minlength, int(jnp.max(x)) + 1)
    rows = [jnp.bincount(row, None if weights is None else weights[i], length) for i, row in enumerate(x)]
    return jnp.stack(rows)


@op
def histogram(x: Any, bins: int = 10, range: Any = None) -> Any:
    """(counts, borders) of `bins` equal parts of `range`."""
    return jnp.histogram(x, bins, range)


@op
def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    """The integral of y by trapezoids."""
    return jnp.trapezoid(y, x, dx, axis)


@op
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """The matrix whose columns are powers of x."""
    return jnp.vander(x, N, increasing)


@op
def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    """Whether each value of x1 is in x2."""
    return jnp.isin(x1, x2, assume_unique, invert)


@op
def sort(x: Any, axis: int = -1) -> Any:
    """x in rising order."""
    return jnp.sort(x, axis)


@op
def argsort(x: Any, axis: int | None = -1) -> Any:
    """The places of x's values in rising order."""
    return jnp.argsort(x, None if jnp.ndim(x) == 0 else axis)


@op
def argpartition(x: Any, kth: int, axis: int | None = -1) -> Any:
    """Places such that the kth value stands where it would in order, the smaller before it."""
    return jnp.argpartition(x.reshape(-1), kth, 0) if axis is None else jnp.argpartition(x, kth, axis)


@op
def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The different values of x; with `size` also inside `fit`."""
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


def _window(name: str, x: Any, *args: Any) -> Any:
    return getattr(jnp, name)(math.trunc(x), *args).astype(floatx())


def bartlett(x: Any) -> Any:
    """The triangular window of x places."""
    return _window("bartlett", x)


def blackman(x: Any) -> Any:
    """Blackman's window of x places."""
    return _window("blackman", x)


def hamming(x: Any) -> Any:
    """Hamming's window of x places."""
    return _window("hamming", x)


def hanning(x: Any) -> Any:
    """Hann's window of x places."""
    return _window("hanning", x)


def kaiser(x: Any, beta: float) -> Any:
    """Kaiser's window of x places."""
    return _window("kaiser", x, beta)


__all__ = public(globals())

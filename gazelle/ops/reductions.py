"""Functions of NumPy that reduce or accumulate along axes."""

from __future__ import annotations

from gazelle.core.types import Array, ArrayLike, AxisLike, DTypeLike
from gazelle.ops.numpy_table import numpy_op

__all__ = [
    "all",
    "amax",
    "amin",
    "any",
    "argmax",
    "argmin",
    "count_nonzero",
    "cumprod",
    "cumsum",
    "max",
    "mean",
    "median",
    "min",
    "nanargmax",
    "nanargmin",
    "nancumprod",
    "nancumsum",
    "nanmax",
    "nanmean",
    "nanmedian",
    "nanmin",
    "nanpercentile",
    "nanprod",
    "nanquantile",
    "nanstd",
    "nansum",
    "nanvar",
    "percentile",
    "prod",
    "ptp",
    "quantile",
    "std",
    "sum",
    "var",
]


def _reduce(x: ArrayLike, axis: AxisLike = None, keepdims: bool = False) -> Array:
    """{summary}.

    Args:
        x: Array of any shape.
        axis: Axis or axes to reduce; None reduces all.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        An array without the reduced axes.
    """


def _reduce_initial(
    x: ArrayLike, axis: AxisLike = None, keepdims: bool = False, initial: ArrayLike | None = None
) -> Array:
    """{summary}.

    Args:
        x: Array of any shape.
        axis: Axis or axes to reduce; None reduces all.
        keepdims: Whether reduced axes stay, with size 1.
        initial: A value that is compared with the elements too; needed for empty arrays.

    Returns:
        An array without the reduced axes.
    """


def _reduce_dtype(x: ArrayLike, axis: AxisLike = None, keepdims: bool = False, dtype: DTypeLike | None = None) -> Array:
    """{summary}.

    Args:
        x: Array of any shape.
        axis: Axis or axes to reduce; None reduces all.
        keepdims: Whether reduced axes stay, with size 1.
        dtype: Dtype of the result; None keeps that of `x`, integers of at least the default size.

    Returns:
        An array without the reduced axes.
    """


def _argument(x: ArrayLike, axis: int | None = None, keepdims: bool = False) -> Array:
    """{summary}.

    Args:
        x: Array of any shape.
        axis: Axis to search; None searches the flattened array.
        keepdims: Whether the axis stays, with size 1.

    Returns:
        An array of integers without the axis.
    """


def _count(x: ArrayLike, axis: AxisLike = None) -> Array:
    """{summary}.

    Args:
        x: Array of any shape.
        axis: Axis or axes to reduce; None reduces all.

    Returns:
        An array of integers without the reduced axes.
    """


def _accumulate(x: ArrayLike, axis: int | None = None, dtype: DTypeLike | None = None) -> Array:
    """{summary}.

    Args:
        x: Array of any shape.
        axis: Axis to accumulate along; None flattens `x` first.
        dtype: Dtype of the result; None keeps that of `x`, integers of at least the default size.

    Returns:
        An array of the shape of `x`, or a vector if `axis` is None.
    """


def _quantile(
    x: ArrayLike, q: ArrayLike, axis: AxisLike = None, method: str = "linear", keepdims: bool = False
) -> Array:
    """{summary}.

    Args:
        x: Array of any shape.
        q: One position or several: fractions from 0 to 1, percentages from 0 to 100.
        axis: Axis or axes to reduce; None reduces all.
        method: Interpolation between two elements: 'linear', 'lower', 'higher', 'midpoint' or 'nearest'.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        An array without the reduced axes, with those of `q` in front.
    """


all = numpy_op(_reduce, "all", "Return whether all elements are true.", "[True, False]", "False")
any = numpy_op(_reduce, "any", "Return whether any element is true.", "[True, False]", "True")
amax = numpy_op(
    _reduce, "amax", "Compute the largest element, an alias of `max`.", "[[1.0, 2.0], [4.0, 3.0]], axis=0", "[4. 3.]"
)
amin = numpy_op(
    _reduce, "amin", "Compute the smallest element, an alias of `min`.", "[[1.0, 2.0], [4.0, 3.0]], axis=0", "[1. 2.]"
)
mean = numpy_op(_reduce, "mean", "Compute the mean of the elements.", "[[1.0, 2.0], [3.0, 6.0]], axis=1", "[1.5 4.5]")
median = numpy_op(_reduce, "median", "Compute the median of the elements.", "[1.0, 2.0, 10.0]", "2.0")
nanmax = numpy_op(_reduce, "nanmax", "Compute the largest element, ignoring NaN.", '[1.0, float("nan"), 3.0]', "3.0")
nanmean = numpy_op(
    _reduce, "nanmean", "Compute the mean of the elements, ignoring NaN.", '[1.0, float("nan"), 3.0]', "2.0"
)
nanmedian = numpy_op(
    _reduce, "nanmedian", "Compute the median of the elements, ignoring NaN.", '[1.0, float("nan"), 3.0]', "2.0"
)
nanmin = numpy_op(_reduce, "nanmin", "Compute the smallest element, ignoring NaN.", '[1.0, float("nan"), 3.0]', "1.0")
nanprod = numpy_op(
    _reduce, "nanprod", "Compute the product of the elements, with NaN as 1.", '[2.0, float("nan"), 3.0]', "6.0"
)
nanstd = numpy_op(
    _reduce,
    "nanstd",
    "Compute the standard deviation of the elements, ignoring NaN.",
    '[1.0, float("nan"), 3.0]',
    "1.0",
)
nansum = numpy_op(
    _reduce, "nansum", "Compute the sum of the elements, with NaN as 0.", '[1.0, float("nan"), 3.0]', "4.0"
)
nanvar = numpy_op(
    _reduce, "nanvar", "Compute the variance of the elements, ignoring NaN.", '[1.0, float("nan"), 3.0]', "1.0"
)
ptp = numpy_op(_reduce, "ptp", "Compute the range of the elements:  max x - min x.", "[1.0, 5.0, 3.0]", "4.0")
std = numpy_op(
    _reduce, "std", "Compute the standard deviation of the elements:  √(mean((x - mean x)²)).", "[1.0, 3.0]", "1.0"
)
sum = numpy_op(_reduce, "sum", "Compute the sum of the elements.", "[[1.0, 2.0], [3.0, 4.0]], axis=0", "[4. 6.]")
var = numpy_op(_reduce, "var", "Compute the variance of the elements:  mean((x - mean x)²).", "[1.0, 3.0]", "1.0")

max = numpy_op(_reduce_initial, "max", "Compute the largest element.", "[[1.0, 2.0], [4.0, 3.0]], axis=0", "[4. 3.]")
min = numpy_op(_reduce_initial, "min", "Compute the smallest element.", "[[1.0, 2.0], [4.0, 3.0]], axis=0", "[1. 2.]")

prod = numpy_op(
    _reduce_dtype, "prod", "Compute the product of the elements.", "[[1.0, 2.0], [3.0, 4.0]], axis=0", "[3. 8.]"
)

argmax = numpy_op(
    _argument, "argmax", "Return the index of the largest element; of equal ones the first.", "[1.0, 5.0, 3.0]", "1"
)
argmin = numpy_op(
    _argument, "argmin", "Return the index of the smallest element; of equal ones the first.", "[4.0, 2.0, 3.0]", "1"
)
nanargmax = numpy_op(
    _argument, "nanargmax", "Return the index of the largest element, ignoring NaN.", '[1.0, float("nan"), 3.0]', "2"
)
nanargmin = numpy_op(
    _argument, "nanargmin", "Return the index of the smallest element, ignoring NaN.", '[1.0, float("nan"), 3.0]', "0"
)

count_nonzero = numpy_op(_count, "count_nonzero", "Count the elements that are not 0.", "[0, 1, 5]", "2")

cumprod = numpy_op(
    _accumulate, "cumprod", "Compute the cumulative product:  y_i = Π_{j <= i} x_j.", "[1.0, 2.0, 3.0]", "[1. 2. 6.]"
)
cumsum = numpy_op(
    _accumulate, "cumsum", "Compute the cumulative sum:  y_i = Σ_{j <= i} x_j.", "[1.0, 2.0, 3.0]", "[1. 3. 6.]"
)
nancumprod = numpy_op(
    _accumulate,
    "nancumprod",
    "Compute the cumulative product, with NaN as 1.",
    '[1.0, float("nan"), 3.0]',
    "[1. 1. 3.]",
)
nancumsum = numpy_op(
    _accumulate, "nancumsum", "Compute the cumulative sum, with NaN as 0.", '[1.0, float("nan"), 3.0]', "[1. 1. 4.]"
)

quantile = numpy_op(
    _quantile, "quantile", "Compute quantiles of the elements: a fraction q lies below.", "[1.0, 2.0, 3.0], 0.25", "1.5"
)
nanquantile = numpy_op(
    _quantile, "nanquantile", "Compute quantiles of the elements, ignoring NaN.", '[1.0, float("nan"), 3.0], 0.5', "2.0"
)
percentile = numpy_op(
    _quantile, "percentile", "Compute percentiles of the elements: q percent lie below.", "[1.0, 2.0, 3.0], 25", "1.5"
)
nanpercentile = numpy_op(
    _quantile,
    "nanpercentile",
    "Compute percentiles of the elements, ignoring NaN.",
    '[1.0, float("nan"), 3.0], 50',
    "2.0",
)

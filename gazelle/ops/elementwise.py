"""Functions of NumPy that work element by element, and products of vectors."""

from __future__ import annotations

from gazelle.core.types import Array, ArrayLike
from gazelle.ops.numpy_table import numpy_op

__all__ = [
    "abs",
    "absolute",
    "add",
    "allclose",
    "angle",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "bitwise_and",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "cbrt",
    "conj",
    "conjugate",
    "cos",
    "cosh",
    "deg2rad",
    "divide",
    "dot",
    "equal",
    "exp",
    "exp2",
    "expm1",
    "fabs",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "gcd",
    "greater",
    "greater_equal",
    "heaviside",
    "hypot",
    "i0",
    "imag",
    "inner",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "isreal",
    "kron",
    "lcm",
    "left_shift",
    "less",
    "less_equal",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "mod",
    "multiply",
    "negative",
    "nextafter",
    "not_equal",
    "outer",
    "power",
    "rad2deg",
    "real",
    "reciprocal",
    "right_shift",
    "sign",
    "signbit",
    "sin",
    "sinc",
    "sinh",
    "sqrt",
    "square",
    "subtract",
    "tan",
    "tanh",
    "true_divide",
    "vdot",
]


def _unary(x: ArrayLike) -> Array:
    """{summary}.

    Args:
        x: Array of any shape.

    Returns:
        An array of the shape of `x`.
    """


def _binary(x1: ArrayLike, x2: ArrayLike) -> Array:
    """{summary}.

    Args:
        x1: First array.
        x2: Second array, of a shape that broadcasts with that of `x1`.

    Returns:
        An array of the broadcast shape.
    """


def _bitwise(x: ArrayLike, y: ArrayLike) -> Array:
    """{summary}.

    Args:
        x: Array of integers.
        y: Array of integers, of a shape that broadcasts with that of `x`.

    Returns:
        An array of integers of the broadcast shape.
    """


def _close(x1: ArrayLike, x2: ArrayLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Array:
    """{summary}.

    Args:
        x1: First array.
        x2: Second array, of a shape that broadcasts with that of `x1`.
        rtol: Relative tolerance.
        atol: Absolute tolerance.
        equal_nan: Whether two NaN count as equal.

    Returns:
        Booleans: one for each element (`isclose`), or one (`allclose`).
    """


def _product(x1: ArrayLike, x2: ArrayLike) -> Array:
    """{summary}.

    Args:
        x1: First array.
        x2: Second array.

    Returns:
        The array of products.
    """


absolute = numpy_op(
    _unary, "absolute", "Compute the absolute value of each element:  y = |x|.", "[-1.0, 2.0]", "[1. 2.]"
)
angle = numpy_op(
    _unary,
    "angle",
    "Compute the angle of each complex number in radians:  y = atan2(im x, re x).",
    "[1j, -1.0]",
    "[1.5707964 3.1415927]",
)
arccos = numpy_op(
    _unary, "arccos", "Compute the inverse cosine of each element, in radians.", "[1.0, 0.0]", "[0.        1.5707964]"
)
arccosh = numpy_op(
    _unary, "arccosh", "Compute the inverse hyperbolic cosine of each element.", "[1.0, 2.0]", "[0.       1.316958]"
)
arcsin = numpy_op(
    _unary, "arcsin", "Compute the inverse sine of each element, in radians.", "[0.0, 1.0]", "[0.        1.5707964]"
)
arcsinh = numpy_op(
    _unary, "arcsinh", "Compute the inverse hyperbolic sine of each element.", "[0.0, 1.0]", "[0.         0.88137364]"
)
arctan = numpy_op(
    _unary, "arctan", "Compute the inverse tangent of each element, in radians.", "[0.0, 1.0]", "[0.        0.7853981]"
)
arctanh = numpy_op(
    _unary,
    "arctanh",
    "Compute the inverse hyperbolic tangent of each element.",
    "[0.0, 0.5]",
    "[0.         0.54930615]",
)
cbrt = numpy_op(_unary, "cbrt", "Compute the cube root of each element:  y = ∛x.", "[-8.0, 27.0]", "[-2.  3.]")
conjugate = numpy_op(_unary, "conjugate", "Compute the complex conjugate of each element.", "[1 + 2j]", "[1.-2.j]")
cos = numpy_op(
    _unary, "cos", "Compute the cosine of each element, x in radians.", "[0.0, 1.0]", "[1.        0.5403023]"
)
cosh = numpy_op(
    _unary,
    "cosh",
    "Compute the hyperbolic cosine of each element:  y = (e^x + e^-x) / 2.",
    "[0.0, 1.0]",
    "[1.        1.5430806]",
)
deg2rad = numpy_op(
    _unary, "deg2rad", "Convert degrees to radians:  y = x π / 180.", "[180.0, 90.0]", "[3.1415927 1.5707964]"
)
exp = numpy_op(
    _unary, "exp", "Compute the exponential of each element:  y = e^x.", "[0.0, 1.0]", "[1.        2.7182817]"
)
exp2 = numpy_op(_unary, "exp2", "Compute two to the power of each element:  y = 2^x.", "[3.0, -1.0]", "[8.  0.5]")
expm1 = numpy_op(
    _unary, "expm1", "Compute e^x - 1 for each element, accurate for small x.", "[0.0, 1.0]", "[0.        1.7182819]"
)
fabs = numpy_op(
    _unary, "fabs", "Compute the absolute value of each element as a float:  y = |x|.", "[-1, 2]", "[1. 2.]"
)
i0 = numpy_op(
    _unary,
    "i0",
    "Compute the modified Bessel function of the first kind of order 0 of each element.",
    "[0.0, 1.0]",
    "[1.0000001 1.266066 ]",
)
imag = numpy_op(_unary, "imag", "Return the imaginary part of each element.", "[1 + 2j]", "[2.]")
isfinite = numpy_op(
    _unary,
    "isfinite",
    "Return whether each element is neither infinite nor NaN.",
    '[1.0, float("inf"), float("nan")]',
    "[ True False False]",
)
isinf = numpy_op(
    _unary,
    "isinf",
    "Return whether each element is infinite.",
    '[1.0, float("inf"), float("nan")]',
    "[False  True False]",
)
isnan = numpy_op(
    _unary, "isnan", "Return whether each element is NaN.", '[1.0, float("inf"), float("nan")]', "[False False  True]"
)
isneginf = numpy_op(
    _unary,
    "isneginf",
    "Return whether each element is negative infinity.",
    '[float("-inf"), float("inf")]',
    "[ True False]",
)
isposinf = numpy_op(
    _unary,
    "isposinf",
    "Return whether each element is positive infinity.",
    '[float("-inf"), float("inf")]',
    "[False  True]",
)
isreal = numpy_op(
    _unary, "isreal", "Return whether the imaginary part of each element is 0.", "[1 + 0j, 1j]", "[ True False]"
)
log = numpy_op(_unary, "log", "Compute the natural logarithm of each element.", "[1.0, 10.0]", "[0.        2.3025851]")
log10 = numpy_op(_unary, "log10", "Compute the base-10 logarithm of each element.", "[1.0, 1000.0]", "[0. 3.]")
log1p = numpy_op(
    _unary, "log1p", "Compute log(1 + x) for each element, accurate for small x.", "[0.0, 1.0]", "[0.        0.6931472]"
)
log2 = numpy_op(_unary, "log2", "Compute the base-2 logarithm of each element.", "[1.0, 8.0]", "[0. 3.]")
logical_not = numpy_op(
    _unary, "logical_not", "Return the logical negation of each element.", "[True, False]", "[False  True]"
)
negative = numpy_op(_unary, "negative", "Compute the negative of each element:  y = -x.", "[1.0, -2.0]", "[-1.  2.]")
rad2deg = numpy_op(
    _unary, "rad2deg", "Convert radians to degrees:  y = 180 x / π.", "[0.0, 1.0]", "[ 0.      57.29578]"
)
real = numpy_op(_unary, "real", "Return the real part of each element.", "[1 + 2j]", "[1.]")
reciprocal = numpy_op(
    _unary, "reciprocal", "Compute the reciprocal of each element:  y = 1 / x.", "[2.0, 4.0]", "[0.5  0.25]"
)
sign = numpy_op(_unary, "sign", "Return the sign of each element: -1, 0 or 1.", "[-3.0, 0.0, 2.0]", "[-1.  0.  1.]")
signbit = numpy_op(
    _unary, "signbit", "Return whether the sign bit of each element is set.", "[-0.0, 1.0]", "[ True False]"
)
sin = numpy_op(
    _unary, "sin", "Compute the sine of each element, x in radians.", "[0.0, 1.0]", "[0.         0.84147096]"
)
sinc = numpy_op(
    _unary,
    "sinc",
    "Compute the normalized sinc function:  y = sin(π x) / (π x), 1 at x = 0.",
    "[0.0, 0.5]",
    "[1.        0.6366198]",
)
sinh = numpy_op(
    _unary,
    "sinh",
    "Compute the hyperbolic sine of each element:  y = (e^x - e^-x) / 2.",
    "[0.0, 1.0]",
    "[0.        1.1752012]",
)
sqrt = numpy_op(_unary, "sqrt", "Compute the square root of each element.", "[4.0, 2.0]", "[2.        1.4142135]")
square = numpy_op(_unary, "square", "Compute the square of each element:  y = x².", "[-2.0, 3.0]", "[4. 9.]")
tan = numpy_op(
    _unary, "tan", "Compute the tangent of each element, x in radians.", "[0.0, 1.0]", "[0.        1.5574077]"
)
tanh = numpy_op(
    _unary,
    "tanh",
    "Compute the hyperbolic tangent of each element:  y = (e^x - e^-x) / (e^x + e^-x).",
    "[0.0, 1.0]",
    "[0.        0.7615942]",
)
abs, conj = absolute, conjugate

add = numpy_op(_binary, "add", "Add two arrays element by element:  y = x1 + x2.", "[1.0, 2.0], [3.0, 4.0]", "[4. 6.]")
arctan2 = numpy_op(
    _binary,
    "arctan2",
    "Compute the angle of the point (x2, x1) in radians, from -π to π.",
    "[1.0, 0.0], [0.0, -1.0]",
    "[1.5707964 3.1415927]",
)
divide = numpy_op(
    _binary, "divide", "Divide two arrays element by element:  y = x1 / x2.", "[1.0, 2.0], [4.0, 4.0]", "[0.25 0.5 ]"
)
equal = numpy_op(_binary, "equal", "Return x1 == x2 element by element.", "[1, 2], [1, 3]", "[ True False]")
floor_divide = numpy_op(
    _binary,
    "floor_divide",
    "Compute the largest integer not above the quotient:  y = ⌊x1 / x2⌋.",
    "[7, -7], [2, 2]",
    "[ 3 -4]",
)
fmax = numpy_op(
    _binary,
    "fmax",
    "Compute the larger of two elements; of a number and NaN the number.",
    '[1.0, float("nan")], [2.0, 3.0]',
    "[2. 3.]",
)
fmin = numpy_op(
    _binary,
    "fmin",
    "Compute the smaller of two elements; of a number and NaN the number.",
    '[1.0, float("nan")], [2.0, 3.0]',
    "[1. 3.]",
)
fmod = numpy_op(
    _binary,
    "fmod",
    "Compute the remainder of the division, with the sign of x1.",
    "[7.0, -7.0], [3.0, 3.0]",
    "[ 1. -1.]",
)
gcd = numpy_op(_binary, "gcd", "Compute the greatest common divisor of integers.", "[12, 7], [18, 3]", "[6 1]")
greater = numpy_op(_binary, "greater", "Return x1 > x2 element by element.", "[1, 3], [2, 2]", "[False  True]")
greater_equal = numpy_op(
    _binary, "greater_equal", "Return x1 >= x2 element by element.", "[1, 2], [2, 2]", "[False  True]"
)
heaviside = numpy_op(
    _binary,
    "heaviside",
    "Compute the step function of x1: 0 below 0, 1 above, x2 at 0.",
    "[-1.0, 0.0, 1.0], 0.5",
    "[0.  0.5 1. ]",
)
hypot = numpy_op(
    _binary, "hypot", "Compute the hypotenuse of a right triangle:  y = √(x1² + x2²).", "[3.0], [4.0]", "[5.]"
)
lcm = numpy_op(_binary, "lcm", "Compute the least common multiple of integers.", "[4, 6], [6, 9]", "[12 18]")
less = numpy_op(_binary, "less", "Return x1 < x2 element by element.", "[1, 3], [2, 2]", "[ True False]")
less_equal = numpy_op(_binary, "less_equal", "Return x1 <= x2 element by element.", "[2, 3], [2, 2]", "[ True False]")
logaddexp = numpy_op(_binary, "logaddexp", "Compute log(e^x1 + e^x2) without overflow.", "[0.0], [0.0]", "[0.6931472]")
logaddexp2 = numpy_op(_binary, "logaddexp2", "Compute log2(2^x1 + 2^x2) without overflow.", "[0.0], [0.0]", "[1.]")
logical_and = numpy_op(
    _binary, "logical_and", "Return the logical AND of two arrays.", "[True, True], [True, False]", "[ True False]"
)
logical_or = numpy_op(
    _binary, "logical_or", "Return the logical OR of two arrays.", "[True, False], [False, False]", "[ True False]"
)
logical_xor = numpy_op(
    _binary,
    "logical_xor",
    "Return the logical exclusive OR of two arrays.",
    "[True, True], [True, False]",
    "[False  True]",
)
maximum = numpy_op(
    _binary, "maximum", "Compute the larger of two elements; NaN if either is NaN.", "[1.0, 5.0], [2.0, 3.0]", "[2. 5.]"
)
minimum = numpy_op(
    _binary,
    "minimum",
    "Compute the smaller of two elements; NaN if either is NaN.",
    "[1.0, 5.0], [2.0, 3.0]",
    "[1. 3.]",
)
mod = numpy_op(
    _binary, "mod", "Compute the remainder of the division, with the sign of x2.", "[7, -7], [3, 3]", "[1 2]"
)
multiply = numpy_op(
    _binary, "multiply", "Multiply two arrays element by element:  y = x1 x2.", "[1.0, 2.0], [3.0, 4.0]", "[3. 8.]"
)
nextafter = numpy_op(_binary, "nextafter", "Return the next floating-point number after x1 in the direction of x2.")
not_equal = numpy_op(_binary, "not_equal", "Return x1 != x2 element by element.", "[1, 2], [1, 3]", "[False  True]")
power = numpy_op(
    _binary, "power", "Raise x1 to the power x2 element by element:  y = x1^x2.", "[2.0, 3.0], [3.0, 2.0]", "[8. 9.]"
)
subtract = numpy_op(
    _binary, "subtract", "Subtract two arrays element by element:  y = x1 - x2.", "[3.0, 4.0], [1.0, 2.0]", "[2. 2.]"
)
true_divide = numpy_op(
    _binary,
    "true_divide",
    "Divide two arrays element by element:  y = x1 / x2, an alias of `divide`.",
    "[1.0, 2.0], [4.0, 4.0]",
    "[0.25 0.5 ]",
)

bitwise_and = numpy_op(_bitwise, "bitwise_and", "Compute the bitwise AND of integers.", "[6], [3]", "[2]")
bitwise_left_shift = numpy_op(
    _bitwise, "bitwise_left_shift", "Shift the bits of x to the left by y:  x 2^y.", "[1, 3], [2, 1]", "[4 6]"
)
bitwise_or = numpy_op(_bitwise, "bitwise_or", "Compute the bitwise OR of integers.", "[6], [3]", "[7]")
bitwise_right_shift = numpy_op(
    _bitwise, "bitwise_right_shift", "Shift the bits of x to the right by y:  ⌊x / 2^y⌋.", "[8, 5], [2, 1]", "[2 2]"
)
bitwise_xor = numpy_op(_bitwise, "bitwise_xor", "Compute the bitwise exclusive OR of integers.", "[6], [3]", "[5]")
left_shift = numpy_op(
    _bitwise,
    "left_shift",
    "Shift the bits of x to the left by y, an alias of `bitwise_left_shift`.",
    "[1, 3], [2, 1]",
    "[4 6]",
)
right_shift = numpy_op(
    _bitwise,
    "right_shift",
    "Shift the bits of x to the right by y, an alias of `bitwise_right_shift`.",
    "[8, 5], [2, 1]",
    "[2 2]",
)

isclose = numpy_op(
    _close,
    "isclose",
    "Return whether elements are equal within a tolerance:  |x1 - x2| <= atol + rtol |x2|.",
    "[1.0, 2.0], [1.0, 2.1]",
    "[ True False]",
)
allclose = numpy_op(
    _close,
    "allclose",
    "Return whether all elements are equal within a tolerance:  |x1 - x2| <= atol + rtol |x2|.",
    "[1.0, 2.0], [1.0, 2.1]",
    "False",
)

dot = numpy_op(
    _product,
    "dot",
    "Compute the dot product of the last axis of x1 and the second to last of x2 (the last of a vector).",
    "[1.0, 2.0], [3.0, 4.0]",
    "11.0",
)
inner = numpy_op(
    _product,
    "inner",
    "Compute the sums of products over the last axes:  y[..., i, j] = Σ_k x1[..., i, k] x2[j, k].",
    "[1.0, 2.0], [3.0, 4.0]",
    "11.0",
)
kron = numpy_op(
    _product,
    "kron",
    "Compute the Kronecker product: x2 scaled by each element of x1, as blocks.",
    "[1, 10], [1, 2]",
    "[ 1  2 10 20]",
)
outer = numpy_op(
    _product,
    "outer",
    "Compute the outer product of two arrays as vectors:  y[i, j] = x1[i] x2[j].",
    "[1.0, 2.0], [3.0, 4.0]",
    "[[3. 4.]\n [6. 8.]]",
)
vdot = numpy_op(
    _product,
    "vdot",
    "Compute the dot product of two arrays as vectors, with the conjugate of x1.",
    "[1.0, 2.0], [3.0, 4.0]",
    "11.0",
)

"""Rules for elementwise operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.engine.lowering.tensorflow.shaping import MAX_AXES, stretched
from gazelle.engine.tensorflow_library import known, op, tf

if TYPE_CHECKING:
    from jax.lax import RoundingMethod

    from gazelle.core.types import DTypeLike, Foreign
    from gazelle.engine.lowering.interpreter import Context

#: {primitive: operation of TensorFlow with the same meaning}
UNARY = {
    "acos": "Acos",
    "acosh": "Acosh",
    "asin": "Asin",
    "asinh": "Asinh",
    "atan": "Atan",
    "atanh": "Atanh",
    "bessel_i0e": "BesselI0e",
    "bessel_i1e": "BesselI1e",
    "ceil": "Ceil",
    "cos": "Cos",
    "cosh": "Cosh",
    "digamma": "Digamma",
    "erf": "Erf",
    "erfc": "Erfc",
    "exp": "Exp",
    "expm1": "Expm1",
    "floor": "Floor",
    "is_finite": "IsFinite",
    "lgamma": "Lgamma",
    "log": "Log",
    "log1p": "Log1p",
    "logistic": "Sigmoid",
    "neg": "Neg",
    "rsqrt": "Rsqrt",
    "sign": "Sign",
    "sin": "Sin",
    "sinh": "Sinh",
    "sqrt": "Sqrt",
    "square": "Square",
    "tan": "Tan",
    "tanh": "Tanh",
}
BINARY = {
    "add": "AddV2",
    "add_any": "AddV2",
    "eq": "Equal",
    "ne": "NotEqual",
    "rem": "TruncateMod",
    "sub": "Sub",
}
COMPARE = {"ge": "GreaterEqual", "gt": "Greater", "le": "LessEqual", "lt": "Less"}
#: {primitive: (operation on booleans, operation on integers)}
BITWISE = {"and": ("LogicalAnd", "BitwiseAnd"), "or": ("LogicalOr", "BitwiseOr"), "xor": ("NotEqual", "BitwiseXor")}
SPECIAL = {"igamma": "Igamma", "igammac": "Igammac", "igamma_grad_a": "IgammaGradA"}
ORDER = {"max": ("LogicalOr", "Maximum"), "min": ("LogicalAnd", "Minimum")}
#: {dtype that few kernels of TensorFlow support: wider dtype for its values}
WIDER = {
    "bfloat16": "float32",
    "float16": "float32",
    "int8": "int32",
    "int16": "int32",
    "uint8": "int32",
    "uint16": "int32",
    "uint32": "int64",
    "uint64": "int64",
}


def unary(name: str) -> Callable[..., Any]:
    return lambda ctx, x, **_: op(name, x=x)


def binary(name: str) -> Callable[..., Any]:
    return lambda ctx, x, y, **_: op(name, x=x, y=y)


def by_kind(boolean: str, other: str) -> Callable[..., Any]:
    """One operation for booleans, another for numbers."""
    return lambda ctx, x, y, **_: op(boolean if x.dtype == tf.bool else other, x=x, y=y)


def complement(ctx: Context, x: Foreign, **_: Any) -> Foreign:
    return op("LogicalNot", x=x) if x.dtype == tf.bool else op("Invert", x=x)


def multiply(ctx: Context, x: Foreign, y: Foreign, **_: Any) -> Foreign:
    dtype = tf.as_dtype(ctx.out_avals[0].dtype)
    return op("Mul", x=tf.cast(x, dtype), y=tf.cast(y, dtype))


def compare(name: str) -> Callable[..., Any]:
    """Booleans are compared as numbers."""

    def rule(ctx: Context, x: Foreign, y: Foreign, **_: Any) -> Foreign:
        x, y = (tf.cast(one, tf.uint8) if one.dtype == tf.bool else one for one in (x, y))
        return op(name, x=x, y=y)

    return rule


def divide(ctx: Context, x: Foreign, y: Foreign, **_: Any) -> Foreign:
    return op("TruncateDiv" if x.dtype.is_integer else "RealDiv", x=x, y=y)


def power(ctx: Context, x: Foreign, y: Foreign, **_: Any) -> Foreign:
    return op("Pow", x=x, y=tf.cast(y, x.dtype))


def whole_power(ctx: Context, x: Foreign, y: int, **_: Any) -> Foreign:
    """x * x and 1 / x for these exponents, else the power."""
    if y in (1, 2):
        return op("Square", x=x) if y == 2 else x
    if y in (-1, -2) and not x.dtype.is_integer:
        return op("Reciprocal", x=op("Square", x=x) if y == -2 else x)
    return op("Pow", x=x, y=tf.cast(y, x.dtype))


def select(ctx: Context, which: Foreign, *cases: Any) -> Foreign:
    if len(cases) == 2:
        return op("SelectV2", condition=tf.cast(which, tf.bool), t=cases[1], e=cases[0])
    out = cases[-1]
    for number, case in reversed(list(enumerate(cases[:-1]))):
        out = op("SelectV2", condition=op("LessEqual", x=which, y=tf.cast(number, which.dtype)), t=case, e=out)
    return out


def convert(ctx: Context, x: Foreign, new_dtype: DTypeLike, **_: Any) -> Foreign:
    target = tf.as_dtype(new_dtype)
    if target == tf.bool and x.dtype != tf.bool:
        return op("NotEqual", x=x, y=tf.cast(0, x.dtype))
    return tf.cast(x, target)


def bitcast(ctx: Context, x: Foreign, new_dtype: DTypeLike, **_: Any) -> Foreign:
    target = tf.as_dtype(new_dtype)
    return x if x.dtype == target else op("Bitcast", input=x, type=target)


def shift(name: str, signed: bool | None = None) -> Callable[..., Any]:
    """Shifts; by at least the width of the dtype, which TensorFlow leaves undefined, the result is 0 or the sign.

    signed: whether the number is interpreted as signed, regardless of its dtype.
    """

    def rule(ctx: Context, x: Foreign, y: Foreign, **_: Any) -> Foreign:
        own, bits = x.dtype, x.dtype.size * 8
        if signed is not None and own.is_unsigned == signed:
            other = tf.as_dtype(f"{'' if signed else 'u'}int{bits}")
            x, y = op("Bitcast", input=x, type=other), op("Bitcast", input=y, type=other)
        amount = known(y)
        out = op(name, x=x, y=y)
        if amount is None or (amount.astype(np.uint64) >= bits).any():
            wide = op("GreaterEqual", x=op("Bitcast", input=y, type=f"uint{bits}"), y=tf.constant(bits, f"uint{bits}"))
            all_out = op("RightShift", x=x, y=tf.fill(x.shape, tf.cast(bits - 1, x.dtype)))
            out = op("SelectV2", condition=wide, t=all_out if signed else tf.zeros_like(x), e=out)
        return out if out.dtype == own else op("Bitcast", input=out, type=own)

    return rule


def reduce_precision(ctx: Context, x: Foreign, exponent_bits: int, mantissa_bits: int, **_: Any) -> Foreign:
    for dtype, bits in ((tf.bfloat16, (8, 7)), (tf.float16, (5, 10)), (tf.float32, (8, 23))):
        if (exponent_bits, mantissa_bits) == bits:
            return tf.cast(tf.cast(x, dtype), x.dtype)
    return x


def round_half(ctx: Context, x: Foreign, rounding_method: RoundingMethod, **_: Any) -> Foreign:
    if rounding_method.name == "TO_NEAREST_EVEN":
        return op("Round", x=x)
    return op("Sign", x=x) * op("Floor", x=op("Abs", x=x) + tf.cast(0.5, x.dtype))


def population_count(ctx: Context, x: Foreign, **_: Any) -> Foreign:
    return tf.cast(op("PopulationCount", x=x), x.dtype)


def widened(rule: Callable[..., Any]) -> Callable[..., Any]:
    """The rule, computed in a wider dtype if TensorFlow has no kernel for the dtype."""

    def wide(ctx: Context, *inputs: Any, **params: Any) -> Foreign:
        if not any(x.dtype.name in WIDER for x in inputs):
            return rule(ctx, *inputs, **params)
        out = rule(ctx, *(tf.cast(x, WIDER[x.dtype.name]) if x.dtype.name in WIDER else x for x in inputs), **params)
        return tf.cast(out, ctx.out_avals[0].dtype)

    return wide


def stretching(rule: Callable[..., Any]) -> Callable[..., Any]:
    """The rule, on arrays of equal shape if they have more axes than TensorFlow broadcasts."""

    def stretch(ctx: Context, *inputs: Any, **params: Any) -> Foreign:
        shape = ctx.out_avals[0].shape
        if len(shape) > MAX_AXES:
            inputs = tuple(stretched(x, shape) if len(x.shape) > 0 and x.shape != shape else x for x in inputs)
        return rule(ctx, *inputs, **params)

    return stretch


RULES: dict[str, Callable[..., Any]] = {
    **{primitive: unary(name) for primitive, name in UNARY.items()},
    **{primitive: binary(name) for primitive, name in BINARY.items()},
    **{primitive: compare(name) for primitive, name in COMPARE.items()},
    **{primitive: by_kind(*names) for primitive, names in (BITWISE | ORDER).items()},
    **{primitive: lambda ctx, a, x, _n=name, **_: op(_n, a=a, x=x) for primitive, name in SPECIAL.items()},
    "abs": lambda ctx, x, **_: op("ComplexAbs" if x.dtype.is_complex else "Abs", x=x),
    "atan2": lambda ctx, y, x, **_: op("Atan2", y=y, x=x),
    "bitcast_convert_type": bitcast,
    "clamp": lambda ctx, low, x, high, **_: op("Minimum", x=op("Maximum", x=x, y=low), y=high),
    "complex": lambda ctx, x, y, **_: op("Complex", real=x, imag=y, Tout=ctx.out_avals[0].dtype),
    "conj": lambda ctx, x, **_: op("Conj", input=x if x.dtype.is_complex else tf.cast(x, ctx.out_avals[0].dtype)),
    "convert_element_type": convert,
    "div": divide,
    "imag": lambda ctx, x, **_: op("Imag", input=x, Tout=ctx.out_avals[0].dtype),
    "integer_pow": whole_power,
    "mul": multiply,
    "nextafter": lambda ctx, x, y, **_: op("NextAfter", x1=x, x2=y),
    "not": complement,
    "polygamma": lambda ctx, m, x, **_: op("Polygamma", a=m, x=x),
    "population_count": population_count,
    "pow": power,
    "real": lambda ctx, x, **_: op("Real", input=x, Tout=ctx.out_avals[0].dtype),
    "reduce_precision": reduce_precision,
    "regularized_incomplete_beta": lambda ctx, a, b, x, **_: op("Betainc", a=a, b=b, x=x),
    "round": round_half,
    "select_n": select,
    "shift_left": shift("LeftShift"),
    "shift_right_arithmetic": shift("RightShift", signed=True),
    "shift_right_logical": shift("RightShift", signed=False),
    "zeta": lambda ctx, x, q, **_: op("Zeta", x=x, q=q),
}
RULES |= {name: widened(RULES[name]) for name in ("abs", "neg", "sign", "div", "rem", "pow", "integer_pow")}
RULES |= {name: stretching(rule) for name, rule in RULES.items()}

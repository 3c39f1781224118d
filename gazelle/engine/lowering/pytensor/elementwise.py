"""PyTensor's rules for elementwise operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core.errors import message
from gazelle.engine.lowering.interpreter import NotLowered

if TYPE_CHECKING:
    from gazelle.core.types import DTypeLike, Foreign


def tensor() -> Foreign:
    """The module `pytensor.tensor`, imported at first use."""
    import pytensor.tensor

    return pytensor.tensor


def kind(dtype: DTypeLike) -> str:
    """PyTensor's name of a dtype.

    Raises:
        NotLowered: PyTensor has none, as for bfloat16.
    """
    name = str(np.dtype(dtype))
    if np.dtype(dtype).kind not in "biufc":
        known = "float16, float32, float64, integers and booleans"
        raise NotLowered(
            message(
                f"Numbers of type {name!r} on 'pytensor'",
                expected=known,
                got=name,
                hint='keras.config.set_dtype_policy("float32"), or "mixed_float16".',
            )
        )
    return name


def _named(function: str) -> Callable[..., Any]:
    """The rule that calls `pytensor.tensor.<function>` on the inputs."""
    return lambda ctx, *inputs, **_: getattr(tensor(), function)(*inputs)


def _div(ctx: Any, x: Any, y: Any, **_: Any) -> Any:
    pt = tensor()
    if np.issubdtype(x.dtype, np.inexact):
        return pt.true_div(x, y)
    if np.issubdtype(x.dtype, np.unsignedinteger):
        return pt.int_div(x, y)
    return pt.cast(pt.sign(x) * pt.sign(y) * pt.int_div(abs(x), abs(y)), x.dtype)  # XLA rounds towards zero


def _rem(ctx: Any, x: Any, y: Any, **_: Any) -> Any:
    pt = tensor()
    if np.issubdtype(x.dtype, np.unsignedinteger):
        return pt.mod(x, y)
    return pt.cast(pt.sign(x) * pt.mod(abs(x), abs(y)), x.dtype)  # the result has the sign of x


def _select_n(ctx: Any, which: Any, *cases: Any, **_: Any) -> Any:
    pt = tensor()
    if which.dtype == "bool":
        return pt.switch(which, cases[1], cases[0]) if len(cases) == 2 else cases[0]
    out = cases[-1]
    for number in range(len(cases) - 2, -1, -1):
        out = pt.switch(pt.eq(which, np.asarray(number, which.dtype)), cases[number], out)
    return out


def _convert(ctx: Any, x: Any, *, new_dtype: Any, **_: Any) -> Any:
    pt, dtype = tensor(), kind(new_dtype)
    if dtype == "bool":
        return pt.neq(x, np.asarray(0, x.dtype))
    return pt.cast(x, dtype)


def _shift(way: str, signed: bool = False) -> Callable[..., Any]:
    def rule(ctx: Any, x: Any, y: Any, **_: Any) -> Any:
        from gazelle.engine.lowering.pytensor import ops

        pt, dtype = tensor(), np.dtype(x.dtype)
        operation = ops.left_shift if way == "left" else ops.right_shift
        bits = 8 * dtype.itemsize
        kind = dtype.str.replace("u", "i") if signed else dtype.str.replace("i", "u")
        inner = str(np.dtype(kind)) if way == "right" else str(dtype)
        moved = pt.cast(operation(pt.cast(x, inner), pt.cast(y, inner)), str(dtype))
        known = getattr(y, "data", None)
        if known is not None and np.all(known < bits) and np.all(known >= 0):
            return moved
        over = pt.ge(y, np.asarray(bits, dtype))  # undefined in C, defined in XLA
        rest = pt.switch(pt.lt(x, np.asarray(0, dtype)), np.asarray(-1 if signed else 0, dtype), np.zeros((), dtype))
        return pt.switch(over, rest if signed else np.zeros((), dtype), moved)

    return rule


def _bitcast_convert(ctx: Any, x: Any, **_: Any) -> Any:
    from gazelle.engine.lowering.pytensor.ops import Bitcast

    out = ctx.out_avals[0]
    return Bitcast(str(out.dtype), tuple(out.shape))(x)


def _threefry(ctx: Any, *inputs: Any, **_: Any) -> Any:
    from gazelle.engine.lowering.pytensor.ops import Encrypt

    return list(Encrypt(tuple(ctx.out_avals[0].shape))(*inputs))


def _is_finite(ctx: Any, x: Any, **_: Any) -> Any:
    return tensor().lt(abs(x), np.asarray(np.inf, x.dtype))


def _rounded(ctx: Any, x: Any, *, rounding_method: Any) -> Any:
    return tensor().round(x, mode="half_away_from_zero" if int(rounding_method) == 0 else "half_to_even")


_NAMES = {
    "abs": "abs",
    "acos": "arccos",
    "acosh": "arccosh",
    "add": "add",
    "add_any": "add",
    "and": "bitwise_and",
    "asin": "arcsin",
    "asinh": "arcsinh",
    "atan": "arctan",
    "atan2": "arctan2",
    "atanh": "arctanh",
    "ceil": "ceil",
    "complex": "complex",
    "conj": "conj",
    "cos": "cos",
    "cosh": "cosh",
    "digamma": "digamma",
    "eq": "eq",
    "erf": "erf",
    "erfc": "erfc",
    "exp": "exp",
    "exp2": "exp2",
    "expm1": "expm1",
    "floor": "floor",
    "ge": "ge",
    "gt": "gt",
    "igamma": "gammainc",
    "igammac": "gammaincc",
    "imag": "imag",
    "le": "le",
    "lgamma": "gammaln",
    "log": "log",
    "log1p": "log1p",
    "logistic": "sigmoid",
    "lt": "lt",
    "max": "maximum",
    "min": "minimum",
    "mul": "mul",
    "ne": "neq",
    "neg": "neg",
    "not": "bitwise_not",
    "or": "bitwise_or",
    "pow": "pow",
    "real": "real",
    "regularized_incomplete_beta": "betainc",
    "sign": "sign",
    "sin": "sin",
    "sinh": "sinh",
    "sqrt": "sqrt",
    "square": "sqr",
    "sub": "sub",
    "tan": "tan",
    "tanh": "tanh",
    "xor": "bitwise_xor",
}


def _bessel(order: int) -> Callable[..., Any]:
    return lambda ctx, x, **_: tensor().cast(tensor().ive(np.int8(order), x), x.dtype)


RULES: dict[str, Callable[..., Any]] = {
    **{primitive: _named(function) for primitive, function in _NAMES.items()},
    "bessel_i0e": _bessel(0),
    "bessel_i1e": _bessel(1),
    "bitcast_convert_type": _bitcast_convert,
    "convert_element_type": _convert,
    "div": _div,
    "is_finite": _is_finite,
    "polygamma": lambda ctx, order, x, **_: tensor().polygamma(tensor().cast(order, "int64"), x),
    "rem": _rem,
    "round": _rounded,
    "select_n": _select_n,
    "shift_left": _shift("left"),
    "shift_right_arithmetic": _shift("right", signed=True),
    "shift_right_logical": _shift("right"),
    "threefry2x32": _threefry,
}

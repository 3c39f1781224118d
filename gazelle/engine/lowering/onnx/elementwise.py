"""ONNX's rules for elementwise operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

if TYPE_CHECKING:
    from gazelle.core.types import DTypeLike
    from gazelle.engine.lowering.interpreter import Context


def onnx_type(dtype: DTypeLike) -> int:
    """The number of a dtype in ONNX."""
    from onnx import helper

    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def cast(ctx: Context, name: str, dtype: DTypeLike) -> str:
    """Cast to another dtype."""
    return ctx.target.op("Cast", name, to=onnx_type(dtype))


def _named(kind: str, **attributes: Any) -> Callable[..., Any]:
    return lambda ctx, *inputs, **_: ctx.target.op(kind, *inputs, **attributes)


def _logic(of_flags: str, of_numbers: str) -> Callable[..., Any]:
    """Choose between ONNX's operations for booleans and for bits of integers."""

    def rule(ctx: Context, *inputs: str, **_: Any) -> str:
        flags = ctx.in_avals[0].dtype == np.bool_
        return ctx.target.op(of_flags if flags else of_numbers, *inputs)

    return rule


def _best(kind: str) -> Callable[..., Any]:
    def rule(ctx: Context, x: str, y: str, **_: Any) -> str:
        if ctx.in_avals[0].dtype == np.bool_:
            return ctx.target.op("Or" if kind == "Max" else "And", x, y)
        return ctx.target.op(kind, x, y)

    return rule


def _select_n(ctx: Context, which: str, *cases: str, **_: Any) -> str:
    if len(cases) == 1:
        return cases[0]
    if ctx.in_avals[0].dtype == np.bool_:
        return ctx.target.op("Where", which, cases[1], cases[0])
    out = cases[-1]
    for number in range(len(cases) - 2, -1, -1):
        here = ctx.target.op("Equal", which, ctx.target.constant(number, ctx.in_avals[0].dtype))
        out = ctx.target.op("Where", here, cases[number], out)
    return out


def _convert(ctx: Context, x: str, *, new_dtype: Any, **_: Any) -> str:
    return cast(ctx, x, new_dtype)


def _power(ctx: Context, x: str, y: str, **_: Any) -> str:
    return ctx.target.op("Pow", x, y)


def _remainder(ctx: Context, x: str, y: str, **_: Any) -> str:
    return ctx.target.op("Mod", x, y, fmod=1)  # the result has the sign of x


def _not_equal(ctx: Context, x: str, y: str, **_: Any) -> str:
    return ctx.target.op("Not", ctx.target.op("Equal", x, y))


def _shift(direction: str) -> Callable[..., Any]:
    def rule(ctx: Context, x: str, y: str, **_: Any) -> str:
        dtype = np.dtype(ctx.in_avals[0].dtype)
        unsigned = np.dtype(dtype.str.replace("i", "u"))
        moved = ctx.target.op("BitShift", cast(ctx, x, unsigned), cast(ctx, y, unsigned), direction=direction)
        return cast(ctx, moved, dtype)

    return rule


def _reduce_precision(ctx: Context, x: str, *, exponent_bits: int, mantissa_bits: int) -> Any:
    kind: Any = {(8, 7): jnp.bfloat16, (5, 10): np.float16}.get((exponent_bits, mantissa_bits))
    return x if kind is None else cast(ctx, cast(ctx, x, kind), ctx.out_avals[0].dtype)


_NAMES = {
    "abs": "Abs",
    "acos": "Acos",
    "acosh": "Acosh",
    "add": "Add",
    "asin": "Asin",
    "asinh": "Asinh",
    "atan": "Atan",
    "atanh": "Atanh",
    "ceil": "Ceil",
    "cos": "Cos",
    "cosh": "Cosh",
    "div": "Div",
    "eq": "Equal",
    "erf": "Erf",
    "exp": "Exp",
    "floor": "Floor",
    "ge": "GreaterOrEqual",
    "gt": "Greater",
    "le": "LessOrEqual",
    "log": "Log",
    "logistic": "Sigmoid",
    "lt": "Less",
    "mul": "Mul",
    "neg": "Neg",
    "sign": "Sign",
    "sin": "Sin",
    "sinh": "Sinh",
    "sqrt": "Sqrt",
    "sub": "Sub",
    "tan": "Tan",
    "tanh": "Tanh",
}

RULES: dict[str, Callable[..., Any]] = {
    **{primitive: _named(kind) for primitive, kind in _NAMES.items()},
    "and": _logic("And", "BitwiseAnd"),
    "convert_element_type": _convert,
    "max": _best("Max"),
    "min": _best("Min"),
    "ne": _not_equal,
    "not": _logic("Not", "BitwiseNot"),
    "or": _logic("Or", "BitwiseOr"),
    "pow": _power,
    "reduce_precision": _reduce_precision,
    "rem": _remainder,
    "select_n": _select_n,
    "shift_left": _shift("LEFT"),
    "shift_right_logical": _shift("RIGHT"),
    "xor": _logic("Xor", "BitwiseXor"),
}

"""ONNX's rules for loops and branches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gazelle.engine.lowering.onnx.arrays import reverse as turned
from gazelle.engine.lowering.onnx.elementwise import cast
from gazelle.engine.lowering.scans import counts

_FLAG, _NUMBER = (np.bool_, ()), (np.int64, ())


def _specs(avals: Any) -> list[Any]:
    """Dtypes without shapes, as sizes inside of a loop may be unknown."""
    return [(aval.dtype, None) for aval in avals]


def _while(
    ctx: Any, *inputs: str, cond_jaxpr: Any, cond_nconsts: int, body_jaxpr: Any, body_nconsts: int, **_: Any
) -> list[str]:
    t = ctx.target
    cond_consts, body_consts = inputs[:cond_nconsts], inputs[cond_nconsts : cond_nconsts + body_nconsts]
    carry = inputs[cond_nconsts + body_nconsts :]

    def go(index: str, more: str, *values: str) -> list[str]:
        after = ctx.lower(body_jaxpr, (), *body_consts, *values)
        return [*ctx.lower(cond_jaxpr, (), *cond_consts, *after), *after]

    specs = _specs(ctx.out_avals)
    body = t.body([_NUMBER, _FLAG, *specs], go, [_FLAG, *specs])
    (first,) = ctx.lower(cond_jaxpr, (), *cond_consts, *carry)
    return t.several("Loop", "", first, *carry, count=len(carry), body=body)


def _scan(ctx: Any, *inputs: str, jaxpr: Any, length: int, reverse: bool, **_: Any) -> list[str]:
    t, (consts, count) = ctx.target, counts(ctx.eqn)
    body_consts, carry, rows = inputs[:consts], inputs[consts : consts + count], inputs[consts + count :]

    def go(index: str, more: str, *values: str) -> list[str]:
        place = t.op("Sub", t.constant(length - 1, np.int64), index) if reverse else index
        row = [t.op("Gather", array, place, axis=0) for array in rows]
        return [more, *ctx.lower(jaxpr, (), *body_consts, *values, *row)]

    outs = ctx.out_avals
    body = t.body([_NUMBER, _FLAG, *_specs(outs[:count])], go, [_FLAG, *_specs(outs)])
    steps, on = t.constant(length, np.int64), t.constant(True, np.bool_)
    made = t.several("Loop", steps, on, *carry, count=len(outs), body=body)
    return [*made[:count], *(turned(ctx, array, dimensions=[0]) if reverse else array for array in made[count:])]


def _cond(ctx: Any, which: str, *inputs: str, branches: Any, **_: Any) -> list[str]:
    t, specs = ctx.target, _specs(ctx.out_avals)

    def of(number: int) -> list[str]:
        if number == len(branches) - 1:
            return ctx.lower(branches[number], (), *inputs)
        here = t.op("LessOrEqual", cast(ctx, which, np.int32), t.constant(number, np.int32))
        then = t.body([], lambda: ctx.lower(branches[number], (), *inputs), specs)
        rest = t.body([], lambda: of(number + 1), specs)
        return t.several("If", here, count=len(specs), then_branch=then, else_branch=rest)

    return of(0)


RULES: dict[str, Callable[..., Any]] = {"cond": _cond, "scan": _scan, "while": _while}

"""PyTensor's rules for loops and branches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gazelle.engine.lowering.pytensor.numbers import tensor
from gazelle.engine.lowering.scans import counts


def _cond(ctx: Any, which: Any, *inputs: Any, branches: Any, **_: Any) -> Any:
    """The outputs of one branch; the others are not computed."""
    from pytensor.conditional.op import ifelse

    outs = [ctx.lower(branch, (), *inputs) for branch in branches]
    chosen = outs[-1]
    for number in range(len(outs) - 2, -1, -1):
        equal = tensor().le(which, np.asarray(number, which.dtype))
        chosen = [
            here if here is there else ifelse(equal, _plain(here, like), _plain(there, like))
            for here, there, like in zip(outs[number], chosen, ctx.out_avals, strict=True)
        ]
    return chosen


def _plain(value: Any, like: Any) -> Any:
    """As a variable of just this type: both sides of a branch have one."""
    from pytensor.tensor.type import TensorType

    return TensorType(str(like.dtype), tuple(like.shape)).filter_variable(value)


def _scan(ctx: Any, *inputs: Any, jaxpr: Any, length: int, reverse: bool, **params: Any) -> Any:
    """pytensor.scan: the carry goes from step to step, the rest of the outputs is stacked."""
    import pytensor

    pt = tensor()
    consts, carry = counts(ctx.eqn)
    fixed, start, rows = inputs[:consts], inputs[consts : consts + carry], inputs[consts + carry :]
    outs = ctx.out_avals
    if length == 0:
        return [*start, *(pt.alloc(np.zeros((), a.dtype), *a.shape) for a in outs[carry:])]

    def step(*values: Any) -> Any:
        row, rest = values[: len(rows)], values[len(rows) : len(rows) + carry]
        made = ctx.lower(jaxpr, (), *fixed, *rest, *row)
        return [_plain(value, like) for value, like in zip(made, [v.aval for v in jaxpr.jaxpr.outvars], strict=True)]

    begin = [_plain(value, like) for value, like in zip(start, outs[:carry], strict=True)]
    made = pytensor.scan(
        step, sequences=list(rows), outputs_info=[*begin, *[None] * (len(outs) - carry)], non_sequences=list(fixed),
        n_steps=length, go_backwards=reverse, strict=True, return_list=True, return_updates=False,
        mode=ctx.target.mode,
    )  # fmt: skip
    last = [value[-1] for value in made[:carry]]
    return [*last, *(value[::-1] if reverse else value for value in made[carry:])]


def _while(ctx: Any, *inputs: Any, cond_jaxpr: Any, cond_nconsts: int, body_jaxpr: Any, body_nconsts: int,
           **_: Any) -> Any:  # fmt: skip
    from pytensor.tensor.type import TensorType

    from gazelle.engine.lowering.pytensor.ops import Repeat

    compiled = ctx.target.function
    kinds = [TensorType(str(aval.dtype), tuple(aval.shape)) for aval in ctx.out_avals]
    op = Repeat(compiled(cond_jaxpr), compiled(body_jaxpr), (cond_nconsts, body_nconsts), kinds)
    made = op(*inputs)
    return made if isinstance(made, list) else [made]


RULES: dict[str, Callable[..., Any]] = {"cond": _cond, "scan": _scan, "while": _while}

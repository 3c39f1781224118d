"""PyTensor's rules for loops and branches: operations that run functions compiled separately from the graph.

PyTensor's own loop, `scan`, has a fixed length and stores every step; its linkers require a C compiler.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gazelle.engine.lowering.scans import counts

if TYPE_CHECKING:
    from gazelle.core.types import Foreign
    from gazelle.engine.lowering.interpreter import Context


def _kinds(ctx: Context) -> list[Any]:
    from pytensor.tensor.type import TensorType

    return [TensorType(str(aval.dtype), tuple(aval.shape)) for aval in ctx.out_avals]


def _all(operation: Any, inputs: Sequence[Foreign]) -> list[Any]:
    made = operation(*inputs)
    return list(made) if isinstance(made, (list, tuple)) else [made]


def _cond(ctx: Context, *inputs: Any, branches: Any, **_: Any) -> list[Any]:
    from gazelle.engine.lowering.pytensor.ops import Branch

    return _all(Branch([ctx.target.function(branch) for branch in branches], _kinds(ctx)), inputs)


def _scan(ctx: Context, *inputs: Any, jaxpr: Any, length: int, reverse: bool, **_: Any) -> list[Any]:
    from gazelle.engine.lowering.pytensor.ops import Scan

    return _all(Scan(ctx.target.function(jaxpr), *counts(ctx.eqn), length, reverse, _kinds(ctx)), inputs)


def _while(
    ctx: Context, *inputs: Any, cond_jaxpr: Any, cond_nconsts: int, body_jaxpr: Any, body_nconsts: int, **_: Any
) -> list[Any]:
    from gazelle.engine.lowering.pytensor.ops import While

    more, once = ctx.target.function(cond_jaxpr), ctx.target.function(body_jaxpr)
    return _all(While(more, once, (cond_nconsts, body_nconsts), _kinds(ctx)), inputs)


def call(ctx: Context, function: Callable[..., Any], inputs: Sequence[Foreign]) -> list[Any]:
    """A function of NumPy arrays that returns a sequence of them, as an operation of the graph."""
    from gazelle.engine.lowering.pytensor.ops import Call

    return _all(Call(function, _kinds(ctx)), inputs)


def _callback(ctx: Context, *inputs: Any, callback: Callable[..., Any], **_: Any) -> list[Any]:
    return call(ctx, callback, inputs)


RULES: dict[str, Callable[..., Any]] = {"cond": _cond, "pure_callback": _callback, "scan": _scan, "while": _while}

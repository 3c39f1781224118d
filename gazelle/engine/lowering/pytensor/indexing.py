"""PyTensor's rules for gather and scatter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gazelle.engine.lowering.decompose import highest, lowest
from gazelle.engine.lowering.indexing import IndexPlan
from gazelle.engine.lowering.pytensor.elementwise import tensor


def _starts(ctx: Any, starts: Any, sizes: Any) -> list[Any]:
    """Clamp start indices so that the window is inside, as XLA does."""
    pt = tensor()
    return [
        pt.clip(pt.cast(start, "int64"), np.int64(0), np.int64(whole - size))
        for start, whole, size in zip(starts, ctx.in_avals[0].shape, sizes, strict=True)
    ]


def _window(ctx: Any, x: Any, starts: Any, sizes: Any) -> Any:
    whole = ctx.in_avals[0].shape
    at = [
        slice(None) if size == all_ else slice(start, start + np.int64(size))
        for start, size, all_ in zip(_starts(ctx, starts, sizes), sizes, whole, strict=True)
    ]
    return x[tuple(at)]


def _dynamic_slice(ctx: Any, x: Any, *starts: Any, slice_sizes: Any) -> Any:
    return tensor().specify_shape(_window(ctx, x, starts, slice_sizes), tuple(slice_sizes))


def _dynamic_update_slice(ctx: Any, x: Any, update: Any, *starts: Any) -> Any:
    return tensor().set_subtensor(_window(ctx, x, starts, ctx.in_avals[1].shape), update)


def _at(x: Any, table: Any) -> Any:
    lead = table.type.shape[-1]
    return x[tuple(table[..., axis] for axis in range(lead))]


def _gather(
    ctx: Any,
    x: Any,
    indices: Any,
    *,
    dimension_numbers: Any,
    slice_sizes: Any,
    mode: Any,
    fill_value: Any = None,
    **_: Any,
) -> Any:
    pt, plan, out = tensor(), IndexPlan.of_gather(ctx, dimension_numbers, slice_sizes, mode), ctx.out_avals[0]
    if not plan.lead:
        return pt.alloc(x, *plan.indices[:-1], *plan.shape).dimshuffle(*plan.back)
    table, inside = ctx.dispatch(plan.table, indices, avals=ctx.in_avals[1:])
    found = _at(x.dimshuffle(*plan.order), table)
    if plan.drops:
        found = pt.switch(pt.reshape(inside, plan.opened), found, np.asarray(_fill(fill_value, out.dtype), out.dtype))
    return found.dimshuffle(*plan.back)


def _fill(value: Any, dtype: Any) -> Any:
    """The default value of XLA for indices outside of the operand."""
    if value is not None:
        return value
    kind = np.dtype(dtype).kind
    return np.nan if kind in "fc" else np.iinfo(dtype).min if kind == "i" else np.iinfo(dtype).max if kind == "u" else 1


#: {kind: (NumPy function, neutral update)}
_COMBINE: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "mul": ("multiply", lambda dtype: 1),
    "min": ("minimum", highest),
    "max": ("maximum", lowest),
}


def _scatter(kind: str) -> Callable[..., Any]:
    def rule(ctx: Any, x: Any, indices: Any, updates: Any, *, dimension_numbers: Any, mode: Any, **_: Any) -> Any:
        pt, plan = tensor(), IndexPlan.of_scatter(ctx, dimension_numbers, mode)
        table, inside = ctx.dispatch(plan.table, indices, avals=ctx.in_avals[1:2])
        inside = pt.reshape(inside, plan.opened) if plan.drops else np.bool_(True)
        target, updates = x.dimshuffle(*plan.order), updates.dimshuffle(*plan.moved)
        if not plan.lead:  # an update of the whole array, or of distinct rows
            target, table = target[None], pt.zeros((*table.type.shape[:-1], 1), "int32")
        if kind == "set":
            out = _set(target, table, updates, inside, plan)
        elif kind in ("add", "sub"):
            updates = pt.switch(inside, -updates if kind == "sub" else updates, np.zeros((), x.dtype))
            out = pt.inc_subtensor(_at(target, table), updates)
        else:
            from gazelle.engine.lowering.pytensor.ops import Accumulate

            function, nothing = _COMBINE[kind]
            out = Accumulate(function)(target, table, pt.switch(inside, updates, np.asarray(nothing(x.dtype), x.dtype)))
        out = out if plan.lead else out[0]
        return out.dimshuffle(*np.argsort(plan.order).tolist())

    return rule


def _set(target: Any, table: Any, updates: Any, inside: Any, plan: IndexPlan) -> Any:
    pt, rows = tensor(), target.type.shape[0]
    if plan.drops:  # updates outside go to an additional row, which is removed
        target = pt.concatenate([target, pt.zeros_like(target[:1])], axis=0)
        inside = pt.reshape(inside, plan.opened[: table.type.ndim - 1])
        first = pt.switch(inside, table[..., 0], np.int32(rows))
        table = pt.concatenate([first[..., None], table[..., 1:]], axis=-1)
    return pt.set_subtensor(_at(target, table), updates)[:rows]


RULES: dict[str, Callable[..., Any]] = {
    "dynamic_slice": _dynamic_slice,
    "dynamic_update_slice": _dynamic_update_slice,
    "gather": _gather,
    "scatter": _scatter("set"),
    "scatter-add": _scatter("add"),
    "scatter-max": _scatter("max"),
    "scatter-min": _scatter("min"),
    "scatter-mul": _scatter("mul"),
    "scatter-sub": _scatter("sub"),
}

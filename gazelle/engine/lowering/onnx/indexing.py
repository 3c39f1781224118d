"""ONNX's rules for gather and scatter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gazelle.engine.lowering.indexing import IndexPlan
from gazelle.engine.lowering.onnx.arrays import reshape, transpose
from gazelle.engine.lowering.onnx.elementwise import cast


def _dynamic_slice(ctx: Any, x: str, *starts: str, slice_sizes: Any) -> str:
    t, begins = ctx.target, []
    for start, whole, size in zip(starts, ctx.in_avals[0].shape, slice_sizes, strict=True):
        inside = t.op("Max", cast(ctx, start, np.int64), t.constant(0, np.int64))
        inside = t.op("Min", inside, t.constant(whole - size, np.int64))
        begins.append(reshape(ctx, inside, [1]))
    begin = t.op("Concat", *begins, axis=0)
    ends = t.op("Add", begin, t.sizes(slice_sizes))
    cut = t.op("Slice", x, begin, ends, t.sizes(range(len(starts))))
    return reshape(ctx, cut, slice_sizes)


def _at(ctx: Any, table: str) -> str:
    return cast(ctx, table, np.int64)


def _gather(
    ctx: Any,
    x: str,
    indices: str,
    *,
    dimension_numbers: Any,
    slice_sizes: Any,
    mode: Any,
    fill_value: Any = None,
    **_: Any,
) -> str:
    t, plan, dtype = ctx.target, IndexPlan.of_gather(ctx, dimension_numbers, slice_sizes, mode), ctx.out_avals[0].dtype
    if not plan.lead:
        return transpose(ctx, t.op("Expand", x, t.sizes([*plan.indices[:-1], *plan.shape])), plan.back)
    table, inside = ctx.dispatch(plan.table, indices, avals=ctx.in_avals[1:])
    found = t.op("GatherND", transpose(ctx, x, plan.order), _at(ctx, table))
    if plan.drops:
        fill = fill_value if fill_value is not None else np.nan if np.issubdtype(dtype, np.floating) else 0
        found = t.op("Where", reshape(ctx, inside, plan.opened), found, t.constant(fill, dtype))
    return transpose(ctx, found, plan.back)


def _scatter(reduction: str, negative: bool = False) -> Callable[..., Any]:
    def rule(ctx: Any, x: str, indices: str, updates: str, *, dimension_numbers: Any, mode: Any, **_: Any) -> str:
        t, plan = ctx.target, IndexPlan.of_scatter(ctx, dimension_numbers, mode)
        dtype = ctx.in_avals[0].dtype
        table, inside = ctx.dispatch(plan.table, indices, avals=ctx.in_avals[1:2])
        target, updates = transpose(ctx, x, plan.order), transpose(ctx, updates, plan.moved)
        updates = t.op("Neg", updates) if negative else updates
        table = _at(ctx, table)
        if not plan.lead:  # an update of the whole array becomes one of its only row
            target = reshape(ctx, target, (1, *plan.shape))
            table = t.constant(np.zeros((*plan.indices[:-1], 1), np.int64))
        if plan.drops:  # elements outside keep their value
            old = t.op("GatherND", target, table)
            nothing = old if reduction in ("none", "min", "max") else t.constant(reduction == "mul", dtype)
            updates = t.op("Where", reshape(ctx, inside, plan.opened), updates, nothing)
        out = t.op("ScatterND", target, table, updates, reduction=reduction)
        out = out if plan.lead else reshape(ctx, out, plan.shape)
        return transpose(ctx, out, np.argsort(plan.order))

    return rule


RULES: dict[str, Callable[..., Any]] = {
    "dynamic_slice": _dynamic_slice,
    "gather": _gather,
    "scatter": _scatter("none"),
    "scatter-add": _scatter("add"),
    "scatter-max": _scatter("max"),
    "scatter-min": _scatter("min"),
    "scatter-mul": _scatter("mul"),
    "scatter-sub": _scatter("add", negative=True),
}

"""Rules for gather and scatter, with tables of indices along the leading axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from gazelle.engine.lowering.decompose import highest, lowest
from gazelle.engine.lowering.indexing import IndexPlan
from gazelle.engine.lowering.tensorflow.shaping import transpose
from gazelle.engine.tensorflow_library import op, tf

if TYPE_CHECKING:
    from jax.lax import GatherDimensionNumbers, GatherScatterMode, ScatterDimensionNumbers

    from gazelle.core.types import DTypeLike, Foreign
    from gazelle.engine.lowering.interpreter import Context


def _table(ctx: Context, plan: IndexPlan, indices: Foreign) -> tuple[Any, Any]:
    """The table of indices, and whether each window is inside, with trailing axes of size 1."""
    table, inside = ctx.dispatch(plan.table, indices, avals=ctx.in_avals[1:2])
    return table, tf.reshape(inside, [*inside.shape, *[1] * len(plan.offset)])


def gather(
    ctx: Context,
    x: Foreign,
    indices: Foreign,
    dimension_numbers: GatherDimensionNumbers,
    slice_sizes: Sequence[int],
    mode: GatherScatterMode | None,
    fill_value: Foreign,
    **_: Any,
) -> Foreign:
    plan = IndexPlan.of_gather(ctx, dimension_numbers, slice_sizes, mode)
    table, inside = _table(ctx, plan, indices)
    out = tf.gather_nd(transpose(x, plan.order), table)
    if plan.drops:
        fill = _outside(ctx.in_avals[0].dtype) if fill_value is None else fill_value
        out = tf.where(inside, out, tf.constant(fill, out.dtype))
    return transpose(out, plan.back)


def _outside(dtype: DTypeLike) -> Foreign:
    """The value that JAX reads outside of an array."""
    if np.issubdtype(dtype, np.bool_):
        return True
    if jax.numpy.issubdtype(dtype, np.unsignedinteger):
        return highest(dtype)
    return lowest(dtype) if jax.numpy.issubdtype(dtype, np.signedinteger) else np.nan


def scatter(name: str, neutral: Callable[[Any], Any] | None) -> Callable[..., Any]:
    """TensorScatter*: updates outside become neutral, or go to an additional row that is removed."""

    def rule(
        ctx: Context,
        x: Foreign,
        indices: Foreign,
        updates: Foreign,
        dimension_numbers: Any,
        mode: GatherScatterMode | None,
        update_jaxpr: Any = None,
        **_: Any,
    ) -> Foreign:
        if name == "TensorScatterUpdate" and update_jaxpr is not None:
            return _applied(ctx, x, indices, update_jaxpr)
        plan = IndexPlan.of_scatter(ctx, dimension_numbers, mode)
        table, inside = _table(ctx, plan, indices)
        x, updates = transpose(x, plan.order), transpose(updates, plan.moved)
        size = x.shape[0] if plan.lead else 0
        dropped = plan.drops and neutral is None and bool(plan.lead)
        if dropped:  # an additional row for updates outside
            x = tf.concat([x, x[:1]], 0)
            open_to = tf.reshape(inside, [*inside.shape[: len(indices.shape) - 1], *[1] * len(plan.part)])
            row = tf.where(open_to, table[..., 0], size)
            table = tf.concat([row[..., None], table[..., 1:]], -1)
        elif plan.drops:
            instead = x if neutral is None else tf.constant(neutral(ctx.in_avals[0].dtype), updates.dtype)
            updates = tf.where(inside, updates, instead)
        out = _update(name, x, table, updates)
        return transpose(out[:size] if dropped else out, _inverse(plan.order))

    return rule


def _applied(ctx: Context, x: Foreign, indices: Foreign, function: Any) -> Foreign:
    """`x.at[indices].apply(function)`: all elements are computed, those without an index keep their value."""
    ones = tf.ones(ctx.in_avals[2].shape, tf.int8)
    params = ctx.eqn.params | {"update_jaxpr": None}
    named = scatter("TensorScatterMax", lambda dtype: 0)(ctx, tf.zeros(x.shape, tf.int8), indices, ones, **params)
    return tf.where(named > 0, ctx.lower(function, (), x, x)[0], x)


def _update(name: str, x: Foreign, table: Any, updates: Foreign) -> Foreign:
    """The operation with its indices as one row: TensorFlow would read one index of several axes as several indices."""
    rows, depth = math.prod(table.shape[:-1]), table.shape[-1]
    if depth == 0:  # x is overwritten completely
        return _update(name, x[None], tf.zeros([rows, 1], tf.int32), updates)[0]
    table, updates = tf.reshape(table, [rows, depth]), tf.reshape(updates, [rows, *x.shape[depth:]])
    return op(name, tensor=x, indices=table, updates=updates)


def scatter_mul(
    ctx: Context,
    x: Foreign,
    indices: Foreign,
    updates: Foreign,
    dimension_numbers: ScatterDimensionNumbers,
    mode: GatherScatterMode | None,
    **_: Any,
) -> Foreign:
    """Multiply the updates of each position, then multiply once."""
    plan = IndexPlan.of_scatter(ctx, dimension_numbers, mode)
    table, inside = _table(ctx, plan, indices)
    x, updates = transpose(x, plan.order), transpose(updates, plan.moved)
    updates = tf.where(inside, updates, tf.ones([], updates.dtype)) if plan.drops else updates
    lead = [int(n) for n in x.shape[: len(plan.lead)]]
    factors = np.array([math.prod(lead[axis + 1 :]) for axis in range(len(lead))], np.int32)
    rows = tf.reshape(tf.reduce_sum(table * factors, -1), [-1])
    updates = tf.reshape(updates, [rows.shape[0], *x.shape[len(lead) :]])
    products = tf.math.unsorted_segment_prod(updates, rows, math.prod(lead))
    return transpose(x * tf.reshape(products, x.shape), _inverse(plan.order))


def _inverse(order: Sequence[int]) -> list[int]:
    return [int(axis) for axis in np.argsort(order)]


RULES: dict[str, Callable[..., Any]] = {
    "gather": gather,
    "scatter": scatter("TensorScatterUpdate", None),
    "scatter-add": scatter("TensorScatterAdd", lambda dtype: 0),
    "scatter-mul": scatter_mul,
    "scatter-max": scatter("TensorScatterMax", lowest),
    "scatter-min": scatter("TensorScatterMin", highest),
    "scatter-sub": scatter("TensorScatterSub", lambda dtype: 0),
}

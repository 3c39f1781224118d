"""Rules for sums, extrema, sorting and cumulative operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.engine.tensorflow_library import op, tf

if TYPE_CHECKING:
    from gazelle.core.types import Foreign
    from gazelle.engine.lowering.interpreter import Context

REDUCE = {"reduce_sum": "Sum", "reduce_prod": "Prod"}
#: {primitive: (operation on booleans, operation on numbers)}
BY_KIND = {
    "reduce_and": ("All", "All"),
    "reduce_max": ("Any", "Max"),
    "reduce_min": ("All", "Min"),
    "reduce_or": ("Any", "Any"),
}


def reduced(name: str) -> Callable[..., Any]:
    return lambda ctx, x, axes, **_: op(name, input=x, axis=list(axes))


def by_kind(boolean: str, other: str) -> Callable[..., Any]:
    return lambda ctx, x, axes, **_: op(boolean if x.dtype == tf.bool else other, input=x, axis=list(axes))


def ranks(x: Foreign) -> Foreign:
    """Integers in the order of x; NaN is the largest, both zeros are equal."""
    if x.dtype == tf.bool:
        return tf.cast(x, tf.int32)
    if not x.dtype.is_floating:
        return x
    if x.dtype.size < 4:
        x = tf.cast(x, tf.float32)
    whole = tf.int64 if x.dtype.size == 8 else tf.int32
    x = tf.where(tf.math.is_nan(x), tf.cast(np.nan, x.dtype), tf.where(tf.equal(x, 0), tf.zeros_like(x), x))
    bits = tf.bitcast(x, whole)
    return tf.where(bits < 0, tf.bitwise.bitwise_xor(bits, whole.max), bits)


def falling(x: Foreign) -> Foreign:
    """Integers in the opposite order."""
    return tf.bitwise.invert(x)


def extreme(name: str) -> Callable[..., Any]:
    """The first index of the largest or smallest element, or of the first NaN."""

    def rule(ctx: Context, x: Foreign, axes: Any, index_dtype: Any, **_: Any) -> Foreign:
        order = ranks(x)
        if name == "ArgMin" and x.dtype.is_floating:
            order = tf.where(tf.math.is_nan(x), order.dtype.min, order)
        return tf.cast(op(name, input=order, dimension=axes[0], output_type=tf.int64), tf.as_dtype(index_dtype))

    return rule


def order_of(x: Foreign) -> Foreign:
    """The stable ascending order along the last axis."""
    return tf.math.top_k(falling(ranks(x)), k=x.shape[-1], sorted=True).indices


def sort(ctx: Context, *operands: Any, dimension: int, num_keys: int, **_: Any) -> list[Any]:
    last = [_last(x, dimension) for x in operands]
    for key in range(num_keys - 1, -1, -1):  # the least important first: each sort is stable
        order = order_of(last[key])
        last = [tf.gather(x, order, batch_dims=len(x.shape) - 1, axis=-1) for x in last]
    return [_last(x, dimension) for x in last]


def _last(x: Foreign, axis: int) -> Foreign:
    """Exchange this axis and the last one."""
    order = list(range(len(x.shape)))
    order[axis], order[-1] = order[-1], order[axis]
    return tf.transpose(x, order)


def top_k(ctx: Context, x: Foreign, k: int, axis: int = -1, **_: Any) -> list[Any]:
    last = _last(x, axis)
    order = tf.math.top_k(ranks(last), k=k, sorted=True).indices
    return [_last(tf.gather(last, order, batch_dims=len(x.shape) - 1, axis=-1), axis), _last(order, axis)]


def cumulative(name: str) -> Callable[..., Any]:
    return lambda ctx, x, axis, reverse, **_: op(name, x=x, axis=axis, reverse=reverse)


RULES: dict[str, Callable[..., Any]] = {
    **{primitive: reduced(name) for primitive, name in REDUCE.items()},
    **{primitive: by_kind(*names) for primitive, names in BY_KIND.items()},
    "argmax": extreme("ArgMax"),
    "argmin": extreme("ArgMin"),
    "cumlogsumexp": cumulative("CumulativeLogsumexp"),
    "cumprod": cumulative("Cumprod"),
    "cumsum": cumulative("Cumsum"),
    "sort": sort,
    "top_k": top_k,
}

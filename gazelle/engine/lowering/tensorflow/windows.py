"""Rules for reductions over windows, with TensorFlow's pooling kernels for windows of 1, 2 or 3 axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gazelle.engine.lowering.decompose import DECOMPOSED, lowest
from gazelle.engine.lowering.tensorflow.shaping import padded, transpose
from gazelle.engine.tensorflow_library import op, tf

if TYPE_CHECKING:
    from jax.extend.core import Primitive

    from gazelle.core.types import Foreign
    from gazelle.engine.lowering.interpreter import Context


class Folded:
    """An array in the layout of TensorFlow's pooling: (batch, 2 or 3 axes with windows, channels); `back` undoes it.

    axes: those with windows; None of them may be left out of `shape`.
    """

    def __init__(self, shape: Sequence[int], axes: Sequence[int]) -> None:
        others = [a for a in range(len(shape)) if a not in axes]
        self.axes = list(axes)
        first, last = [a for a in others if a < min(axes)], [a for a in others if a >= min(axes)]
        self.order = [*first, *axes, *last]
        self.outer, self.inner = [shape[a] for a in first], [shape[a] for a in last]
        self.extra = [1] if len(axes) == 1 else []

    def fold(self, x: Foreign) -> Foreign:
        sizes = [int(x.shape[a]) for a in self.axes]
        x = transpose(x, self.order)
        return tf.reshape(x, [math.prod(self.outer), *self.extra, *sizes, math.prod(self.inner)])

    def back(self, y: Foreign, sizes: Sequence[int]) -> Foreign:
        y = tf.reshape(y, [*self.outer, *sizes, *self.inner])
        return transpose(y, [self.order.index(a) for a in range(len(self.order))])


def _windowed(sizes: Sequence[int], strides: Sequence[int]) -> list[int]:
    return [a for a, (size, stride) in enumerate(zip(sizes, strides, strict=True)) if size > 1 or stride > 1]


def pooled(primitive: str, kind: str) -> Callable[..., Any]:
    """Sums are averages times the size of the window."""

    def rule(
        ctx: Context,
        x: Foreign,
        *_: Any,
        window_dimensions: Sequence[int],
        window_strides: Sequence[int],
        padding: Sequence[tuple[int, int]],
        base_dilation: Any,
        window_dilation: Any,
        **__: Any,
    ) -> Foreign:
        axes = _windowed(window_dimensions, window_strides)
        if not 1 <= len(axes) <= 3 or max(window_dilation) > 1 or not x.dtype.is_floating:
            return ctx.dispatch(DECOMPOSED[primitive](ctx.eqn), x)
        fill = lowest(ctx.in_avals[0].dtype) if kind == "Max" else 0
        config = [(low, high, base - 1) for (low, high), base in zip(padding, base_dilation, strict=True)]
        x = padded(x, tf.cast(fill, x.dtype), config)
        folded = Folded([int(n) for n in x.shape], axes)
        size, stride = ([*folded.extra, *(of[a] for a in axes)] for of in (window_dimensions, window_strides))
        pool = tf.nn.max_pool if kind == "Max" else tf.nn.avg_pool
        y = pool(folded.fold(x), size, stride, "VALID")
        y = folded.back(y, [ctx.out_avals[0].shape[a] for a in axes])
        return y if kind == "Max" else y * tf.cast(math.prod(size), y.dtype)

    return rule


def scattered_to_the_largest(
    ctx: Context,
    source: Foreign,
    x: Foreign,
    select_prim: Primitive,
    window_dimensions: Sequence[int],
    window_strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    **_: Any,
) -> Foreign:
    """The gradient of max pooling: each value goes to the first largest element of its window."""
    sign = -1 if select_prim.name == "le" else 1
    axes = _windowed(window_dimensions, window_strides) or [0]
    if len(axes) > 3:
        return ctx.dispatch(DECOMPOSED["select_and_scatter_add"](ctx.eqn), source, x)
    edges = [(int(low), int(high), 0) for low, high in padding]
    wide = padded(sign * x, tf.cast(lowest(ctx.in_avals[1].dtype), x.dtype), edges)
    folded = Folded([int(n) for n in wide.shape], axes)
    size, stride = ([*folded.extra, *(of[a] for a in axes)] for of in (window_dimensions, window_strides))
    flat, out = folded.fold(wide), folded.fold(source)
    largest = tf.nn.max_pool(flat, size, stride, "VALID")
    name = "MaxPool3DGrad" if len(size) == 3 else "MaxPoolGrad"
    grad = op(
        name,
        orig_input=flat,
        orig_output=largest,
        grad=out,
        ksize=[1, *size, 1],
        strides=[1, *stride, 1],
        padding="VALID",
    )
    grad = folded.back(grad, [int(wide.shape[a]) for a in axes])
    return padded(grad, tf.cast(0, grad.dtype), [(-low, -high, 0) for low, high, _ in edges])


RULES: dict[str, Callable[..., Any]] = {
    "reduce_window_max": pooled("reduce_window_max", "Max"),
    "reduce_window_sum": pooled("reduce_window_sum", "Avg"),
    "select_and_scatter_add": scattered_to_the_largest,
}

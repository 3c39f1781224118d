"""Pooling: one value for each window of space.

XLA's own windows are slow on a CPU, above all their gradients: `select_and_scatter_add` for the largest value, a window
over a dilated array for the mean. There a window is decomposed instead. Element p of all windows together is a slice
of the input, the pooled array is the maximum or the sum of these slices, and the gradient of the maximum is a mask for
each slice. A window over several axes is computed axis by axis, the last one first: this needs fewer slices, and of
equal values the first in row-major order gets the gradient, as for XLA. Other devices keep their own kernels.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gazelle.core import budget
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.types import Array, ArrayLike
from gazelle.ops.base import op
from gazelle.ops.platforms import by_platform
from gazelle.ops.space import moved_first, moved_last, per_axis
from gazelle.ops.windows import padded, strided_slices, window_slices

__all__ = ["average_pool", "max_pool"]


#: Windows of at most this size that do not overlap are computed in one pass over all axes.
_MAX_TILE = 4
#: Longer windows take log2(length) steps instead of one slice for each element, which compiles slowly.
_MOST_MASKS = 16
#: Longer windows are summed by XLA.
_MOST_TERMS = 64


@op
def max_pool(
    inputs: ArrayLike,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Array:
    """Compute the maximum of each window; of equal values the first gets the gradient.

    Args:
        inputs: Array (batch, *space, channels).
        pool_size: Size of the window: one integer, or one for each axis of space.
        strides: Distance of the windows; None is `pool_size`.
        padding: 'valid' or 'same'.
        data_format: 'channels_last' or 'channels_first'; None is `gazelle.config.image_data_format()`.

    Returns:
        An array (batch, *space, channels).

    Raises:
        ShapeError: If no window fits into the input.

    Example:
        >>> max_pool(np.arange(4.0).reshape(1, 4, 1), 2).ravel().tolist()
        [1.0, 3.0]
    """
    x, window, steps, pads = _windows("max_pool", inputs, pool_size, strides, padding, data_format)
    x = padded(x, _lowest(x), pads)
    y = by_platform(lambda x: _max_on_cpu(x, window, steps), lambda x: _reduced(x, window, steps), x)
    return moved_first(y, data_format)


def _max_on_cpu(x: Any, window: tuple[int, ...], steps: tuple[int, ...]) -> Any:
    if window == steps and math.prod(window) > _MAX_TILE:
        return _largest_of_axes(_split(x, window), tuple(range(2, x.ndim * 2 - 3, 2)))
    if window == steps:
        return _largest_of_tiles(x, window)
    for one_window, one_step in _by_axis(window, steps):
        x = (_largest if max(one_window) <= _MOST_MASKS else _largest_of_long)(x, one_window, one_step)
    return x


@op
def average_pool(
    inputs: ArrayLike,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Array:
    """Compute the mean of each window; padding is not counted.

    Args:
        inputs: Array (batch, *space, channels).
        pool_size: Size of the window: one integer, or one for each axis of space.
        strides: Distance of the windows; None is `pool_size`.
        padding: 'valid' or 'same'.
        data_format: 'channels_last' or 'channels_first'; None is `gazelle.config.image_data_format()`.

    Returns:
        An array (batch, *space, channels).

    Raises:
        ShapeError: If no window fits into the input.

    Example:
        >>> average_pool(np.arange(4.0).reshape(1, 4, 1), 2).ravel().tolist()
        [0.5, 2.5]
    """
    x, window, steps, pads = _windows("average_pool", inputs, pool_size, strides, padding, data_format)
    space, zero = x.shape[1:-1], np.zeros((), x.dtype)
    x = padded(x, zero, pads)
    y = by_platform(lambda x: _sum_on_cpu(x, window, steps), lambda x: _sum(x, window, steps), x)
    if padding == "valid":
        return moved_first(y / math.prod(window), data_format)
    budget.check(y.shape[1:-1])
    counts = functools.reduce(np.multiply.outer, map(_count, space, window, steps, pads))
    return moved_first(y / jnp.asarray(counts[..., None], y.dtype), data_format)


def _sum(x: Any, window: tuple[int, ...], steps: tuple[int, ...]) -> Any:
    return lax.reduce_window(x, np.zeros((), x.dtype), lax.add, (1, *window, 1), (1, *steps, 1), "VALID")


def _sum_on_cpu(x: Any, window: tuple[int, ...], steps: tuple[int, ...]) -> Any:
    if window != steps and max(window) > _MOST_TERMS:
        return _sum(x, window, steps)
    if window == steps and math.prod(window) > _MOST_MASKS:
        return jnp.sum(_split(x, window), tuple(range(2, x.ndim * 2 - 3, 2)))
    for one_window, one_step in _by_axis(window, steps):
        x = functools.reduce(jnp.add, window_slices(x, one_window, one_step))
    return x


def _windows(name: str, inputs: Any, pool_size: Any, strides: Any, padding: str, data_format: str | None) -> Any:
    """The input with channels last, window, strides, and padding (negative where windows leave a rest)."""
    x = moved_last(inputs, data_format)
    rank = x.ndim - 2
    window = per_axis("pool_size", pool_size, rank)
    steps = window if strides is None else per_axis("strides", strides, rank)
    if padding not in ("valid", "same"):
        raise ArgumentError(message(f"{name}'s padding", expected="'valid' or 'same'", got=repr(padding)))
    pads = lax.padtype_to_pads(x.shape[1:-1], window, steps, padding.upper())
    if any(size + sum(pad) < reach for size, pad, reach in zip(x.shape[1:-1], pads, window, strict=True)):
        raise ShapeError(
            message(
                f"{name}: nothing is left of an input of shape {tuple(inputs.shape)}",
                expected=f"space of at least {window}",
                got=tuple(x.shape[1:-1]),
                hint="Use padding='same', a smaller window or a larger input.",
            )
        )
    if window == steps:  # remove elements outside of complete windows
        pads = [
            (low, high - (size + low + high) % reach)
            for size, (low, high), reach in zip(x.shape[1:-1], pads, window, strict=True)
        ]
    return x, window, steps, pads


def _split(x: Any, window: Sequence[int]) -> Any:
    """(batch, H, W, c) -> (batch, H / h, h, W / w, w, c)."""
    parts = [n for size, reach in zip(x.shape[1:-1], window, strict=True) for n in (size // reach, reach)]
    return x.reshape(x.shape[0], *parts, x.shape[-1])


def _count(size: int, window: int, step: int, pad: tuple[int, int]) -> np.ndarray[Any, Any]:
    """The number of input elements in each window along an axis."""
    starts = np.arange((size + sum(pad) - window) // step + 1) * step - pad[0]
    return np.minimum(starts + window, size) - np.maximum(starts, 0)


def _lowest(x: Any) -> Any:
    return np.asarray(-np.inf if jnp.issubdtype(x.dtype, jnp.inexact) else jnp.iinfo(x.dtype).min, x.dtype)


def _reduced(x: Any, window: Sequence[int], steps: Sequence[int]) -> Any:
    return lax.reduce_window(x, _lowest(x), lax.max, (1, *window, 1), (1, *steps, 1), "VALID")


def _by_axis(window: Sequence[int], steps: Sequence[int]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The same window as one window per axis, the last axis first."""
    ones = (1,) * len(window)
    return [
        ((*ones[:i], window[i], *ones[i + 1 :]), (*ones[:i], steps[i], *ones[i + 1 :]))
        for i in reversed(range(len(window)))
        if window[i] > 1 or steps[i] > 1
    ]


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _largest_of_tiles(x: Any, window: Sequence[int]) -> Any:
    # Without a gradient XLA fuses convolutions and such windows into one kernel.
    return _reduced(x, window, window)


@_largest_of_tiles.defjvp
def _largest_of_tiles_tangent(window: Any, primals: Any, tangents: Any) -> Any:
    return jax.jvp(lambda x: _largest(x, window, window), primals, tangents)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _largest(x: Any, window: Sequence[int], steps: Sequence[int]) -> Any:
    # The barriers here and below keep the shapes of later operations, a Flatten for instance, out of these loops:
    # with them the loops are not vectorized.
    return lax.optimization_barrier(functools.reduce(jnp.maximum, strided_slices(x, window, steps)))


@_largest.defjvp
def _largest_tangent(window: Any, steps: Any, primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    y, parts = _largest(x, window, steps), strided_slices(x, window, steps)
    first = jnp.full(y.shape, len(parts) - 1, np.int8)
    for p in reversed(range(len(parts) - 1)):
        first = jnp.where(parts[p] == y, np.int8(p), first)
    first = lax.optimization_barrier(first)
    return y, sum(jnp.where(first == p, part, 0) for p, part in enumerate(window_slices(dx, window, steps)))


def _largest_of_long(x: Any, window: Sequence[int], steps: Sequence[int]) -> Any:
    """Windows of size 2, 4, 8 ..., each the larger of two halves; in the last step the halves may overlap."""
    reach, ones = 1, (1,) * len(window)
    axis = next(axis for axis, size in enumerate(window, 1) if size > 1)
    while reach < max(window):
        step = min(reach, max(window) - reach)
        x, reach = _larger(x, axis, step), reach + step
    (y,) = window_slices(x, ones, steps)
    return y


@functools.partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _larger(x: Any, axis: int, step: int) -> Any:
    return jnp.maximum(*_pair(x, axis, step))


@_larger.defjvp
def _larger_tangent(axis: int, step: int, primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    y = _larger(x, axis, step)
    return y, jnp.where(_pair(x, axis, step)[0] == y, *_pair(dx, axis, step))


def _pair(x: Any, axis: int, step: int) -> tuple[Any, Any]:
    """All elements but the last `step`, and all but the first."""
    return lax.slice_in_dim(x, 0, x.shape[axis] - step, axis=axis), lax.slice_in_dim(x, step, None, axis=axis)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _largest_of_axes(x: Any, axes: tuple[int, ...]) -> Any:
    return jnp.max(x, axes)


@_largest_of_axes.defjvp
def _largest_of_axes_tangent(axes: tuple[int, ...], primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    x = lax.optimization_barrier(x)  # computed once: rounded differently, no element would equal the maximum
    y = _largest_of_axes(x, axes)
    wide = jnp.expand_dims(y, axes)
    shape = [n if axis in axes else 1 for axis, n in enumerate(x.shape)]
    index = np.arange(math.prod(shape), dtype=np.int32).reshape(shape)
    first = jnp.min(jnp.where(x == wide, index, index.size), axes, keepdims=True)
    return y, jnp.sum(jnp.where(index == first, dx, 0), axes)

"""Pooling: one value for each window of space.

The gradient that JAX derives for the largest value of a window is `select_and_scatter_add`, most of the time of a small
network on a CPU. Here the place of the first largest value is found by comparing, and the gradient is a mask.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.ops.base import op, public
from gazelle.ops.space import moved_first, moved_last, per_axis

#: Windows with more places, if they overlap, are left to XLA: the mask of each place is an operation of its own.
_MOST_SLICES = 64


@op
def max_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """The largest value of each window of `pool_size`, `strides` apart (`pool_size` apart if None).

    x (batch, *space, channels)  ->  y (batch, *space, channels); of equal values the first has the gradient.

    >>> max_pool(np.arange(4.0).reshape(1, 4, 1), 2).ravel().tolist()
    [1.0, 3.0]
    """
    x, window, steps, pads = _windows("max_pool", inputs, pool_size, strides, padding, data_format)
    x = lax.pad(x, _lowest(x.dtype), [(0, 0, 0), *((*pad, 0) for pad in pads), (0, 0, 0)])
    if window == steps:
        y = _largest(_split(x, window), tuple(range(2, x.ndim * 2 - 3, 2)))
    elif math.prod(window) <= _MOST_SLICES:
        y = _largest_of_slices(x, window, steps)
    else:
        y = _reduced(x, window, steps)
    return moved_first(y, data_format)


@op
def average_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """The mean of each window of `pool_size`, `strides` apart (`pool_size` apart if None); padding is not counted.

    >>> average_pool(np.arange(4.0).reshape(1, 4, 1), 2).ravel().tolist()
    [0.5, 2.5]
    """
    x, window, steps, pads = _windows("average_pool", inputs, pool_size, strides, padding, data_format)
    space = x.shape[1:-1]
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *((*pad, 0) for pad in pads), (0, 0, 0)])
    if window == steps:
        y = jnp.sum(_split(x, window), tuple(range(2, x.ndim * 2 - 3, 2)))
    else:
        y = lax.reduce_window(x, np.zeros((), x.dtype), lax.add, (1, *window, 1), (1, *steps, 1), "VALID")
    if padding == "valid":
        return moved_first(y / math.prod(window), data_format)
    counts = functools.reduce(np.multiply.outer, map(_count, space, window, steps, pads))
    return moved_first(y / jnp.asarray(counts[..., None], y.dtype), data_format)


def _windows(name: str, inputs: Any, pool_size: Any, strides: Any, padding: str, data_format: str | None) -> Any:
    """The input with channels last, window, strides, and pads (negative where windows leave places over)."""
    x = moved_last(inputs, data_format)
    rank = x.ndim - 2
    window = per_axis("pool_size", pool_size, rank)
    steps = window if strides is None else per_axis("strides", strides, rank)
    if padding not in ("valid", "same"):
        raise ArgumentError(message(f"{name}'s padding", expected="'valid' or 'same'", got=repr(padding)))
    pads = lax.padtype_to_pads(x.shape[1:-1], window, steps, padding.upper())
    if any(size + sum(pad) < reach for size, pad, reach in zip(x.shape[1:-1], pads, window, strict=True)):
        raise ShapeError(
            message(f"{name}: nothing is left of an input of shape {tuple(inputs.shape)}",
                    expected=f"space of at least {window}", got=tuple(x.shape[1:-1]),
                    mend="Use padding='same', a smaller window or a larger input.")
        )  # fmt: skip
    if window == steps:  # what no whole window covers is cut off
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
    """How many places of the input each window along one axis covers."""
    starts = np.arange((size + sum(pad) - window) // step + 1) * step - pad[0]
    return np.minimum(starts + window, size) - np.maximum(starts, 0)


def _lowest(dtype: Any) -> Any:
    return np.asarray(-np.inf if jnp.issubdtype(dtype, jnp.inexact) else jnp.iinfo(dtype).min, dtype)


def _reduced(x: Any, window: Sequence[int], steps: Sequence[int]) -> Any:
    return lax.reduce_window(x, _lowest(x.dtype), lax.max, (1, *window, 1), (1, *steps, 1), "VALID")


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _largest(x: Any, axes: tuple[int, ...]) -> Any:
    return jnp.max(x, axes)


@_largest.defjvp
def _largest_tangent(axes: tuple[int, ...], primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    y = _largest(x, axes)
    wide = jnp.expand_dims(y, axes)
    sizes = tuple(x.shape[axis] for axis in axes)
    shape = [n if axis in axes else 1 for axis, n in enumerate(x.shape)]
    place = np.arange(math.prod(sizes), dtype=np.int32).reshape(shape)
    first = jnp.min(jnp.where(x == wide, place, place.size), axes, keepdims=True)
    return y, jnp.sum(jnp.where(place == first, dx, 0), axes)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _largest_of_slices(x: Any, window: Sequence[int], steps: Sequence[int]) -> Any:
    return _reduced(x, window, steps)


@_largest_of_slices.defjvp
def _largest_of_slices_tangent(window: Any, steps: Any, primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    y = _largest_of_slices(x, window, steps)
    stops = [(n - 1) * step + 1 for n, step in zip(y.shape[1:-1], steps, strict=True)]
    dy, free = jnp.zeros_like(y), jnp.ones(y.shape, bool)
    for start in itertools.product(*map(range, window)):  # all windows' entries at one place
        ends = (x.shape[0], *(a + b for a, b in zip(start, stops, strict=True)), x.shape[-1])
        part = functools.partial(lax.slice, start_indices=(0, *start, 0), limit_indices=ends, strides=(1, *steps, 1))
        hit = jnp.logical_and(part(x) == y, free)
        free = jnp.logical_and(free, jnp.logical_not(hit))
        dy = dy + jnp.where(hit, part(dx), 0)
    return y, dy


__all__ = public(globals())

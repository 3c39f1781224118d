"""Pooling: one value for each window of space.

The gradient that JAX derives for the largest value of a window is `select_and_scatter_add`, most of the time of a small
network on a CPU. Here the place of the first largest value is found by comparing, and the gradient is a mask.
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

from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.ops.base import op, public
from gazelle.ops.space import moved_first, moved_last, per_axis


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
    lowest = -jnp.inf if jnp.issubdtype(x.dtype, jnp.inexact) else jnp.iinfo(x.dtype).min
    x = lax.pad(x, jnp.asarray(lowest, x.dtype), [(0, 0, 0), *((*pad, 0) for pad in pads), (0, 0, 0)])
    if window == steps:
        y = _largest(_split(x, window), tuple(range(2, x.ndim * 2 - 3, 2)))
    else:
        y = lax.reduce_window(x, lowest, lax.max, (1, *window, 1), (1, *steps, 1), "VALID")
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

__all__ = public(globals())  # noqa: PLE0605

"""Images cut into blocks and put together again, and axes regrouped by a pattern."""

from __future__ import annotations

import math
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.ops.base import array, op, public
from gazelle.ops.max_min import largest
from gazelle.ops.space import is_first, moved_first, moved_last, per_axis


@op
def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Each block of `block_size`² pixels as one pixel with that many times the channels.

    >>> space_to_depth(np.ones((1, 4, 4, 3)), 2).shape
    (1, 2, 2, 12)
    """
    b = block_size
    if is_first(data_format):
        n, c, h, w = x.shape
        return x.reshape(n, c, h // b, b, w // b, b).transpose(0, 1, 3, 5, 2, 4).reshape(n, c * b * b, h // b, w // b)
    n, h, w, c = x.shape
    return x.reshape(n, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5).reshape(n, h // b, w // b, c * b * b)


@op
def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Undo `space_to_depth`.

    >>> depth_to_space(np.ones((1, 2, 2, 12)), 2).shape
    (1, 4, 4, 3)
    """
    b = block_size
    if is_first(data_format):
        n, c, h, w = x.shape
        return x.reshape(n, c // b**2, b, b, h, w).transpose(0, 1, 4, 2, 5, 3).reshape(n, c // b**2, h * b, w * b)
    n, h, w, c = x.shape
    return x.reshape(n, h, w, b, b, c // b**2).transpose(0, 1, 3, 2, 4, 5).reshape(n, h * b, w * b, c // b**2)


@op
def unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Every window of an image as a column: x (batch, c, H, W)  ->  (batch, c · window, windows)."""
    window, pads = per_axis("kernel_size", kernel_size, 2), per_axis("padding", padding, 2)
    columns = lax.conv_general_dilated_patches(
        x,
        window,
        per_axis("stride", stride, 2),
        [(p, p) for p in pads],
        rhs_dilation=per_axis("dilation", dilation, 2),
    )
    return columns.reshape(*columns.shape[:2], -1)


@op
def fold(x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """The transpose of `unfold`: where windows overlap, their columns are added."""
    window, size = per_axis("kernel_size", kernel_size, 2), per_axis("output_size", output_size, 2)
    image = jax.ShapeDtypeStruct((x.shape[0], x.shape[1] // math.prod(window), *size), x.dtype)
    return jax.linear_transpose(lambda y: unfold(y, window, dilation, padding, stride), image)(x)[0]


@op
def adaptive_average_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """The mean of each of `output_size` windows that together cover space."""
    return _adaptive(jnp.mean, inputs, output_size, data_format)


@op
def adaptive_max_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """The largest value of each of `output_size` windows that together cover space."""
    return _adaptive(largest, inputs, output_size, data_format)


def _adaptive(reduce: Any, inputs: Any, output_size: Any, data_format: str | None) -> Any:
    """Window i of m covers the places from floor(i n / m) to below ceil((i + 1) n / m) of each axis of n places."""
    x = moved_last(inputs, data_format)
    for axis, m in enumerate(per_axis("output_size", output_size, x.ndim - 2), 1):
        n = x.shape[axis]
        edges = [(i * n // m, -(-(i + 1) * n // m)) for i in range(m)]
        parts = [reduce(lax.slice_in_dim(x, a, b, axis=axis), axis, keepdims=True) for a, b in edges]
        x = jnp.concatenate(parts, axis)
    return moved_first(x, data_format)


@op
def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """Axes split, permuted and joined as the pattern says: names in brackets are one axis.

    >>> rearrange(np.ones((2, 6, 4)), "b (h w) c -> b h w c", h=3).shape
    (2, 3, 2, 4)
    """
    x = jnp.asarray(array(tensor))
    groups = [[re.findall(r"\w+", group) for group in re.findall(r"\w+|\(.*?\)", side)] for side in pattern.split("->")]
    before, after = ([name for group in side for name in group] for side in (groups[0], groups[-1]))
    if len(groups) != 2 or sorted(before) != sorted(after):
        raise ArgumentError(message("rearrange's pattern", expected="the same names on both sides of ->", got=pattern))
    if len(groups[0]) != x.ndim:
        raise ShapeError(message("rearrange", expected=f"{len(groups[0])} axes for {pattern!r}", got=tuple(x.shape)))
    sizes = dict(axes_lengths)
    for group, size in zip(groups[0], x.shape, strict=True):
        free = [name for name in group if name not in sizes]
        known = math.prod(sizes[name] for name in group if name in sizes)
        if len(free) > 1 or size % known or (not free and size != known):
            raise ShapeError(
                message(f"rearrange {pattern!r}", expected=f"sizes of {group} that make {size}", got=sizes)
            )
        sizes.update(dict.fromkeys(free, size // known))
    x = x.reshape([sizes[name] for name in before]).transpose([before.index(name) for name in after])
    return x.reshape([int(np.prod([sizes[name] for name in group], dtype=int)) for group in groups[1]])


__all__ = public(globals())

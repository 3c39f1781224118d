"""Blocks and windows of images, adaptive pooling, and rearranged axes."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gazelle.core import budget
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.types import Array, ArrayLike
from gazelle.ops.base import array, op
from gazelle.ops.max_min import largest
from gazelle.ops.space import is_first, moved_first, moved_last, per_axis

__all__ = [
    "adaptive_average_pool",
    "adaptive_max_pool",
    "depth_to_space",
    "fold",
    "rearrange",
    "space_to_depth",
    "unfold",
]


def _checked_block(name: str, block_size: int) -> int:
    if block_size < 2:
        raise ArgumentError(message(f"block_size of {name}", expected="at least 2", got=block_size))
    return block_size


@op
def space_to_depth(x: ArrayLike, block_size: int, data_format: str = "channels_last") -> Array:
    """Move blocks of pixels into channels.

    Args:
        x: Array (batch, height, width, channels).
        block_size: Height and width of a block; it must divide those of the image.
        data_format: 'channels_last' or 'channels_first'.

    Returns:
        An array (batch, height / block_size, width / block_size, channels · block_size²).

    Example:
        >>> space_to_depth(np.ones((1, 4, 4, 3)), 2).shape
        (1, 2, 2, 12)
    """
    b = _checked_block("space_to_depth", block_size)
    if is_first(data_format):
        n, c, h, w = x.shape
        return x.reshape(n, c, h // b, b, w // b, b).transpose(0, 1, 3, 5, 2, 4).reshape(n, c * b * b, h // b, w // b)
    n, h, w, c = x.shape
    return x.reshape(n, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5).reshape(n, h // b, w // b, c * b * b)


@op
def depth_to_space(x: ArrayLike, block_size: int, data_format: str = "channels_last") -> Array:
    """Move channels into blocks of pixels: the inverse of `space_to_depth`.

    Args:
        x: Array (batch, height, width, channels).
        block_size: Height and width of a block; its square must divide the number of channels.
        data_format: 'channels_last' or 'channels_first'.

    Returns:
        An array (batch, height · block_size, width · block_size, channels / block_size²).

    Example:
        >>> depth_to_space(np.ones((1, 2, 2, 12)), 2).shape
        (1, 4, 4, 3)
    """
    b = _checked_block("depth_to_space", block_size)
    if is_first(data_format):
        n, c, h, w = x.shape
        return x.reshape(n, c // b**2, b, b, h, w).transpose(0, 1, 4, 2, 5, 3).reshape(n, c // b**2, h * b, w * b)
    n, h, w, c = x.shape
    return x.reshape(n, h, w, b, b, c // b**2).transpose(0, 1, 3, 2, 4, 5).reshape(n, h * b, w * b, c // b**2)


@op
def unfold(
    x: ArrayLike,
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> Array:
    """Extract the windows of an image as columns.

    Args:
        x: Array (batch, channels, height, width).
        kernel_size: Size of the windows.
        dilation: Distance of the elements of a window.
        padding: Zeros before and after each axis of space.
        stride: Distance of the windows.

    Returns:
        An array (batch, channels · window, windows).

    Example:
        >>> gazelle.ops.unfold(np.ones((1, 2, 4, 4)), 2, stride=2).shape
        (1, 8, 4)
    """
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
def fold(
    x: ArrayLike,
    output_size: int | Sequence[int],
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> Array:
    """Add columns to an image at the positions of their windows: the transpose of `unfold`.

    Args:
        x: Array (batch, channels · window, windows).
        output_size: Height and width of the image.
        kernel_size: Size of the windows.
        dilation: Distance of the elements of a window.
        padding: Zeros before and after each axis of space.
        stride: Distance of the windows.

    Returns:
        An array (batch, channels, height, width).

    Example:
        >>> gazelle.ops.fold(np.ones((1, 8, 4)), 4, 2, stride=2).shape
        (1, 2, 4, 4)
    """
    window, size = per_axis("kernel_size", kernel_size, 2), per_axis("output_size", output_size, 2)
    image = jax.ShapeDtypeStruct((x.shape[0], x.shape[1] // math.prod(window), *size), x.dtype)
    return jax.linear_transpose(lambda y: unfold(y, window, dilation, padding, stride), image)(x)[0]


@op
def adaptive_average_pool(inputs: ArrayLike, output_size: int | Sequence[int], data_format: str | None = None) -> Array:
    """Compute the mean of each of `output_size` windows that together cover space.

    Args:
        inputs: Array (batch, *space, channels).
        output_size: Number of windows along each axis of space.
        data_format: 'channels_last' or 'channels_first'; None is `gazelle.config.image_data_format()`.

    Returns:
        An array (batch, *output_size, channels).

    Example:
        >>> print(gazelle.ops.adaptive_average_pool(np.arange(4.0).reshape(1, 4, 1), 2).ravel())
        [0.5 2.5]
    """
    return _adaptive(jnp.mean, inputs, output_size, data_format)


@op
def adaptive_max_pool(inputs: ArrayLike, output_size: int | Sequence[int], data_format: str | None = None) -> Array:
    """Compute the maximum of each of `output_size` windows that together cover space.

    Args:
        inputs: Array (batch, *space, channels).
        output_size: Number of windows along each axis of space.
        data_format: 'channels_last' or 'channels_first'; None is `gazelle.config.image_data_format()`.

    Returns:
        An array (batch, *output_size, channels).

    Example:
        >>> print(gazelle.ops.adaptive_max_pool(np.arange(4.0).reshape(1, 4, 1), 2).ravel())
        [1. 3.]
    """
    return _adaptive(largest, inputs, output_size, data_format)


def _adaptive(reduce: Any, inputs: Any, output_size: Any, data_format: str | None) -> Any:
    """Window i of m covers the indices from ⌊i n / m⌋ to below ⌈(i + 1) n / m⌉ of an axis of size n."""
    x = moved_last(inputs, data_format)
    for axis, m in enumerate(per_axis("output_size", output_size, x.ndim - 2), 1):
        n = x.shape[axis]
        budget.check_repetitions(8 * m)
        edges = [(i * n // m, -(-(i + 1) * n // m)) for i in range(m)]
        parts = [reduce(lax.slice_in_dim(x, a, b, axis=axis), axis, keepdims=True) for a, b in edges]
        x = jnp.concatenate(parts, axis)
    return moved_first(x, data_format)


@op
def rearrange(tensor: ArrayLike, pattern: str, **axes_lengths: int) -> Array:
    """Split, permute and join axes by a pattern: names in brackets form one axis.

    Args:
        tensor: Array.
        pattern: Names of the axes before and after, such as 'b (h w) c -> b h w c'.
        **axes_lengths: Sizes of axes that do not follow from the shape.

    Returns:
        The rearranged array.

    Raises:
        ArgumentError: If the two sides name different axes. ShapeError: If the sizes do not fit.

    Example:
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

"""Convolution, and the gradients of windows, as slices, pads and matrix products, for targets without kernels for them.

Each function is plain JAX over arrays of known shapes: `Context.dispatch` traces it, and the target's rules for the
simple operations build it. The number of slices is the size of a window, or that of the output where it is
smaller (as in a convolution's gradient for its kernel, whose window is nearly the whole image).
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

if TYPE_CHECKING:
    from jax.extend.core import Primitive
    from jax.lax import ConvDimensionNumbers

    from gazelle.core.types import Array

Sizes = Sequence[int]


def conv_general_dilated(
    lhs: Array,
    rhs: Array,
    *,
    window_strides: Sizes,
    padding: Sequence[tuple[int, int]],
    lhs_dilation: Sizes,
    rhs_dilation: Sizes,
    dimension_numbers: ConvDimensionNumbers,
    feature_group_count: int,
    batch_group_count: int,
    **_: Any,
) -> Array:
    """out[n, o, s] = Σ_{c, k} lhs[n, c, s·stride + k·dilation] rhs[o, c, k]  as one matrix product over patches.

    >>> spec = lax.conv_dimension_numbers((1, 3, 5), (2, 3, 2), ("NCH", "OIH", "NCH"))
    >>> one = {"window_strides": (1,), "lhs_dilation": (1,), "rhs_dilation": (1,), "padding": ((0, 0),)}
    >>> groups = {"feature_group_count": 1, "batch_group_count": 1, "dimension_numbers": spec}
    >>> conv_general_dilated(jnp.ones((1, 3, 5)), jnp.ones((2, 3, 2)), **one, **groups).shape
    (1, 2, 4)
    """
    numbers, edges, gaps = dimension_numbers, [(0, 0)] * lhs.ndim, [1] * lhs.ndim
    for axis, edge, gap in zip(numbers.lhs_spec[2:], padding, lhs_dilation, strict=True):
        edges[axis], gaps[axis] = edge, gap
    lhs = _padded(lhs, 0, edges, gaps)
    one = functools.partial(_convolved, numbers=numbers, strides=window_strides, dilation=rhs_dilation)
    if (groups := max(feature_group_count, batch_group_count)) == 1:
        out = one(lhs, rhs)
    else:
        axes = numbers.lhs_spec[0 if batch_group_count > 1 else 1], numbers.rhs_spec[0]
        split = (_grouped(array, axis, groups) for array, axis in zip((lhs, rhs), axes, strict=True))
        out = jax.vmap(one, axes, -2)(*split)
        out = out.reshape(*out.shape[:-2], -1)
    return jnp.moveaxis(out, -1, 1).transpose(np.argsort(numbers.out_spec))


def _grouped(array: Any, axis: int, groups: int) -> Array:
    shape = array.shape
    return array.reshape(*shape[:axis], groups, shape[axis] // groups, *shape[axis + 1 :])


def conv_after_pad(
    lhs: Array,
    rhs: Array,
    *,
    padding: Sequence[tuple[int, int]],
    lhs_dilation: Sizes,
    dimension_numbers: ConvDimensionNumbers,
    **params: Any,
) -> Array:
    """The same convolution after padding and dilating its input."""
    config, none = [(0, 0, 0)] * lhs.ndim, ((0, 0),) * len(padding)
    for axis, (low, high), step in zip(dimension_numbers.lhs_spec[2:], padding, lhs_dilation, strict=True):
        config[axis] = (low, high, step - 1)
    lhs, params["lhs_dilation"] = lax.pad(lhs, np.zeros((), lhs.dtype), config), (1,) * len(padding)
    return lax.conv_general_dilated_p.bind(lhs, rhs, padding=none, dimension_numbers=dimension_numbers, **params)


def _convolved(lhs: Array, rhs: Array, numbers: Any, strides: Sizes, dilation: Sizes) -> Array:
    """The convolution (batch, *space, filters) of padded arrays without groups.

    Patches are concatenated along an axis of `lhs`, and the other axes are summed in its order, so that a target with
    row-major arrays copies each patch once without transposition.
    """
    (batch, feature, *space), (filters, channels, *axes) = numbers.lhs_spec, numbers.rhs_spec
    kernel = [rhs.shape[axis] for axis in axes]
    out = _out_sizes([lhs.shape[axis] for axis in space], kernel, strides, dilation)

    def cut(starts: Sizes, sizes: Sizes, steps: Sizes) -> Array:
        first, last, step = [0] * lhs.ndim, list(lhs.shape), [1] * lhs.ndim
        for axis, begin, size, by in zip(space, starts, sizes, steps, strict=True):
            first[axis], last[axis], step[axis] = begin, begin + (size - 1) * by + 1, by
        return lax.slice(lhs, first, last, step)

    if math.prod(kernel) <= math.prod(out):  # a slice for each position in the kernel
        patches = lax.concatenate([cut(_times(k, dilation), out, strides) for k in _places(kernel)], feature)
        taps = rhs.transpose(*axes, channels, filters).reshape(-1, rhs.shape[filters])
        product = lax.dot_general(patches, taps, (((feature,), (0,)), ((), ())))
        left = [axis for axis in range(lhs.ndim) if axis != feature]
        return product.transpose(*(left.index(axis) for axis in (batch, *space)), -1)
    windows = lax.concatenate([cut(_times(place, strides), kernel, dilation) for place in _places(out)], batch)
    of_lhs, of_rhs = zip(*sorted(zip((feature, *space), (channels, *axes), strict=True)), strict=True)
    product = lax.dot_general(windows, rhs, ((of_lhs, of_rhs), ((), ())))
    return jnp.moveaxis(product.reshape(*out, lhs.shape[batch], rhs.shape[filters]), -2, 0)


def select_and_scatter_add(
    source: Array,
    operand: Array,
    *,
    select_prim: Primitive,
    window_dimensions: Sizes,
    window_strides: Sizes,
    padding: Sequence[tuple[int, int]],
    **_: Any,
) -> Array:
    """Add each element of `source` at the position of the selected element of its window, the first of equal ones."""
    total: Any = 0
    padded = _padded(operand, -np.inf if select_prim is lax.ge_p else np.inf, padding)
    for place, won in _winners(padded, select_prim, window_dimensions, window_strides):
        reach = [(size - 1) * stride + 1 for size, stride in zip(source.shape, window_strides)]
        config = [
            (start, whole - start - covered, stride - 1)
            for start, whole, covered, stride in zip(place, padded.shape, reach, window_strides)
        ]
        total = total + lax.pad(jnp.where(won, source, 0), jnp.zeros((), source.dtype), config)
    return _padded(total, 0, [(-low, -high) for low, high in padding])


def select_and_gather_add(
    tangents: Array,
    operand: Array,
    *,
    select_prim: Primitive,
    window_dimensions: Sizes,
    window_strides: Sizes,
    padding: Sequence[tuple[int, int]],
    **_: Any,
) -> Array:
    """For each window, the element of `tangents` at the position of the selected element, the first of equal ones."""
    padded = _padded(operand, -np.inf if select_prim is lax.ge_p else np.inf, padding)
    tangents, total = _padded(tangents, 0, padding), jnp.zeros((), tangents.dtype)
    for place, won in _winners(padded, select_prim, window_dimensions, window_strides):
        total = total + jnp.where(won, _strided(tangents, place, won.shape, window_strides), 0)
    return total


def _winners(padded: Any, select_prim: Primitive, window: Sizes, strides: Sizes) -> Iterator[tuple[Sizes, Any]]:
    """Yield (position in the window, in which windows it is the first best element)."""
    combine = jnp.maximum if select_prim is lax.ge_p else jnp.minimum
    out = _out_sizes(padded.shape, window, strides, [1] * len(window))
    parts = {place: _strided(padded, place, out, strides) for place in _places(window)}
    best = None
    for part in parts.values():
        best = part if best is None else combine(best, part)
    open_ = jnp.ones(out, bool)
    for place, part in parts.items():
        won = (part == best) & open_
        open_ = open_ & ~won
        yield place, won


def _padded(array: Any, value: Any, edges: Sequence[tuple[int, int]], dilation: Sizes | None = None) -> Array:
    dilation = dilation or [1] * array.ndim
    config = [(low, high, step - 1) for (low, high), step in zip(edges, dilation)]
    if not any(any(entry) for entry in config):
        return array
    return lax.pad(array, jnp.asarray(value, array.dtype), config)


def _out_sizes(sizes: Sizes, window: Sizes, strides: Sizes, dilation: Sizes) -> list[int]:
    return [
        max(0, (size - (wide - 1) * step - 1) // stride + 1)
        for size, wide, stride, step in zip(sizes, window, strides, dilation)
    ]


def _strided(array: Any, starts: Sizes, sizes: Sizes, steps: Sizes) -> Array:
    """A strided slice of the last axes, from `starts` on; the axes before them are complete."""
    free = array.ndim - len(sizes)
    limits = [start + (size - 1) * step + 1 for start, size, step in zip(starts, sizes, steps)]
    return lax.slice(
        array, [0] * free + list(starts), [*array.shape[:free], *limits], [1] * free + [int(step) for step in steps]
    )


def _times(place: Sizes, steps: Sizes) -> list[int]:
    return [a * b for a, b in zip(place, steps)]


def _places(sizes: Sizes) -> Iterator[tuple[int, ...]]:
    return itertools.product(*map(range, sizes))

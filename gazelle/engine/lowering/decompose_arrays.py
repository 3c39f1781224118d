"""Further operations composed of simpler ones: those of whole arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from gazelle.engine.lowering import windows

if TYPE_CHECKING:
    from gazelle.core.types import Array


def polynomial(x: Array, *coefficients: Any, **_: Any) -> Array:
    """Horner's rule; the coefficients begin with the constant one.

    >>> float(polynomial(jnp.float32(2), 1, 0, 3))
    13.0
    """
    out = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        out = out * x + coefficient
    return out


def log1p(x: Array) -> Array:
    """log(1 + x) without loss of precision for small x (Kahan)."""
    u = 1 + x
    return jnp.where(u == 1, x, jnp.log(u) * (x / jnp.where(u == 1, 1, u - 1)))


def expm1(x: Array) -> Array:
    """exp(x) - 1 without loss of precision for small x (Kahan)."""
    u = jnp.exp(x)
    plain = (u == 1) | (jnp.abs(x) > 1)
    return jnp.where(plain, jnp.where(u == 1, x, u - 1), (u - 1) * (x / jnp.where(plain, 1, jnp.log(u))))


def atan2(y: Array, x: Array) -> Array:
    """The angle of the point (x, y), from -π to π."""
    angle = jnp.arctan(y / jnp.where(x == 0, 1, x)) + jnp.where(x < 0, jnp.where(y < 0, -np.pi, np.pi), 0)
    return jnp.where(x == 0, jnp.sign(y) * np.pi / 2, angle).astype(y.dtype)


def split(x: Array, *, sizes: Sequence[int], axis: int) -> list[Array]:
    """Split an array into parts of these sizes along an axis."""
    ends = np.cumsum(sizes).tolist()
    return [lax.slice_in_dim(x, end - size, end, axis=axis) for size, end in zip(sizes, ends, strict=True)]


def stack(*arrays: Any, axis: int) -> Array:
    """Stack arrays along a new axis."""
    return lax.concatenate([lax.expand_dims(array, [axis]) for array in arrays], axis)


def unstack(x: Array, *, axis: int) -> list[Array]:
    """Split an array along an axis and remove the axis."""
    return [lax.index_in_dim(x, i, axis, keepdims=False) for i in range(x.shape[axis])]


def top_k(x: Array, *, k: int, axis: int = -1, **_: Any) -> list[Array]:
    """The k largest elements in descending order with their indices, from a stable sort."""
    axis %= x.ndim
    falling = -x if jnp.issubdtype(x.dtype, jnp.floating) else ~x
    sorted_ = lax.sort((falling, x, lax.broadcasted_iota(jnp.int32, x.shape, axis)), dimension=axis, num_keys=1)
    return [lax.slice_in_dim(array, 0, k, axis=axis) for array in sorted_[1:]]


def population_count(x: Array) -> Array:
    """The number of bits that are 1."""
    one = np.ones((), x.dtype)
    bits = [lax.shift_right_logical(x, np.asarray(i, x.dtype)) & one for i in range(8 * x.dtype.itemsize)]
    return functools.reduce(lax.add, bits)


def shift_right_arithmetic(x: Array, y: Array) -> Array:
    """Arithmetic shift x >> y; negative numbers are inverted before and after."""
    if jnp.issubdtype(x.dtype, jnp.unsignedinteger):
        return lax.shift_right_logical(x, y)
    moved = lax.shift_right_logical(jnp.where(x < 0, ~x, x), y)
    return jnp.where(x < 0, ~moved, moved)


def reduce_xor(x: Array, *, axes: Sequence[int], **_: Any) -> Array:
    """Exclusive or along some axes."""
    for axis in sorted(axes, reverse=True):
        x = functools.reduce(lax.bitwise_xor, unstack(x, axis=axis))
    return x


def dynamic_update_slice(operand: Array, update: Array, *starts: Any) -> Array:
    """Select for each element the one of the update that covers it, if any."""
    under: Any = True
    for axis, start in enumerate(starts):
        size, most = update.shape[axis], operand.shape[axis] - update.shape[axis]
        start = jnp.clip(start, 0, most)
        if most:
            place = lax.iota(jnp.int32, operand.shape[axis]) - start
            line = [-1 if i == axis else 1 for i in range(operand.ndim)]
            under = under & ((place >= 0) & (place < size)).reshape(line)
            update = jnp.take(update, jnp.clip(place, 0, size - 1), axis=axis, mode="clip")
    return jnp.where(under, update, operand)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "acosh": lambda x: jnp.log(x + jnp.sqrt((x - 1) * (x + 1))),
    "asinh": lambda x: jnp.sign(x) * jnp.log(jnp.abs(x) + jnp.sqrt(x * x + 1)),
    "atan2": atan2,
    "atanh": lambda x: (jnp.log1p(x) - jnp.log1p(-x)) / 2,
    "conv_general_dilated": windows.conv_general_dilated,
    "cosh": lambda x: (jnp.exp(x) + jnp.exp(-x)) / 2,
    "dynamic_update_slice": dynamic_update_slice,
    "expm1": expm1,
    "is_finite": lambda x: jnp.abs(x) < np.inf,
    "log1p": log1p,
    "polynomial": polynomial,
    "population_count": population_count,
    "reduce_xor": reduce_xor,
    "select_and_gather_add": windows.select_and_gather_add,
    "select_and_scatter_add": windows.select_and_scatter_add,
    "shift_right_arithmetic": shift_right_arithmetic,
    "sinh": lambda x: (jnp.exp(x) - jnp.exp(-x)) / 2,
    "split": split,
    "stack": stack,
    "top_k": top_k,
    "unstack": unstack,
}


def _of(function: Callable[..., Any]) -> Callable[[Any], Callable[..., Any]]:
    """Ignore the parameter `accuracy`, which does not change what is computed."""
    return lambda eqn: functools.partial(function, **{k: v for k, v in eqn.params.items() if k != "accuracy"})


#: {primitive: traced operation -> function of arrays that computes it}
COMPOSED = {name: _of(function) for name, function in _FUNCTIONS.items()}

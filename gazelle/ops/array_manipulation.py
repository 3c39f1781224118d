"""Functions of NumPy that make, shape, select and join arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core.dtypes import floatx, standardize
from gazelle.core.errors import ArgumentError, message
from gazelle.ops.base import array as as_array
from gazelle.ops.base import arrays, lift, op, public
from gazelle.ops.sizes import shape_of


def zeros(shape: Any, dtype: Any = None) -> Any:
    """All 0."""
    return jnp.zeros(shape_of(shape), standardize(dtype))


def ones(shape: Any, dtype: Any = None) -> Any:
    """All 1."""
    return jnp.ones(shape_of(shape), standardize(dtype))


def empty(shape: Any, dtype: Any = None) -> Any:
    """All 0: an array of JAX always has values."""
    return jnp.empty(shape_of(shape), standardize(dtype))


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """All `fill_value`."""
    return jnp.full(shape_of(shape), as_array(fill_value), standardize(dtype))


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """1 on the k-th diagonal."""
    return jnp.eye(N, M, k, standardize(dtype))


def identity(n: int, dtype: Any = None) -> Any:
    """The identity matrix."""
    return jnp.identity(n, standardize(dtype))


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """1 on and below the k-th diagonal."""
    return jnp.tri(N, M, k, standardize(dtype))


@op
def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    """start, start + step ... below stop; of whole numbers int32, of others the default float type."""
    if dtype is None:
        given = [as_array(v) for v in (start, stop, step) if v is not None]
        dtype = jnp.result_type(*given)
        dtype = (
            floatx()
            if jnp.issubdtype(dtype, jnp.floating) and all(isinstance(v, int | float) for v in given)
            else dtype
        )
    return jnp.arange(start, stop, step, dtype)


@op
def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None, axis: int = 0
) -> Any:
    """`num` values at equal distances."""
    return jnp.linspace(as_array(start), as_array(stop), num, endpoint, retstep, dtype, axis)


@op
def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: float = 10, dtype: Any = None, axis: int = 0
) -> Any:
    """base^start ... base^stop."""
    return jnp.logspace(as_array(start), as_array(stop), num, endpoint, base, dtype, axis)


@op
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """All `fill_value`, of x's shape."""
    return jnp.full_like(x, as_array(fill_value), dtype)


@op
def array(x: Any, dtype: Any = None) -> Any:
    """A new array of what holds numbers."""
    return jnp.array(x, None if dtype is None else standardize(dtype))


@op
def view(x: Any, dtype: Any = None) -> Any:
    """The same bits, read as another dtype."""
    return x.view(dtype)


@op
def meshgrid(*x: Any, indexing: str = "xy") -> Any:
    """The coordinates of a grid from those along each axis."""
    return jnp.meshgrid(*map(as_array, x), indexing=indexing)


@op
def reshape(x: Any, newshape: Any) -> Any:
    """x in another shape; one size may be -1."""
    return jnp.reshape(x, shape_of(newshape))


@op
def flatten(x: Any) -> Any:
    """x in one axis."""
    return jnp.ravel(x)


@op
def transpose(x: Any, axes: Any = None) -> Any:
    """x with its axes in the order `axes`, reversed without."""
    return jnp.transpose(x, axes)


@op
def expand_dims(x: Any, axis: Any) -> Any:
    """x with new axes of size 1 at `axis`."""
    return jnp.expand_dims(x, tuple(axis) if isinstance(axis, list) else axis)


@op
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """x with the axes `source` moved to `destination`."""
    return jnp.moveaxis(x, source, destination)


@op
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """x with two axes exchanged."""
    return jnp.swapaxes(x, axis1, axis2)


@op
def broadcast_to(x: Any, shape: Any) -> Any:
    """x repeated to `shape`."""
    return jnp.broadcast_to(x, shape_of(shape))


@op
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Each element `repeats` times in a row."""
    return jnp.repeat(x, as_array(repeats), axis)


@op
def tile(x: Any, repeats: Any) -> Any:
    """x side by side, `repeats` times along each axis."""
    return jnp.tile(x, shape_of(repeats))


@op
def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    """x turned round by `shift` places along `axis`."""
    return jnp.roll(x, shift, tuple(axis) if isinstance(axis, list) else axis)


@op
def rot90(array: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """A plane of the array turned by k right angles."""
    return jnp.rot90(as_array(array), k, tuple(axes))


@op
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """x with `pad_width` more places before and after each axis."""
    if constant_values is None:
        return jnp.pad(x, pad_width, mode)
    if mode != "constant":
        raise ArgumentError(message("pad's constant_values", expected="mode='constant'", got=f"mode={mode!r}"))
    return jnp.pad(x, pad_width, mode, constant_values=constant_values)


@op
def stack(x: Any, axis: int = 0) -> Any:
    """Arrays of one shape along a new axis."""
    return jnp.stack(arrays(x), axis)


@op
def unstack(x: Any, num: int | None = None, axis: int = 0) -> Any:
    """The list of x's parts along `axis`, which disappears."""
    return [jax.lax.index_in_dim(x, i, axis, keepdims=False) for i in range(x.shape[axis])]


@op
def append(x1: Any, x2: Any, axis: int | None = None) -> Any:
    """x2 behind x1, both flat without `axis`."""
    return jnp.append(x1, x2, axis)


@op
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """The entries of x at `indices`; negative ones count from the end."""
    return jnp.take(x, as_array(indices), axis)


@op
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """For each place of `indices` the entry of x there."""
    return jnp.take_along_axis(x, as_array(indices), axis)


@op
def get_item(x: Any, key: Any) -> Any:
    """x[key]."""
    return x[key]


@op
def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """x1 where `condition` holds, x2 elsewhere; the places where it holds without both."""
    return jnp.where(condition) if x1 is None and x2 is None else jnp.where(condition, x1, x2)


@op
def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """For each place the choice of the first condition that holds."""
    return jnp.select(arrays(list(condlist)), arrays(list(choicelist)), default)


@op
def unravel_index(indices: Any, shape: Any) -> Any:
    """The coordinates of places counted through all axes."""
    return jnp.unravel_index(as_array(indices), shape)


def vectorize(pyfunc: Any, *, excluded: Any = None, signature: str | None = None) -> Any:
    """A function of single values as one of arrays."""
    return lift(jnp.vectorize(pyfunc, excluded=excluded or frozenset(), signature=signature))


def ndim(x: Any) -> int:
    """How many axes x has."""
    return len(x.shape) if hasattr(x, "shape") else jnp.ndim(x)


def size(x: Any) -> Any:
    """How many elements x has; None among the sizes of a symbolic tensor makes it None."""
    sizes = tuple(x.shape) if hasattr(x, "shape") else jnp.shape(as_array(x))
    if None in sizes:
        return None
    total = 1
    for n in sizes:
        total *= n
    return total


__all__ = public(globals())

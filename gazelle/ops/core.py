"""Conversions, updates of parts, loops and branches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gazelle.core.dtypes import is_float, standardize
from gazelle.core.errors import ArgumentError, message, unknown
from gazelle.core.symbolic import KerasTensor
from gazelle.core.variable import Variable
from gazelle.ops.base import array, arrays, op, public


@op
def cast(x: Any, dtype: Any) -> Any:
    """x as another dtype."""
    return jnp.asarray(x, standardize(dtype))


@op
def astype(x: Any, dtype: Any) -> Any:
    """x as another dtype, as arrays call it."""
    return jnp.asarray(x, standardize(dtype))


@op
def saturate_cast(x: Any, dtype: Any) -> Any:
    """x as another dtype; what does not fit becomes the nearest value that does."""
    target = jnp.dtype(standardize(dtype))
    if target == jnp.bool_:
        return jnp.asarray(x, target)
    limits: Any = jnp.finfo(target) if is_float(target) else jnp.iinfo(target)
    x = jnp.asarray(x)
    low, high = float(limits.min), float(limits.max)
    if x.dtype != jnp.bool_:
        own: Any = jnp.finfo(x.dtype) if is_float(x.dtype) else jnp.iinfo(x.dtype)
        x = (
            jnp.clip(x, max(low, float(own.min)), min(high, float(own.max)))
            if is_float(x.dtype)
            else jnp.clip(x, max(int(limits.min), int(own.min)), min(int(limits.max), int(own.max)))
        )
    return x.astype(target)


@op
def convert_to_tensor(x: Any, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> Any:
    """An array of JAX from whatever holds numbers."""
    return jnp.asarray(x, None if dtype is None else standardize(dtype))


def convert_to_numpy(x: Any) -> np.ndarray[Any, Any]:
    """A NumPy array from whatever holds numbers."""
    return np.array(array(x))


def is_tensor(x: Any) -> bool:
    """Whether x is an array of JAX or a symbolic tensor."""
    return isinstance(x, jax.Array | KerasTensor)


def shape(x: Any) -> tuple[Any, ...]:
    """x's shape."""
    return tuple(x.shape) if hasattr(x, "shape") else jnp.shape(array(x))


def dtype(x: Any) -> str:
    """The name of x's dtype."""
    return standardize(x.dtype)


@op
def stop_gradient(variable: Any) -> Any:
    """`variable`, a constant where gradients are taken."""
    return lax.stop_gradient(array(variable))


@op
def slice(inputs: Any, start_indices: Any, shape: Any) -> Any:
    """The part of `inputs` of a shape from `start_indices` on; -1 takes all that follows."""
    starts = [start_indices[i] for i in range(len(shape))]
    sizes = [inputs.shape[i] - int(starts[i]) if n == -1 else n for i, n in enumerate(shape)]
    return lax.dynamic_slice(inputs, starts, sizes)


@op
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """`inputs` with the part from `start_indices` on replaced by `updates`."""
    return lax.dynamic_update_slice(
        inputs, updates.astype(inputs.dtype), [start_indices[i] for i in range(inputs.ndim)]
    )


@op
def scatter(indices: Any, values: Any, shape: Any) -> Any:
    """Zeros of `shape` with `values` added at `indices` (..., axes)."""
    values = array(values)
    return jnp.zeros(shape, values.dtype).at[tuple(jnp.moveaxis(array(indices), -1, 0))].add(values)


@op
def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    """`inputs` with `updates` set at `indices` (n, axes), or joined by 'add', 'max', 'min' or 'mul'."""
    at = inputs.at[tuple(jnp.transpose(array(indices)))]
    ways = {None: at.set, "add": at.add, "max": at.max, "min": at.min, "mul": at.multiply}
    if reduction not in ways:
        raise unknown("reduction of scatter_update", reduction, [w for w in ways if w])
    return ways[reduction](updates)


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """true_fn() if `pred`, else false_fn(); both must give arrays of the same shapes."""
    return lax.cond(array(pred), true_fn, false_fn)


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """branches[index](*operands), the index held within the list."""
    return lax.switch(index, branches, *arrays(list(operands)))


def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """loop_vars = body(*loop_vars) while cond(*loop_vars) holds, `maximum_iterations` times at most.

    >>> while_loop(lambda i: i < 5, lambda i: i + 2, 0).item()
    6
    """
    many = isinstance(loop_vars, list | tuple)
    first = tuple(loop_vars) if many else (loop_vars,)

    def go_on(carry: Any) -> Any:
        count, values = carry
        wanted = cond(*values)
        return wanted if maximum_iterations is None else jnp.logical_and(wanted, count < maximum_iterations)

    def turn(carry: Any) -> Any:
        count, values = carry
        out = body(*values)
        return count + 1, tuple(out) if many else (out,)

    _, values = lax.while_loop(go_on, turn, (0, jax.tree.map(array, first)))
    return values if many else values[0]


def fori_loop(lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    """value = body_fun(i, value) for i from `lower` to below `upper`.

    >>> fori_loop(0, 4, lambda i, total: total + i, 0).item()
    6
    """
    return lax.fori_loop(lower, upper, body_fun, init_val)


def scan(
    f: Callable[[Any, Any], Any],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: Any = 1,
) -> Any:
    """carry, y = f(carry, x) for each x of `xs`; returns the last carry and all y.

    >>> total, sums = scan(lambda total, x: (total + x, total + x), 0.0, np.arange(4.0))
    >>> sums.tolist()
    [0.0, 1.0, 3.0, 6.0]
    """
    if not isinstance(unroll, bool) and not (isinstance(unroll, int) and unroll >= 1):
        raise ArgumentError(message("scan's unroll", expected="an integer above 0, or a bool", got=repr(unroll)))
    return lax.scan(f, init, xs, length, reverse, unroll)


def associative_scan(f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """The running results of an associative f along `axis`."""
    return lax.associative_scan(f, elems, reverse, axis)


def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """f(x) for each x along the first axis, one after the other."""
    return lax.map(f, jax.tree.map(array, xs, is_leaf=lambda x: isinstance(x, Variable)))


def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """f(x) for each x along the first axis, all at once."""
    return jax.vmap(function)(elements)


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator for functions that return (value, gradient function)."""
    return jax.custom_gradient(lambda *args, **kwargs: f(*args, **kwargs))


def jvp(fun: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """fun(*primals) and its derivative in the direction `tangents`."""
    return jax.jvp(fun, tuple(primals), tuple(tangents), has_aux=has_aux)


__all__ = public(globals())

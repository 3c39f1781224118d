"""Elementwise functions and reductions; most of `keras.backend` is in the table `keras_backend`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gazelle import ops
from gazelle.compat import era, tables
from gazelle.compat.backend.lifting import lifted
from gazelle.compat.backend.shapes import format_of, kind_of, sizes
from gazelle.compat.types import AxisLike, TensorLike, TensorResult
from gazelle.core import dtypes
from gazelle.ops.max_min import larger, smaller

#: functions of `gazelle` under the names of `keras.backend`
SAME = tables.read("keras_backend")["functions"]


def _sum(x: Any, axis: Any, keepdims: bool) -> Any:
    """Return the sum over `axis`; of booleans as a float."""
    x = jnp.asarray(x)
    return jnp.sum(x.astype(dtypes.floatx()) if x.dtype == bool else x, axis=axis, keepdims=keepdims)


def _mean(x: Any, axis: Any, keepdims: bool) -> Any:
    """Return the mean; of integers an integer, rounded towards 0, of booleans a float."""
    x = jnp.asarray(x)
    mean = jnp.mean(x, axis=axis, keepdims=keepdims)
    return jnp.trunc(mean).astype(x.dtype) if jnp.issubdtype(x.dtype, jnp.integer) and era.number() < 3 else mean


def _max(x: Any, axis: Any, keepdims: bool) -> Any:
    """Return the largest value; of none, what is below all others."""
    x = jnp.asarray(x)  # a list is stacked
    return ops.max(x, axis, keepdims, initial=None if x.size else _bounds(x)[0])


def _min(x: Any, axis: Any, keepdims: bool) -> Any:
    """Return the smallest value; of none, what is above all others."""
    x = jnp.asarray(x)
    return ops.min(x, axis, keepdims, initial=None if x.size else _bounds(x)[1])


def _bounds(x: Any) -> tuple[Any, Any]:
    """What is below and above all values of the dtype."""
    if jnp.issubdtype(x.dtype, jnp.floating):
        return -jnp.inf, jnp.inf
    limits = jnp.iinfo(x.dtype)
    return limits.min, limits.max


def _arange(start: Any, stop: Any, step: Any, dtype: Any) -> Any:
    """Return numbers from `start` on; with the default dtype floats stay floats."""
    numbers = jnp.arange(start, stop, step)
    return numbers if dtype == "int32" else numbers.astype(dtype)


def _clip(x: Any, low: Any, high: Any) -> Any:
    """Return x with bounds; the lower one counts if the upper one is below it."""
    high = high if low is None or high is None else jnp.maximum(low, high)
    x = x if high is None else smaller(x, high)
    return x if low is None else larger(x, low)


def _axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list | tuple) else axis


def _axis_or(default: int) -> Callable[[Any], Any]:
    """None as TensorFlow takes it: argmax over the first axis, softmax over the last one."""
    return lambda axis: default if axis is None else axis


def root(x: TensorLike) -> TensorResult:
    """The square root. Where the gradient of the result is 0, that of x is 0, too, as in TensorFlow; in JAX 0 / 0."""
    x = jnp.asarray(x)
    is_traced = isinstance(x, jax.core.Tracer)  # there is no derivative of others, and JAX's own function is faster
    return _root(x) if is_traced and jnp.issubdtype(x.dtype, jnp.inexact) else jnp.sqrt(x)


@jax.custom_vjp
def _root(x: Any) -> Any:
    return jnp.sqrt(x)


def _root_forward(x: Any) -> Any:
    out = _root(x)
    return out, out


_root.defvjp(_root_forward, lambda out, gradient: (jnp.where(gradient == 0, 0, gradient * 0.5 / out),))


@lifted
def sqrt(x: TensorLike) -> TensorResult:
    """Return the square root; 0 for negative numbers."""
    x = jnp.asarray(x)  # the derivative of negative numbers is 0
    return jnp.where(x < 0, 0, root(jnp.where(x < 0, 1, x)))


@lifted
def l2_normalize(x: TensorLike, axis: AxisLike = None) -> TensorResult:
    """Divide x by its Euclidean norm over `axis`."""
    x = jnp.asarray(x)
    return x * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(x), axis=_axes(axis), keepdims=True), 1e-12))


@lifted
def in_top_k(predictions: TensorLike, targets: TensorLike, k: int) -> TensorResult:
    """Return whether the class of each row is among the k largest predictions."""
    return ops.in_top_k(jnp.asarray(targets, "int32"), jnp.asarray(predictions), k)


def cast_to_floatx(x: TensorLike) -> TensorResult:
    """Convert x to the default float type; NumPy arrays stay NumPy arrays."""
    import numpy as np

    if isinstance(x, np.ndarray | list | tuple | int | float | np.generic):
        return np.asarray(x, dtypes.floatx())
    return ops.cast(x, dtypes.floatx())


@lifted
def print_tensor(x: TensorLike, message: str = "", summarize: int = 3) -> TensorResult:
    """Return x, and print its values after `message` whenever it is computed."""
    jax.debug.print("{m}{x}", m=message and f"{message} ", x=x)
    return x


#: conversions of arguments in the table
_KINDS: dict[str, Callable[[Any], Any]] = {
    "axes": _axes,
    "dtype": kind_of,
    "format": format_of,
    "or_first": _axis_or(0),
    "or_last": _axis_or(-1),
    "sizes": sizes,
}
for _name, _entry in SAME.items():
    _path, *_parameters = _entry.split()
    _function = tables.resolve(_path if ":" in _path else f":{_path}", "gazelle.ops")
    _made = lifted(_function, tables.with_parameters(lambda *values: values, _parameters, _KINDS))
    _made.__name__ = _name if _made.__name__.startswith("_") else _made.__name__  # as errors and graphs show it
    globals()[_name] = _made

"""Operations composed of simpler ones, for targets without a rule for them."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import JaxprEqn, jaxpr_as_fun

from gazelle.core.traceback import warn
from gazelle.engine.lowering.decompose_arrays import COMPOSED
from gazelle.engine.lowering.keys import RAW_KEY_RULES

if TYPE_CHECKING:
    from gazelle.core.types import Array, DTypeLike

# M. Giles, "Approximating the erfinv function" (2012): polynomials in w = -log(1 - x^2), shifted, highest power first.
_ERF_INV_CENTRE = (
    2.81022636e-08,
    3.43273939e-07,
    -3.5233877e-06,
    -4.39150654e-06,
    0.00021858087,
    -0.00125372503,
    -0.00417768164,
    0.246640727,
    1.50140941,
)
_ERF_INV_TAILS = (
    -0.000200214257,
    0.000100950558,
    0.00134934322,
    -0.00367342844,
    0.00573950773,
    -0.0076224613,
    0.00943887047,
    1.00167406,
    2.83297682,
)


def erf_inv(x: Array) -> Array:
    """The inverse of erf on (-1, 1) by Giles' polynomials for 32 bits, which XLA uses to draw normal numbers."""
    wide = x.astype(jnp.float32)
    w = -jnp.log1p(-wide * wide)
    centre = w < 5
    w = jnp.where(centre, w - 2.5, jnp.sqrt(w) - 3)
    value = jnp.zeros_like(w)
    for near, far in zip(_ERF_INV_CENTRE, _ERF_INV_TAILS, strict=True):
        value = jnp.where(centre, np.float32(near), np.float32(far)) + value * w
    return jnp.where(jnp.abs(wide) == 1, wide * np.float32(np.inf), value * wide).astype(x.dtype)


def power(x: Array, y: int) -> Array:
    """Raise x to the integer power y by repeated squaring."""
    if y == 0:
        return jnp.ones_like(x)
    result: Any = None
    factor, left = x, abs(y)
    while left:
        if left & 1:
            result = factor if result is None else result * factor
        left >>= 1
        factor = factor * factor if left else factor
    return 1 / result if y < 0 else result


def running(combine: Callable[[Any, Any], Any]) -> Callable[[Any], Callable[..., Any]]:
    """A cumulative operation, in log2(n) rounds."""

    def made(eqn: JaxprEqn) -> Callable[..., Any]:
        axis, reverse = eqn.params["axis"], eqn.params["reverse"]
        return lambda x: lax.associative_scan(combine, x, reverse=reverse, axis=axis)

    return made


def window(combine: Callable[[Any, Any], Any], start: Callable[[Any], Any]) -> Callable[[Any], Callable[..., Any]]:
    """A reduction over windows as shifted slices, combined one after the other."""

    def made(eqn: JaxprEqn) -> Callable[..., Any]:
        p = eqn.params
        sizes, strides, spread = p["window_dimensions"], p["window_strides"], p["window_dilation"]
        config = [(low, high, base - 1) for (low, high), base in zip(p["padding"], p["base_dilation"], strict=True)]

        def reduced(x: Array) -> Array:
            x = lax.pad(x, jnp.asarray(start(x.dtype), x.dtype), config)
            shape = eqn.outvars[0].aval.shape  # type: ignore[attr-defined]
            parts = []
            for place in itertools.product(*map(range, sizes)):
                first = [i * d for i, d in zip(place, spread, strict=True)]
                last = [f + (n - 1) * s + 1 for f, n, s in zip(first, shape, strides, strict=True)]
                parts.append(lax.slice(x, first, last, strides))
            return functools.reduce(combine, parts)

        return reduced

    return made


def _any_window(eqn: JaxprEqn) -> Callable[..., Any]:
    """A reduction of one array over windows with a custom function."""
    combine = jaxpr_as_fun(eqn.params["jaxpr"])
    return lambda x, start: window(lambda a, b: combine(a, b)[0], lambda dtype: start)(eqn)(x)


def lowest(dtype: DTypeLike) -> float:
    """The smallest value of a dtype."""
    return -np.inf if jnp.issubdtype(dtype, np.floating) else np.iinfo(dtype).min


def highest(dtype: DTypeLike) -> float:
    """The largest value of a dtype."""
    return np.inf if jnp.issubdtype(dtype, np.floating) else np.iinfo(dtype).max


def rounded(eqn: JaxprEqn) -> Callable[..., Any]:
    """Round halves away from zero, or to even."""
    if eqn.params["rounding_method"] == lax.RoundingMethod.AWAY_FROM_ZERO:
        return lambda x: lax.sign(x) * lax.floor(lax.abs(x) + np.asarray(0.5, x.dtype))
    return _half_to_even


def _half_to_even(x: Array) -> Array:
    down = lax.floor(x)
    rest, odd = x - down, down - 2 * lax.floor(down / 2)
    return down + ((rest > 0.5) | ((rest == 0.5) & (odd == 1))).astype(x.dtype)


def _solve(eqn: JaxprEqn) -> Callable[..., Any]:
    """Solve a linear system with the program stored in the operation."""
    lengths, program = eqn.params["const_lengths"], eqn.params["jaxprs"].solve

    def solved(*inputs: Any) -> Array:
        before = lengths.matvec + lengths.vecmat
        consts, b = inputs[before : before + lengths.solve], inputs[sum(lengths) :]
        return jaxpr_as_fun(program)(*consts, *b)

    return solved


def total(x: Array) -> Array:
    """Integers in the order of x, where -0 is less than 0 and NaN is the largest."""
    if not jnp.issubdtype(x.dtype, np.floating):
        return x
    width = x.dtype.itemsize * 8
    bits = lax.bitcast_convert_type(x, f"int{width}")
    return bits ^ ((bits >> (width - 1)) & np.iinfo(bits.dtype).max)


def _totally(compare: Callable[[Any, Any], Any]) -> Callable[[Any], Callable[..., Any]]:
    return lambda eqn: lambda x, y: compare(total(x), total(y))


def _gamma(eqn: JaxprEqn, key: Any, a: Any) -> Array:
    """Samples of the gamma distribution by the function that JAX uses."""
    return eqn.primitive.impl(jax.random.wrap_key_data(key), a, **eqn.params)


def _tiled(eqn: JaxprEqn) -> Callable[..., Any]:
    """Tile an array: broadcast a new axis before each axis and merge the two."""
    reps = eqn.params["reps"]

    def tiled(x: Array) -> Array:
        wide = [n for pair in zip(reps, x.shape, strict=True) for n in pair]
        new = lax.expand_dims(x, range(0, 2 * x.ndim, 2))
        return jnp.broadcast_to(new, wide).reshape([r * n for r, n in zip(reps, x.shape, strict=True)])

    return tiled


def _cpu_branch(eqn: JaxprEqn) -> Callable[..., Any]:
    """Of programs for several platforms, the one for CPU, else the default one."""
    platforms = eqn.params["platforms"]
    index = next((i for i, names in enumerate(platforms) if names is not None and "cpu" in names), len(platforms) - 1)
    return lambda: jnp.int32(index)


def _left_out(eqn: Any) -> Callable[..., Any]:
    """Printing and checks, which no result depends on."""
    warn(f"{eqn.primitive.name!r} (printing, or a check of values) runs on XLA only and is left out.")
    return lambda *values: []


#: {primitive: traced operation -> function of arrays that computes it}
DECOMPOSED: dict[str, Callable[[Any], Callable[..., Any]]] = {
    **RAW_KEY_RULES,
    **COMPOSED,
    "add_any": lambda eqn: lambda x, y: x + y,
    "call_hi_primitive": lambda eqn: eqn.params["_prim"].expand,
    "cbrt": lambda eqn: lambda x: jnp.sign(x) * jnp.abs(x) ** np.asarray(1 / 3, x.dtype),
    "clamp": lambda eqn: lambda low, x, high: lax.min(lax.max(x, low), high),
    "cumlogsumexp": running(jnp.logaddexp),
    "cummax": running(lax.max),
    "cummin": running(lax.min),
    "cumprod": running(lax.mul),
    "cumsum": running(lax.add),
    "custom_linear_solve": _solve,
    "debug_callback": _left_out,
    "debug_print": _left_out,
    "empty": lambda eqn: lambda: jnp.zeros(eqn.outvars[0].aval.shape, eqn.outvars[0].aval.dtype),
    "empty2": lambda eqn: lambda: jnp.zeros(eqn.outvars[0].aval.shape, eqn.outvars[0].aval.dtype),
    "eq_to": _totally(lax.eq),
    "erf_inv": lambda eqn: erf_inv,
    "erfc": lambda eqn: lambda x: 1 - lax.erf(x),
    "exp2": lambda eqn: lambda x: jnp.exp(x * np.asarray(math.log(2), x.dtype)),
    "integer_pow": lambda eqn: lambda x: power(x, eqn.params["y"]),
    "le_to": _totally(lax.le),
    "log2": lambda eqn: lambda x: jnp.log(x) / np.asarray(math.log(2), x.dtype),
    "logistic": lambda eqn: lambda x: 1 / (1 + jnp.exp(-x)),
    "lt_to": _totally(lax.lt),
    "one_minus_square": lambda eqn: lambda x: 1 - x * x,
    "platform_index": _cpu_branch,
    "random_gamma": lambda eqn: lambda key, a: _gamma(eqn, key, a),
    "reduce_window": _any_window,
    "reduce_window_max": window(lax.max, lowest),
    "reduce_window_min": window(lax.min, highest),
    "reduce_window_sum": window(lax.add, lambda dtype: 0),
    "round": rounded,
    "rsqrt": lambda eqn: lambda x: 1 / jnp.sqrt(x),
    "square": lambda eqn: lambda x: x * x,
    "tile": _tiled,
    "tan": lambda eqn: lambda x: jnp.sin(x) / jnp.cos(x),
}
